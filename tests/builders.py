"""The smallest valid trace values; say only what the test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from investigator.ground.canonical_json import JsonValue
from investigator.ground.redaction import Redactor
from investigator.readings.quoting import Quoting
from investigator.readings.reading import Readings
from investigator.traces.model import Span, SpanEvent, SpanKind, StatusCode, Trace


def span(
    span_id: str = "a",
    *,
    trace_id: str = "t",
    parent: str | None = None,
    kind: str = "CHAIN",
    name: str | None = None,
    start_ms: int | None = 0,
    end_ms: int | None = 1,
    status: str = "UNSET",
    message: str = "",
    attributes: Mapping[str, JsonValue] | None = None,
    events: Sequence[SpanEvent] = (),
) -> Span:
    """A span that ended well after a millisecond, unless told otherwise; named after its id."""
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent,
        name=span_id if name is None else name,
        kind=SpanKind(kind),
        start_ns=None if start_ms is None else start_ms * 1_000_000,
        end_ns=None if end_ms is None else end_ms * 1_000_000,
        status=StatusCode(status),
        status_message=message,
        attributes=dict(attributes or {}),
        events=tuple(events),
    )


def exception_event(type_: str, message: str, *, time_ms: int | None = 0) -> SpanEvent:
    """The event that OTel records for an exception."""
    return SpanEvent(
        name="exception",
        time_ns=None if time_ms is None else time_ms * 1_000_000,
        attributes={"exception.type": type_, "exception.message": message},
    )


def trace(*spans: Span) -> Trace:
    """The trace of these spans, named by the first; an empty one is called `t`."""
    return Trace(spans[0].trace_id if spans else "t", spans)


REDACTOR = Redactor()
"""The list of secrets alone."""

QUOTE = Quoting(REDACTOR)


def readings(found: Trace) -> Readings:
    """The readings of a trace, quoted through the list of secrets alone."""
    return Readings(found, REDACTOR)
