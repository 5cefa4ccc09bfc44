"""An exception is one fault: where it was raised, whatever ancestors passed it on.

A failed span passed a fault on when a failed child of it is its last child, or when its own
error quotes the child's. What kind of fault it is and where it began, `causes` says. That a run
met its limit of steps is how it ended: what kept it from an answer speaks louder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from investigator.readings.crashes import Crashes
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.causes import cause_of
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Recoveries
from investigator.signals.reported import Reported
from investigator.traces.evidence import (
    EvidenceRef,
    message_evidence,
    span_evidence,
    tool_evidence,
)
from investigator.traces.model import Span
from investigator.traces.openinference import tool_io_of

_QUOTED = 60


def detect_exceptions(readings: Readings) -> Iterator[Signal]:
    """Failed spans that did not merely pass on the failure of a child."""
    view = readings.view
    if view.is_transcript:
        return
    recoveries, found_out = Recoveries(view), Reported(view).answering_spans
    crashes = Crashes(view)
    for span in view.trace.spans:
        error = error_of(span)
        if (
            error is not None
            and span.span_id not in found_out
            and not _passed_on(view, span, error)
        ):
            crashed = crashes.producer_of(span, error)
            yield _signal(view, span, error, recoveries, crashed)


def _passed_on(view: TraceView, span: Span, error: str) -> bool:
    children = view.trace.children(span.span_id)
    for child in children:
        below = error_of(child)
        if below is None:
            continue
        if child is children[-1] or _core(below) in error:
            return True
    return False


def _core(error: str) -> str:
    """The start of an error's message, without its type: what an ancestor would quote."""
    head, _, message = error.partition(": ")
    return (message or head)[:_QUOTED]


def _signal(
    view: TraceView, span: Span, error: str, recoveries: Recoveries, crashed: Span | None
) -> Signal:
    """The fault of an error at a span; one of another agent's code began with what that `crashed`
    at."""
    cause = cause_of(view, span, error)
    if crashed is not None:
        cause = replace(cause, origin=crashed, source=crashed)
    return build_signal(
        view,
        detector="exception",
        fault=cause.fault,
        span=span,
        origin=cause.origin,
        evidence=_evidence(view, span, cause.source),
        summary=f"{_subject(span)} {_raised(view, crashed)} {view.quote.error(error)}",
        strength=0.6 if cause.fault is Fault.INCOMPLETE_RUN else 0.9,
        recovered_by=recoveries.of(span, cause.fault),
    )


def _evidence(view: TraceView, span: Span, source: Span | None) -> list[EvidenceRef]:
    """The failed span, what it was about, and a second place that bears it out."""
    refs = [span_evidence(span)]
    io = tool_io_of(span)
    if io is not None:
        refs.append(tool_evidence(span, io))
    if source is not None:
        refs.append(view.spoken_evidence(source))
    messages = view.inputs(span)
    if messages:
        refs.append(message_evidence(span, len(messages) - 1, messages[-1]))
    if len(refs) == 1:
        parent = view.trace.parent(span)
        failed_too = parent is not None and error_of(parent) is not None
        other = parent if failed_too else view.step_before(span)
        refs += [span_evidence(other)] if other is not None else []
    return refs


def _raised(view: TraceView, crashed: Span | None) -> str:
    """Whose error it is, where that is another agent's."""
    agent = None if crashed is None else view.trace.agent_of(crashed)
    return "raised" if agent is None else f"shows a crash of {agent}:"


def _subject(span: Span) -> str:
    io = tool_io_of(span)
    return f"{span.kind.value} {(io.name if io is not None else None) or span.name}"


DETECTOR = Detector("exceptions", detect_exceptions)
