"""How what happened is spelled as OpenInference attributes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from openinference.instrumentation import (
    Message as SpanMessage,
)
from openinference.instrumentation import (
    TokenCount,
    get_llm_attributes,
)
from openinference.instrumentation import (
    Tool as SpanTool,
)
from openinference.instrumentation import (
    ToolCall as SpanToolCall,
)
from openinference.instrumentation import (
    ToolCallFunction as SpanFunction,
)
from openinference.semconv.trace import DocumentAttributes, SpanAttributes
from opentelemetry.util.types import AttributeValue

from demo.agent.documents import Hit
from demo.agent.model import Completion, Message, Settings, ToolCall
from demo.agent.telemetry import Attributes, text_or_json
from demo.agent.tools import Tool


def prompt_attributes(
    messages: Sequence[Message], tools: Sequence[str], settings: Settings
) -> Attributes:
    """What a model is asked: its settings, the messages and the tools."""
    return {
        **get_llm_attributes(
            provider=settings.provider,
            model_name=settings.model,
            invocation_parameters=settings.parameters,
            input_messages=[_message(m) for m in messages],
            tools=[SpanTool(json_schema=tool) for tool in tools],
        ),
        **text_or_json("input", messages[-1].content or ""),
    }


def completion_attributes(completion: Completion) -> Attributes:
    """What a model replied, and its usage."""
    total = completion.tokens_in + completion.tokens_out
    return {
        **get_llm_attributes(
            output_messages=[_message(completion.message)],
            token_count=TokenCount(
                prompt=completion.tokens_in, completion=completion.tokens_out, total=total
            ),
        ),
        SpanAttributes.LLM_FINISH_REASON: completion.finish_reason,
        **text_or_json("output", completion.message.content or _calls_text(completion.message)),
    }


def _calls_text(message: Message) -> str:
    return json.dumps([{"name": c.name, "arguments": c.arguments} for c in message.tool_calls])


def tool_attributes(call: ToolCall, tool: Tool | None) -> Attributes:
    """Which tool is called with what."""
    told: dict[str, AttributeValue] = {
        SpanAttributes.TOOL_NAME: call.name,
        SpanAttributes.TOOL_ID: call.id,
        "input.value": call.arguments,
        "input.mime_type": "application/json",
    }
    if tool is not None:
        told[SpanAttributes.TOOL_DESCRIPTION] = tool.description
        told[SpanAttributes.TOOL_PARAMETERS] = json.dumps(
            {p.name: p.schema for p in tool.parameters}
        )
    return told


def documents_of(hits: Sequence[Hit]) -> Attributes:
    """The passages that were found, as a retriever tells of them."""
    told: dict[str, AttributeValue] = {}
    for place, hit in enumerate(hits):
        prefix = f"{SpanAttributes.RETRIEVAL_DOCUMENTS}.{place}"
        told[f"{prefix}.{DocumentAttributes.DOCUMENT_ID}"] = hit.document.id
        told[f"{prefix}.{DocumentAttributes.DOCUMENT_CONTENT}"] = hit.document.content
        told[f"{prefix}.{DocumentAttributes.DOCUMENT_SCORE}"] = hit.score
        metadata = json.dumps(dict(hit.document.metadata))
        told[f"{prefix}.{DocumentAttributes.DOCUMENT_METADATA}"] = metadata
    ids = [{"id": hit.document.id, "score": hit.score} for hit in hits]
    return {**told, "output.value": json.dumps(ids), "output.mime_type": "application/json"}


def _message(message: Message) -> SpanMessage:
    said = SpanMessage(role=message.role)
    if message.content is not None:
        said["content"] = message.content
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        said["tool_calls"] = [
            SpanToolCall(
                id=call.id, function=SpanFunction(name=call.name, arguments=call.arguments)
            )
            for call in message.tool_calls
        ]
    return said
