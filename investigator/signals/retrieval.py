"""A search that found nothing, or nothing near, leaves the answer without ground.

A RETRIEVER span is empty when it says it returned a list and the list is empty, or has no
documents and an empty output; a tool's answer is empty when it is an empty list, or a short text
that begins by saying that nothing was found. Scores are judged only where they are similarities
in 0..1 that a retriever wrote. A search that a model asked for began with its query; a tool's
empty list may well be a true answer, so it weighs less than a search that says it failed.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Corrections
from investigator.traces.evidence import retrieval_evidence, span_evidence
from investigator.traces.model import REDACTED, Span, SpanKind
from investigator.traces.openinference import retrieval_chunks_of

LOW_SCORE = 0.25
"""Best similarity (0..1) under which nothing relevant was found."""

_EMPTY_ANSWERS = frozenset(
    {"[]", '{"results":[]}', '{"documents":[]}', '{"hits":[]}', '{"items":[]}', '{"matches":[]}'}
)
_SHORT = 400
_NOTHING = re2.compile(
    r"(?i)^\W*(?:sorry,? )?(?:there (?:are|were|is) )?(?:no|zero|0) (?:[\w-]+ ){0,3}"
    r"(?:results?|documents?|match(?:es)?|records?|entries|hits|pages|items)\b"
    r"|^\W*nothing (?:was )?found|\b(?:returned|found) (?:no|0|zero) (?:[\w-]+ ){0,2}"
    r"(?:results?|documents?|match(?:es)?|records?)\b"
)


def detect_poor_retrieval(readings: Readings) -> Iterator[Signal]:
    """Retrievers that returned nothing or nothing similar, then searches by tools."""
    view = readings.view
    for span in view.trace.spans:
        if span.kind is SpanKind.RETRIEVER and error_of(span) is None:
            yield from _retriever_signals(view, span)
    better = Corrections(view, _found_something)
    for place, attempt in enumerate(view.attempts):
        if attempt.failure is None and _found_nothing(attempt.result):
            yield _empty_search(view, attempt, recovered_by=better.of(place))


def _retriever_signals(view: TraceView, span: Span) -> Iterator[Signal]:
    chunks = retrieval_chunks_of(span)
    parent = view.trace.parent(span)
    context = [] if parent is None else [span_evidence(parent)]
    if not chunks:
        if _says_empty(span):
            yield build_signal(
                view,
                detector="empty_retrieval",
                fault=Fault.EMPTY_RETRIEVAL,
                span=span,
                evidence=[span_evidence(span), *context],
                summary=f"retriever {span.name} returned no documents",
                strength=0.7,
                recovered_by=_later_retrieval(view, span),
            )
        return
    scores = [chunk.score for chunk in chunks if chunk.score is not None]
    if len(scores) == len(chunks) and min(scores) >= 0.0 and max(scores) < LOW_SCORE:
        yield build_signal(
            view,
            detector="low_score_retrieval",
            fault=Fault.LOW_SCORE_RETRIEVAL,
            span=span,
            evidence=[
                span_evidence(span),
                *(retrieval_evidence(span, c, view.quote.redactor) for c in chunks[:2]),
            ],
            summary=f"best score {max(scores):.2f} of {len(chunks)} documents from {span.name}",
            strength=0.5,
            recovered_by=_later_retrieval(view, span),
        )


def _says_empty(span: Span) -> bool:
    """The span shows an empty result; a retriever that records no result at all says nothing."""
    documents = span.attributes.get("retrieval.documents")
    output = (span.text("output.value") or "").strip()
    if output == REDACTED:
        return False
    return documents == [] or _compact(output) in _EMPTY_ANSWERS or _found_nothing(output or None)


def _later_retrieval(view: TraceView, span: Span) -> str | None:
    for later in view.trace.spans:
        if later.kind is SpanKind.RETRIEVER and view.position(later) > view.position(span):
            scores = [chunk.score or 0.0 for chunk in retrieval_chunks_of(later)]
            known = any(chunk.score is not None for chunk in retrieval_chunks_of(later))
            if scores and (not known or max(scores) >= LOW_SCORE):
                return later.span_id
    return None


def _found_nothing(result: str | None) -> bool:
    if result is None or REDACTED in result[:100]:
        return False
    text = result.strip()
    if _compact(text) in _EMPTY_ANSWERS:
        return True
    return 0 < len(text) <= _SHORT and _NOTHING.search(text) is not None


def _compact(text: str) -> str:
    return "".join(text.split()) if len(text) <= _SHORT else text[:_SHORT]


def _found_something(attempt: Attempt) -> bool:
    return attempt.failure is None and not _found_nothing(attempt.result)


def _empty_search(view: TraceView, attempt: Attempt, *, recovered_by: str | None) -> Signal:
    told = _NOTHING.search((attempt.result or "")[:_SHORT]) is not None
    return build_signal(
        view,
        detector="empty_retrieval",
        fault=Fault.EMPTY_RETRIEVAL,
        span=attempt.span,
        origin=attempt.author,
        evidence=view.evidence(attempt),
        summary=f"{attempt.tool} found nothing",
        strength=0.5 if told else 0.4,
        recovered_by=recovered_by,
    )


DETECTOR = Detector("poor_retrieval", detect_poor_retrieval)
