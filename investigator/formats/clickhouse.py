"""Rows of the table `otel_traces`, as the collector's ClickHouse exporter makes it.

Attributes are maps of texts. Events are columns of lists, one entry an event each; in JSON they may
be nested below `Events`.
"""

from __future__ import annotations

from itertools import zip_longest

from investigator.formats.fields import (
    leftovers,
    make_event,
    make_span,
    record,
    resource_attributes,
    scope_attributes,
    status_code,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanEvent

_COLUMNS = ("TraceId", "SpanId", "SpanName")
_KNOWN = (
    *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "ServiceName", "Duration"),
    *("ResourceAttributes", "SpanAttributes", "ScopeName", "ScopeVersion", "StatusCode"),
    *("StatusMessage", "Events", "Events.Timestamp", "Events.Name", "Events.Attributes"),
)
_DIGITS = 19


def is_clickhouse(value: Record) -> bool:
    """Whether an object is a row."""
    return all(key in value for key in _COLUMNS)


def decode_clickhouse(row: Record) -> Span:
    """The span of a row."""
    start_ns, length = time_ns(row.get("Timestamp")), _length(row.get("Duration"))
    service = {"service.name": row.get("ServiceName") or None}
    return make_span(
        trace_id=text(row.get("TraceId")),
        span_id=text(row.get("SpanId")),
        parent_id=text(row.get("ParentSpanId")) or None,
        name=text(row.get("SpanName")),
        attributes={
            **resource_attributes({**service, **record(row.get("ResourceAttributes"))}),
            **scope_attributes(row.get("ScopeName"), row.get("ScopeVersion")),
            **leftovers(row, _KNOWN, prefix="otel."),
            **record(row.get("SpanAttributes")),
        },
        start_ns=start_ns,
        end_ns=start_ns + length if start_ns is not None and length is not None else None,
        status=status_code(row.get("StatusCode")),
        status_message=text(row.get("StatusMessage")),
        events=_events(row),
    )


def _length(value: JsonValue) -> int | None:
    """Nanoseconds; ClickHouse writes integers of 64 bits as texts in JSON."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _events(row: Record) -> tuple[SpanEvent, ...]:
    nested = record(row.get("Events"))
    columns = [
        listed if isinstance(listed := row.get(f"Events.{name}", nested.get(name)), list) else []
        for name in ("Timestamp", "Name", "Attributes")
    ]
    return tuple(
        make_event(text(name), time_ns(at), record(attributes))
        for at, name, attributes in zip_longest(*columns)
    )


FORMAT = Format(
    name="ClickHouse row",
    reads="rows of `otel_traces`, the table of OpenTelemetry's ClickHouse exporter",
    looks_like=is_clickhouse,
    decode=lambda record, _: (decode_clickhouse(record),),
    files=("Parquet", "JSON", "JSONL"),
    columns=_COLUMNS,
)
