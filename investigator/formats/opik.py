"""Traces and spans of Opik: as its API lists them, or a trace with its spans in one document.

A trace is a span too, the root of its spans, as Opik shows it.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import (
    first,
    leftovers,
    make_span,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.formats.model_calls import call_attributes, usage_attributes
from investigator.ground.json_text import json_text
from investigator.traces.evaluations import Evaluation, evaluation_of, rater_of
from investigator.traces.model import Span, SpanKind, StatusCode

_KINDS = {"llm": SpanKind.LLM, "tool": SpanKind.TOOL, "guardrail": SpanKind.GUARDRAIL}
_SPAN_MARKS = ("parent_span_id", "usage", "type", "error_info", "feedback_scores", "provider")
_TRACE_MARKS = ("thread_id", "feedback_scores", "span_feedback_scores", "span_count", "error_info")
_KNOWN = (
    *("id", "trace_id", "parent_span_id", "name", "type", "start_time", "end_time", "input"),
    *("output", "metadata", "tags", "model", "provider", "usage", "error_info", "thread_id"),
    *("feedback_scores", "spans", "project_id", "workspace_name"),
)


def is_opik(value: Record) -> bool:
    """Whether an object is a trace, a span, or a trace with its spans."""
    if isinstance(value.get("trace"), dict) and records(value.get("spans")):
        return _is_trace(record(value["trace"])) and any(map(_is_span, records(value["spans"])))
    return _is_span(value) or _is_trace(value)


def _is_span(value: Record) -> bool:
    own = "trace_id" in value and "id" in value and "start_time" in value and "name" in value
    foreign = "run_type" in value or "project_id" not in value or "span_id" in value
    return (
        own
        and not foreign
        and "parent_observation_id" not in value
        and (any(key in value for key in _SPAN_MARKS))
    )


def _is_trace(value: Record) -> bool:
    own = "id" in value and "start_time" in value and "project_id" in value
    return own and "trace_id" not in value and any(key in value for key in _TRACE_MARKS)


def decode_opik(document: Record) -> Iterator[Span | Evaluation | None]:
    """The trace and its spans, each with its feedback, and None for each item that is neither."""
    if isinstance(document.get("trace"), dict):
        yield from _decoded(record(document["trace"]))
    else:
        yield from _decoded(document)
    yield from nothings(document.get("spans"))
    for span in records(document.get("spans")):
        yield from _decoded(span)


def _decoded(item: Record) -> Iterator[Span | Evaluation | None]:
    yield from nothings(item.get("feedback_scores"))
    own = text(item.get("id"))
    is_trace = "trace_id" not in item
    trace_id = own if is_trace else text(item.get("trace_id"))
    kind = _KINDS.get(text(item.get("type")).lower(), SpanKind.CHAIN)
    error = record(item.get("error_info"))
    parent = text(item.get("parent_span_id")) or (None if is_trace else trace_id)
    yield make_span(
        trace_id=trace_id,
        span_id=own,
        parent_id=parent,
        name=text(item.get("name")),
        attributes=_attributes(item, kind),
        start_ns=time_ns(item.get("start_time")),
        end_ns=time_ns(item.get("end_time")),
        status=StatusCode.ERROR if error else StatusCode.UNSET,
        status_message=text(first(error, "message", "exception_type")),
        kind=kind,
        tool_name=text(item.get("name")) if kind is SpanKind.TOOL else None,
    )
    for score in records(item.get("feedback_scores")):
        found = evaluation_of(
            {"name": score.get("name"), "score": score.get("value")}
            | {"label": score.get("category_name"), "explanation": score.get("reason")},
            trace_id=trace_id,
            span_id=None if is_trace else own,
            rater=rater_of(score.get("source")),
            ts_ns=time_ns(score.get("created_at")),
        )
        if found is not None:
            yield found


def _attributes(item: Record, kind: SpanKind) -> dict[str, object]:
    error = record(item.get("error_info"))
    found: dict[str, object] = {
        "metadata": record(item.get("metadata")) or None,
        "tag.tags": item.get("tags"),
        "session.id": item.get("thread_id"),
        "exception.type": error.get("exception_type"),
        "exception.stacktrace": error.get("traceback"),
        **leftovers(item, _KNOWN),
    }
    for side in ("input", "output"):
        if item.get(side) is not None:
            found[f"{side}.value"] = json_text(item[side])
    if kind is SpanKind.LLM:
        found |= call_attributes(item.get("input"), item.get("output"))
        found |= usage_attributes(item.get("usage"))
        found |= {"llm.model_name": item.get("model"), "llm.provider": item.get("provider")}
    return found


FORMAT = Format(
    name="Opik trace",
    reads="traces and spans of Opik",
    looks_like=is_opik,
    decode=lambda record, _: decode_opik(record),
)
