"""A filter that drops everything leaves the answer without what had been found.

A filter is a step that was given a list of things found and put out an empty list under the same
or a like name, or a reranker that put out none. Where the things are known and none has a word in
common with what was asked, dropping them may have been right: that weighs less than a half.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from investigator.ground.canonical_json import JsonValue, read_json
from investigator.ground.wording import counted
from investigator.readings.empty_results import is_empty_result
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.passage_words import passages_of, telling_stems
from investigator.traces.evidence import EvidenceRef, retrieval_evidence, span_evidence
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import retrieval_chunks_of

_FOUND = frozenset(
    {"documents", "docs", "passages", "chunks", "results", "candidates", "hits", "nodes", "items",
     "rows", "matches", "contexts", "context", "records", "retrieved"}
)  # fmt: skip
_FILTERS = frozenset({SpanKind.CHAIN, SpanKind.UNKNOWN, SpanKind.TOOL, SpanKind.RERANKER})
_SHORT = 400
_PARSED = 200_000


def detect_dropped_passages(readings: Readings) -> Iterator[Signal]:
    """Steps that were given things that had been found, and kept none of them."""
    view = readings.view
    kept: dict[str, str] = {}
    searches = [span for span in view.trace.spans if span.kind is SpanKind.RETRIEVER]
    retrievers = [span for span in searches if view.documents(span)]
    for span in reversed(view.trace.spans):
        if span.kind not in _FILTERS or error_of(span) is not None:
            continue
        dropped = _dropped(span)
        if dropped is None:
            kept[span.name] = span.span_id
            continue
        retriever = _retriever_before(view, retrievers, span)
        yield build_signal(
            view,
            detector="dropped_retrieval",
            fault=Fault.DROPPED_RETRIEVAL,
            span=span,
            evidence=[span_evidence(span), *_evidence(view, retriever or view.step_before(span))],
            summary=f"{span.name} kept none of {counted(len(dropped), 'thing')} that it was given",
            strength=0.7 if _may_serve(view, dropped, retriever) else 0.4,
            recovered_by=kept.get(span.name),
        )


def _dropped(span: Span) -> list[JsonValue] | None:
    """What a filter was given where it put out nothing; None for any other step."""
    if span.kind is SpanKind.RERANKER:
        given = [key for key in span.attributes if key.startswith("reranker.input_documents.")]
        kept = any(key.startswith("reranker.output_documents.") for key in span.attributes)
        ids = {key.split(".")[2] for key in given}
        return [*ids] if ids and not kept and _says_none(span) else None
    output = (span.text("output.value") or "").strip()
    if not output or len(output) > _SHORT or not is_empty_result(output):
        return None
    given_value, put_out = _parsed(span.text("input.value")), _parsed(output)
    names = set(put_out) if isinstance(put_out, dict) else set()
    if isinstance(given_value, list):
        return given_value or None
    if not isinstance(given_value, dict):
        return None
    lists = {key: item for key, item in given_value.items() if isinstance(item, list) and item}
    return next(
        (item for key, item in lists.items() if key in names or key.lower() in _FOUND), None
    )


def _says_none(span: Span) -> bool:
    output = span.text("output.value")
    return output is None or is_empty_result(output)


def _parsed(text: str | None) -> JsonValue:
    if text is None or len(text) > _PARSED or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value: JsonValue = read_json(text)
    except (ValueError, RecursionError):
        return None
    return value


def _retriever_before(view: TraceView, retrievers: Sequence[Span], span: Span) -> Span | None:
    """The last retriever before a step that found something."""
    place = bisect_left(retrievers, view.position(span), key=view.position)
    return retrievers[place - 1] if place else None


def _may_serve(view: TraceView, dropped: list[JsonValue], retriever: Span | None) -> bool:
    """Whether what was dropped has words of what was asked, as far as either is known."""
    asked = retriever.text("input.value") if retriever is not None else None
    found = passages_of(dropped) or (
        [chunk.content or "" for chunk in retrieval_chunks_of(retriever)] if retriever else []
    )
    words = telling_stems(asked or view.trace.roots[0].text("input.value") or "")
    return not words or not any(found) or bool(words & telling_stems("\n".join(found)))


def _evidence(view: TraceView, retriever: Span | None) -> list[EvidenceRef]:
    if retriever is None:
        return []
    chunks = retrieval_chunks_of(retriever)
    return [
        span_evidence(retriever),
        *(retrieval_evidence(retriever, chunk, view.quote.redactor) for chunk in chunks[:2]),
    ]


DETECTOR = Detector("dropped_passages", detect_dropped_passages)
