"""The same dialogue gives the same steps in every format; no call is lost or doubled."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Trace
from tests.builders import readings
from tests.formats.dialogue_writers import NO_MARKS, WRITERS, Call, Dialogue, Said, openai

WORDS = st.text("abcdefg ", min_size=3, max_size=12).filter(lambda text: text.strip() == text)
GIVEN = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 9) | WORDS, min_size=1, max_size=2)
CALLS = st.lists(
    st.tuples(st.sampled_from(("look_up", "book")), GIVEN, WORDS, st.booleans()),
    min_size=1,
    max_size=3,
)


@st.composite
def dialogues(draw: st.DrawFn) -> Dialogue:
    """Up to three rounds of calls, with or without words beside them, then an answer."""
    turns: list[Said] = []
    for number in range(draw(st.integers(0, 3))):
        calls = tuple(
            Call(f"c{number}-{place}", name, dict(given), result, failed)
            for place, (name, given, result, failed) in enumerate(draw(CALLS))
        )
        turns.append(Said(draw(st.just("") | WORDS), calls))
    return Dialogue(draw(WORDS), (*turns, Said(draw(WORDS))))


def told(document: JsonValue, *, marks: bool = True) -> list[tuple[object, ...]]:
    """The steps of a document: who, what was said, and each call with what came back."""
    spans = decode(document, stem="run")
    (trace_id,) = {span.trace_id for span in spans}
    steps = readings(Trace(trace_id, spans)).steps
    return [
        (
            step.kind.value,
            step.text if step.call is None else "",
            step.asks,
            step.call
            and (
                step.call.tool,
                json.loads(step.call.arguments),
                step.call.result,
                step.call.is_error if marks else None,
            ),
        )
        for step in steps
    ]


def expected(dialogue: Dialogue, *, marks: bool) -> list[tuple[object, ...]]:
    """The same of the dialogue itself."""
    steps: list[tuple[object, ...]] = [("USER", dialogue.asked, (), None)]
    for turn in dialogue.turns:
        kind = "MODEL" if turn.calls else "ANSWER"
        steps.append((kind, turn.text, tuple(call.name for call in turn.calls), None))
        steps += [
            ("TOOL", "", (), (call.name, call.given, call.result, call.failed if marks else None))
            for call in turn.calls
        ]
    return steps


@pytest.mark.parametrize("name", ["openai", *WRITERS])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(dialogue=dialogues())
def test_a_dialogue_gives_the_same_steps_in_every_format(name: str, dialogue: Dialogue) -> None:
    """Also who failed, where the format says it."""
    write = WRITERS.get(name, openai)
    marks = name not in NO_MARKS
    assert told(write(dialogue), marks=marks) == expected(dialogue, marks=marks)
