"""A tool can fail without raising: its answer begins as an error, is one, or ends in a traceback.

Only answers of tools and of executed code are read, never prompts or documents; see
`failure_text.failure_in` for what counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import CODE, Attempt, TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.causes import WRITTEN_BY_MODEL, fault_of_call
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import attempt_succeeded, later_successes


def detect_failed_results(readings: Readings) -> Iterator[Signal]:
    """Attempts whose answer says that they failed; raised exceptions are told elsewhere."""
    view = readings.view
    later = later_successes(view, attempt_succeeded)
    for attempt, recovered_by in zip(view.attempts, later, strict=True):
        if attempt.failure is not None and (
            view.is_transcript
            or attempt.message_index is not None
            or error_of(attempt.span) is None
        ):
            yield _signal(view, attempt, attempt.failure, recovered_by=recovered_by)


def _signal(view: TraceView, attempt: Attempt, failure: str, *, recovered_by: str | None) -> Signal:
    fault = fault_of_call(fault_of(failure) or Fault.EXCEPTION, attempt.arguments)
    if attempt.tool == CODE and fault in (Fault.EXCEPTION, Fault.SCHEMA_MISMATCH):
        fault = Fault.FAILED_CODE
    written = attempt.tool == CODE or fault in WRITTEN_BY_MODEL
    return build_signal(
        view,
        detector="failed_result",
        fault=fault,
        span=attempt.span,
        origin=attempt.author if written else None,
        evidence=view.evidence(attempt),
        summary=f"{attempt.tool} answered with a failure: {view.quote.error(failure)}",
        strength=0.8,
        recovered_by=recovered_by,
    )


DETECTOR = Detector("failed_results", detect_failed_results)
