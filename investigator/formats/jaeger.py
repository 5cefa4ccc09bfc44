"""Traces of Jaeger, as its UI and its API give them: spans with tags, logs and processes."""

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
    status_code,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanEvent, StatusCode

_Fields = dict[str, JsonValue]

_MESSAGES = ("otel.status_description", "error.message", "message")
_KNOWN = (
    *("traceID", "spanID", "operationName", "references", "startTime", "duration", "tags", "logs"),
    *("processID", "process", "parentSpanID", "flags"),
)


def is_jaeger(value: Record) -> bool:
    """Whether an object is a trace of Jaeger, or one span of it."""
    if _is_span(value):
        return True
    return "traceID" in value and any(map(_is_span, records(value.get("spans"))))


def _is_span(value: Record) -> bool:
    return "traceID" in value and "spanID" in value and "operationName" in value


def decode_jaeger(document: Record) -> Iterator[Span | None]:
    """Every span, with the tags of its process, and None for each item that is none."""
    processes = record(document.get("processes"))
    for span in [dict(document)] if _is_span(document) else listed(document.get("spans")):
        if span is None:
            yield None
            continue
        yield from nothings(span.get("tags"), span.get("logs"), span.get("references"))
        process = record(span.get("process")) or record(processes.get(text(span.get("processID"))))
        yield _span(span, process)


def _span(span: _Fields, process: _Fields) -> Span:
    tags = _tags(span.get("tags"))
    start_ns, length = _microseconds(span.get("startTime")), span.get("duration")
    lasted = length * 1000 if isinstance(length, int) and start_ns is not None else None
    failed = tags.get("error") in (True, "true") or (
        status_code(tags.get("otel.status_code")) is StatusCode.ERROR
    )
    return make_span(
        trace_id=hex_id(span.get("traceID"), TRACE_ID_BYTES) or "",
        span_id=hex_id(span.get("spanID"), SPAN_ID_BYTES) or "",
        parent_id=_parent(span),
        name=text(span.get("operationName")),
        attributes={
            **resource_attributes(
                {"service.name": process.get("serviceName"), **_tags(process.get("tags"))}
            ),
            **leftovers(span, _KNOWN, prefix="otel."),
            **tags,
        },
        start_ns=start_ns,
        end_ns=start_ns + lasted if start_ns is not None and lasted is not None else None,
        status=StatusCode.ERROR if failed else status_code(tags.get("otel.status_code")),
        status_message=text(first(tags, *_MESSAGES)) if failed else "",
        events=tuple(_event(log) for log in records(span.get("logs"))),
    )


def _parent(span: _Fields) -> str | None:
    parents = [
        reference.get("spanID")
        for reference in records(span.get("references"))
        if reference.get("refType", "CHILD_OF") == "CHILD_OF"
        and reference.get("traceID", span.get("traceID")) == span.get("traceID")
    ]
    return hex_id(parents[0] if parents else span.get("parentSpanID"), SPAN_ID_BYTES)


def _tags(tags: JsonValue) -> dict[str, JsonValue]:
    return {text(tag.get("key")): tag.get("value") for tag in records(tags)}


def _event(log: _Fields) -> SpanEvent:
    fields = _tags(log.get("fields"))
    name = text(first(fields, "event", "message")) or "log"
    said = {key: value for key, value in fields.items() if key != "event"}
    return make_event(name, _microseconds(log.get("timestamp")), said)


def _microseconds(value: JsonValue) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return time_ns(value * 1000) if is_number and isinstance(value, int) else None


FORMAT = Format(
    name="Jaeger trace",
    reads="traces of Jaeger (its UI's and its API's JSON)",
    looks_like=is_jaeger,
    decode=lambda record, _: decode_jaeger(record),
)
