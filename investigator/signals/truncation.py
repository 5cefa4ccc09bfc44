"""A model that stopped because its output was full left its answer unfinished."""

from __future__ import annotations

from collections.abc import Iterator

from investigator.readings.faults import Fault
from investigator.readings.model_ends import cut_off
from investigator.readings.reading import Readings
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence


def detect_truncated_output(readings: Readings) -> Iterator[Signal]:
    """Model calls whose finish reason, or whose token count, says that the output was full."""
    view = readings.view
    for span in view.model_calls:
        reason = cut_off(span)
        if reason is not None:
            yield build_signal(
                view,
                detector="truncated_output",
                fault=Fault.TRUNCATED_OUTPUT,
                span=span,
                evidence=[span_evidence(span), view.spoken_evidence(span)],
                summary=f"the output of {span.name} was cut off: {reason}",
                strength=0.7,
            )


DETECTOR = Detector("truncated_output", detect_truncated_output)
