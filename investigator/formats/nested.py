"""Nested OpenTelemetry JSON: spans that hold their children in `child_spans`.

A span's parent is the one it names, else the one it stands in. The end of a span is its start
plus its ISO 8601 `duration`. `events`, `links` and `logs` may be lists or their texts.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    duration_ns,
    first,
    hex_id,
    leftovers,
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
from investigator.ground.json_text import embedded_json
from investigator.traces.model import Span, SpanEvent

_KNOWN = (
    "timestamp",
    "trace_id",
    "span_id",
    "parent_span_id",
    "span_name",
    "service_name",
    "resource_attributes",
    "scope_name",
    "scope_version",
    "span_attributes",
    "duration",
    "status_code",
    "status_message",
    "events",
    "child_spans",
)


def is_nested(value: Record) -> bool:
    """Whether an object is a span of this format.

    Attributes alone are not enough: other systems have that key too, with times of their own.
    """
    named = "span_id" in value and "span_name" in value
    return "child_spans" in value or (
        "span_attributes" in value
        and named
        and ("timestamp" in value or value.keys() <= set(_KNOWN))
    )


def decode_nested(root: Record) -> Iterator[Span | None]:
    """A span and all that are nested in it, parents first, and None for each that is none."""
    pending: list[tuple[Record, str | None]] = [(root, None)]
    while pending:
        span, enclosing = pending.pop()
        decoded = _span(span, enclosing)
        yield decoded
        yield from nothings(span.get("child_spans"), _read(span.get("events")))
        children = records(span.get("child_spans"))
        pending += [(child, decoded.span_id) for child in reversed(children)]


def _span(span: Record, enclosing: str | None) -> Span:
    start_ns = time_ns(span.get("timestamp"))
    lasted = duration_ns(span.get("duration"))
    return make_span(
        trace_id=hex_id(span.get("trace_id"), TRACE_ID_BYTES) or "",
        span_id=hex_id(span.get("span_id"), SPAN_ID_BYTES) or "",
        parent_id=hex_id(span.get("parent_span_id"), SPAN_ID_BYTES) or enclosing,
        name=text(span.get("span_name")),
        attributes=_attributes(span),
        start_ns=start_ns,
        end_ns=time_ns(start_ns + lasted) if start_ns is not None and lasted is not None else None,
        status=status_code(span.get("status_code")),
        status_message=text(span.get("status_message")),
        events=tuple(_event(event) for event in records(_read(span.get("events")))),
    )


def _attributes(span: Record) -> dict[str, object]:
    service = span.get("service_name")
    return {
        **({"resource.service.name": service} if service else {}),
        **resource_attributes(record(_read(span.get("resource_attributes")))),
        **scope_attributes(span.get("scope_name"), span.get("scope_version")),
        **leftovers(span, _KNOWN, prefix="otel."),
        **record(_read(span.get("span_attributes"))),
    }


def _event(event: Record) -> SpanEvent:
    return make_event(
        text(first(event, "name", "Name")),
        time_ns(first(event, "timestamp", "Timestamp", "time")),
        record(_read(first(event, "attributes", "Attributes"))),
    )


def _read(value: JsonValue) -> JsonValue:
    return embedded_json(value) if isinstance(value, str) else value


FORMAT = Format(
    name="nested OpenTelemetry JSON",
    reads="OpenTelemetry spans nested in their parents (`child_spans`)",
    looks_like=is_nested,
    decode=lambda record, _: decode_nested(record),
)
