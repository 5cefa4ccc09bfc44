"""OTel GenAI attributes say in other words what OpenInference says; this adds the latter.

Current conventions (`gen_ai.input.messages`, `gen_ai.tool.call.arguments`, …), deprecated ones
(`gen_ai.prompt`, `gen_ai.completion.0.content`, message events) and what frameworks write
beside them (`gen_ai.tool.args`, `gen_ai.output`, `agent_name`, OpenLLMetry's `traceloop.*`) are
read. Originals are never changed, and a key that the source gave in OpenInference terms always
wins. A span's kind follows from what its attributes say that it did, never from its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from investigator.formats.dialects.openllmetry import openinference_from_entity
from investigator.formats.documents import document_attributes
from investigator.ground.canonical_json import JsonValue, count_of
from investigator.ground.json_text import embedded_json, json_text, nested
from investigator.traces.chat_messages import message_attributes, read_messages
from investigator.traces.model import Attributes, Message, SpanEvent, SpanKind

_FOREIGN = ("gen_ai.", "traceloop.", "mcp.")
_KIND_OF_OPERATION = {
    "chat": SpanKind.LLM,
    "text_completion": SpanKind.LLM,
    "completion": SpanKind.LLM,
    "generate_content": SpanKind.LLM,
    "call_llm": SpanKind.LLM,
    "embeddings": SpanKind.EMBEDDING,
    "embedding": SpanKind.EMBEDDING,
    "execute_tool": SpanKind.TOOL,
    "tool": SpanKind.TOOL,
    "retrieval": SpanKind.RETRIEVER,
    "rerank": SpanKind.RERANKER,
    "invoke_agent": SpanKind.AGENT,
    "create_agent": SpanKind.AGENT,
    "agent": SpanKind.AGENT,
    "invoke_workflow": SpanKind.CHAIN,
    "workflow": SpanKind.CHAIN,
    "task": SpanKind.CHAIN,
    "plan": SpanKind.CHAIN,
    "load_skill": SpanKind.TOOL,
}
_MCP_METHOD, _MCP_CALL = "mcp.method.name", "tools/call"
_OPERATION = ("gen_ai.operation.name", "llm.request.type", "traceloop.span.kind")

_RENAMED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("llm.provider", ("gen_ai.provider.name", "gen_ai.system")),
    ("llm.system", ("gen_ai.provider.name", "gen_ai.system")),
    ("llm.model_name", ("gen_ai.response.model", "gen_ai.request.model")),
    ("llm.token_count.prompt", ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")),
    (
        "llm.token_count.completion",
        ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    ),
    ("llm.token_count.total", ("gen_ai.usage.total_tokens", "llm.usage.total_tokens")),
    (
        "llm.token_count.prompt_details.cache_read",
        ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    ),
    (
        "llm.token_count.prompt_details.cache_write",
        ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    ),
    (
        "llm.token_count.completion_details.reasoning",
        ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    ),
    (
        "session.id",
        (
            "gen_ai.conversation.id",
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.thread_id",
        ),
    ),
    ("user.id", ("enduser.id", "traceloop.association.properties.user_id")),
    ("agent.name", ("gen_ai.agent.name", "agent_name")),
    ("tool.name", ("gen_ai.tool.name", "mcp.tool.name", "gen_ai.skill.name")),
    ("tool.description", ("gen_ai.tool.description",)),
    ("tool.id", ("gen_ai.tool.call.id",)),
)
_INPUT_TEXT = (
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.args",
    "gen_ai.retrieval.query.text",
    "input",
)
_OUTPUT_TEXT = (
    "gen_ai.tool.call.result",
    "gen_ai.output",
    "output",
)
_INPUT_MESSAGES = ("gen_ai.input.messages", "gen_ai.prompt")
_OUTPUT_MESSAGES = ("gen_ai.output.messages", "gen_ai.completion")
_NOT_PARAMETERS = ("gen_ai.request.model",)
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def openinference_from_genai(
    attributes: Attributes, events: Sequence[SpanEvent] = ()
) -> dict[str, JsonValue]:
    """The OpenInference keys that follow from `gen_ai.*`, without the originals; often empty."""
    if not any(key.startswith(_FOREIGN) for key in attributes):
        return {}
    said = {**_event_attributes(events), **attributes}
    added = _renamed(said)
    kind = _kind(said)
    if kind is not None:
        added["openinference.span.kind"] = kind.value
    added = openinference_from_entity(said, is_tool=kind is SpanKind.TOOL) | added
    is_model_call = attributes.get("openinference.span.kind", kind) == SpanKind.LLM
    if not _has(attributes, "llm.input_messages."):
        added |= message_attributes("llm.input_messages", _input_messages(said, events))
    if not _has(attributes, "llm.output_messages."):
        outputs = _output_messages(said, events, model_call=is_model_call)
        added |= message_attributes("llm.output_messages", outputs)
    if not _has(attributes, "llm.tools."):
        added |= _tool_definitions(said)
    if not _has(attributes, "retrieval.documents."):
        added |= document_attributes(structured(said, "gen_ai.retrieval.documents"))
    return added


def structured(attributes: Attributes, key: str) -> JsonValue:
    """What `key` holds: its value, its JSON text read, or its flattened `key.0.…` put together."""
    whole = attributes.get(key)
    if isinstance(whole, str):
        inner = embedded_json(whole)
        return whole if inner is None else inner
    if whole is not None:
        return whole
    start = len(key) + 1
    below = {k[start:]: v for k, v in attributes.items() if k.startswith(f"{key}.")}
    return nested(below) if below else None


def tool_definition_attributes(definitions: JsonValue) -> dict[str, JsonValue]:
    """A list of tool definitions (objects or their JSON texts) as `llm.tools.*` keys."""
    if not isinstance(definitions, list):
        return {}
    return {
        f"llm.tools.{index}.tool.json_schema": json_text(definition)
        for index, definition in enumerate(definitions)
    }


def token_total(added: Attributes) -> dict[str, JsonValue]:
    """The total of prompt and completion tokens where both are known and no total is given."""
    prompt = count_of(str(added.get("llm.token_count.prompt")))
    completion = count_of(str(added.get("llm.token_count.completion")))
    if "llm.token_count.total" in added or prompt is None or completion is None:
        return {}
    return {"llm.token_count.total": prompt + completion}


def _renamed(said: Attributes) -> dict[str, JsonValue]:
    added: dict[str, JsonValue] = {}
    for target, sources in _RENAMED:
        value = _first(said, sources)
        if value is not None:
            added[target] = value
    added |= token_total(added)
    for target, sources in (("input.value", _INPUT_TEXT), ("output.value", _OUTPUT_TEXT)):
        value = next((v for key in sources if (v := structured(said, key)) is not None), None)
        if value is not None:
            text = _first(said, sources)
            added[target] = text if isinstance(text, str) else json_text(value)
    parameters = _invocation_parameters(said)
    if parameters:
        added["llm.invocation_parameters"] = json_text(parameters)
    finish = _finish_reason(said)
    if finish is not None:
        added["llm.finish_reason"] = finish
    return added


def _kind(said: Attributes) -> SpanKind | None:
    for key in _OPERATION:
        operation = said.get(key)
        if isinstance(operation, str) and operation.lower() in _KIND_OF_OPERATION:
            return _KIND_OF_OPERATION[operation.lower()]
    if said.get(_MCP_METHOD) == _MCP_CALL:
        return SpanKind.TOOL
    if "gen_ai.tool.name" in said and _has(said, "gen_ai.tool.call."):
        return SpanKind.TOOL
    if "agent_name" in said:
        return SpanKind.AGENT
    spoke = any(said.get(key) is not None or _has(said, f"{key}.") for key in _OUTPUT_MESSAGES)
    if "gen_ai.request.model" in said and (spoke or "gen_ai.usage.output_tokens" in said):
        return SpanKind.LLM
    return None


def _input_messages(said: Attributes, events: Sequence[SpanEvent]) -> tuple[Message, ...]:
    system = read_messages(_parts(structured(said, "gen_ai.system_instructions")), role="system")
    for key in _INPUT_MESSAGES:
        messages = read_messages(_as_said(said, key), role="user")
        if messages:
            return system + messages
    return system + tuple(
        message
        for event in events
        if event.name in _MESSAGE_EVENTS
        for message in read_messages(nested(event.attributes), role=_MESSAGE_EVENTS[event.name])
    )


def _output_messages(
    said: Attributes, events: Sequence[SpanEvent], *, model_call: bool
) -> tuple[Message, ...]:
    keys = (*_OUTPUT_MESSAGES, "gen_ai.output") if model_call else _OUTPUT_MESSAGES
    for key in keys:
        messages = read_messages(_as_said(said, key), role="assistant")
        if messages:
            return messages
    return tuple(
        message
        for event in events
        if event.name == "gen_ai.choice"
        for message in read_messages(nested(event.attributes), role="assistant")
    )


def _as_said(said: Attributes, key: str) -> JsonValue:
    """A text as it is, so that an answer in JSON keeps its own spelling."""
    whole = said.get(key)
    return whole if isinstance(whole, str) else structured(said, key)


def _parts(value: JsonValue) -> JsonValue:
    return {"role": "system", "parts": value} if isinstance(value, list) else value


def _invocation_parameters(said: Attributes) -> dict[str, JsonValue]:
    prefix = "gen_ai.request."
    return {
        key.removeprefix(prefix): value
        for key, value in said.items()
        if key.startswith(prefix) and key not in _NOT_PARAMETERS
    }


def _finish_reason(said: Attributes) -> JsonValue:
    reasons = structured(said, "gen_ai.response.finish_reasons")
    if isinstance(reasons, list):
        return reasons[0] if reasons else None
    if reasons is not None:
        return reasons
    outputs = [structured(said, key) for key in _OUTPUT_MESSAGES]
    entries = [e for out in outputs for e in (out if isinstance(out, list) else [out])]
    found = (entry.get("finish_reason") for entry in entries if isinstance(entry, dict))
    return next((reason for reason in found if reason is not None), None)


def _tool_definitions(said: Attributes) -> dict[str, JsonValue]:
    for key in ("gen_ai.tool.definitions", "llm.request.functions"):
        definitions = structured(said, key)
        if isinstance(definitions, list):
            return tool_definition_attributes(definitions)
    return {}


def _event_attributes(events: Sequence[SpanEvent]) -> dict[str, JsonValue]:
    """What an event says for the whole span (`gen_ai.input.messages`, `gen_ai.prompt`, …)."""
    return {
        key: value
        for event in events
        for key, value in event.attributes.items()
        if key.startswith("gen_ai.") and event.name not in (*_MESSAGE_EVENTS, "gen_ai.choice")
    }


def _has(attributes: Attributes, prefix: str) -> bool:
    return any(key.startswith(prefix) for key in attributes)


def _first(said: Attributes, keys: Iterable[str]) -> JsonValue:
    return next((said[key] for key in keys if said.get(key) is not None), None)
