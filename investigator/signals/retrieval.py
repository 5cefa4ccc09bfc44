"""A search that found nothing, or nothing near, leaves the answer without ground.

A RETRIEVER span is empty when it says it returned a list and the list is empty, or has no
documents and an empty output, in any shape (see `empty_results`). Scores are judged only where
they are similarities in 0..1 that a retriever wrote. A search that a model asked for began with its
query; a tool's empty list may well be a true answer, so it weighs less than a search that says it
failed, and both weigh more where the answer has nothing else to rest on and does not say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from investigator.ground import lazy_re2 as re2
from investigator.ground.wording import counted
from investigator.readings.empty_results import is_empty_result, says_nothing_found
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.loops import Loops
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Corrections, is_look
from investigator.traces.evidence import retrieval_evidence, span_evidence
from investigator.traces.model import Span, SpanKind

LOW_SCORE = 0.25
"""Best similarity (0..1) under which nothing relevant was found."""

_MADE_UP = 0.6
"""Where all that was looked up was empty, and the answer does not tell it, it rests on nothing."""

_TELLS_NONE = re2.compile(
    r"(?i)\b(?:no|none|zero|nothing|not|n't|n’t|empty|without|unable|couldn't|cannot|can't|didn't"
    r"|doesn't|don't|isn't|aren't|wasn't|weren't|haven't|never|any|0|missing|sorry)\b"
)


def detect_poor_retrieval(readings: Readings) -> Iterator[Signal]:
    """Retrievers that returned nothing or nothing similar, then searches by tools."""
    view = readings.view
    for span in view.trace.spans:
        if span.kind is SpanKind.RETRIEVER and error_of(span) is None:
            yield from _retriever_signals(view, span)
    worked = {place: a for place, a in enumerate(view.attempts) if a.failure is None}
    empty = {place: a for place, a in worked.items() if is_empty_result(a.result)}
    if empty:
        yield from _empty_searches(view, worked, empty)


def _empty_searches(
    view: TraceView, worked: Mapping[int, Attempt], empty: Mapping[int, Attempt]
) -> Iterator[Signal]:
    """Searches by tools that found nothing, by their places among the attempts."""
    found = [attempt for place, attempt in worked.items() if place not in empty]
    told_something = set(map(id, found))
    better = Corrections(view, lambda attempt: id(attempt) in told_something)
    gave = {view.scope(attempt.span) for attempt in found if is_look(attempt)}
    loops = Loops(view)
    for place, attempt in empty.items():
        answer = loops.answer_after(attempt)
        told = answer is not None and _TELLS_NONE.search(answer[1]) is not None
        made_up = answer is not None and not told and view.scope(attempt.span) not in gave
        strength = _MADE_UP if made_up else _strength(attempt, told=told)
        yield _empty_search(view, attempt, strength, recovered_by=better.of(place))


def _strength(attempt: Attempt, *, told: bool) -> float:
    """A tool's empty list may well be a true answer, so it weighs less than a search that says it
    failed, and so does that if the answer tells it."""
    return 0.5 if says_nothing_found(attempt.result or "") and not told else 0.4


def _retriever_signals(view: TraceView, span: Span) -> Iterator[Signal]:
    chunks = tuple(c for c in view.documents(span) if c.content != "")
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
            summary=f"best score {max(scores):.2f} of {counted(len(chunks), 'document')} from "
            f"{span.name}",
            strength=0.5,
            recovered_by=_later_retrieval(view, span),
        )


def _says_empty(span: Span) -> bool:
    """The span shows an empty result; a retriever that records no result at all says nothing."""
    documents = span.attributes.get("retrieval.documents")
    return documents == [] or is_empty_result(span.text("output.value"))


def _later_retrieval(view: TraceView, span: Span) -> str | None:
    for later in view.trace.spans:
        if later.kind is SpanKind.RETRIEVER and view.position(later) > view.position(span):
            scores = [chunk.score or 0.0 for chunk in view.documents(later)]
            known = any(chunk.score is not None for chunk in view.documents(later))
            if scores and (not known or max(scores) >= LOW_SCORE):
                return later.span_id
    return None


def _empty_search(
    view: TraceView, attempt: Attempt, strength: float, *, recovered_by: str | None
) -> Signal:
    return build_signal(
        view,
        detector="empty_retrieval",
        fault=Fault.EMPTY_RETRIEVAL,
        span=attempt.span,
        origin=attempt.author,
        evidence=view.evidence(attempt),
        summary=f"{attempt.tool} found nothing",
        strength=strength,
        recovered_by=recovered_by,
    )


DETECTOR = Detector("poor_retrieval", detect_poor_retrieval)
