"""What several detectors saw of one fault is one signal, and nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

from investigator.readings.faults import Fault
from investigator.signals.merging import merged
from investigator.signals.model import Signal
from investigator.traces.evidence import span_evidence
from tests.builders import span, trace

TRACE = trace(span("a"), span("b", parent="a", start_ms=1), span("c", parent="a", start_ms=2))
SEEN = Signal(
    detector="exceptions",
    fault=Fault.EXCEPTION,
    span_id="b",
    origin_id="b",
    evidence=(span_evidence(TRACE.spans[1]),),
    summary="it failed",
    strength=0.6,
)


def test_a_merged_signal_is_open_while_one_part_of_it_is() -> None:
    """One detector saw it made good, the other did not: it was not made good."""
    closed = replace(SEEN, detector="http", fault=Fault.HTTP_ERROR, recovered_by="c")
    for signals in ([SEEN, closed], [closed, SEEN]):
        (one,) = merged(signals, TRACE)
        assert one.open
    also = replace(SEEN, recovered_by="c")
    (one,) = merged([also, closed], TRACE)
    assert one.recovered_by == "c"


def test_a_merged_signal_has_the_evidence_of_all_and_the_greatest_strength() -> None:
    """The specific name wins over one that says no more than that something failed."""
    surer = replace(
        SEEN,
        detector="arguments",
        fault=Fault.BAD_ARGUMENTS,
        evidence=(span_evidence(TRACE.spans[0]),),
        strength=0.4,
    )
    (one,) = merged([SEEN, surer], TRACE)
    assert (one.fault, one.strength) == (Fault.BAD_ARGUMENTS, 0.6)
    assert {ref.span_id for ref in one.evidence} == {"a", "b"}


def test_a_course_of_events_stands_beside_the_fault_of_a_call() -> None:
    """That a failure was passed over is another fault than the failure."""
    ignored = replace(SEEN, detector="ignored", fault=Fault.IGNORED_TOOL_ERROR)
    assert [one.fault for one in merged([SEEN, ignored], TRACE)] == [
        Fault.EXCEPTION,
        Fault.IGNORED_TOOL_ERROR,
    ]
