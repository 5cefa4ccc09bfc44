"""Spans as OpenTelemetry SDKs write them themselves, one object a span.

The Python SDK nests ids in `context` (hex texts, or integers where a model dumped them), the
JavaScript SDK in `spanContext`; flat `trace_id`/`traceId` fields are read too. Times are ISO
8601, integer nanoseconds or `[seconds, nanoseconds]`.
"""

from __future__ import annotations

from investigator.canonical import JsonValue
from investigator.traces.decode.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Record,
    first,
    hex_id,
    leftovers,
    make_event,
    make_span,
    record,
    records,
    resource_attributes,
    scope_attributes,
    status_code,
    text,
    time_ns,
)
from investigator.traces.decode.otlp import attribute_values
from investigator.traces.model import Span, SpanEvent

_CONTEXTS = ("context", "spanContext")
_SPAN_IDS = ("span_id", "spanId")
_TRACE_IDS = ("trace_id", "traceId")
_KEPT = ("kind", "links")


def is_sdk_span(value: Record) -> bool:
    """Whether an object is one span with ids of its own."""
    context = record(first(value, *_CONTEXTS)) or value
    has_id = first(context, *_SPAN_IDS) is not None
    return has_id and ("name" in value or "attributes" in value)


def decode_sdk_span(span: Record) -> Span:
    """One span."""
    context = record(first(span, *_CONTEXTS)) or span
    status = span.get("status")
    status_fields = status if isinstance(status, dict) else {"status_code": status}
    return make_span(
        trace_id=hex_id(first(context, *_TRACE_IDS), TRACE_ID_BYTES) or "",
        span_id=hex_id(first(context, *_SPAN_IDS), SPAN_ID_BYTES) or "",
        parent_id=_parent_id(span),
        name=text(span.get("name")),
        attributes=_attributes(span),
        start_ns=time_ns(first(span, "start_time", "startTime", "startTimeUnixNano")),
        end_ns=time_ns(first(span, "end_time", "endTime", "endTimeUnixNano")),
        status=status_code(first(status_fields, "status_code", "code")),
        status_message=text(first(status_fields, "description", "message")),
        events=tuple(_event(event) for event in records(span.get("events"))),
    )


def _parent_id(span: Record) -> str | None:
    parent = record(first(span, "parent", "parentSpanContext"))
    named = first(parent, *_SPAN_IDS) or first(
        span, "parent_id", "parentSpanId", "parent_span_id", "parentId"
    )
    return hex_id(named, SPAN_ID_BYTES)


def _attributes(span: Record) -> dict[str, object]:
    resource = record(span.get("resource"))
    scope = record(first(span, "instrumentationScope", "instrumentation_scope", "scope"))
    kept = {key: span[key] for key in _KEPT if key in span}
    return {
        **resource_attributes(_mapping(first(resource, "attributes", "_attributes"))),
        **scope_attributes(scope.get("name"), scope.get("version")),
        **leftovers(kept, (), prefix="otel."),
        **_mapping(span.get("attributes")),
    }


def _mapping(attributes: JsonValue) -> dict[str, object]:
    if isinstance(attributes, list):
        return attribute_values(attributes)
    return dict(record(attributes))


def _event(event: Record) -> SpanEvent:
    return make_event(
        text(event.get("name")),
        time_ns(first(event, "timestamp", "time", "timeUnixNano")),
        _mapping(event.get("attributes")),
    )
