"""A run that stops half-way has no answer: it hit a step limit, or its last turn is a tool's.

Limits are read where a step reports its own end: in what an agent put out. Of a transcript the
last turn is looked at; of a tree of spans nothing is concluded from the order of its spans. A
transcript that ran out of turns began to go wrong where the first call failed, though that call
was mended: the turns that it cost were missing in the end. Some tools are meant to end a chat (a
hand-over, a submission), so only what somebody has to read counts: the output of code, a failure.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import CODE, TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span, SpanKind

_SHORT = 400
_STOPPED = re2.compile(
    r"(?i)^\W*(?:agent |run |execution )?(?:stopped|terminated|aborted|ended|reached)\b[^\n]{0,60}"
    r"\b(?:limit|max(?:imum)?)\b|^\W*max(?:imum)? (?:number of )?"
    r"(?:steps|iterations|turns|rounds)\b[^\n]{0,40}\b(?:reached|exceeded)\b"
)


def detect_unfinished_runs(readings: Readings) -> Iterator[Signal]:
    """Agents that say they met a limit; transcripts that end on a tool's turn."""
    view = readings.view
    for span in view.trace.spans:
        if span.kind in (SpanKind.AGENT, SpanKind.CHAIN) and not view.is_transcript:
            said = (span.text("output.value") or "").strip()
            if len(said) <= _SHORT and _STOPPED.search(said):
                yield _signal(view, span, "stopped at a limit of steps", strength=0.8)
    if view.is_transcript and view.attempts:
        last = view.attempts[-1]
        unread = last.tool == CODE or last.failure is not None
        if unread and last.author is not None and last.span is view.trace.spans[-1]:
            yield _out_of_turns(view)


def _out_of_turns(view: TraceView) -> Signal:
    last = view.attempts[-1]
    first_failed = next((a for a in view.attempts if a.failure is not None), last)
    return build_signal(
        view,
        detector="incomplete_run",
        fault=Fault.INCOMPLETE_RUN,
        span=last.span,
        origin=first_failed.author,
        evidence=[*view.evidence(first_failed), *view.evidence(last)],
        summary="the last turn is a tool's; nobody answered",
        strength=0.5,
    )


def _signal(view: TraceView, span: Span, reason: str, *, strength: float) -> Signal:
    evidence = [span_evidence(span)]
    calls = view.model_calls_in(span.span_id)
    if calls:
        evidence.append(view.spoken_evidence(calls[-1]))
    return build_signal(
        view,
        detector="incomplete_run",
        fault=Fault.INCOMPLETE_RUN,
        span=span,
        evidence=evidence,
        summary=f"{span.name}: {reason}",
        strength=strength,
    )


DETECTOR = Detector("unfinished_runs", detect_unfinished_runs)
