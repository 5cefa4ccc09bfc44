"""What is kept of one trace of a window, so that memory does not grow with the traces' size.

A digest is a pure function of its trace. It holds references to evidence and bounded texts,
never the content of a span.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from investigator.incident.circumstances import Circumstances, circumstances_of
from investigator.incident.run_measures import Measured, measures_of
from investigator.incident.setup_facts import Fact, facts_of
from investigator.incident.signature import (
    OF_QUALITY,
    Occurrence,
    Signature,
    component_of,
    occurrences_of,
    root_failed,
    services_of,
)
from investigator.readings.outcome import NOT_KNOWN, KnownOutcome
from investigator.readings.quoting import one_line
from investigator.readings.reading import Readings
from investigator.readings.templates import masked
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span

_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class SlowestStep:
    """The step that itself took longest: its time less that of the steps below it."""

    component: str
    own_ms: float
    evidence: EvidenceRef


@dataclass(frozen=True, slots=True)
class TraceDigest:
    """One trace of the window.

    Times are nanoseconds since the epoch, None where the spans have none; `latency_ms` is that
    of the longest root, `outcome` what is known of how the run ended. `root_evidence` is None only
    for a trace without spans.
    """

    trace_id: str
    service: str
    root_name: str
    start_ns: int | None
    end_ns: int | None
    latency_ms: float | None
    root_failed: bool
    root_evidence: EvidenceRef | None
    occurrences: tuple[Occurrence, ...]
    slowest: SlowestStep | None
    facts: tuple[Fact, ...]
    facts_left_out: int
    outcome: KnownOutcome = NOT_KNOWN
    measures: tuple[Measured, ...] = ()
    circumstances: Circumstances = ()

    @property
    def failing(self) -> bool:
        """Whether something failed in the trace and was not made good."""
        return bool(self.occurrences)

    @property
    def ended_early(self) -> bool:
        """Whether something failed besides its answer: it took less, or more, time than others."""
        return any(found.signature.error_type not in OF_QUALITY for found in self.occurrences)

    @property
    def primary(self) -> Occurrence | None:
        """The strongest failure; None where nothing failed."""
        return self.occurrences[0] if self.occurrences else None

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The signatures of the failures, the strongest first."""
        return tuple(occurrence.signature for occurrence in self.occurrences)


def digest(read: Readings) -> TraceDigest:
    """What the incident engine keeps of a trace."""
    trace, quote = read.trace, read.quote
    roots = trace.roots
    root = max(roots, key=lambda span: span.latency_ms or 0.0, default=None)
    services = services_of(trace, quote)
    facts = facts_of(read, services)
    return TraceDigest(
        trace_id=trace.trace_id,
        service=services[root.span_id] if root is not None else "",
        root_name=one_line(masked(quote.whole(root.name)), _NAME_LIMIT) if root else "",
        start_ns=min((s.start_ns for s in trace.spans if s.start_ns is not None), default=None),
        end_ns=max((s.end_ns for s in trace.spans if s.end_ns is not None), default=None),
        latency_ms=root.latency_ms if root is not None else None,
        root_failed=root_failed(trace),
        root_evidence=span_evidence(root) if root is not None else None,
        occurrences=occurrences_of(read, services),
        slowest=_slowest(read),
        facts=facts.facts,
        facts_left_out=facts.left_out,
        outcome=read.outcome,
        measures=measures_of(trace, heeds_evaluations=read.heeds_evaluations),
        circumstances=circumstances_of(trace, quote),
    )


def in_order(digests: Iterable[TraceDigest]) -> list[TraceDigest]:
    """By start time (missing last), then trace id; a trace that comes twice is kept once."""
    once = {found.trace_id: found for found in digests}
    return sorted(once.values(), key=lambda d: (d.start_ns is None, d.start_ns or 0, d.trace_id))


def dated(digests: Iterable[TraceDigest]) -> list[TraceDigest]:
    """Those whose start is known, in order."""
    return [found for found in in_order(digests) if found.start_ns is not None]


def _slowest(read: Readings) -> SlowestStep | None:
    trace = read.trace
    slowest: Span | None = None
    longest = 0.0
    for span in trace.spans:
        below = sum(child.latency_ms or 0.0 for child in trace.children(span.span_id))
        own = (span.latency_ms or 0.0) - below
        if own > longest:
            slowest, longest = span, own
    if slowest is None:
        return None
    return SlowestStep(component_of(read, slowest), longest, span_evidence(slowest))
