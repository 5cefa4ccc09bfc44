"""Spans as OpenTelemetry SDKs write them themselves, one object a span.

The Python SDK nests ids in `context` (hex texts, or integers where a model dumped them), the
JavaScript SDK in `spanContext`; flat `trace_id`/`traceId` fields are read too. Times are ISO
8601, integer nanoseconds or `[seconds, nanoseconds]`.

Many systems give their rows a span id and a name, and write the rest in terms of their own. Such a
row is no span of this format: either all its keys are known here, or its start and its attributes
are, and what it says beside them is kept under `otel.`.
"""

from __future__ import annotations

from investigator.formats.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
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
from investigator.formats.format import Format, Record
from investigator.formats.otlp import attribute_values, odd_items
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanEvent

_CONTEXTS = ("context", "spanContext")
_SPAN_IDS = ("span_id", "spanId")
_TRACE_IDS = ("trace_id", "traceId")
_PARENTS = ("parent", "parentSpanContext")
_PARENT_IDS = ("parent_id", "parentSpanId", "parent_span_id", "parentId")
_STARTS = ("start_time", "startTime", "startTimeUnixNano", "start_time_unix_nano")
_ENDS = ("end_time", "endTime", "endTimeUnixNano", "end_time_unix_nano")
_SCOPES = ("instrumentationScope", "instrumentation_scope", "scope", "instrumentationLibrary")
_READ = frozenset(
    (
        *(*_CONTEXTS, *_SPAN_IDS, *_TRACE_IDS, *_PARENTS, *_PARENT_IDS, *_STARTS, *_ENDS, *_SCOPES),
        *("name", "status", "attributes", "events", "resource"),
    )
)
_KNOWN = _READ | {
    *("kind", "links", "traceState", "trace_state", "flags"),
    *("droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"),
    *("dropped_attributes_count", "dropped_events_count", "dropped_links_count"),
}


def is_sdk_span(value: Record) -> bool:
    """Whether an object is one span with ids of its own, and no row in another system's terms."""
    context = record(first(value, *_CONTEXTS)) or value
    if first(context, *_SPAN_IDS) is None or not ("name" in value or "attributes" in value):
        return False
    if value.keys() <= _KNOWN:
        return True
    told = isinstance(value.get("attributes"), dict | list)
    return told and "name" in value and time_ns(first(value, *_STARTS)) is not None


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
        start_ns=time_ns(first(span, *_STARTS)),
        end_ns=time_ns(first(span, *_ENDS)),
        status=status_code(first(status_fields, "status_code", "code")),
        status_message=text(first(status_fields, "description", "message")),
        events=tuple(_event(event) for event in records(span.get("events"))),
    )


def _parent_id(span: Record) -> str | None:
    parent = record(first(span, *_PARENTS))
    named = first(parent, *_SPAN_IDS) or first(span, *_PARENT_IDS)
    return hex_id(named, SPAN_ID_BYTES)


def _attributes(span: Record) -> dict[str, object]:
    resource = record(span.get("resource"))
    scope = record(first(span, *_SCOPES))
    return {
        **resource_attributes(_mapping(first(resource, "attributes", "_attributes"))),
        **scope_attributes(scope.get("name"), scope.get("version")),
        **leftovers(span, _READ, prefix="otel."),
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


FORMAT = Format(
    name="OpenTelemetry SDK span",
    reads="spans as OpenTelemetry SDKs write them, one object a span",
    looks_like=is_sdk_span,
    decode=lambda record, _: (decode_sdk_span(record), *odd_items(record)),
)
