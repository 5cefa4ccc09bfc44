"""Spans as OTLP JSON: the inverse of what `investigator.formats.otlp` reads.

Ids are hex, times and integers are texts, as the OTLP specification has them in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanEvent, StatusCode

Object = dict[str, JsonValue]

_INTERNAL = 1
_STATUS = {StatusCode.UNSET: 0, StatusCode.OK: 1, StatusCode.ERROR: 2}


def export_request(
    spans: Sequence[Span], *, resource: Mapping[str, JsonValue], scope: Mapping[str, str]
) -> Object:
    """One `ExportTraceServiceRequest`; `scope` are the name and version of what made the spans."""
    written: list[JsonValue] = [_span(span) for span in spans]
    by_scope: Object = {"scope": dict(scope), "spans": written}
    return {
        "resourceSpans": [
            {"resource": {"attributes": _pairs(resource)}, "scopeSpans": [by_scope]},
        ]
    }


def _span(span: Span) -> Object:
    status: Object = {"code": _STATUS[span.status]}
    if span.status_message:
        status["message"] = span.status_message
    told = {"openinference.span.kind": span.kind.value, **span.attributes}
    written: Object = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _INTERNAL,
        "attributes": _pairs(told),
        "status": status,
    }
    if span.parent_id is not None:
        written["parentSpanId"] = span.parent_id
    if span.start_ns is not None:
        written["startTimeUnixNano"] = str(span.start_ns)
    if span.end_ns is not None:
        written["endTimeUnixNano"] = str(span.end_ns)
    if span.events:
        written["events"] = [_event(event) for event in span.events]
    return written


def _event(event: SpanEvent) -> Object:
    written: Object = {"name": event.name, "attributes": _pairs(event.attributes)}
    if event.time_ns is not None:
        written["timeUnixNano"] = str(event.time_ns)
    return written


def _pairs(attributes: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [{"key": key, "value": _value(attributes[key])} for key in sorted(attributes)]


def _value(value: JsonValue) -> Object:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": _pairs(value)}}
        case None:
            return {}
