"""Whether a call succeeded has one answer, wherever the trace says so."""

from __future__ import annotations

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.readings.call_outcomes import succeeded
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings
from tests.controls.runs import answers, asks, run, tool

CALL = ("c1", "search", "{}")


def by_span(result: str | None, error: str | None = None) -> Trace:
    """A call with a span of its own."""
    return run(asks(CALL), tool("found", result, at=30, call_id="c1", error=error))


def by_message(text: str, **marks: JsonValue) -> Trace:
    """A call whose result stands only in what the model was given next."""
    base = "llm.input_messages.2.message"
    result: dict[str, JsonValue] = {
        f"{base}.role": "tool",
        f"{base}.tool_call_id": "c1",
        f"{base}.content": text,
        **{f"{base}.{name}": mark for name, mark in marks.items()},
    }
    return run(asks(CALL), answers(more=result))


@pytest.mark.parametrize(
    ("trace", "worked"),
    [
        (by_span("fine"), True),
        (by_span('{"ok":false}'), False),
        (by_span('{"result":{"success":false}}'), False),
        (by_span("fine", error="boom"), False),
        (by_span(None, error="boom"), False),
        (by_span('{"errors":[],"jobs":[{"status":"failed"}]}'), True),
        (by_message("fine"), True),
        (by_message('{"ok":false}'), False),
        (by_message("no such order", is_error=True), False),
        (by_message("fine", is_error=False), True),
        (by_span(f"it is {REDACTED}"), None),
        (run(asks(CALL)), None),
    ],
)
def test_a_call_that_failed_is_known_as_one(trace: Trace, worked: bool | None) -> None:
    """By its span, by a mark on its result, or by what the result says; else it is not known."""
    (action,) = readings(trace).conversation.actions
    assert succeeded(action) is worked
