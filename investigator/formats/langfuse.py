"""Langfuse exports: a `trace` with its `observations`, each of which is a span.

What an observation kept of the OpenTelemetry span it came from (`metadata.attributes`,
`resourceAttributes`, `scope`) is read as such. Types that OpenInference knows give the kind;
a plain `SPAN` is a tool call where its output is a tool's message, else `UNKNOWN`. What is
said of the whole trace stands on its root observation.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.dialects.genai import tool_definition_attributes
from investigator.formats.documents import document_attributes
from investigator.formats.fields import (
    first,
    leftovers,
    listed,
    make_span,
    nothings,
    record,
    records,
    resource_attributes,
    scope_attributes,
    span_kind,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.formats.kept_verdicts import langfuse_scores
from investigator.formats.model_calls import call_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json, json_text
from investigator.traces.chat_messages import MARKED_FAILED, read_messages
from investigator.traces.evaluations import Evaluation
from investigator.traces.message_parts import is_result_part
from investigator.traces.model import Message, Span, SpanKind, StatusCode

_KIND_OF_TYPE = {"GENERATION": SpanKind.LLM}
_USAGE = {
    "prompt": ("input", "prompt_tokens"),
    "completion": ("output", "completion_tokens"),
    "total": ("total", "total_tokens"),
    "prompt_details.cache_read": ("input_cached_tokens", "cache_read_input_tokens"),
    "prompt_details.cache_write": ("cache_creation_input_tokens", "input_cache_creation"),
    "completion_details.reasoning": ("output_reasoning_tokens", "output_reasoning"),
}
_TRACE_KNOWN = (
    "id",
    "projectId",
    "observations",
    "sessionId",
    "userId",
    "tags",
    "createdAt",
    "updatedAt",
    "latency",
    "public",
    "bookmarked",
    "scores",
)
_KEPT = ("version", "environment", "promptName", "promptVersion", "totalCost", "toolCallNames")


def is_langfuse(value: Record) -> bool:
    """Whether an object is an export of a trace, or one observation."""
    return _observations(value) is not None or is_observation(value)


def is_observation(value: Record) -> bool:
    """Whether an object is one observation."""
    return "traceId" in value and "type" in value and "startTime" in value


def decode_langfuse(document: Record) -> Iterator[Span | Evaluation | None]:
    """Every observation of an export as a span, with the scores; a trace without any has none.

    None stands for each item of its lists that is nothing.
    """
    if is_observation(document):
        yield observation_span(document, {})
        yield from _scores(document, text(document.get("traceId")))
        return
    given = _observations(document)
    observations = [one for one in listed(given) if one]
    yield from nothings(given)
    if not observations:
        return
    about_trace = _trace_attributes(record(document.get("trace")) or document)
    root = next((o for o in observations if not o.get("parentObservationId")), observations[0])
    for observation in observations:
        yield observation_span(observation, about_trace if observation is root else {})
        yield from _scores(observation, text(observation.get("traceId")))
    named = text(record(document.get("trace")).get("id") or observations[0].get("traceId"))
    for holder in (document, record(document.get("trace"))):
        yield from nothings(holder.get("scores"))
        yield from langfuse_scores(holder.get("scores"), named)


def _scores(observation: Record, trace_id: str) -> Iterator[Evaluation | None]:
    """The scores of an observation; each is on it, whether it says so or not."""
    own = text(observation.get("id"))
    named: list[JsonValue] = [
        {"observationId": own, **score} for score in records(observation.get("scores"))
    ]
    yield from nothings(observation.get("scores"))
    yield from langfuse_scores(named, trace_id)


def _observations(document: Record) -> list[JsonValue] | None:
    for holder in (document, record(document.get("trace"))):
        given = holder.get("observations")
        if isinstance(given, list):
            return given
    return None


def observation_span(observation: Record, about_trace: dict[str, object]) -> Span:
    """An observation as a span, with what is said of its trace."""
    metadata = record(_read(observation.get("metadata")))
    own = record(metadata.get("attributes"))
    kind = _kind(observation)
    return make_span(
        trace_id=text(observation.get("traceId")),
        span_id=text(observation.get("id")),
        parent_id=text(observation.get("parentObservationId")) or None,
        name=text(observation.get("name")),
        attributes={
            **about_trace,
            **own,
            **_context_attributes(metadata),
            **_contents(observation, kind),
            **_own_attributes(observation),
        },
        start_ns=time_ns(observation.get("startTime")),
        end_ns=time_ns(observation.get("endTime")),
        status=StatusCode.ERROR if observation.get("level") == "ERROR" else StatusCode.UNSET,
        status_message=text(observation.get("statusMessage")),
        kind=kind,
        tool_name=text(observation.get("name")) if kind is SpanKind.TOOL else None,
    )


def _kind(observation: Record) -> SpanKind | None:
    kind = text(observation.get("type")).upper()
    known = _KIND_OF_TYPE.get(kind) or span_kind(kind)
    if known is SpanKind.UNKNOWN and _tool_message(observation):
        return SpanKind.TOOL
    return None if known is SpanKind.UNKNOWN else known


def _tool_message(observation: Record) -> Message | None:
    """The tool message, or the block with a tool's result, that an observation put out."""
    output = _read(observation.get("output"))
    if isinstance(output, list) and len(output) == 1:
        output = output[0]
    said = record(output)
    is_tool = said.get("type") == "tool" or said.get("role") == "tool"
    if not (is_tool and "tool_call_id" in said) and not is_result_part(said):
        return None
    return next(iter(read_messages(said, role="tool")), None)


def _own_attributes(observation: Record) -> dict[str, object]:
    parameters: dict[str, JsonValue] = {
        k: v for k, v in record(observation.get("modelParameters")).items() if v is not None
    }
    usage = record(observation.get("usageDetails"))
    found = {
        **{f"langfuse.{key}": observation[key] for key in _KEPT if observation.get(key)},
        "llm.model_name": observation.get("model"),
        "llm.invocation_parameters": json_text(parameters) if parameters else None,
        **{f"llm.token_count.{name}": first(usage, *keys) for name, keys in _USAGE.items()},
    }
    return {key: value for key, value in found.items() if value is not None}


def _contents(observation: Record, kind: SpanKind | None) -> dict[str, object]:
    found: dict[str, object] = {}
    for side in ("input", "output"):
        value = observation.get(side)
        if value is not None:
            found[f"{side}.value"] = json_text(value)
    if kind is SpanKind.LLM:
        return found | _messages(observation)
    if kind in (SpanKind.RETRIEVER, SpanKind.RERANKER):
        return found | document_attributes(_read(observation.get("output")))
    message = _tool_message(observation) if kind is SpanKind.TOOL else None
    if message is not None:
        found["tool.name"] = message.name
        found["tool.id"] = message.tool_call_id
        found["output.value"] = message.content or ""
        found[MARKED_FAILED] = message.is_error or None
    return found


def _messages(observation: Record) -> dict[str, JsonValue]:
    inputs = _read(observation.get("input"))
    listed = inputs if isinstance(inputs, list) else []
    tools = [entry for entry in listed if _is_tool_definition(entry)]
    said = [entry for entry in listed if not _is_tool_definition(entry)] if listed else inputs
    return {
        **call_attributes(said, observation.get("output")),
        **tool_definition_attributes([record(entry)["content"] for entry in tools]),
    }


def _is_tool_definition(entry: JsonValue) -> bool:
    """Langfuse lists offered tools as messages of role `tool` with the definition as content."""
    fields = record(entry)
    content = record(fields.get("content"))
    return fields.get("role") == "tool" and content.get("type") == "function"


def _context_attributes(metadata: Record) -> dict[str, object]:
    scope = record(metadata.get("scope"))
    node = metadata.get("langgraph_node")
    rest = {
        key: value
        for key, value in metadata.items()
        if key not in ("attributes", "resourceAttributes", "scope")
    }
    return {
        **resource_attributes(record(metadata.get("resourceAttributes"))),
        **scope_attributes(scope.get("name"), scope.get("version")),
        **({"graph.node.id": node} if node else {}),
        **({"metadata": rest} if rest else {}),
    }


def _trace_attributes(trace: Record) -> dict[str, object]:
    return {
        "session.id": trace.get("sessionId"),
        "user.id": trace.get("userId"),
        "tag.tags": trace.get("tags") or None,
        **leftovers(trace, _TRACE_KNOWN, prefix="langfuse.trace."),
    }


def _read(value: JsonValue) -> JsonValue:
    return (embedded_json(value) or value) if isinstance(value, str) else value


FORMAT = Format(
    name="Langfuse export",
    reads="Langfuse exports",
    looks_like=is_langfuse,
    decode=lambda record, _: decode_langfuse(record),
)
