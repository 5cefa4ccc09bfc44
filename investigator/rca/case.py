"""What the engine knows before any scope opens: the trace, its signals, the possible causes.

Everything here comes from the source and is made without a planner; all of it is pure, so a
resumed or replayed run has the same case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from investigator.ground.redaction import Redactor
from investigator.inspection.reference_names import ReferenceNames
from investigator.rca.acquittal import Acquittal
from investigator.rca.good_run import GoodRun
from investigator.rca.narrowing import Branch, TraceHypothesis, hot_branches, hypotheses, remaining
from investigator.rca.own_verdict import own_verdict
from investigator.rca.report import Finding
from investigator.rca.suspects import LIKELY, SUSPECTS, suspects_of
from investigator.rca.taxonomy import Taxonomy
from investigator.rca.trace_leads import TraceLead, TraceLeads
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.evidence import EvidenceRef
from investigator.traces.model import Trace

if TYPE_CHECKING:
    from investigator.controls.model import ControlLibrary
    from investigator.rca.policy_verdicts import Policy


@dataclass(frozen=True)
class RCACase:
    """One trace under investigation."""

    readings: Readings
    taxonomy: Taxonomy
    signals: tuple[Signal, ...]
    hypotheses: tuple[TraceHypothesis, ...]
    branches: tuple[Branch, ...]
    policy: Policy | None = None
    good: GoodRun | None = None

    @classmethod
    def of(cls, trace: Trace, taxonomy: Taxonomy, redactor: Redactor) -> RCACase:
        """Narrow a trace down of which the caller says nothing."""
        return cls.narrowed(Readings(trace, redactor), taxonomy)

    @classmethod
    def narrowed(
        cls,
        readings: Readings,
        taxonomy: Taxonomy,
        library: ControlLibrary | None = None,
        good: Readings | None = None,
    ) -> RCACase:
        """Narrow a trace down, under the controls of a library and beside a good run, if given."""
        trace = readings.trace
        policy = None if library is None else _judged(library, readings)
        seen = (*readings.kept(detect), *own_verdict(readings))
        seen = seen if policy is None else policy.beside(seen)
        beside = None if good is None else GoodRun(readings, good, tuple(seen))
        seen = seen if beside is None else beside.signals
        signals = (*seen, *(suspects_of(readings, seen) if readings.outcome.failed else ()))
        return cls(
            readings=readings,
            taxonomy=taxonomy,
            signals=signals,
            hypotheses=hypotheses(trace, signals, taxonomy),
            branches=hot_branches(trace),
            policy=policy,
            good=beside,
        )

    @property
    def trace(self) -> Trace:
        """The trace."""
        return self.readings.trace

    @cached_property
    def acquittal(self) -> Acquittal:
        """What speaks for the run."""
        return Acquittal(self.readings, self.signals, self.policy)

    @cached_property
    def names(self) -> ReferenceNames:
        """How its steps and spans are called."""
        return ReferenceNames(self.readings)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why the trace cannot be called free of faults."""
        return self.readings.gaps

    def groups(self, hypothesis: TraceHypothesis) -> tuple[tuple[Signal, ...], ...]:
        """The hypothesis' signals, those that began at one span together."""
        return self._grouped(self.signals[i] for i in hypothesis.signal_indexes)

    @property
    def others(self) -> tuple[tuple[Signal, ...], ...]:
        """The signals of no hypothesis, in the same groups."""
        return self._grouped(remaining(self.signals, self.hypotheses))

    @cached_property
    def leads(self) -> dict[str, TraceLead]:
        """What a scope starts from, by id: each to be confirmed or refuted."""
        made = TraceLeads(self.readings, self.names, self.taxonomy)
        guessed = [one for one in self.hypotheses if _says_something(self.groups(one))]
        found = (
            *(made.of_hypothesis(one, self.groups(one)) for one in guessed),
            *made.of_suspects([group for group in self.others if _says_something([group])]),
            *made.of_places(self.signals, self.acquittal),
        )
        return {lead.id: lead for lead in found}

    def place_of(self, group: Sequence[Signal]) -> tuple[str, str]:
        """The category and the span that the finding of a group of signals has."""
        return self.taxonomy.category_of(group[0].fault).id, group[0].origin_id

    def stated_place(self, category: str, span_id: str) -> tuple[str, str]:
        """The same of what somebody states, by the names that they use."""
        known = self.taxonomy.category(category)
        named = self.names.span_named(span_id) or span_id
        return category if known is None else known.id, named

    def signals_of(self, finding: Finding) -> tuple[Signal, ...]:
        """The signals that a finding states: those of its category that began at its span."""
        return self._by_place.get((finding.category, finding.span_id), ())

    @cached_property
    def _by_place(self) -> dict[tuple[str, str], tuple[Signal, ...]]:
        return {self.place_of(group): group for group in self._grouped(self.signals)}

    def _grouped(self, signals: Iterable[Signal]) -> tuple[tuple[Signal, ...], ...]:
        """Those of one category that began at one span; a control's breaches, where the first did.

        A control that is broken again and again is one fault of the run, not several.
        """
        groups: dict[tuple[str, str], list[Signal]] = {}
        first_breach: dict[str, str] = {}
        for signal in signals:
            category, place = self.taxonomy.category_of(signal.fault).id, signal.origin_id
            if signal.fault is Fault.POLICY_BREACH and signal.topic is not None and signal.open:
                place = first_breach.setdefault(signal.topic, place)
            groups.setdefault((category, place), []).append(signal)
        return tuple(tuple(group) for group in groups.values())

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """The references that do not resolve in the trace, hash and all."""
        return [ref.ref for ref in refs if self.readings.evidence.problem(ref) is not None]


def _judged(library: ControlLibrary, readings: Readings) -> Policy:
    """Controls are imported where a run had any to keep."""
    from investigator.rca.policy_verdicts import Policy

    return Policy.judged(library, readings)


def _says_something(groups: Sequence[Sequence[Signal]]) -> bool:
    """Whether signals say more of the run than where in it somebody stands.

    A suspect that is named since somebody has to be is told only where people found it right often
    enough (the first step that acted); the others are for who names suspects without reading.
    """
    return any(
        signal.detector != SUSPECTS
        or signal.strength >= LIKELY
        or signal.fault is not Fault.UNEXPLAINED
        for group in groups
        for signal in group
    )
