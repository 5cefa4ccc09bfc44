"""A history that was cut before what was asked is told where it was cut."""

from __future__ import annotations

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.traces.model import Trace
from tests.builders import readings, trace
from tests.signals.steps import agent, llm

ASKED = ("user", "Compare the rents of Leeds and York.")
SEEN = ("assistant", "Leeds is at 900 a month, I am looking at York now.")
LOST = "I see that Leeds is at 900. Could you please tell me what to compare it with?"


def _given(*messages: tuple[str, str]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for index, (role, text) in enumerate(messages, start=1):
        found[f"llm.input_messages.{index}.message.role"] = role
        found[f"llm.input_messages.{index}.message.content"] = text
    return found


def _run(last: tuple[tuple[str, str], ...], answer: str) -> Trace:
    return trace(
        agent(),
        llm("m1", SEEN[1], at=1, attributes=_given(ASKED)),
        llm("m2", "York is at 850 a month, as far as I can see.", at=2,
            attributes=_given(ASKED, SEEN)),
        llm("m3", answer, at=3, attributes=_given(*last)),
    )  # fmt: skip


def test_the_request_that_lost_the_question_is_told() -> None:
    """It kept the later turns and dropped the first."""
    found = detect(readings(_run((SEEN, ("assistant", "York is at 850.")), LOST)))
    assert [(s.fault, s.span_id, s.origin_id) for s in found] == [(Fault.LOST_CONTEXT, "m3", "m3")]


@pytest.mark.parametrize(
    "last",
    [
        (ASKED, SEEN),
        (("user", "So far: Leeds is at 900; it is to be compared with York."), SEEN),
        (("assistant", "York is at 850."),),
    ],
    ids=["all of it", "a summary", "only what is new"],
)
def test_a_history_that_holds_it_or_records_only_what_is_new_is_fine(
    last: tuple[tuple[str, str], ...],
) -> None:
    """A question back may have its own reasons."""
    assert not detect(readings(_run(last, LOST)))


def test_a_loss_that_did_no_harm_is_no_fault() -> None:
    """The answer was given all the same."""
    assert not detect(readings(_run((SEEN,), "Leeds is 50 dearer than York.")))
