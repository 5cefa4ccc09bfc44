"""Rows of Logfire's `records` table: spans with their attributes, and logs as spans of no length.

A row of kind `pending_span` says only that a span began, which its own row says too.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
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
from investigator.traces.model import Span, SpanEvent, StatusCode

_KNOWN = (
    *("trace_id", "span_id", "parent_span_id", "span_name", "start_timestamp", "end_timestamp"),
    *("attributes", "otel_status_code", "otel_status_message", "otel_events", "otel_scope_name"),
    *("otel_scope_version", "otel_resource_attributes", "exception_type", "exception_message"),
    *("exception_stacktrace", "is_exception", "service_name", "duration", "project_id", "day"),
)


def is_logfire(value: Record) -> bool:
    """Whether an object is a row of the table."""
    keys = ("trace_id", "span_id", "span_name", "start_timestamp")
    return all(key in value for key in keys)


def decode_logfire(row: Record) -> Iterator[Span]:
    """The span of a row."""
    if row.get("kind") == "pending_span":
        return
    failed = row.get("is_exception") is True
    status = status_code(row.get("otel_status_code"))
    message = row.get("otel_status_message") or (row.get("exception_message") if failed else None)
    yield make_span(
        trace_id=hex_id(row.get("trace_id"), TRACE_ID_BYTES) or "",
        span_id=hex_id(row.get("span_id"), SPAN_ID_BYTES) or "",
        parent_id=hex_id(row.get("parent_span_id"), SPAN_ID_BYTES),
        name=text(row.get("span_name")),
        attributes={
            **resource_attributes(
                {
                    "service.name": row.get("service_name"),
                    **record(_read(row.get("otel_resource_attributes"))),
                }
            ),
            **scope_attributes(row.get("otel_scope_name"), row.get("otel_scope_version")),
            **leftovers(row, _KNOWN),
            **record(_read(row.get("attributes"))),
        },
        start_ns=time_ns(row.get("start_timestamp")),
        end_ns=time_ns(row.get("end_timestamp")),
        status=StatusCode.ERROR if failed else status,
        status_message=text(message),
        events=_events(row),
    )


def _events(row: Record) -> tuple[SpanEvent, ...]:
    told = tuple(
        make_event(
            text(event.get("event_name") or event.get("name")),
            time_ns(event.get("event_timestamp") or event.get("timestamp")),
            record(event.get("attributes")),
        )
        for event in records(_read(row.get("otel_events")))
    )
    if not row.get("exception_type") or any(event.name == "exception" for event in told):
        return told
    said = {
        f"exception.{key}": row.get(f"exception_{key}") for key in ("type", "message", "stacktrace")
    }
    return (*told, make_event("exception", None, said))


def _read(value: JsonValue) -> JsonValue:
    return embedded_json(value) if isinstance(value, str) else value


FORMAT = Format(
    name="Logfire row",
    reads="rows of Logfire",
    looks_like=is_logfire,
    decode=lambda row, _: (*decode_logfire(row), *nothings(_read(row.get("otel_events")))),
    files=("Parquet", "JSON", "JSONL"),
    columns=("trace_id", "span_id", "span_name", "start_timestamp"),
)
