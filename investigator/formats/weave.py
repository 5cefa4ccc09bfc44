"""Calls of Weave, one a record.

Weave's `kind` gives the kind of a call; one that was given messages and names a model is a model's.
The token counts of a call are sums over the calls below it, so only a model's call has them.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import first, leftovers, make_span, record, records, text, time_ns
from investigator.formats.format import Format, Record
from investigator.formats.model_calls import call_attributes, usage_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.evaluations import Evaluation, evaluation_of
from investigator.traces.model import Span, SpanKind, StatusCode

_KINDS = {
    "agent": SpanKind.AGENT,
    "tool": SpanKind.TOOL,
    "llm": SpanKind.LLM,
    "search": SpanKind.RETRIEVER,
    "scorer": SpanKind.EVALUATOR,
    "guardrail": SpanKind.GUARDRAIL,
}
_SAID = ("messages", "contents", "prompt", "input")
_KNOWN = (
    *("id", "trace_id", "parent_id", "op_name", "display_name", "started_at", "ended_at", "inputs"),
    *("output", "exception", "attributes", "summary", "thread_id", "project_id", "feedback"),
)


def is_weave(value: Record) -> bool:
    """Whether an object is a call."""
    return "op_name" in value and "trace_id" in value and "started_at" in value


def decode_weave(call: Record) -> Iterator[Span | Evaluation]:
    """A call and the feedback on it."""
    attributes, inputs = record(call.get("attributes")), record(call.get("inputs"))
    told = text(record(attributes.get("weave")).get("kind") or attributes.get("kind"))
    speaks = any(inputs.get(key) is not None for key in _SAID) and "model" in inputs
    kind = _KINDS.get(told.lower()) or (SpanKind.LLM if speaks else None)
    trace_id, span_id = text(call.get("trace_id")), text(call.get("id"))
    exception = call.get("exception")
    name = text(call.get("display_name")) or _short(text(call.get("op_name")))
    yield make_span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=text(call.get("parent_id")) or None,
        name=name,
        attributes=_attributes(call, attributes, kind),
        start_ns=time_ns(call.get("started_at")),
        end_ns=time_ns(call.get("ended_at")),
        status=StatusCode.UNSET if exception is None else StatusCode.ERROR,
        status_message=text(exception).strip().rpartition("\n")[2],
        kind=kind,
        tool_name=_short(text(call.get("op_name"))) if kind is SpanKind.TOOL else None,
    )
    for one in records(record(call.get("summary")).get("weave.feedback") or call.get("feedback")):
        payload = record(one.get("payload"))
        said: dict[str, JsonValue] = {"name": one.get("feedback_type"), **payload}
        found = evaluation_of(
            said, trace_id=trace_id, span_id=span_id, ts_ns=time_ns(one.get("created_at"))
        )
        if found is not None:
            yield found


def _short(op_name: str) -> str:
    """The name of an operation without its address and its version."""
    return op_name.rpartition("/")[2].partition(":")[0]


def _attributes(
    call: Record, attributes: dict[str, JsonValue], kind: SpanKind | None
) -> dict[str, object]:
    exception = call.get("exception")
    found: dict[str, object] = {
        **{key: value for key, value in attributes.items() if key != "weave"},
        "session.id": call.get("thread_id"),
        "exception.stacktrace": exception,
        "weave.op_name": call.get("op_name"),
        **leftovers(call, _KNOWN),
    }
    for side, key in (("input", "inputs"), ("output", "output")):
        if call.get(key) is not None:
            found[f"{side}.value"] = json_text(call[key])
    if kind is SpanKind.LLM:
        found |= call_attributes(call.get("inputs"), call.get("output"))
        used = record(record(call.get("summary")).get("usage"))
        counts = next((usage for usage in used.values() if isinstance(usage, dict)), None)
        found |= usage_attributes(counts)
        model = first(record(call.get("output")), "model") or record(call.get("inputs")).get(
            "model"
        )
        found["llm.model_name"] = model
    return found


FORMAT = Format(
    name="Weave call",
    reads="calls of Weave",
    looks_like=is_weave,
    decode=lambda record, _: decode_weave(record),
)
