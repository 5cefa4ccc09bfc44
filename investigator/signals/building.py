"""Signals are built in one place: evidence unique, the summary one bounded line, no secrets."""

from __future__ import annotations

from collections.abc import Iterable

from investigator.readings.faults import Fault
from investigator.readings.view import TraceView
from investigator.signals.model import Signal
from investigator.traces.evidence import EvidenceRef, message_evidence, unique
from investigator.traces.model import Span

SUMMARY_LIMIT = 200


def build_signal(
    view: TraceView,
    *,
    detector: str,
    fault: Fault,
    span: Span,
    evidence: Iterable[EvidenceRef],
    summary: str,
    strength: float,
    origin: Span | None = None,
    recovered_by: str | None = None,
    topic: str | None = None,
) -> Signal:
    """A signal whose origin is `span` unless said otherwise, told of the origin's agent."""
    began = span if origin is None else origin
    agent = view.trace.agent_of(began)
    return Signal(
        detector=detector,
        fault=fault,
        span_id=span.span_id,
        origin_id=began.span_id,
        evidence=unique(evidence),
        summary=view.quote.line(summary, SUMMARY_LIMIT),
        strength=strength,
        agent=None if agent is None else view.quote.whole(agent),
        recovered_by=recovered_by,
        topic=topic,
    )


def asked_evidence(view: TraceView, span: Span) -> list[EvidenceRef]:
    """The last message that a step was given: what it answered, said by another than itself."""
    given = view.inputs(span)
    return [message_evidence(span, len(given) - 1, given[-1])] if given else []
