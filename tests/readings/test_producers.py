"""A text has one producer, wherever it is repeated."""

from __future__ import annotations

from investigator.claims.confidence import independent
from investigator.readings.producers import Producers
from investigator.traces.evidence import (
    EvidenceRef,
    message_evidence,
    span_evidence,
    tool_evidence,
)
from investigator.traces.model import Span
from investigator.traces.openinference import messages_of, tool_io_of
from tests.builders import exception_event, readings, span, trace
from tests.readings.test_conversation import agent, model, tool

ASKED = [("system", "be brief"), ("user", "what is new?")]
FIRST = model("m1", 1, ASKED, calls=[("c1", "search", '{"q":"new"}')])
CALLED = tool("t1", 2, "search", "nothing much", call_id="c1")
SECOND = model("m2", 3, [*ASKED, ("tool", "nothing much")], "Nothing much is new.")


def producers(*spans: Span) -> Producers:
    return readings(trace(*spans)).producers


def said(by: Span, index: int) -> EvidenceRef:
    return message_evidence(by, index, messages_of(by)[index])


def test_a_message_belongs_to_the_step_that_first_said_it() -> None:
    found = producers(agent(), FIRST, CALLED, SECOND)
    assert found.of(said(FIRST, 1)) == found.of(said(SECOND, 1))
    assert found.of(said(FIRST, 0)) != found.of(said(FIRST, 1))


def test_a_result_that_the_next_request_repeats_is_the_calls() -> None:
    found = producers(agent(), FIRST, CALLED, SECOND)
    io = tool_io_of(CALLED)
    assert io is not None
    assert found.of(tool_evidence(CALLED, io)) == found.of(said(SECOND, 2))
    assert found.of(said(FIRST, 2)) != found.of(said(SECOND, 2))


def test_a_span_is_one_with_what_its_step_said() -> None:
    found = producers(agent(), FIRST, CALLED, SECOND)
    assert found.of(span_evidence(SECOND)) == found.of(said(SECOND, 3))


def test_a_span_that_records_a_failure_bears_witness_of_its_own() -> None:
    raised = span(
        "m3", kind="LLM", status="ERROR", events=[exception_event("Refused", "no")],
        attributes={
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "I was",
        },
    )  # fmt: skip
    found = producers(agent(), raised)
    assert found.of(span_evidence(raised)) != found.of(said(raised, 0))


def test_what_one_call_said_in_two_messages_is_of_one_producer() -> None:
    """Two choices of a model are one witness, not two that agree."""
    said_twice = {
        f"llm.output_messages.{index}.message.{key}": value
        for index, text in enumerate(("It rains.", "It rains a lot."))
        for key, value in (("role", "assistant"), ("content", text))
    }
    twice = span("m4", kind="LLM", attributes=said_twice)
    found = producers(agent(), twice)
    refs = [said(twice, 0), said(twice, 1)]
    assert not independent(refs, found.of)
    assert independent([refs[0], span_evidence(FIRST)], producers(agent(), FIRST, twice).of)
