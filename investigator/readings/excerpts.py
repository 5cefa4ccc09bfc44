"""The short text that a reference stands for, as a person reads it beside a claim.

Secrets go before anything is cut; of a long text its beginning and its end are told, of a span
that failed its error.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground.canonical_json import canonical_json
from investigator.readings.quoting import Quoting
from investigator.readings.view import error_of
from investigator.traces.evaluations import Evaluation
from investigator.traces.evidence import EvidenceKind, EvidenceRef
from investigator.traces.model import Span, ToolIO, Trace
from investigator.traces.openinference import messages_of, retrieval_chunks_of, tool_io_of

EXCERPT_LIMIT = 200
"""Characters of an excerpt, the mark of what was left out included."""

_TAIL = 80
_CUT = " … "


def excerpt_of(ref: EvidenceRef, trace: Trace, quote: Quoting) -> str | None:
    """What the reference says; None where it names no text of the trace."""
    text = _text_of(ref, trace)
    if text is None:
        return None
    line = " ".join(quote.whole(text).split())
    if len(line) <= EXCERPT_LIMIT:
        return line or None
    head = EXCERPT_LIMIT - _TAIL - len(_CUT)
    return f"{line[:head].rstrip()}{_CUT}{line[-_TAIL:].lstrip()}"


def texts_cited(ref: EvidenceRef, trace: Trace) -> Iterator[str]:
    """Every text that a reference names, whole and as it is; of a span all its texts."""
    span = None if ref.span_id is None else trace.get(ref.span_id)
    match ref.kind:
        case EvidenceKind.TOOL_IO if span is not None:
            io = tool_io_of(span)
            if io is not None:
                yield from (text for text in (io.arguments, io.result, io.full_text) if text)
        case EvidenceKind.SPAN if span is not None:
            values = (
                *span.attributes.values(),
                *(v for e in span.events for v in e.attributes.values()),
            )
            yield from (span.name, span.status_message)
            yield from (v if isinstance(v, str) else canonical_json(v) for v in values)
        case _:
            text = _text_of(ref, trace)
            if text is not None:
                yield text


def _text_of(ref: EvidenceRef, trace: Trace) -> str | None:
    if ref.kind is EvidenceKind.EVALUATION:
        cited = (one for one in trace.evaluations if ref.ref == f"evaluation:{one.content_hash}")
        return next((_said_by(one) for one in cited), None)
    span = None if ref.span_id is None else trace.get(ref.span_id)
    return None if span is None else _text_in(span, ref)


def _said_by(one: Evaluation) -> str:
    """A verdict in the words of its source: what it is of, what it says, why."""
    verdict = one.label if one.label is not None else one.passed
    said = one.score if verdict is None else verdict
    why = f": {one.explanation}" if one.explanation else ""
    return f"{one.name}: {said}{why}"


def _called(io: ToolIO) -> str:
    """A call as it was made, and what came back where something did."""
    call = f"{io.name}({io.arguments or ''})"
    return call if io.result is None else f"{call} → {io.result}"


def _text_in(span: Span, ref: EvidenceRef) -> str | None:
    match ref.kind:
        case EvidenceKind.MESSAGE:
            index = int(ref.ref.rpartition(":")[2])
            return next((m.full_text for m in messages_of(span)[index : index + 1]), None)
        case EvidenceKind.TOOL_IO:
            io = tool_io_of(span)
            return None if io is None else _called(io)
        case EvidenceKind.RETRIEVAL_CHUNK:
            position = ref.ref.removeprefix(f"retrieval:{span.span_id}:").partition(":")[0]
            chunks = retrieval_chunks_of(span)
            return next((c.full_text for c in chunks if str(c.position) == position), None)
        case _:
            return error_of(span)
