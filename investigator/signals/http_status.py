"""An HTTP status of 400 or above on a span is a fault, whatever the span's own status says."""

from __future__ import annotations

from collections.abc import Iterator

from investigator.readings.reading import Readings
from investigator.readings.refused_requests import fault_of_status
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Recoveries
from investigator.signals.reported import Reported
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span

_KEYS = ("http.response.status_code", "http.status_code")


def detect_http_errors(readings: Readings) -> Iterator[Signal]:
    """Spans that carry an HTTP status of an error."""
    view = readings.view
    recoveries, found_out = Recoveries(view), Reported(view).answering_spans
    for span in view.trace.spans:
        status = _status(span)
        fault = None if status is None else fault_of_status(status)
        if fault is not None and not {span.span_id, view.scope(span)} & found_out:
            parent = view.trace.parent(span)
            evidence = [span_evidence(span)]
            yield build_signal(
                view,
                detector="http_error",
                fault=fault,
                span=span,
                evidence=evidence if parent is None else [*evidence, span_evidence(parent)],
                summary=f"{span.kind.value} {span.name} got HTTP status {status}",
                strength=0.8,
                recovered_by=recoveries.of(span, fault),
            )


def _status(span: Span) -> int | None:
    for key in _KEYS:
        value = span.attributes.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isdecimal() and len(value) == 3:
            return int(value)
    return None


DETECTOR = Detector("http_errors", detect_http_errors)
