"""A run that its own evaluations call failed has a fault, at its answer if nothing says where else.

An evaluation says that the end is wrong and not why: the finding is a weak suspect, which gives
way to every fault that was seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.readings.faults import Fault
from investigator.readings.outcome import answer_in, answer_span
from investigator.readings.reading import Readings
from investigator.signals.building import build_signal
from investigator.signals.model import Signal
from investigator.traces.evaluations import Evaluation
from investigator.traces.evidence import EvidenceRef, evaluation_evidence, span_evidence
from investigator.traces.model import Span

_STRENGTH = 0.4
"""Below a half: that the run failed is known, and that its answer is where it began is not."""


def own_verdict(readings: Readings) -> Iterator[Signal]:
    """The fault that evaluations tell of; none where the caller gave its word."""
    known, trace = readings.outcome, readings.trace
    if not (known.failed and known.decided_by):
        return
    judged = [trace.get(one.span_id) for one in known.decided_by if one.span_id is not None]
    place = answer_span(readings.conversation) or next(filter(None, [*judged, *trace.roots]), None)
    if place is not None:
        yield build_signal(
            readings.view,
            detector="own_evaluation",
            fault=Fault.UNSUPPORTED_ANSWER,
            span=place,
            evidence=_evidence(readings, known.decided_by, place, judged),
            summary=f"{known.line}",
            strength=_STRENGTH,
        )


def _evidence(
    readings: Readings, decided_by: Sequence[Evaluation], place: Span, judged: list[Span | None]
) -> Iterator[EvidenceRef]:
    """The answer, the verdicts, and the spans that were judged."""
    answer = answer_in(readings.conversation)
    yield span_evidence(place) if answer is None else answer
    yield from map(evaluation_evidence, decided_by)
    for span in judged:
        if span is not None:
            yield span_evidence(span)
