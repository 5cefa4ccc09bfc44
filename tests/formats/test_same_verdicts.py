"""A dialogue is judged alike in whatever format it was written; what a format lacks is named."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Trace
from tests.builders import readings
from tests.compliance.running import compliance_run, investigated
from tests.formats.dialogue_writers import (
    NO_ENDS,
    NO_MARKS,
    TRACERS,
    WRITERS,
    Call,
    Dialogue,
    Said,
    openai,
)
from tests.rca.running import run_rca

Verdict = tuple[str, str | None, tuple[tuple[str, int], ...], dict[str, str]]

SUNNY = "It is 21 degrees and sunny in Rome."
KNOWN = Call("c0", "get_weather", {"city": "Rome"}, SUNNY, failed=False)
SILENT = Call("c1", "get_weather", {"city": "Oslo"}, None, failed=False)
DOWN = "Error: 503 Service Unavailable: the booking service is down"


def booked(answer: str) -> Dialogue:
    """A booking that failed, and a model that says that it did not."""
    call = Call("c0", "book_table", {"city": "Rome", "people": 2}, answer, failed=True)
    said = "I have booked a table for two in Rome."
    return Dialogue("Book a table in Rome for two.", (Said("", (call,)), Said(said)))


def weather(*turns: Said) -> Dialogue:
    """A question for the weather and what came of it."""
    return Dialogue("What is the weather in Rome and in Oslo?", turns)


DIALOGUES = {
    "healthy": weather(Said("Let me look.", (KNOWN,)), Said(SUNNY)),
    "a call that failed and says so": booked(DOWN),
    "a call that is only marked as failed": booked("no seats are left"),
    "a call that nothing came back of": weather(Said("", (KNOWN, SILENT)), Said(SUNNY)),
    "an end at a call": weather(Said("Let me look.", (SILENT,))),
    "an answer that was cut off": weather(
        Said("", (KNOWN,)), Said("It is 21 degrees and sunny in Rome, and the wind", cut=True)
    ),
}
LACKS = {
    "a call that is only marked as failed": NO_MARKS,
    "an answer that was cut off": NO_ENDS,
}
"""The formats that have no word for what a dialogue is about."""
EXPECTED = {
    "healthy": ("no_failure", ()),
    "a call that failed and says so": ("failure", (2, 3)),
    "a call that is only marked as failed": ("failure", (2, 3)),
    "a call that nothing came back of": ("failure", (2,)),
    "an end at a call": ("undetermined", ()),
    "an answer that was cut off": ("failure", (3,)),
}
"""The outcome, and the steps at which findings stand."""

EVERY: dict[str, Callable[[Dialogue], JsonValue]] = {"openai": openai, **WRITERS, **TRACERS}


def verdict(document: JsonValue, folder: Path) -> Verdict:
    """What root cause analysis finds at which step, and the verdict of each control."""
    spans = decode(document, stem="run")
    trace = Trace(spans[0].trace_id, spans)
    steps = {step.span_id: step.number for step in readings(trace).steps}
    cause = run_rca(trace).report
    found = tuple((f.category, steps[f.span_id]) for f in cause.findings)
    _, report = investigated(compliance_run(trace), folder / "run")
    controls = {one.control_id: one.pass_fail.value for one in report.controls_evaluated}
    return cause.outcome.value, cause.primary_label, found, controls


@pytest.fixture(scope="module")
def of_openinference(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Verdict]:
    """The verdict on a dialogue in OpenInference's terms, which can say all of it."""

    @cache
    def of(name: str) -> Verdict:
        document = TRACERS["openinference"](DIALOGUES[name])
        return verdict(document, tmp_path_factory.mktemp("first"))

    return of


@pytest.mark.parametrize("name", DIALOGUES)
def test_what_a_dialogue_is_about_is_found(
    name: str, of_openinference: Callable[[str], Verdict]
) -> None:
    """So that all formats do not agree on nothing."""
    outcome, _, found, _ = of_openinference(name)
    assert (outcome, tuple(step for _, step in found)) == EXPECTED[name]


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.parametrize("written", [name for name in EVERY if name != "openinference"])
def test_a_dialogue_is_judged_alike_in_every_format(
    written: str, name: str, tmp_path: Path, of_openinference: Callable[[str], Verdict]
) -> None:
    """A format that has no word for what went wrong differs there, and only there."""
    found = verdict(EVERY[written](DIALOGUES[name]), tmp_path)
    assert (found == of_openinference(name)) is (written not in LACKS.get(name, ()))


def test_what_a_format_lacks_is_told_in_the_docs() -> None:
    """By the names of the formats, in the page on reading traces."""
    page = (Path(__file__).parents[2] / "docs/design/reading-traces.md").read_text()
    table = page.split("### What a dialogue cannot say")[1].split("\n##")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    told = {
        row.split("|")[1].strip(): {one.strip(" `") for one in row.split("|")[2].split(",")}
        for row in rows
    }
    assert told == {"that a call failed": set(NO_MARKS), "why a model stopped": set(NO_ENDS)}
