"""What the Vercel AI SDK writes under `ai.*`, in OpenInference terms; originals are kept.

The inner `….doGenerate` and `….doStream` spans are the model calls (LLM); the outer ones wrap
them (CHAIN), so tokens of one call are not counted on two model spans.
"""

from __future__ import annotations

from collections.abc import Sequence

from investigator.formats.dialects.genai import structured, token_total, tool_definition_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.chat_messages import message_attributes, read_messages
from investigator.traces.model import Attributes, Message, SpanEvent, SpanKind

_RENAMED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("llm.provider", ("ai.model.provider",)),
    ("llm.model_name", ("ai.response.model", "ai.model.id")),
    ("llm.finish_reason", ("ai.response.finishReason",)),
    ("tool.name", ("ai.toolCall.name",)),
    ("tool.id", ("ai.toolCall.id",)),
    ("session.id", ("ai.telemetry.metadata.sessionId",)),
    ("user.id", ("ai.telemetry.metadata.userId",)),
    ("input.value", ("ai.toolCall.args", "ai.prompt", "ai.prompt.messages", "ai.value")),
    ("output.value", ("ai.toolCall.result", "ai.response.text", "ai.response.object")),
)
_COUNTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("prompt", ("ai.usage.inputTokens", "ai.usage.promptTokens")),
    ("completion", ("ai.usage.outputTokens", "ai.usage.completionTokens")),
    ("total", ("ai.usage.totalTokens", "ai.usage.tokens")),
    ("completion_details.reasoning", ("ai.usage.reasoningTokens",)),
    ("prompt_details.cache_read", ("ai.usage.cachedInputTokens",)),
)


def openinference_from_vercel(
    attributes: Attributes, _events: Sequence[SpanEvent] = ()
) -> dict[str, JsonValue]:
    """The OpenInference keys that follow from `ai.*`, without the originals; often empty.

    The SDK's events hold only times, so nothing follows from them.
    """
    operation = attributes.get("ai.operationId")
    if not isinstance(operation, str):
        return {}
    added: dict[str, JsonValue] = {"openinference.span.kind": _kind(operation).value}
    for target, sources in _RENAMED:
        value = _first(attributes, sources)
        if value is not None:
            added[target] = json_text(value)
    added |= _token_counts(attributes)
    added |= message_attributes("llm.input_messages", _input_messages(attributes))
    added |= message_attributes("llm.output_messages", _output_messages(attributes))
    added |= tool_definition_attributes(structured(attributes, "ai.prompt.tools"))
    return added


def _kind(operation: str) -> SpanKind:
    if operation == "ai.toolCall":
        return SpanKind.TOOL
    if operation.endswith(".doEmbed"):
        return SpanKind.EMBEDDING
    return SpanKind.LLM if operation.endswith((".doGenerate", ".doStream")) else SpanKind.CHAIN


def _token_counts(attributes: Attributes) -> dict[str, JsonValue]:
    counts: dict[str, JsonValue] = {}
    for name, sources in _COUNTS:
        value = _first(attributes, sources)
        if value is not None:
            counts[f"llm.token_count.{name}"] = value
    return counts | token_total(counts)


def _input_messages(attributes: Attributes) -> tuple[Message, ...]:
    said = _first(attributes, ("ai.prompt.messages", "ai.prompt"))
    return read_messages(said, role="user")


def _output_messages(attributes: Attributes) -> tuple[Message, ...]:
    content = _first(attributes, ("ai.response.text", "ai.response.object"))
    calls = structured(attributes, "ai.response.toolCalls")
    called = read_messages(calls, role="assistant") if isinstance(calls, list) else ()
    if content is None and not called:
        return ()
    return (
        Message(
            role="assistant",
            content=None if content is None else json_text(content),
            tool_calls=tuple(call for message in called for call in message.tool_calls),
        ),
    )


def _first(attributes: Attributes, keys: tuple[str, ...]) -> JsonValue:
    return next((attributes[key] for key in keys if attributes.get(key) is not None), None)
