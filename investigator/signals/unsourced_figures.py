"""In a group chat that can run code, figures that come from nowhere are a claim without support.

A turn is unsourced when its prose (outside code) states two or more numbers that neither the task
nor any earlier turn holds, before any code or tool has answered. It is told of the first such
turn only: what follows rests on it. Chats in which nobody can look anything up are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span, SpanKind

_WINDOW = 20_000
_FIGURE = re2.compile(r"\d[\d,.]*\d")
_FENCED = re2.compile(r"(?s)```.*?(?:```|$)")
_NOTHING_RUN = re2.compile(
    r"(?i)\bno (?:code|command|(?:tool|function) call)s?\b[^\n]{0,60}"
    r"\b(?:execute|run|found|provided|detected)\b"
)
_NEW_FIGURES = 2
_SHORT = 400


def detect_unsourced_figures(readings: Readings) -> Iterator[Signal]:
    """The first turn that states figures nobody gave, where somebody could have got them."""
    view = readings.view
    if not view.is_transcript or not _can_look_up(view):
        return
    answered = {a.span.span_id for a in view.attempts if a.failure is None}
    attempted = {a.span.span_id for a in view.attempts}
    known: set[str] = set()
    for index, span in enumerate(view.trace.spans):
        if span.span_id in answered:
            return
        text = view.said(span)[:_WINDOW]
        if index and span.kind is SpanKind.AGENT and span.span_id not in attempted:
            new = sorted(_figures(_FENCED.sub(" ", text)) - known)
            if len(new) >= _NEW_FIGURES:
                yield _signal(view, span, new)
                return
        known |= _figures(text)


def _can_look_up(view: TraceView) -> bool:
    """Several agents speak, and one of them runs code, or says that it was given none to run."""
    agents = [span for span in view.trace.spans if span.kind is SpanKind.AGENT]
    if len({view.trace.agent_of(span) for span in agents}) < 2:
        return False
    return bool(view.attempts) or any(_refuses(view.said(span)) for span in agents)


def _refuses(text: str) -> bool:
    return len(text) <= _SHORT and _NOTHING_RUN.search(text) is not None


def _figures(text: str) -> set[str]:
    return {found.group(0).replace(",", "") for found in _FIGURE.finditer(text)}


def _signal(view: TraceView, span: Span, new: list[str]) -> Signal:
    named = ", ".join(new[:4])
    return build_signal(
        view,
        detector="unsourced_figures",
        fault=Fault.UNSUPPORTED_CLAIM,
        span=span,
        evidence=[
            view.spoken_evidence(span),
            span_evidence(span),
            view.spoken_evidence(view.trace.spans[0]),
        ],
        summary=f"states figures that nothing before it gives ({named})",
        strength=0.5,
    )


DETECTOR = Detector("unsourced_figures", detect_unsourced_figures)
