"""OTel GenAI and Vercel attributes say the same as OpenInference ones."""

from __future__ import annotations

import json

import pytest

from investigator.formats.fields import make_event, make_span
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Message, Span, SpanEvent, ToolCall
from investigator.traces.openinference import (
    TokenCounts,
    messages_of,
    output_messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_definitions_of,
    tool_io_of,
)

ASKED = Message("user", "Weather?")
CALLED = Message("assistant", "Looking.", tool_calls=(ToolCall("1", "weather", '{"city":"Rome"}'),))
ANSWERED = Message("tool", "sunny", tool_call_id="1")
SAID = Message("assistant", "It is sunny.")

PARTS: JsonValue = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "text", "content": "Looking."},
            {"type": "tool_call", "id": "1", "name": "weather", "arguments": {"city": "Rome"}},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "sunny"}]},
]
OPENAI: JsonValue = [
    {"role": "user", "content": "Weather?"},
    {
        "role": "assistant",
        "content": "Looking.",
        "tool_calls": [
            {"id": "1", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
        ],
    },
    {"role": "tool", "content": "sunny", "tool_call_id": "1"},
]
VERCEL: JsonValue = [
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Looking."},
            {
                "type": "tool-call",
                "toolCallId": "1",
                "toolName": "weather",
                "input": {"city": "Rome"},
            },
        ],
    },
    {
        "role": "tool",
        "content": [
            {
                "type": "tool-result",
                "toolCallId": "1",
                "output": {"type": "text", "value": "sunny"},
            }
        ],
    },
]


def read(attributes: dict[str, JsonValue], *events: SpanEvent) -> Span:
    """The span of these attributes."""
    return make_span(
        trace_id="t",
        span_id="s",
        parent_id=None,
        name="execute_tool that is none",
        attributes=attributes,
        events=events,
    )


@pytest.mark.parametrize("messages", [PARTS, OPENAI, VERCEL], ids=["parts", "openai", "vercel"])
@pytest.mark.parametrize("spelled", ["text", "structure"])
@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ("gen_ai.input.messages", "gen_ai.output.messages"),
        ("gen_ai.prompt", "gen_ai.completion"),
    ],
)
def test_messages_are_read_in_every_dialect(
    messages: JsonValue, spelled: str, inputs: str, outputs: str
) -> None:
    """As JSON text or as structures, under current and deprecated keys."""
    answer: JsonValue = [{"role": "assistant", "content": "It is sunny.", "finish_reason": "stop"}]
    as_text = spelled == "text"
    span = read(
        {
            "gen_ai.operation.name": "chat",
            inputs: json.dumps(messages) if as_text else messages,
            outputs: json.dumps(answer) if as_text else answer,
        }
    )
    said = messages_of(span)
    assert [(m.role, m.content, m.tool_calls) for m in said] == [
        (m.role, m.content, m.tool_calls) for m in (ASKED, CALLED, ANSWERED, SAID)
    ]
    assert said[2].tool_call_id == "1"
    assert span.attributes["llm.finish_reason"] == "stop"


def test_flat_deprecated_messages_are_read() -> None:
    """Older instrumentations wrote one key for each field of a message."""
    span = read(
        {
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Weather?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.tool_calls.0.id": "1",
            "gen_ai.completion.0.tool_calls.0.name": "weather",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"city":"Rome"}',
            "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.request.model": "m",
        }
    )
    assert span.kind == "LLM"
    assert messages_of(span) == (ASKED, Message("assistant", None, tool_calls=CALLED.tool_calls))
    assert span.attributes["llm.finish_reason"] == "tool_calls"


def test_messages_that_were_recorded_as_events_are_read() -> None:
    """Both one event a message, and one event for all."""
    each = read(
        {"gen_ai.operation.name": "chat"},
        make_event("gen_ai.user.message", None, {"content": "Weather?"}),
        make_event("gen_ai.choice", None, {"message": {"content": "It is sunny."}}),
    )
    at_once = read(
        {"gen_ai.operation.name": "chat"},
        make_event("gen_ai.content.prompt", None, {"gen_ai.prompt": "Weather?"}),
        make_event("gen_ai.content.completion", None, {"gen_ai.completion": "It is sunny."}),
    )
    assert messages_of(each) == messages_of(at_once) == (ASKED, SAID)


def test_system_instructions_come_first() -> None:
    """They are a system message of their own."""
    span = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
            "gen_ai.input.messages": PARTS,
        }
    )
    assert messages_of(span)[:2] == (Message("system", "Be brief."), ASKED)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("chat", "LLM"),
        ("generate_content", "LLM"),
        ("text_completion", "LLM"),
        ("call_llm", "LLM"),
        ("embeddings", "EMBEDDING"),
        ("execute_tool", "TOOL"),
        ("retrieval", "RETRIEVER"),
        ("invoke_agent", "AGENT"),
        ("create_agent", "AGENT"),
        ("invoke_workflow", "CHAIN"),
        ("something_else", "UNKNOWN"),
    ],
)
def test_the_kind_follows_from_the_operation(operation: str, kind: str) -> None:
    """The name of the span has no say in it."""
    assert read({"gen_ai.operation.name": operation}).kind == kind


def test_a_model_call_is_counted_named_and_parametrised() -> None:
    """The model that answered is named; the total is the sum where none is given."""
    span = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m",
            "gen_ai.response.model": "m-2",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.response.finish_reasons": ["length"],
            "gen_ai.conversation.id": "c",
            "gen_ai.tool.definitions": '[{"type": "function", "name": "weather"}]',
            "error.type": "timeout",
        }
    )
    assert token_counts_of(span) == TokenCounts(3, 4, 7)
    expected = {
        "llm.provider": "openai",
        "llm.model_name": "m-2",
        "llm.invocation_parameters": '{"temperature":0.5}',
        "llm.finish_reason": "length",
        "session.id": "c",
        "error.type": "timeout",
    }
    assert expected.items() <= span.attributes.items()
    assert [tool.name for tool in tool_definitions_of(span)] == ["weather"]


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
        ("gen_ai.tool.args", "gen_ai.output"),
        ("input", "output"),
    ],
)
@pytest.mark.parametrize("asked", ['{"city": "Rome"}', {"city": "Rome"}])
def test_a_tool_call_has_name_arguments_and_result(
    arguments: str, result: str, asked: JsonValue
) -> None:
    """Texts as they were written, objects as JSON."""
    span = read(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "weather",
            "gen_ai.tool.call.id": "1",
            arguments: asked,
            result: "sunny",
        }
    )
    io = tool_io_of(span)
    assert io is not None
    assert io.arguments is not None
    assert json.loads(io.arguments) == {"city": "Rome"}
    assert (io.name, io.result, io.call_id) == ("weather", "sunny", "1")


@pytest.mark.parametrize("arguments", ['{"city":"Rome"}', {"city": "Rome"}])
def test_an_output_that_lists_calls_is_a_message_with_calls(arguments: JsonValue) -> None:
    """As one framework records what its model asked for."""
    output = json.dumps([{"tool.name": "weather", "tool.args": arguments}])
    span = read({"gen_ai.operation.name": "call_llm", "gen_ai.output": output})
    assert output_messages_of(span)[0].tool_calls == (ToolCall(None, "weather", '{"city":"Rome"}'),)


@pytest.mark.parametrize(
    "text",
    [
        '{\n "steps": []\n}',
        '{"text": "x"}',
        '{"prompt": "x", "n": 1}',
        '["a"]',
        '[{"type": 1}]',
        "[",
        '[{"role": "assi',
    ],
)
def test_an_answer_in_json_stays_as_the_model_wrote_it(text: str) -> None:
    """Structured output is content, not a message format; a cut-off text is shown as it is."""
    span = read({"gen_ai.operation.name": "call_llm", "gen_ai.output": text})
    assert output_messages_of(span) == (Message("assistant", text),)


def test_what_the_source_said_in_openinference_terms_wins() -> None:
    """And the originals are kept beside it."""
    span = read(
        {
            "openinference.span.kind": "AGENT",
            "llm.input_messages.0.message.content": "mine",
            "llm.model_name": "mine",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "other",
            "gen_ai.input.messages": PARTS,
        }
    )
    assert span.kind == "AGENT"
    assert [m.content for m in messages_of(span)] == ["mine"]
    assert span.attributes["llm.model_name"] == "mine"
    assert span.attributes["gen_ai.request.model"] == "other"


def test_retrieved_documents_are_read() -> None:
    """With ids, contents and scores."""
    documents = '[{"id": "d", "content": "text", "score": 0.5, "metadata": {"a": 1}}]'
    span = read({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents})
    (chunk,) = retrieval_chunks_of(span)
    assert (chunk.document_id, chunk.content, chunk.score, chunk.metadata) == (
        "d",
        "text",
        0.5,
        '{"a":1}',
    )


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ai.generateText", "CHAIN"),
        ("ai.generateText.doGenerate", "LLM"),
        ("ai.streamText.doStream", "LLM"),
        ("ai.embed.doEmbed", "EMBEDDING"),
        ("ai.toolCall", "TOOL"),
    ],
)
def test_vercel_operations_have_kinds(operation: str, kind: str) -> None:
    """Only the inner spans are model calls."""
    assert read({"ai.operationId": operation}).kind == kind


@pytest.mark.parametrize(
    "prompt",
    [
        {"ai.prompt.messages": json.dumps([{"role": "user", "content": "Weather?"}])},
        {"ai.prompt": '{"prompt": "Weather?"}'},
        {"ai.prompt": '{"messages": [{"role": "user", "content": "Weather?"}]}'},
    ],
)
def test_vercel_model_calls_are_read(prompt: dict[str, JsonValue]) -> None:
    """Prompt, answer, calls, usage and finish reason."""
    span = read(
        {
            **prompt,
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.id": "m",
            "ai.response.text": "Looking.",
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "1", "toolName": "weather", "input": '{"city":"Rome"}'}]
            ),
            "ai.response.finishReason": "tool-calls",
            "ai.usage.promptTokens": 3,
            "ai.usage.completionTokens": 4,
            "ai.prompt.tools": ['{"type": "function", "name": "weather"}'],
        }
    )
    assert messages_of(span) == (ASKED, CALLED)
    assert token_counts_of(span) == TokenCounts(3, 4, 7)
    assert span.attributes["llm.finish_reason"] == "tool-calls"
    assert [tool.name for tool in tool_definitions_of(span)] == ["weather"]


def test_a_vercel_tool_call_is_read() -> None:
    """Name, arguments and result."""
    span = read(
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "weather",
            "ai.toolCall.id": "1",
            "ai.toolCall.args": '{"city":"Rome"}',
            "ai.toolCall.result": '"sunny"',
        }
    )
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, io.arguments, io.result, io.call_id) == (
        "weather",
        '{"city":"Rome"}',
        '"sunny"',
        "1",
    )
