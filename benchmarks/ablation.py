"""What each mechanism earns: the analysis without it, on every set that has labels.

Signals are detected once a trace; without a detector, the same case is concluded from those of
the others. `benchmarks.quality --ablate` prints the table; a mechanism whose line changes nothing
on data that it was not written from has no reason to stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from investigator.rca.case import RCACase
from investigator.rca.conclude import finding_of, rank, report_from_findings
from investigator.rca.narrowing import hypotheses
from investigator.rca.own_verdict import own_verdict
from investigator.rca.report import Outcome, RCAReport
from investigator.rca.suspects import suspects_of
from investigator.rca.taxonomy import Taxonomy
from investigator.readings.reading import Readings
from investigator.signals.detect import detectors
from investigator.signals.merging import merged
from investigator.signals.model import Signal


@dataclass(frozen=True)
class Subject:
    """A run whose end is known, and where it began to go wrong, as far as that is known.

    `signals` are those of each detector, by its name.
    """

    readings: Readings
    good: bool
    spans: frozenset[str]
    signals: Mapping[str, tuple[Signal, ...]]

    @classmethod
    def of(cls, readings: Readings, *, good: bool, spans: frozenset[str] = frozenset()) -> Subject:
        """Detect all there is."""
        found = {one.name: tuple(one.detect(readings)) for one in detectors()}
        return cls(readings, good, spans, found)


@dataclass(frozen=True, slots=True)
class Tally:
    """Runs rightly and wrongly acquitted, rightly and wrongly called failing, and places hit."""

    clean_right: int = 0
    clean_wrong: int = 0
    failing_right: int = 0
    failing_wrong: int = 0
    hits: int = 0

    def beside(self, other: Tally) -> str:
        """What changes from `other` to this, in words; empty where nothing does."""
        names = ("clean right", "clean wrong", "failing right", "failing wrong", "place hit")
        pairs = zip(names, self._counts, other._counts, strict=True)
        return ", ".join(f"{name} {mine - its:+}" for name, mine, its in pairs if mine != its)

    @property
    def _counts(self) -> tuple[int, ...]:
        return (
            self.clean_right,
            self.clean_wrong,
            self.failing_right,
            self.failing_wrong,
            self.hits,
        )


def tally(subjects: Sequence[Subject], taxonomy: Taxonomy, *, without: str | None = None) -> Tally:
    """What becomes of the runs where the signals of one detector are left out."""
    reports = [(one, _report(one, taxonomy, without)) for one in subjects]
    clean = [one.good for one, report in reports if report.outcome is Outcome.NO_FAILURE]
    failing = [one.good for one, report in reports if report.outcome is Outcome.FAILURE]
    first = [(one, report.findings[0]) for one, report in reports if report.findings]
    return Tally(
        clean_right=sum(clean),
        clean_wrong=len(clean) - sum(clean),
        failing_right=len(failing) - sum(failing),
        failing_wrong=sum(failing),
        hits=sum(finding.span_id in one.spans for one, finding in first),
    )


def ablated(subjects: Sequence[Subject], taxonomy: Taxonomy) -> Iterator[tuple[str, str]]:
    """Each detector with what changes without it."""
    whole = tally(subjects, taxonomy)
    for detector in detectors():
        if any(one.signals[detector.name] for one in subjects):
            yield detector.name, tally(subjects, taxonomy, without=detector.name).beside(whole)


def reported(readings: Readings, taxonomy: Taxonomy) -> RCAReport:
    """What all detectors come to."""
    return _report(Subject.of(readings, good=True), taxonomy, None)


def _report(one: Subject, taxonomy: Taxonomy, without: str | None) -> RCAReport:
    kept = (s for name, found in one.signals.items() if name != without for s in found)
    seen = (*merged(kept, one.readings.trace), *own_verdict(one.readings))
    told = suspects_of(one.readings, seen) if one.readings.outcome.failed else ()
    signals = (*seen, *told)
    case = RCACase(
        readings=one.readings,
        taxonomy=taxonomy,
        signals=signals,
        hypotheses=hypotheses(one.readings.trace, signals, taxonomy),
        branches=(),
    )
    groups = [
        *(group for hypothesis in case.hypotheses for group in case.groups(hypothesis)),
        *case.others,
    ]
    found = (finding_of(group, taxonomy, one.readings.producers.of) for group in groups)
    findings = sorted(found, key=rank)
    return report_from_findings(
        one.readings.trace,
        findings,
        taxonomy,
        gaps=case.gaps,
        acquittal=case.acquittal,
        known=one.readings.outcome,
    )
