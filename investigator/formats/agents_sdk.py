"""Traces of the OpenAI Agents SDK: an object for the trace, and one for each span.

What the trace says of itself (its workflow, its group, which is the session) stands on its roots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.formats.fields import first, leftovers, make_span, record, text, time_ns
from investigator.formats.format import Format, Record, Session
from investigator.formats.model_calls import call_attributes, usage_attributes
from investigator.formats.session_lines import grouped, is_grouped, lines_in
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.model import Span, SpanKind, StatusCode

_Fields = dict[str, JsonValue]

_KINDS = {
    "agent": SpanKind.AGENT,
    "function": SpanKind.TOOL,
    "generation": SpanKind.LLM,
    "response": SpanKind.LLM,
    "guardrail": SpanKind.GUARDRAIL,
    "handoff": SpanKind.CHAIN,
    "mcp_tools": SpanKind.CHAIN,
    "task": SpanKind.CHAIN,
    "turn": SpanKind.CHAIN,
}
_DATA_KNOWN = ("type", "name", "input", "output", "usage", "model", "model_config", "response")


def _is_line(value: Record) -> bool:
    """Whether a record is a trace or a span of the SDK."""
    kind = value.get("object")
    return (kind == "trace.span" and "span_data" in value) or (
        kind == "trace" and "workflow_name" in value
    )


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The records of a file by trace."""
    return list(grouped(lines, _trace_of, stem))


def _trace_of(line: Record) -> str:
    return text(line.get("id") if line.get("object") == "trace" else line.get("trace_id"))


def decode_agents_sdk(trace: Record) -> Iterator[Span]:
    """The spans of a trace."""
    lines = lines_in(trace, _is_line)
    head = next((line for line in lines if line.get("object") == "trace"), {})
    about: dict[str, object] = {
        "session.id": head.get("group_id"),
        "metadata": head.get("metadata") or None,
        "source.workflow_name": head.get("workflow_name"),
    }
    for line in lines:
        if line.get("object") == "trace.span":
            yield _span(line, {} if line.get("parent_id") else about)


def _span(span: _Fields, about: dict[str, object]) -> Span:
    data, error = record(span.get("span_data")), record(span.get("error"))
    kind = _KINDS.get(text(data.get("type")))
    return make_span(
        trace_id=text(span.get("trace_id")),
        span_id=text(span.get("id")),
        parent_id=text(span.get("parent_id")) or None,
        name=text(data.get("name")) or text(data.get("type")),
        attributes={**about, **_attributes(data, kind), **leftovers(error, ("message",))},
        start_ns=time_ns(span.get("started_at")),
        end_ns=time_ns(span.get("ended_at")),
        status=StatusCode.ERROR if error else StatusCode.UNSET,
        status_message=text(error.get("message")),
        kind=kind,
        tool_name=text(data.get("name")) if kind is SpanKind.TOOL else None,
    )


def _attributes(data: _Fields, kind: SpanKind | None) -> dict[str, object]:
    response = record(data.get("response"))
    given, answered = data.get("input"), first(data, "output") or response.get("output")
    found: dict[str, object] = dict(leftovers(data, _DATA_KNOWN))
    if given is not None:
        found["input.value"] = json_text(given)
    if answered is not None:
        found["output.value"] = json_text(answered)
    if kind is SpanKind.AGENT:
        found["agent.name"] = data.get("name")
    if kind is SpanKind.LLM:
        found |= call_attributes(given, answered)
        found |= usage_attributes(data.get("usage") or response.get("usage"))
        found["llm.model_name"] = first(data, "model") or response.get("model")
        config = record(data.get("model_config"))
        found["llm.invocation_parameters"] = json_text(config) if config else None
    return found


FORMAT = Format(
    name="OpenAI Agents SDK trace",
    reads="traces of the OpenAI Agents SDK",
    looks_like=lambda record: is_grouped(record, _is_line),
    decode=lambda record, _: decode_agents_sdk(record),
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
