"""What a framework's own span decides, and nobody says, is a step."""

from __future__ import annotations

import json

import pytest

from investigator.readings.steps import Step, StepKind
from investigator.traces.model import Span
from tests.builders import span
from tests.readings.test_conversation import agent, model
from tests.readings.test_steps import kinds, steps

LONG = "the words of a model that say at some length what is to be done about the refund"


def node(name: str, given: str, put_out: str, *, at: int, kind: str = "CHAIN") -> Span:
    """A span of a framework with an input and an output of its own."""
    told = {"input.value": given, "output.value": put_out}
    return span(
        name, parent="agent", kind=kind, name=name, start_ms=at, end_ms=at + 1, attributes=told
    )


def decisions(made: tuple[Step, ...]) -> list[tuple[str | None, str | None]]:
    """What was decided, and where."""
    calls = [step.call for step in made if step.kind is StepKind.DECISION]
    return [(call.tool, call.result) for call in calls if call is not None]


@pytest.mark.parametrize("kind", ["CHAIN", "DECISION", "GUARDRAIL", "RERANKER"])
def test_what_a_router_decides_is_a_step(kind: str) -> None:
    """It stands between what had ended before it and what came after, under an id of its own."""
    made = steps(
        agent(),
        model("m1", 1, [("user", "I want my money back")], "Where shall I send this?"),
        node("route", '{"ask": "money"}', '{"next": "billing"}', at=3, kind=kind),
        model("m2", 5, [("user", "I want my money back")], "You get it back."),
    )
    assert kinds(made) == ["USER", "MODEL", "DECISION", "ANSWER"]
    assert decisions(made) == [("route", '{"next": "billing"}')]
    assert made[2].evidence[0].ref == "span:route"


@pytest.mark.parametrize(
    "output",
    [
        LONG,
        json.dumps({"output": LONG}),
        json.dumps({"messages": [{"role": "assistant", "content": LONG}], "done": True}),
        '{"ask": "money"}',
        "",
    ],
    ids=["the model's words", "wrapped", "a state", "its own input", "nothing"],
)
def test_a_span_that_holds_what_was_said_is_none(output: str) -> None:
    """Neither what the model below it said, nor a state that is passed on."""
    made = steps(
        agent(),
        model("m1", 1, [("user", "I want my money back")], LONG),
        node("wrap", '{"ask": "money"}', output, at=3),
    )
    assert decisions(made) == []


def test_a_wrapper_of_what_decides_is_not_told_again() -> None:
    """The same output by the span that encloses it is the same decision."""
    inner = node("inner", "x", '{"next": "billing"}', at=3)
    outer = node("outer", "y", '{"next": "billing"}', at=2)
    made = steps(agent(), outer, inner)
    assert len(decisions(made)) == 1


def test_a_call_keeps_the_turn_that_asked_for_it() -> None:
    """Numbers move where a decision comes between, and what they point at with them."""
    made = steps(
        agent(),
        node("guard", '{"text": "hello"}', '{"allowed": true}', at=0),
        model("m1", 2, [("user", "hello")], calls=[("c1", "look", "{}")]),
    )
    call = next(step for step in made if step.kind is StepKind.TOOL)
    assert call.asked_by is not None
    assert made[call.asked_by].asks == ("look",)
