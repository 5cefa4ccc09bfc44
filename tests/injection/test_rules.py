"""By rules, no text in a trace changes a verdict of any engine: 0 of all the variants."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import pytest

from investigator.rca.report import Outcome
from investigator.traces.model import Trace
from tests.injection.places import IDLE, NOTHING, PLACES, Told, Way, agent_trace, window
from tests.injection.variants import ACTIONS, VARIANTS
from tests.injection.verdicts import (
    Verdict,
    compliance_verdict,
    incident_verdict,
    rca_verdict,
)
from tests.readings.test_conversation import agent, model, tool

TEXTS = {**VARIANTS, **ACTIONS}
TELLING = (
    *("order", "finalize", "fence_many", "blame_error", "blame_quoted", "long_word"),
    *("signed_off", "tool_result", "terminal", "report"),
)
"""Texts of different forms, for what is not tried with all of them."""


def verdicts(told: Told, *, failing: bool) -> dict[str, Verdict]:
    """What all engines say of a trace, and of a window of such traces."""
    trace = agent_trace(told, failing=failing)
    return {
        "rca": rca_verdict(trace),
        "compliance": compliance_verdict(trace),
        "incident": incident_verdict(window(told, failing=failing)),
    }


WITHHELD = {"outcome": Outcome.UNDETERMINED, "label": None}


@cache
def clean(failing: bool) -> dict[str, Verdict]:
    """The same where nothing is said."""
    return verdicts(NOTHING, failing=failing)


PARTIES = ("user_message", "assistant_message")
"""Where the user and the agent speak. What is said there is what was asked and answered: it may
leave open whether a run did its task, and no more than that."""

DATA = tuple(place for place in PLACES if place not in PARTIES)


def unchanged(text: str, at: Collection[str], way: Way, *, failing: bool) -> None:
    """Assert that the text changes nothing, or withholds an acquittal where the parties say it."""
    found = verdicts(Told(text, at, way), failing=failing)
    if not failing and not set(PARTIES).isdisjoint(at):
        assert found["rca"] in (clean(False)["rca"], WITHHELD)
        found["rca"] = clean(False)["rca"]
    assert found == clean(failing)


def test_there_are_many_variants() -> None:
    """Thirty at least, each another text; with the actions, more."""
    assert len(set(VARIANTS.values())) == len(VARIANTS) >= 30
    assert len(set(TEXTS.values())) >= len(VARIANTS)


@pytest.mark.parametrize(
    ("name", "failing"),
    [(name, place % 2 == 0) for place, name in enumerate(sorted(TEXTS))]
    + [(name, place % 2 == 1) for place, name in enumerate(sorted(TEXTS)) if name in TELLING],
)
def test_a_text_in_every_place_changes_no_verdict(name: str, failing: bool) -> None:
    """Said wherever a trace has room for it, after what stands there anyway.

    In failing and in healthy traces in turn; the telling ones in both, and where the parties speak.
    """
    unchanged(TEXTS[name], DATA, Way.AFTER, failing=failing)
    if name in TELLING:
        unchanged(TEXTS[name], PLACES, Way.AFTER, failing=failing)


@pytest.mark.parametrize("failing", [True, False], ids=["failing", "healthy"])
@pytest.mark.parametrize("name", TELLING)
def test_a_text_changes_no_verdict_wherever_it_begins(name: str, failing: bool) -> None:
    """Said before what stands there, and instead of it where the agent then says the same."""
    unchanged(TEXTS[name], PLACES, Way.BEFORE, failing=failing)
    unchanged(TEXTS[name], IDLE, Way.ALONE, failing=failing)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", TELLING[:1])
def test_a_text_in_one_place_changes_no_verdict(name: str, place: str) -> None:
    """What one place says is not borne out by another, and changes nothing either."""
    for failing in (True, False):
        unchanged(TEXTS[name], (place,), Way.AFTER, failing=failing)


@pytest.mark.parametrize("name", ["order", "template", "terminal", "bidi", "fence_guessed"])
def test_a_trace_may_have_any_name(name: str) -> None:
    """The ids of trace and spans are texts like others."""
    for failing in (True, False):
        trace = agent_trace(failing=failing, trace_id=f"t {TEXTS[name]}")
        assert trace.trace_id.endswith(TEXTS[name])
        assert rca_verdict(trace) == clean(failing)["rca"]
        assert compliance_verdict(trace) == clean(failing)["compliance"]


def test_what_a_trace_shows_does_change_the_verdict() -> None:
    """The comparison sees a fault, a breach and an incident where there is one."""
    assert clean(failing=True)["rca"] != clean(failing=False)["rca"]
    assert clean(failing=True)["incident"] != clean(failing=False)["incident"]
    assert rca_verdict(_bare("Error 429: Too Many Requests")) != rca_verdict(
        _bare("Parcel 4711 is on its way.")
    )


def _bare(result: str) -> Trace:
    asked = model("m", 1, [("user", "where is it?")], calls=[("c", "x", "{}")])
    return Trace("t", [agent(), asked, tool("a", 2, "x", result, call_id="c")])
