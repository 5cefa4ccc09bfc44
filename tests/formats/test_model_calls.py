"""Messages that stand only in a model call's values are read; nothing else becomes one."""

from __future__ import annotations

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Message
from investigator.traces.openinference import messages_of

ASKED = '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
ANSWERED = '{"text":"hello","finish_reason":"stop"}'


def said(kind: str, **attributes: JsonValue) -> tuple[Message, ...]:
    """The messages of a span of that kind; `input_value` is the attribute `input.value`."""
    named = {key.replace("_value", ".value"): value for key, value in attributes.items()}
    (span,) = decode({"openinference.span.kind": kind, **named}, stem="file")
    return messages_of(span)


def test_messages_in_the_values_of_a_model_call_are_its_messages() -> None:
    """Where its source wrote them nowhere else."""
    assert said("LLM", input_value=ASKED, output_value=ANSWERED) == (
        Message("user", "hi"),
        Message("assistant", "hello"),
    )


@pytest.mark.parametrize("value", ["hi", '{"city":"Rome"}', "[1]", "[", '{"role', "", 3])
def test_a_value_that_is_no_messages_stays_a_value(value: JsonValue) -> None:
    """A text, an object of another shape, JSON that is cut off."""
    assert said("LLM", input_value=value, output_value=value) == ()


def test_values_add_nothing_to_messages_that_are_there() -> None:
    """And on a span that is no model call they are a step's input."""
    own = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "x"}
    assert said("LLM", input_value=ASKED, **own) == (Message("user", "x"),)
    assert said("CHAIN", input_value=ASKED) == ()
