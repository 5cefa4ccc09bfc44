"""Under a known failure somebody is named, for a reason, and with the little that it bears."""

from __future__ import annotations

from hypothesis import given

from investigator.claims.confidence import SUPPORTED
from investigator.rca.suspects import suspects_of
from investigator.readings.faults import Fault
from investigator.traces.model import Trace
from tests.builders import readings
from tests.signals.steps import chat
from tests.signals.test_laws import traces

ASKED = ("manager", "What did the 2019 survey of 812 homes find?")


def named(found: Trace) -> dict[str, str]:
    """The suspects' steps, the likeliest first, with what speaks against each."""
    return {one.span_id: one.summary.partition(": ")[2] for one in suspects_of(readings(found))}


def test_the_first_that_acted_and_the_answer_are_named() -> None:
    """What all rests on, and what came of it."""
    found = chat(
        ASKED,
        ("planner", "Let us split the work."),
        ("coder", "```python\nprint(survey(2019))\n```"),
        ("executor", "exitcode: 0 (execution succeeded)\nCode output: 41 per cent"),
        ("writer", "It found that 41 per cent were damp."),
    )
    told = named(found)
    assert next(iter(told)) == "step-2"
    assert "first step that acted" in told["step-2"]
    assert "the answer" in told["step-4"]


def test_figures_from_nowhere_that_the_end_repeats_are_named() -> None:
    """Those that were given, or that nobody repeats, are no reason."""
    found = chat(
        ASKED,
        ("planner", "We look for the 812 homes."),
        ("expert", "I recall that 377 homes were damp, of 55 streets."),
        ("writer", "The survey found 377 damp homes."),
    )
    (made_up,) = (s for s in suspects_of(readings(found)) if s.fault is Fault.UNSUPPORTED_CLAIM)
    assert (made_up.span_id, made_up.agent) == ("step-2", "expert")
    assert "(377)" in made_up.summary


def test_whose_act_failed_first_is_named() -> None:
    """The author, and not the one that ran it."""
    found = chat(
        ASKED,
        ("coder", "```python\nprint(1)\n```"),
        ("executor", "exitcode: 0 (execution succeeded)\nCode output: 1"),
        ("coder", "```python\nprint(x)\n```"),
        ("executor", "exitcode: 1 (execution failed)\nCode output: NameError: x is not defined"),
        ("writer", "Nothing was found."),
    )
    assert "first to fail" in named(found)["step-3"]


@given(traces())
def test_no_suspect_is_supported_and_each_step_is_named_once(found: Trace) -> None:
    """A suspicion is no fault that was seen; each has evidence of its own step."""
    suspects = suspects_of(readings(found))
    assert all(one.strength < SUPPORTED and one.open for one in suspects)
    assert len({one.origin_id for one in suspects}) == len(suspects)
    assert all(one.evidence[0].span_id == one.span_id for one in suspects)
