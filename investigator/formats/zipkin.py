"""Spans of Zipkin, version 2: one object a span, times in microseconds, tags that are texts.

The two halves of a remote call share one id; the server's is told apart, and stands below the
client's.
"""

from __future__ import annotations

from investigator.formats.fields import (
    first,
    leftovers,
    make_event,
    make_span,
    nothings,
    record,
    records,
    status_code,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, StatusCode

_MARKS = ("localEndpoint", "remoteEndpoint", "annotations", "duration", "shared")
_OTHERS = ("type", "spanId", "startTime", "start_time", "run_type")
_KNOWN = (
    *("traceId", "id", "parentId", "name", "timestamp", "duration", "tags", "annotations"),
    *("localEndpoint", "shared", "debug"),
)


def is_zipkin(value: Record) -> bool:
    """Whether an object is a span of Zipkin."""
    own = "traceId" in value and "id" in value and not any(key in value for key in _OTHERS)
    return own and any(key in value for key in _MARKS)


def decode_zipkin(span: Record) -> Span:
    """One span."""
    tags = record(span.get("tags"))
    start_ns, length = _nanoseconds(span.get("timestamp")), _nanoseconds(span.get("duration"))
    own = text(span.get("id"))
    shared = span.get("shared") is True
    error = tags.get("error")
    status = StatusCode.ERROR if error is not None else status_code(tags.get("otel.status_code"))
    endpoint = record(span.get("localEndpoint"))
    return make_span(
        trace_id=text(span.get("traceId")),
        span_id=f"{own}-server" if shared else own,
        parent_id=own if shared else text(span.get("parentId")) or None,
        name=text(span.get("name")),
        attributes={
            "resource.service.name": endpoint.get("serviceName"),
            **leftovers(span, _KNOWN, prefix="otel."),
            **tags,
        },
        start_ns=start_ns,
        end_ns=start_ns + length if start_ns is not None and length is not None else None,
        status=status,
        status_message=text(first(tags, "otel.status_description", "error")) if error else "",
        events=tuple(
            make_event(text(note.get("value")), _nanoseconds(note.get("timestamp")), {})
            for note in records(span.get("annotations"))
        ),
    )


def _nanoseconds(value: JsonValue) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return time_ns(value * 1000) if is_number and isinstance(value, int) else None


FORMAT = Format(
    name="Zipkin span",
    reads="spans of Zipkin (version 2)",
    looks_like=is_zipkin,
    decode=lambda record, _: (decode_zipkin(record), *nothings(record.get("annotations"))),
)
