"""Spans of Braintrust, one a row; its scores are verdicts on the span."""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import first, leftovers, make_span, record, text, time_ns
from investigator.formats.format import Format, Record
from investigator.formats.model_calls import call_attributes, usage_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import Span, SpanKind, StatusCode

_KINDS = {
    "llm": SpanKind.LLM,
    "tool": SpanKind.TOOL,
    "function": SpanKind.CHAIN,
    "task": SpanKind.CHAIN,
    "eval": SpanKind.CHAIN,
    "score": SpanKind.EVALUATOR,
    "automation": SpanKind.CHAIN,
    "facet": SpanKind.CHAIN,
    "preprocessor": SpanKind.CHAIN,
}
_KNOWN = (
    *("id", "span_id", "root_span_id", "span_parents", "span_attributes", "input", "output"),
    *("metrics", "scores", "error", "metadata", "tags", "created", "_xact_id", "log_id"),
)


def is_braintrust(value: Record) -> bool:
    """Whether an object is a span."""
    return isinstance(value.get("span_attributes"), dict) and (
        "root_span_id" in value and "span_id" in value
    )


def decode_braintrust(row: Record) -> Iterator[Span | Evaluation]:
    """A span and its scores."""
    said, metrics = record(row.get("span_attributes")), record(row.get("metrics"))
    kind = _KINDS.get(text(said.get("type")).lower())
    parents, error = row.get("span_parents"), row.get("error")
    trace_id, span_id = text(row.get("root_span_id")), text(row.get("span_id"))
    yield make_span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=text(parents[0]) if isinstance(parents, list) and parents else None,
        name=text(said.get("name")),
        attributes=_attributes(row, metrics, kind),
        start_ns=_seconds(metrics.get("start")),
        end_ns=_seconds(metrics.get("end")),
        status=StatusCode.UNSET if error is None else StatusCode.ERROR,
        status_message=text(error),
        kind=kind,
        tool_name=text(said.get("name")) if kind is SpanKind.TOOL else None,
    )
    for name, score in record(row.get("scores")).items():
        if isinstance(score, int | float) and not isinstance(score, bool):
            yield Evaluation(
                trace_id=trace_id,
                span_id=span_id,
                name=name,
                rater=Rater.UNKNOWN,
                score=float(score),
            )


def _attributes(
    row: Record, metrics: dict[str, JsonValue], kind: SpanKind | None
) -> dict[str, object]:
    metadata = record(row.get("metadata"))
    found: dict[str, object] = {
        "metadata": metadata or None,
        "tag.tags": row.get("tags"),
        "session.id": first(metadata, "session_id", "sessionId", "thread_id"),
        **leftovers(row, _KNOWN),
    }
    for side in ("input", "output"):
        if row.get(side) is not None:
            found[f"{side}.value"] = json_text(row[side])
    if kind is SpanKind.LLM:
        found |= call_attributes(row.get("input"), row.get("output"))
        found |= usage_attributes({**metrics, "total_tokens": metrics.get("tokens")})
        found["llm.model_name"] = metadata.get("model")
    return found


def _seconds(value: JsonValue) -> int | None:
    """Nanoseconds of seconds since the epoch, to the microsecond that a float holds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**10:
        return time_ns(round(value * 1_000_000) * 1_000)
    return time_ns(value)


FORMAT = Format(
    name="Braintrust span",
    reads="spans of Braintrust",
    looks_like=is_braintrust,
    decode=lambda record, _: decode_braintrust(record),
)
