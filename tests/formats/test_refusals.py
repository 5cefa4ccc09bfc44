"""A format that isn't known is refused by name, never half-read; odd messages stop nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.errors import UnreadableInput
from investigator.formats.registry import decode
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.openinference import messages_of, tool_io_of

IDS: dict[str, JsonValue] = {"trace_id": "t", "span_id": "a"}
ISO = "2024-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (
            {**IDS, "name": "x", "service": "s", "resource": "r", "meta": {}, "start": 1},
            "Datadog APM",
        ),
        ({**IDS, "name": "x", "start_ns": 1, "meta": {"input": {}}}, "Datadog LLM"),
        ({**IDS, "name": "x", "type": "llm", "timestamps": {}, "input": {}}, "LangWatch"),
        ({**IDS, "span_name": "x", "span_attributes": {}, "start_time": ISO}, "AgentOps"),
        ({"trace.trace_id": "t", "trace.span_id": "a", "gen_ai.system": "x"}, "Honeycomb"),
        ({"id": "a", "sessionID": "t", "messageID": "m", "type": "text"}, "opencode export"),
        ({"resourceLogs": []}, "export the traces signal"),
        ({**IDS, "name": "x", "input": "i", "output": "o"}, None),
        ({**IDS, "name": "x", "start_time": ISO, "input": "i"}, None),
        ({**IDS, "name": "x", "attributes": {"a": 1}, "began": ISO}, None),
        ({**IDS, "gen_ai.system": "x", "duration_ms": 3}, None),
    ],
)
def test_a_row_in_another_systems_terms_is_refused(
    row: dict[str, JsonValue], name: str | None
) -> None:
    """Alone, in a list and in a list of lists; the message says what was seen and what is read."""
    documents: list[JsonValue] = [row, [row], [[row, row]], {"data": [row]}]
    for document in documents:
        with pytest.raises(UnreadableInput) as refused:
            decode(document, stem="run")
        message = str(refused.value)
        assert ("OTLP JSON" in message) == (name is None)
        assert "found" in message
        assert ("this looks like" in message) == (name is not None)
        assert name is None or name in message


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parent_id": None, "kind": "INTERNAL", "status": {"status_code": "OK"}, "links": []},
        {"attributes": {"a": 1}, "start_time": ISO, "project": "p"},
        {"attributes": [{"key": "a", "value": {"intValue": 1}}], "start_time": ISO, "project": "p"},
    ],
)
def test_a_span_that_is_understood_is_read(more: dict[str, JsonValue]) -> None:
    """All its keys are known, or its start and attributes are; what is beside them is kept."""
    (span,) = decode({**IDS, "name": "x", **more}, stem="run")
    assert span.name == "x"
    assert span.attributes.get("otel.project") == more.get("project")


USER: JsonValue = {"role": "user", "content": "q"}
CALL: JsonValue = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
TOOL: JsonValue = {"role": "tool", "tool_call_id": "c", "content": "r"}
SAID: JsonValue = {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    "entry",
    [
        {"role": "assistant"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "user", "parts": [{"type": "text", "content": "q"}]},
    ],
)
def test_an_entry_without_content_is_an_entry(entry: JsonValue) -> None:
    """The others are read as ever."""
    spans = decode({"messages": [USER, entry, SAID]}, stem="run")
    assert [span.span_id for span in spans] == ["step-0", "step-1", "step-2"]


def test_a_refusal_is_what_the_model_said() -> None:
    """Beside the content, or as a part of it."""
    parts: JsonValue = [{"type": "refusal", "refusal": "I can't."}]
    entries: list[JsonValue] = [
        {"role": "assistant", "content": None, "refusal": "I can't."},
        {"role": "assistant", "content": parts},
    ]
    for entry in entries:
        span = decode([USER, entry], stem="run")[1]
        assert span.text("output.value") == "I can't."


@pytest.mark.parametrize("odd", [None, 7, "note", [], {}, {"type": "divider"}, {"role": 1}])
def test_an_odd_entry_is_named_and_keeps_its_number(tmp_path: Path, odd: JsonValue) -> None:
    """The steps around it are read, with the call before it and its answer after it."""
    asks: JsonValue = {"role": "assistant", "tool_calls": [CALL]}
    (tmp_path / "a.json").write_text(json.dumps({"messages": [USER, asks, odd, TOOL, SAID]}))
    read, trouble = read_source([tmp_path])
    assert isinstance(read, Decoded)
    assert isinstance(trouble, Unreadable)
    assert [span.span_id for span in read.spans] == ["step-0", "step-1", "step-3", "step-4"]
    io = tool_io_of(read.spans[2])
    assert io is not None
    assert (io.name, io.result) == ("f", "r")
    assert "1 item" in trouble.reason


def test_an_odd_line_does_not_spoil_a_transcript(tmp_path: Path) -> None:
    """It is named; the messages around it are the transcript."""
    lines: list[JsonValue] = [{"type": "header"}, USER, {"role": "assistant", "tool_calls": [CALL]}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, [*lines, TOOL])))
    trouble, read = read_source([tmp_path])
    assert isinstance(read, Decoded)
    assert isinstance(trouble, Unreadable)
    assert [span.kind.value for span in read.spans] == ["UNKNOWN", "LLM", "TOOL"]
    assert trouble.line == 1


def test_a_few_messages_among_other_things_are_no_transcript() -> None:
    """Two of five entries: the rest would be lost."""
    other: JsonValue = {"type": "event", "payload": {}}
    with pytest.raises(UnreadableInput):
        decode({"messages": [USER, other, other, SAID, other]}, stem="run")


def test_calls_and_answers_that_stand_between_messages_are_steps() -> None:
    """The items of OpenAI's Responses: none is passed over."""
    items: list[JsonValue] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]},
        {"type": "reasoning", "id": "r", "summary": []},
        {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "id": "o", "call_id": "c", "output": "r"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
    ]
    spans = decode(items, stem="run")
    assert [span.kind.value for span in spans] == ["UNKNOWN", "LLM", "TOOL", "LLM"]
    assert [message.content for span in spans for message in messages_of(span)] == [
        "q",
        None,
        "r",
        "a",
    ]
    io = tool_io_of(spans[2])
    assert io is not None
    assert (io.name, io.arguments, io.call_id) == ("f", "{}", "c")


def test_the_name_that_attributes_give_a_tool_wins() -> None:
    """A Langfuse observation is often called after the operation."""
    tool: dict[str, JsonValue] = {
        "id": "a",
        "traceId": "t",
        "type": "TOOL",
        "startTime": ISO,
        "name": "execute_tool weather",
        "input": {"city": "Oslo"},
    }
    cases: list[tuple[dict[str, JsonValue], str]] = [
        ({"gen_ai.tool.name": "weather"}, "weather"),
        ({"tool.name": "weather"}, "weather"),
        ({}, "execute_tool weather"),
    ]
    for attributes, name in cases:
        (span,) = decode(tool | {"metadata": {"attributes": attributes}}, stem="run")
        io = tool_io_of(span)
        assert io is not None
        assert io.name == name
