"""A tool can fail without raising: its answer begins as an error, is one, or ends in a traceback.

Only answers of tools and of executed code are read, never prompts or documents; see
`failure_text.failure_in` for what counts. A failure that the call was to find out is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import CODE, Attempt, TraceView, error_of
from investigator.signals.building import build_signal
from investigator.signals.causes import WRITTEN_BY_MODEL, fault_of_call
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Corrections
from investigator.signals.reported import Reported

_DOUBTFUL = 0.45
"""That the thing which the user named is not there may be the truth, if the answer tells it so:
such a call is doubtful, which is less than a half; and so is an act that was refused for a reason
of the matter ("already shipped"), if the answer gives that reason. Not so a search that says it
found nothing: where the truth was known, in 8 of 9 runs there was something to find."""


def detect_failed_results(readings: Readings) -> Iterator[Signal]:
    """Attempts whose answer says that they failed; raised exceptions are told elsewhere."""
    view = readings.view
    corrections, reported = Corrections(view), Reported(view)
    for place, attempt in enumerate(view.attempts):
        if attempt.failure is None or reported.is_the_answer(attempt):
            continue
        if (
            view.is_transcript
            or attempt.message_index is not None
            or error_of(attempt.span) is None
        ):
            recovered_by = corrections.of(place)
            signal = _signal(view, attempt, attempt.failure, recovered_by=recovered_by)
            doubtful = signal.fault is Fault.NOT_FOUND and reported.is_told_truth(attempt)
            doubtful = doubtful or (
                signal.fault is Fault.EXCEPTION and reported.is_told_refusal(attempt)
            )
            yield replace(signal, strength=_DOUBTFUL) if doubtful else signal


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
