"""Spans as Phoenix exports them: rows of its data frame, and spans of its REST API.

A row has `context.span_id`, `context.trace_id` and a column for each attribute
(`attributes.llm.input_messages`, nested below or flat); a REST span has `context`, `span_kind`
and flat `attributes`. Values that a Parquet round trip leaves (arrays, None-filled structs) are
cleaned by `flatten`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain

from investigator.formats.fields import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    hex_id,
    make_event,
    make_span,
    span_kind,
    status_code,
    text,
    time_ns,
)
from investigator.formats.format import Format
from investigator.formats.kept_verdicts import phoenix_annotations
from investigator.ground.json_text import embedded_json
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span, SpanEvent, SpanKind
from investigator.traces.openinference import to_json

_KNOWN = {
    "id",
    "name",
    "span_kind",
    "parent_id",
    "start_time",
    "end_time",
    "status_code",
    "status_message",
    "events",
    "context",
    "context.span_id",
    "context.trace_id",
    "attributes",
    "index",
    "level_0",
}
_JUDGED = ("annotations", "evaluations", "span_annotations")
"""Columns of verdicts, which are kept beside the span."""
_ATTRIBUTES = "attributes."
_INDEX = ("__index_level_", "context.span_id_", "context.span_id:")


def is_phoenix(value: Mapping[str, object]) -> bool:
    """Whether an object is a data-frame row or a REST span."""
    if "context.span_id" in value:
        return True
    return isinstance(value.get("context"), Mapping) and "span_kind" in value


def decode_phoenix(row: Mapping[str, object]) -> Span:
    """One row or REST span."""
    context = row.get("context")
    ids = context if isinstance(context, Mapping) else {}
    kind = span_kind(to_json(row.get("span_kind")))
    return make_span(
        trace_id=_id(row.get("context.trace_id", ids.get("trace_id")), TRACE_ID_BYTES) or "",
        span_id=_id(row.get("context.span_id", ids.get("span_id")), SPAN_ID_BYTES) or "",
        parent_id=_id(row.get("parent_id"), SPAN_ID_BYTES),
        name=text(to_json(row.get("name"))),
        attributes=_attributes(row),
        start_ns=_time(row.get("start_time")),
        end_ns=_time(row.get("end_time")),
        status=status_code(to_json(row.get("status_code"))),
        status_message=text(to_json(row.get("status_message"))),
        events=_events(row.get("events")),
        kind=None if kind is SpanKind.UNKNOWN else kind,
    )


def decode_annotated(row: Mapping[str, object]) -> tuple[Span | Evaluation, ...]:
    """One row or REST span, and the annotations that it was exported with."""
    span = decode_phoenix(row)
    given = (to_json(row[key]) for key in _JUDGED if key in row)
    found = (phoenix_annotations(one, span.trace_id, span.span_id) for one in given)
    return (span, *chain.from_iterable(found))


def _id(value: object, size: int) -> str | None:
    return hex_id(to_json(value), size)


def _attributes(row: Mapping[str, object]) -> dict[str, object]:
    attributes = row.get("attributes")
    found: dict[str, object] = dict(attributes) if isinstance(attributes, Mapping) else {}
    for column, value in row.items():
        if column.startswith(_ATTRIBUTES):
            found[column.removeprefix(_ATTRIBUTES)] = value
        elif column not in (*_KNOWN, *_JUDGED) and not column.startswith(_INDEX):
            found[column] = value
    return found


def _events(value: object) -> tuple[SpanEvent, ...]:
    events = to_json(value)
    if isinstance(events, str):
        events = embedded_json(events)
    if not isinstance(events, list):
        return ()
    return tuple(_event(event) for event in events if isinstance(event, dict))


def _event(event: Mapping[str, object]) -> SpanEvent:
    attributes = event.get("attributes")
    return make_event(
        text(to_json(event.get("name"))),
        _time(event.get("timestamp")),
        attributes if isinstance(attributes, Mapping) else {},
    )


def _time(value: object) -> int | None:
    """Nanoseconds of a datetime (naive is UTC), an ISO text or integer nanoseconds."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return time_ns(moment.isoformat())
    return time_ns(to_json(value))


FORMAT = Format(
    name="Phoenix span",
    reads="Phoenix span export (data frame columns, nested or flat attributes)",
    looks_like=is_phoenix,
    decode=lambda record, _: decode_annotated(record),
    files=("Parquet", "JSON", "JSONL"),
)
