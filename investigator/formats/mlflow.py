"""MLflow traces: `{"info": …, "data": {"spans": […]}}` and what newer versions make of it.

Read are the spans of every schema: ids in `context` (2), base64 ids (3), `tr-…` ids beside an
`otel_trace_id` (4), and OTLP spans beside a `trace_info`; also a row of `search_traces`. Every
attribute value is the JSON text of a value; numbers and texts are read out of it, objects stay
text. What `info` says of the whole trace (session, user, tags, …) stands on the root span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from investigator.formats.dialects.mlflow_keys import (
    FUNCTION_NAME,
    REQUEST_ID,
    SPAN_TYPE,
    mlflow_kind,
    stored,
)
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
    status_code,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.formats.kept_verdicts import mlflow_assessments
from investigator.formats.otlp import attribute_values, odd_items
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span, SpanEvent, SpanKind

_ASSESSMENTS = "assessments"
_INFO = ("info", "trace_info")
_METADATA = ("trace_metadata", "request_metadata")
_SPANS = ("spans", "data", "trace", "request", "response")
_OF_TRACE = {"session.id": "mlflow.trace.session", "user.id": "mlflow.trace.user"}
_OTEL_ID = re.compile(r"(?:tr-|trace:/.*/)([0-9a-f]{32})")


def is_mlflow(value: Record) -> bool:
    """Whether an object is a trace of MLflow's, or one of its spans."""
    return _is_trace(value) or is_mlflow_span(value)


def is_mlflow_span(value: Record) -> bool:
    """Whether an object is one span, which MLflow marks with its request."""
    attributes = value.get("attributes")
    return "name" in value and isinstance(attributes, dict) and REQUEST_ID in attributes


def decode_mlflow(document: Record) -> Iterator[Span | Evaluation | None]:
    """Every span of a trace, with its feedback; a trace whose spans were not exported has none.

    None stands for each item of its lists that is nothing.
    """
    if is_mlflow_span(document):
        yield _span(document, {}, None)
        return
    holder = record(document.get("trace")) or document
    info = record(first(holder, *_INFO)) or leftovers(holder, _SPANS, prefix="")
    given = first(record(holder.get("data")) or holder, "spans")
    spans = records(given)
    root = next((span for span in spans if _parent_id(span) is None), None)
    named = mlflow_trace_id(first(info, "trace_id", "request_id"))
    trace_id = ""
    for span in listed(given):
        if span is None:
            yield None
            continue
        read = _span(span, _about(info) if span is root else {}, named)
        trace_id = trace_id or read.trace_id
        yield read
        yield from odd_items(span)
    if spans:
        judged = first(info, _ASSESSMENTS) or first(holder, _ASSESSMENTS)
        yield from nothings(judged)
        yield from mlflow_assessments(judged, trace_id)


def _is_trace(value: Record) -> bool:
    holder = record(value.get("trace")) or value
    if isinstance(record(holder.get("data")).get("spans"), list):
        return isinstance(first(holder, *_INFO), dict)
    marked = any(isinstance(holder.get(key), dict) for key in ("trace_info", *_METADATA))
    return marked and isinstance(holder.get("spans"), list)


def _about(info: Record) -> dict[str, object]:
    metadata = record(first(info, *_METADATA))
    return {
        **leftovers(info, (_ASSESSMENTS,), prefix="mlflow.info."),
        **{key: metadata[name] for key, name in _OF_TRACE.items() if name in metadata},
    }


def _span(span: Record, about: dict[str, object], trace_id: str | None) -> Span:
    context = record(span.get("context")) or span
    status = record(span.get("status"))
    named = first(span, "otel_trace_id") or first(context, "trace_id", "traceId")
    return make_span(
        trace_id=mlflow_trace_id(named) or trace_id or "",
        span_id=hex_id(first(context, "span_id", "spanId"), SPAN_ID_BYTES) or "",
        parent_id=_parent_id(span),
        name=text(span.get("name")),
        attributes={**about, **_attributes(span)},
        start_ns=time_ns(first(span, "start_time_unix_nano", "startTimeUnixNano", "start_time")),
        end_ns=time_ns(first(span, "end_time_unix_nano", "endTimeUnixNano", "end_time")),
        status=status_code(first(span, "status_code") or status.get("code")),
        status_message=text(first(span, "status_message") or status.get("message")),
        events=tuple(_event(event) for event in records(span.get("events"))),
    )


def mlflow_trace_id(value: JsonValue) -> str | None:
    """An OpenTelemetry id, also where MLflow put a prefix before it."""
    prefixed = _OTEL_ID.fullmatch(value) if isinstance(value, str) else None
    return hex_id(value if prefixed is None else prefixed[1], TRACE_ID_BYTES)


def _parent_id(span: Record) -> str | None:
    return hex_id(first(span, "parent_span_id", "parentSpanId", "parent_id"), SPAN_ID_BYTES)


def _attributes(span: Record) -> dict[str, object]:
    given = span.get("attributes")
    pairs = attribute_values(given) if isinstance(given, list) else dict(record(given))
    found: dict[str, object] = {key: _read_out(key, value) for key, value in pairs.items()}
    is_tool = mlflow_kind(_text_of(pairs.get(SPAN_TYPE))) is SpanKind.TOOL
    if is_tool and "gen_ai.tool.name" not in found:
        found.setdefault("tool.name", _tool_name(span, pairs.get(FUNCTION_NAME)))
    return found


def _tool_name(span: Record, function: object) -> str:
    """A tool's span has its name; where MLflow numbered spans of one name, the function has it."""
    name, called = text(span.get("name")), stored(_text_of(function))
    numbered = isinstance(called, str) and name.removeprefix(f"{called}_").isdecimal()
    return text(called) if numbered else name


def _read_out(key: str, value: object) -> object:
    """An attribute of the user's own: what its JSON text holds, unless that is an object."""
    if key.startswith("mlflow.") or not isinstance(value, str):
        return value
    inner = stored(value)
    return value if isinstance(inner, dict | list) else inner


def _text_of(value: object) -> str | None:
    """A text, or None for a value of another type."""
    return value if isinstance(value, str) else None


def _event(event: Record) -> SpanEvent:
    attributes = event.get("attributes")
    return make_event(
        text(event.get("name")),
        time_ns(first(event, "time_unix_nano", "timeUnixNano", "timestamp")),
        attribute_values(attributes) if isinstance(attributes, list) else record(attributes),
    )


FORMAT = Format(
    name="MLflow trace",
    reads="MLflow traces (schemas 2 to 4, `search_traces` rows)",
    looks_like=is_mlflow,
    decode=lambda record, _: decode_mlflow(record),
)
