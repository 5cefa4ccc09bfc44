"""How a trace looks to a planner, row by row: short keys, short texts, nothing unknown.

In all rows `id` is the span's id, `at_ms` its start after that of the trace, `ms` its duration.
What is unknown or empty is left out. Ids are shown as they are, since tools are called with
them; every other text goes through a `Lens`.
"""

from __future__ import annotations

from typing import NamedTuple

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.inspection.pages import TEXT_CHARS, JsonObject, Lens
from investigator.inspection.tool_args import ToolPart
from investigator.readings.steps import Step
from investigator.store.api import Match, TraceSummary
from investigator.store.reads import texts_of
from investigator.traces.evaluations import Evaluation
from investigator.traces.evidence import EvidenceRef
from investigator.traces.model import (
    Message,
    RetrievalChunk,
    Span,
    StatusCode,
    ToolIO,
    Trace,
    iso_time,
    parse_time,
)

_ID_CHARS = 300
_EXCERPT_CHARS = 600
_MESSAGE_CHARS = 240
_SAID_CHARS = 80
_VERDICT_CHARS = 60
_ARGUMENTS_CHARS = 1500
_RESULT_CHARS = 2500
_MATCH_BEFORE = 80
_MATCH_CHARS = 240
_FULL_CHARS = TEXT_CHARS - 500


class SearchHit(NamedTuple):
    """A match with the whole text that it stands in."""

    span: Span
    match: Match
    text: str


def no_evidence(_: object) -> EvidenceRef | None:
    """For rows that cannot be cited, or stand under a head that is."""
    return None


def time_of(text: str | None) -> int | None:
    """Nanoseconds of an argument; raises `UsageError`."""
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise UsageError(f"'{text}' isn't an ISO 8601 time: {error}") from error


def trace_row(trace: TraceSummary, lens: Lens) -> JsonObject:
    """One trace of a list."""
    duration = None
    if trace.start_ns is not None and trace.end_ns is not None:
        duration = _milliseconds(trace.end_ns - trace.start_ns)
    return _known(
        id=_id(trace.trace_id),
        project=_short(trace.project_name, lens),
        root=_short(trace.root_name, lens),
        start=iso_time(trace.start_ns),
        ms=duration,
        spans=trace.span_count,
        errors=trace.error_count,
    )


def span_row(trace: Trace, span: Span, lens: Lens, step: Step | None = None) -> JsonObject:
    """One span of a list, with the first step that it shows."""
    said = "" if step is None else " ".join(step.texts)
    return _known(
        id=_id(span.span_id),
        parent=None if span.parent_id is None else _id(span.parent_id),
        kind=span.kind.value,
        name=lens.short(span.name),
        status=None if span.status is StatusCode.UNSET else span.status.value,
        message=lens.short(span.status_message, chars=_MESSAGE_CHARS),
        at_ms=_after_start(trace, span),
        ms=None if span.latency_ms is None else round(span.latency_ms, 3),
        children=len(trace.children(span.span_id)) or None,
        step=None if step is None else step.number,
        role=None if step is None else step.kind.value.lower(),
        chars=len(said) or None,
        text=" ".join(lens.short(said, chars=_SAID_CHARS).split()),
    )


def evaluation_row(one: Evaluation, lens: Lens) -> JsonObject:
    """One verdict that the data carries; without a span it is on the whole trace."""
    return _known(
        span=None if one.span_id is None else _id(one.span_id),
        name=lens.short(one.name, chars=_VERDICT_CHARS),
        by=one.rater.value,
        passed=one.passed,
        label=None if one.label is None else lens.short(one.label, chars=_VERDICT_CHARS),
        score=one.score,
        threshold=one.threshold,
        higher_is_better=one.higher_is_better,
        explanation=_short(one.explanation, lens),
        at=iso_time(one.ts_ns),
    )


def field_row(field: tuple[str, str], lens: Lens) -> JsonObject:
    """One field of a span."""
    name, text = field
    shown = lens.excerpt(text, chars=_EXCERPT_CHARS, field=name)
    return {"field": lens.short(name, chars=_ID_CHARS), **shown}


def message_row(found: tuple[int, Message], lens: Lens) -> JsonObject:
    """One message of a span, under its index."""
    index, message = found
    named = _known(index=index, role=lens.short(message.role), name=_short(message.name, lens))
    return {**named, **_excerpt(message.full_text, lens)}


def chunk_head(chunk: RetrievalChunk, lens: Lens) -> JsonObject:
    """A retrieved document without its text."""
    return _known(
        position=chunk.position,
        document_id=_short(chunk.document_id, lens),
        score=chunk.score,
        metadata=_short(chunk.metadata, lens),
    )


def chunk_row(chunk: RetrievalChunk, lens: Lens) -> JsonObject:
    """One retrieved document of a list."""
    return {**chunk_head(chunk, lens), **_excerpt(chunk.full_text, lens)}


def tool_io(io: ToolIO, part: ToolPart | None, offset: int, lens: Lens) -> JsonObject:
    """A tool call: both texts shortened, or one part of one of them."""
    named = _known(name=_short(io.name, lens), description=_short(io.description, lens))
    match part:
        case ToolPart.ARGUMENTS:
            return {**named, "part": part.value, **read_on(lens, io.arguments or "", offset)}
        case ToolPart.RESULT:
            return {**named, "part": part.value, **read_on(lens, io.result or "", offset)}
        case None:
            return {
                **named,
                "arguments": _text_or_none(io.arguments, lens, _ARGUMENTS_CHARS),
                "result": _text_or_none(io.result, lens, _RESULT_CHARS),
            }


def hit_of(trace: Trace, match: Match) -> SearchHit:
    """The match with its span and its text."""
    span = trace.get(match.span_id)
    assert span is not None, "a match is in a span of the trace"
    return SearchHit(span, match, dict(texts_of(span))[match.field])


def hit_row(hit: SearchHit, lens: Lens) -> JsonObject:
    """One match, with what is around it; `offset` is where the shown text begins."""
    name, start = hit.match.field, hit.match.start
    around = lens.around(hit.text, start, before=_MATCH_BEFORE, chars=_MATCH_CHARS, field=name)
    field = lens.short(name, chars=_ID_CHARS)
    return {"id": _id(hit.span.span_id), "field": field, **around}


def read_on(lens: Lens, text: str, offset: int, *, field: str = "") -> JsonObject:
    """As much of a text as a page holds, with its length and where to go on."""
    window = lens.window(text, offset=offset, chars=_FULL_CHARS, field=field)
    return {
        "text": window.text,
        "offset": offset,
        "length": window.length,
        "next_offset": window.next_offset,
    }


def _known(**fields: JsonValue) -> JsonObject:
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def _short(text: str | None, lens: Lens) -> str | None:
    return None if text is None else lens.short(text)


def _excerpt(text: str, lens: Lens) -> JsonObject:
    return lens.excerpt(text, chars=_EXCERPT_CHARS)


def _text_or_none(text: str | None, lens: Lens, chars: int) -> JsonValue:
    return None if text is None else lens.excerpt(text, chars=chars)


def _id(text: str) -> str:
    """An id as it is; one that would fill a page is cut, and can then not be asked for."""
    return Lens(None).short(text, chars=_ID_CHARS)


def _after_start(trace: Trace, span: Span) -> float | None:
    first = trace.spans[0].start_ns
    if first is None or span.start_ns is None:
        return None
    return _milliseconds(span.start_ns - first)


def _milliseconds(nanoseconds: int) -> float:
    return round(nanoseconds / 1e6, 3)
