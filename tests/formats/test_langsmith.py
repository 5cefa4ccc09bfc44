"""LangSmith runs: where they belong, what they were given and what they returned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.formats.registry import decode
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Message, Span, StatusCode, ToolCall, parse_time
from investigator.traces.openinference import (
    TokenCounts,
    input_messages_of,
    output_messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_io_of,
)
from investigator.traces.parquet import project_of

A, B = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "ab")
STAMP = "20231114T221320000000Z"
COUNTED: dict[str, JsonValue] = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def run(run_type: str = "chain", **fields: JsonValue) -> Span:
    """One run alone."""
    return decode({"id": A, "name": "step", "run_type": run_type, **fields}, stem="file")[0]


def lc(name: str, **fields: JsonValue) -> JsonValue:
    """A message as LangChain serialises it."""
    path: list[JsonValue] = ["langchain_core", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": fields}


@pytest.mark.parametrize(
    ("fields", "placed"),
    [
        ({"trace_id": B, "parent_run_id": B}, (B, A, B)),
        ({"dotted_order": f"{STAMP}{B}.{STAMP}{A}"}, (B, A, B)),
        ({"dotted_order": f"{STAMP}{A}"}, (A, A, None)),
        ({"parent_run_id": B, "parent_run_ids": [B]}, (B, A, B)),
        ({"id": None, "run_id": A}, (A, A, None)),
        ({"id": None, "dotted_order": f"{STAMP}{B}.{STAMP}{A}"}, (B, A, B)),
        ({}, (A, A, None)),
        ({"parent_run_id": B}, ("", A, B)),
    ],
)
def test_a_run_is_placed_by_what_it_names(
    fields: dict[str, JsonValue], placed: tuple[str, str, str | None]
) -> None:
    """By its ids, else by its dotted order; a child of an unknown trace is in none."""
    (span,) = decode({"id": A, "run_type": "chain", **fields}, stem="file")
    assert (span.trace_id, span.span_id, span.parent_id) == placed


@pytest.mark.parametrize(
    ("run_type", "kind"),
    [
        *(("llm", "LLM"), ("prompt", "PROMPT"), ("parser", "CHAIN"), ("embedding", "EMBEDDING")),
        *(("tool", "TOOL"), ("retriever", "RETRIEVER"), ("chain", "CHAIN"), ("mine", "UNKNOWN")),
    ],
)
def test_the_run_type_is_the_kind(run_type: str, kind: str) -> None:
    """A type that is not LangSmith's names none."""
    assert run(run_type).kind == kind


@pytest.mark.parametrize(
    ("time", "ns"),
    [
        ("2023-11-14T22:13:20.5", parse_time("2023-11-14T22:13:20.5Z")),
        (1_700_000_000_500, 1_700_000_000_500_000_000),
        (None, None),
        ("now", None),
        (-5, None),
    ],
)
def test_times_are_iso_or_milliseconds(time: JsonValue, ns: int | None) -> None:
    """The JavaScript SDK writes milliseconds; a time without a zone is UTC."""
    assert run(start_time=time).start_ns == ns


def test_an_error_is_the_status_and_its_text_the_message() -> None:
    """The exception's type is not told apart from its text, so no event is made of it."""
    failed = run(error="ValueError('no seat')\n\nTraceback …", status="error")
    assert (failed.status, failed.status_message[:10]) == (StatusCode.ERROR, "ValueError")
    assert failed.events == ()
    assert run(status="success").status is StatusCode.OK
    assert run(status="pending").status is StatusCode.UNSET


def test_the_conversation_is_named_in_the_metadata() -> None:
    """The session of the run itself is the project."""
    span = run(
        session_id="project",
        session_name="demo",
        extra={"metadata": {"thread_id": "s-1", "user_id": "u"}},
    )
    assert (span.text("session.id"), span.text("user.id")) == ("s-1", "u")
    assert span.text("langsmith.session_id") == "project"
    assert project_of(span) == "demo"
    assert run(session_id="project").text("session.id") is None


def test_tokens_stand_on_model_runs_only() -> None:
    """What a chain counts is the sum of what is below it; zeros mean that nothing was told."""
    nothing = TokenCounts(None, None, None)
    chain = run("chain", **COUNTED)
    assert token_counts_of(chain) == nothing
    assert chain.attributes["langsmith.total_tokens"] == 5
    assert token_counts_of(run("llm", **COUNTED)) == TokenCounts(3, 2, 5)
    assert token_counts_of(run("llm", **dict.fromkeys(COUNTED, 0))) == nothing


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (
            {"messages": [[lc("HumanMessage", content="hi")]]},
            {
                "generations": [
                    [
                        {
                            "text": "hello",
                            "message": lc(
                                "AIMessageChunk",
                                content=[
                                    {"type": "text", "text": "hello"},
                                    {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
                                ],
                                tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}],
                            ),
                        }
                    ]
                ]
            },
        ),
        (
            {"messages": [{"type": "human", "data": {"content": "hi"}}]},
            {
                "output": {
                    "type": "ai",
                    "data": {
                        "content": "hello",
                        "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "1"}],
                    },
                }
            },
        ),
        (
            {"messages": [{"role": "user", "content": "hi"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "hello"},
                    {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
                ],
            },
        ),
    ],
    ids=["LangChain constructors", "LangChain stored", "Anthropic"],
)
def test_a_model_call_says_the_same_in_every_interface(
    inputs: JsonValue, outputs: JsonValue
) -> None:
    """A call that is both a part of the content and listed is one call."""
    span = run("llm", inputs=inputs, outputs=outputs)
    assert input_messages_of(span) == (Message("user", "hi"),)
    call = ToolCall("1", "f", '{"a":1}')
    assert output_messages_of(span) == (Message("assistant", "hello", tool_calls=(call,)),)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("HumanMessage", "user"),
        ("AIMessage", "assistant"),
        ("AIMessageChunk", "assistant"),
        ("SystemMessageChunk", "system"),
        ("ToolMessage", "tool"),
        ("FunctionMessage", "tool"),
    ],
)
def test_a_constructor_names_the_role(name: str, role: str) -> None:
    """By its class, a chunk as the message that it is of; where the class says none, the fields."""
    (message,) = input_messages_of(run("llm", inputs={"messages": [lc(name, content="x")]}))
    assert message == Message(role, "x")
    spoken = lc("ChatMessage", content="x", role="critic")
    assert input_messages_of(run("llm", inputs={"messages": [spoken]})) == (Message("critic", "x"),)


def test_items_of_a_response_are_messages() -> None:
    """OpenAI's responses list texts and calls as items; hidden reasoning says nothing."""
    outputs: JsonValue = {
        "output": [
            {"type": "reasoning", "id": "r", "summary": []},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "hello"}],
            },
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":1}'},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }
    span = run("llm", inputs={"instructions": "brief", "input": "hi"}, outputs=outputs)
    assert input_messages_of(span) == (Message("system", "brief"), Message("user", "hi"))
    assert output_messages_of(span) == (
        Message("assistant", "hello"),
        Message("assistant", None, tool_calls=(ToolCall("1", "f", '{"a":1}'),)),
    )
    assert token_counts_of(span) == TokenCounts(3, 2, 5)


def test_prompts_and_completions_are_messages() -> None:
    """As models that complete a text have them."""
    outputs: JsonValue = {
        "generations": [[{"text": "four", "generation_info": {"finish_reason": "stop"}}]],
        "llm_output": {"token_usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    }
    span = run("llm", inputs={"prompts": ["two and two?"]}, outputs=outputs)
    assert input_messages_of(span) == (Message("user", "two and two?"),)
    assert output_messages_of(span) == (Message("assistant", "four"),)
    assert token_counts_of(span) == TokenCounts(3, 2, 5)
    assert span.text("llm.finish_reason") == "stop"


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"input": "{'a': 1}"}, {"output": "ok"}, ("{'a': 1}", "ok", None)),
        ({"a": 1}, {"output": {"b": 2}}, ('{"a":1}', '{"b":2}', None)),
        (
            {"a": 1},
            {"output": {"content": "ok", "type": "tool", "tool_call_id": "c1"}},
            ('{"a":1}', "ok", "c1"),
        ),
        ({}, None, (None, None, None)),
    ],
)
def test_a_tool_run_is_its_call(
    inputs: JsonValue, outputs: JsonValue, expected: tuple[str | None, str | None, str | None]
) -> None:
    """Arguments and result without LangSmith's wrapper; of a message its content and its call."""
    io = tool_io_of(run("tool", inputs=inputs, outputs=outputs))
    assert io is not None
    assert (io.arguments, io.result, io.call_id) == expected
    assert io.name == "step"


def test_a_retriever_run_has_its_query_and_documents() -> None:
    """Also where a traced function returned them as its output."""
    documents: JsonValue = [
        {"page_content": "one", "metadata": {"id": "d1"}, "type": "Document"},
        [lc("Document", page_content="two"), 0.5],
    ]
    span = run("retriever", inputs={"query": "q"}, outputs={"output": documents})
    assert span.text("input.value") == "q"
    assert [(c.document_id, c.content, c.score) for c in retrieval_chunks_of(span)] == [
        ("d1", "one", None),
        (None, "two", 0.5),
    ]


def test_the_events_of_a_run_are_its_events() -> None:
    """With their times; what else they hold are their attributes."""
    events: JsonValue = [
        {"name": "start", "time": "2023-11-14T22:13:20"},
        {"name": "new_token", "time": "bad", "kwargs": {"token": "a"}},
    ]
    first, second = run("llm", events=events).events
    assert (first.name, first.time_ns) == ("start", 1_700_000_000_000_000_000)
    assert (second.time_ns, second.attributes) == (None, {"kwargs.token": "a"})


POST: JsonValue = {
    "id": "a",
    "trace_id": "a",
    "dotted_order": "20240101T000000000000Za",
    "name": "weather",
    "run_type": "tool",
    "start_time": "2024-01-01T00:00:00",
    "inputs": {"city": "Oslo"},
    "extra": {"metadata": {"user_id": "u"}},
}
PATCH: JsonValue = {
    "id": "a",
    "trace_id": "a",
    "dotted_order": "20240101T000000000000Za",
    "end_time": "2024-01-01T00:00:01",
    "inputs": {},
    "outputs": {"output": "sunny"},
    "error": "boom",
    "extra": {"metadata": {"thread_id": "s"}},
}


@pytest.mark.parametrize(
    "requests",
    [
        [{"post": [POST], "patch": [PATCH]}],
        [{"post": [POST]}, {"patch": [PATCH]}],
        [{"patch": [PATCH]}, {"post": [POST], "patch": []}],
        [{"post": [POST, POST]}, {"post": [], "patch": [PATCH, PATCH]}],
    ],
)
def test_a_run_is_what_its_post_and_its_patches_say(
    tmp_path: Path, requests: list[JsonValue]
) -> None:
    """In one request or several, in any order; an empty field of a patch says nothing."""
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(map(json.dumps, requests)))
    (item,) = read_source([file])
    assert isinstance(item, Decoded)
    (span,) = item.spans
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, io.arguments, io.result) == ("weather", '{"city":"Oslo"}', "sunny")
    assert (span.status.value, span.status_message, span.latency_ms) == ("ERROR", "boom", 1000.0)
    assert (span.text("user.id"), span.text("session.id")) == ("u", "s")


def test_a_patch_of_a_run_that_was_not_posted_is_counted(tmp_path: Path) -> None:
    """It says too little to be a run."""
    assert isinstance(PATCH, dict)
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"post": [POST], "patch": [{**PATCH, "id": "b"}]}))
    read, trouble = read_source([file])
    assert isinstance(read, Decoded)
    assert len(read.spans) == 1
    assert isinstance(trouble, Unreadable)
    assert "1 item" in trouble.reason


def test_a_tools_message_that_is_marked_as_failed_fails_its_run() -> None:
    """LangGraph answers the model with the error, and the run ends well."""
    message: JsonValue = {"type": "tool", "tool_call_id": "c", "content": "No.", "status": "error"}
    assert isinstance(POST, dict)
    (span,) = decode({**POST, "status": "success", "outputs": {"output": message}}, stem="run")
    assert (span.status.value, span.status_message) == ("ERROR", "No.")
