"""OTLP JSON: `resourceSpans[].scopeSpans[].spans[]` with typed attribute values.

Ids are hex, as the OTLP specification has them in JSON, or base64, as plain protobuf JSON has
them; field names are camelCase or snake_case.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    first,
    hex_id,
    leftovers,
    listed,
    make_event,
    make_span,
    nothings,
    record,
    records,
    resource_attributes,
    scope_attributes,
    status_code,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanEvent

_SCALARS = (
    ("stringValue", "string_value"),
    ("boolValue", "bool_value"),
    ("doubleValue", "double_value"),
    ("bytesValue", "bytes_value"),
)
_REQUEST = ("resourceSpans", "resource_spans")
_BATCHES = "batches"
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
_KEPT = ("links", "traceState", "trace_state")


def is_otlp(value: Record) -> bool:
    """Whether an object is an OTLP export request, or a trace as Tempo answers it."""
    return _resource_spans(value) is not None


def _resource_spans(document: Record) -> JsonValue:
    """The spans by resource; Tempo says `batches`, and puts a trace below `trace`."""
    holder = document
    if not any(key in document for key in (*_REQUEST, _BATCHES)):
        holder = record(document.get("trace"))
    listed = first(holder, *_REQUEST)
    if listed is not None or any(key in holder for key in _REQUEST):
        return listed if listed is not None else []
    batches = holder.get(_BATCHES)
    return batches if any(key in one for one in records(batches) for key in _SCOPES) else None


def decode_otlp(document: Record) -> Iterator[Span]:
    """Every span of an export request; see `read_otlp`."""
    return (span for span in read_otlp(document) if span is not None)


def read_otlp(document: Record) -> Iterator[Span | None]:
    """Every span of an export request, and None for each item that is none, of any list in it."""
    for resource_spans in listed(_resource_spans(document)):
        if resource_spans is None:
            yield None
            continue
        told = record(resource_spans.get("resource")).get("attributes")
        yield from nothings(told)
        resource = resource_attributes(attribute_values(told))
        for scope_spans in listed(first(resource_spans, *_SCOPES)):
            if scope_spans is None:
                yield None
                continue
            scope = record(first(scope_spans, "scope", "instrumentationLibrary"))
            shared = resource | scope_attributes(scope.get("name"), scope.get("version"))
            for span in listed(scope_spans.get("spans")):
                if span is None:
                    yield None
                    continue
                yield otlp_span(span, shared)
                yield from odd_items(span)


def otlp_span(span: Record, shared: dict[str, object]) -> Span:
    """One OTLP span; `shared` is what its resource and scope say."""
    status = record(span.get("status"))
    kept = {key: span[key] for key in _KEPT if span.get(key)}
    return make_span(
        trace_id=hex_id(first(span, "traceId", "trace_id"), TRACE_ID_BYTES) or "",
        span_id=hex_id(first(span, "spanId", "span_id"), SPAN_ID_BYTES) or "",
        parent_id=hex_id(first(span, "parentSpanId", "parent_span_id"), SPAN_ID_BYTES),
        name=text(span.get("name")),
        attributes=shared
        | attribute_values(span.get("attributes"))
        | leftovers(kept, (), prefix="otel."),
        start_ns=time_ns(first(span, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=time_ns(first(span, "endTimeUnixNano", "end_time_unix_nano")),
        status=status_code(status.get("code")),
        status_message=text(status.get("message")),
        events=tuple(_event(event) for event in records(span.get("events"))),
    )


def odd_items(span: Record) -> Iterator[None]:
    """None for each item of a span's lists that is nothing; attributes may be an object too."""
    events = span.get("events")
    yield from nothings(events)
    for holder in (span, *records(events)):
        pairs = holder.get("attributes")
        yield from nothings(None if isinstance(pairs, dict) else pairs)


def attribute_values(pairs: JsonValue) -> dict[str, object]:
    """`[{"key": …, "value": {"stringValue": …}}]` as a mapping."""
    return {text(pair.get("key")): _any_value(record(pair.get("value"))) for pair in records(pairs)}


def _any_value(value: Record) -> JsonValue:
    for names in _SCALARS:
        scalar = first(value, *names)
        if scalar is not None:
            return scalar
    integer = first(value, "intValue", "int_value")
    if integer is not None:
        return int(integer) if isinstance(integer, str) and _is_integer(integer) else integer
    array = first(value, "arrayValue", "array_value")
    if isinstance(array, dict):
        return [_any_value(item) for item in records(array.get("values"))]
    pairs = first(value, "kvlistValue", "kvlist_value")
    if isinstance(pairs, dict):
        return {
            text(pair.get("key")): _any_value(record(pair.get("value")))
            for pair in records(pairs.get("values"))
        }
    return None


def _is_integer(value: str) -> bool:
    return value.removeprefix("-").isdecimal() and len(value) <= 20


def _event(event: Record) -> SpanEvent:
    return make_event(
        text(event.get("name")),
        time_ns(first(event, "timeUnixNano", "time_unix_nano")),
        attribute_values(event.get("attributes")),
    )


FORMAT = Format(
    name="OTLP JSON",
    reads="OTLP export requests (JSON, binary), and traces as Tempo answers them",
    looks_like=is_otlp,
    decode=lambda record, _: read_otlp(record),
)
