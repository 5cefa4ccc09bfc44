"""What the engine knows before any scope opens: the trace, its signals, the possible causes.

Everything here comes from the source and is made without a planner; all of it is pure, so a
resumed or replayed run has the same case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from investigator.rca.narrowing import Branch, Hypothesis, hot_branches, hypotheses, remaining
from investigator.rca.taxonomy import Taxonomy
from investigator.readings.completeness import completeness
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.evidence import EvidenceIndex, EvidenceRef
from investigator.traces.model import Trace


@dataclass(frozen=True)
class RCACase:
    """One trace under investigation. `gaps` say why it cannot be called free of faults."""

    trace: Trace
    taxonomy: Taxonomy
    signals: tuple[Signal, ...]
    hypotheses: tuple[Hypothesis, ...]
    branches: tuple[Branch, ...]
    gaps: tuple[str, ...]

    @classmethod
    def of(cls, trace: Trace, taxonomy: Taxonomy) -> RCACase:
        """Narrow a trace down."""
        signals = detect(trace)
        return cls(
            trace=trace,
            taxonomy=taxonomy,
            signals=signals,
            hypotheses=hypotheses(trace, signals, taxonomy),
            branches=hot_branches(trace),
            gaps=completeness(trace),
        )

    def groups(self, hypothesis: Hypothesis) -> tuple[tuple[Signal, ...], ...]:
        """The hypothesis' signals, those that began at one span together."""
        return self._grouped(self.signals[i] for i in hypothesis.signal_indexes)

    @property
    def others(self) -> tuple[tuple[Signal, ...], ...]:
        """The signals of no hypothesis, in the same groups."""
        return self._grouped(remaining(self.signals, self.hypotheses))

    def _grouped(self, signals: Iterable[Signal]) -> tuple[tuple[Signal, ...], ...]:
        groups: dict[tuple[str, str], list[Signal]] = {}
        for signal in signals:
            category = self.taxonomy.category_of(signal.fault).id
            groups.setdefault((category, signal.origin_id), []).append(signal)
        return tuple(tuple(group) for group in groups.values())

    @cached_property
    def _evidence(self) -> EvidenceIndex:
        return EvidenceIndex(self.trace)

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """The references that do not resolve in the trace, hash and all."""
        return [ref.ref for ref in refs if self._evidence.problem(ref) is not None]
