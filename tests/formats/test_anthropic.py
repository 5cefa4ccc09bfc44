"""Anthropic's blocks are tool calls and tool results, wherever they stand."""

from __future__ import annotations

import json

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.signals.detect import detect
from investigator.traces.model import Span, StatusCode, Trace
from investigator.traces.openinference import (
    input_messages_of,
    messages_of,
    output_messages_of,
    tool_io_of,
)
from tests.builders import readings

ASKED: JsonValue = {"role": "user", "content": "Weather?"}
USE: JsonValue = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}}
ANSWER: JsonValue = {"role": "assistant", "content": [{"type": "text", "text": "It is sunny."}]}


def result(content: JsonValue = "boom", **more: JsonValue) -> JsonValue:
    """A block with a tool's result."""
    return {"type": "tool_result", "tool_use_id": "t1", "content": content, **more}


def request(*blocks: JsonValue, **more: JsonValue) -> dict[str, JsonValue]:
    """A request whose last user message holds these blocks."""
    use: JsonValue = {"role": "assistant", "content": [USE]}
    return {"messages": [ASKED, use, {"role": "user", "content": list(blocks)}, ANSWER], **more}


def read(document: JsonValue) -> list[tuple[str, str, str, str | None]]:
    """Id, kind, status and text of each step."""
    return [
        (s.span_id, s.kind.value, s.status.value, s.text("output.value") or s.text("input.value"))
        for s in decode(document, stem="run")
    ]


def tool_of(document: JsonValue) -> Span:
    """The one TOOL span of a document."""
    (span,) = (span for span in decode(document, stem="run") if tool_io_of(span) is not None)
    return span


def test_a_tool_use_and_its_result_are_a_tool_span() -> None:
    """The call's name and arguments, the result, and the mark that it failed."""
    span = tool_of(request(result(is_error=True)))
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, io.arguments, io.result, io.call_id) == (
        "weather",
        '{"city":"Oslo"}',
        "boom",
        "t1",
    )
    assert (span.status, span.status_message, span.name) == (StatusCode.ERROR, "boom", "weather")
    assert input_messages_of(span)[0].is_error


def test_a_request_reads_as_its_openai_twin() -> None:
    """The same steps of the same kinds, the system prompt among them."""
    twin: list[JsonValue] = [
        {"role": "system", "content": "Be brief."},
        ASKED,
        {
            "role": "assistant",
            "tool_calls": [{"id": "t1", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "ok"},
        {"role": "assistant", "content": "It is sunny."},
    ]
    assert read(request(result("ok"), system="Be brief.")) == read(twin)
    blocks: JsonValue = [{"type": "text", "text": "Be brief."}]
    assert read(request(result("ok"), system=blocks)) == read(twin)


@pytest.mark.parametrize(
    ("marks", "status"),
    [
        ({"is_error": True}, "ERROR"),
        ({"isError": True}, "ERROR"),
        ({"status": "error"}, "ERROR"),
        ({"is_error": False}, "UNSET"),
        ({"is_error": None}, "UNSET"),
        ({}, "UNSET"),
    ],
)
def test_only_a_mark_makes_a_result_an_error(marks: dict[str, JsonValue], status: str) -> None:
    """Whatever the text says."""
    assert tool_of(request(result("All good.", **marks))).status.value == status


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("one", "one"),
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one\ntwo"),
        ([{"type": "text", "text": "one"}, {"type": "image", "source": {}}], "one\n[image]"),
        ([{"type": "odd", "x": 1}], '{"type":"odd","x":1}'),
        ([{"x": 1}, {"x": 2}], '[{"x":1},{"x":2}]'),
        ({"x": 1}, '{"x":1}'),
        (None, None),
    ],
)
def test_nothing_of_a_results_content_is_lost(content: JsonValue, text: str | None) -> None:
    """Text and other blocks in their order; an image is a word."""
    assert tool_of(request(result(content))).text("output.value") == text


def test_each_result_of_a_message_is_a_step_in_its_order() -> None:
    """Several results, with text before and after them; later steps count on."""
    words: JsonValue = {"type": "text", "text": "And now?"}
    assert read(request(result("a"), result("b", is_error=True), words)) == [
        ("step-0", "UNKNOWN", "UNSET", "Weather?"),
        ("step-1", "LLM", "UNSET", None),
        ("step-2", "TOOL", "UNSET", "a"),
        ("step-3", "TOOL", "ERROR", "b"),
        ("step-4", "UNKNOWN", "UNSET", "And now?"),
        ("step-5", "LLM", "UNSET", "It is sunny."),
    ]


def test_a_result_that_answers_no_known_call_is_a_tool_all_the_same() -> None:
    """Nothing is known of the call, so nothing is said of it."""
    io = tool_io_of(tool_of([ASKED, {"role": "user", "content": [result("x")]}, ANSWER]))
    assert io is not None
    assert (io.name, io.arguments, io.result, io.call_id) == (None, None, "x", "t1")


@pytest.mark.parametrize(
    ("use", "answer", "content", "status"),
    [
        ("server_tool_use", "web_search_tool_result", [{"type": "web_search_result"}], "UNSET"),
        (
            "server_tool_use",
            "web_search_tool_result",
            {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
            "ERROR",
        ),
        ("mcp_tool_use", "mcp_tool_result", [{"type": "text", "text": "x"}], "UNSET"),
    ],
)
def test_tools_of_the_server_answer_within_the_models_turn(
    use: str, answer: str, content: JsonValue, status: str
) -> None:
    """What the model said before and after them are turns of their own."""
    turn: JsonValue = {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "text", "text": "Let me look."},
            {"type": use, "id": "s1", "name": "search", "input": {"query": "q"}},
            {"type": answer, "tool_use_id": "s1", "content": content},
            {"type": "text", "text": "Found."},
        ],
    }
    _, before, tool, after = decode([ASKED, turn], stem="run")
    assert [s.kind.value for s in (before, tool, after)] == ["LLM", "TOOL", "LLM"]
    assert output_messages_of(before)[0].full_text == 'Let me look.\nsearch({"query":"q"})'
    assert output_messages_of(after)[0].content == "Found."
    assert before.text("source.thinking") == "Hm."
    io = tool_io_of(tool)
    assert io is not None
    assert (io.name, io.arguments, tool.status.value) == ("search", '{"query":"q"}', status)


CALL: JsonValue = {"model": "m", "messages": [ASKED, {"role": "assistant", "content": [USE]}]}
FAILED: JsonValue = {"role": "user", "content": [result("No such city.", is_error=True)]}


def messages() -> JsonValue:
    """The messages of a call that follows a failed tool call."""
    assert isinstance(CALL, dict)
    assert isinstance(CALL["messages"], list)
    return [*CALL["messages"], FAILED]


def langfuse(given: JsonValue) -> JsonValue:
    """A generation of Langfuse."""
    return {
        "id": "a",
        "traceId": "t",
        "type": "GENERATION",
        "startTime": "2024-01-01T00:00:00Z",
        "input": given,
        "output": ANSWER,
    }


def phoenix(attributes: dict[str, JsonValue]) -> JsonValue:
    """A model call as Phoenix exports it."""
    return {
        "name": "call",
        "span_kind": "LLM",
        "context": {"trace_id": "t", "span_id": "a"},
        "start_time": "2024-01-01T00:00:00Z",
        "attributes": {"output.value": "It is sunny.", **attributes},
    }


def rows(key: str, content: JsonValue) -> dict[str, JsonValue]:
    """The messages as rows whose content stands under `key`."""
    use: JsonValue = json.dumps([USE]) if isinstance(content, str) else [USE]
    parts: list[JsonValue] = [
        {"message.role": "user", "message.content": "Weather?"},
        {"message.role": "assistant", key: use},
        {"message.role": "user", key: content},
    ]
    return {"llm.input_messages": parts}


BLOCKS: JsonValue = [result("No such city.", is_error=True)]


@pytest.mark.parametrize(
    "document",
    [
        langfuse(messages()),
        langfuse({"model": "m", "messages": messages()}),
        langfuse(json.dumps({"model": "m", "messages": messages()})),
        phoenix({"input.value": json.dumps({"model": "m", "messages": messages()})}),
        phoenix(rows("message.content", BLOCKS)),
        phoenix(rows("message.content", json.dumps(BLOCKS))),
        phoenix(rows("message.contents", BLOCKS)),
    ],
    ids=["messages", "request", "request text", "input.value", "rows", "rows of text", "parts"],
)
def test_a_model_call_shows_its_tool_calls_and_the_results_that_failed(document: JsonValue) -> None:
    """Inside Langfuse and Phoenix, in every shape; so a failure that is passed over is found."""
    (span,) = decode(document, stem="run")
    _, use, answer, *_ = messages_of(span)
    assert [(c.name, c.arguments, c.call_id) for c in use.tool_calls] == [
        ("weather", '{"city":"Oslo"}', "t1")
    ]
    assert (answer.role, answer.content, answer.tool_call_id, answer.is_error) == (
        "tool",
        "No such city.",
        "t1",
        True,
    )
    assert "failed_result" in {signal.detector for signal in detect(readings(Trace("t", [span])))}


def test_a_mark_that_the_messages_left_out_is_taken_from_the_input() -> None:
    """Some instrumentations keep a result's text and drop that it failed."""
    flat: dict[str, JsonValue] = {
        "input.value": json.dumps({"messages": messages()}),
        "llm.input_messages.0.message.role": "tool",
        "llm.input_messages.0.message.content": "No such city.",
        "llm.input_messages.0.message.tool_call_id": "t1",
    }
    (span,) = decode(phoenix(flat), stem="run")
    assert [message.is_error for message in input_messages_of(span)] == [True]


@pytest.mark.parametrize(
    "output",
    [
        result("No.", is_error=True),
        {"type": "tool", "tool_call_id": "t1", "content": "No.", "status": "error"},
    ],
)
def test_a_tool_observation_that_put_out_a_failed_result_has_failed(output: JsonValue) -> None:
    """Though nothing was raised."""
    tool = {"id": "a", "traceId": "t", "type": "TOOL", "startTime": "2024-01-01T00:00:00Z"}
    (span,) = decode({**tool, "name": "weather", "output": output}, stem="run")
    assert (span.status, span.status_message) == (StatusCode.ERROR, "No.")
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, io.result, io.call_id) == ("weather", "No.", "t1")


def test_deeply_nested_blocks_leave_the_message_as_it_is() -> None:
    """A view never raises."""
    key = "llm.input_messages.0.message.contents.0.message_content."
    deep: dict[str, JsonValue] = {f"{key}type": "tool_use", f"{key}input{'.a' * 5000}": 1}
    (span,) = decode(phoenix({**deep, "llm.input_messages.0.message.role": "user"}), stem="run")
    assert next(message.role for message in messages_of(span)) == "user"
