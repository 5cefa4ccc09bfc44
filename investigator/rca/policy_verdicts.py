"""Under a policy a breach is a fault like any other, and each demand that was kept is a check.

The policy is a control library. Its controls are judged in code, over the same readings as all
else. Severity says what a breach means for the run: one of `low` or `info` is a slip of form, a
finding beside others that neither fails the run nor keeps it from being acquitted; any other is
enough to fail it. An act that the tool refused came to nothing, so its breach counts as recovered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from investigator.controls.evaluate import ControlEvaluation, evaluate
from investigator.controls.model import Control, ControlLibrary
from investigator.controls.terms import Severity, Verdict
from investigator.rca.report import POLICY, AcquittalCheck, Finding
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.signals.building import build_signal
from investigator.signals.model import Signal

_SLIPS = frozenset({Severity.LOW, Severity.INFO})
_SLIP = 0.4
"""Strength of a slip of form: less than a fault that fails a run."""


@dataclass(frozen=True)
class Policy:
    """The controls of a library that apply to one run, each with what code says of it."""

    readings: Readings
    judged_controls: tuple[tuple[Control, ControlEvaluation], ...]

    @classmethod
    def judged(cls, library: ControlLibrary, readings: Readings) -> Policy:
        """Judge the controls of a library, most severe first."""
        found = [(control, evaluate(control, readings)) for control in library.ordered]
        applied = (pair for pair in found if pair[1].verdict is not Verdict.NOT_APPLICABLE)
        return cls(readings, tuple(applied))

    @cached_property
    def breaches(self) -> tuple[Signal, ...]:
        """A fault for each breach, those of the gravest controls first."""
        return tuple(self._breaches())

    @property
    def broken(self) -> tuple[Control, ...]:
        """The controls that are more than a matter of form and whose breach stands."""
        return tuple(
            control
            for control, found in self.judged_controls
            if control.severity not in _SLIPS and _stands(found)
        )

    def beside(self, seen: Sequence[Signal]) -> tuple[Signal, ...]:
        """All faults of the run: breaches, what detectors have `seen`, slips of form."""
        slips = [one for one in self.breaches if one.strength <= _SLIP]
        return (*(one for one in self.breaches if one not in slips), *seen, *slips)

    def remedies(self, finding: Finding) -> tuple[str, ...]:
        """What the broken controls say is to be done about it, the gravest first."""
        where = {"trace_id": self.readings.trace.trace_id, "span_id": finding.span_id}
        broken = (one for one, _ in self.judged_controls if one.control_id in finding.controls)
        return tuple(control.remediation(**where) for control in broken)

    @property
    def checks(self) -> tuple[AcquittalCheck, ...]:
        """What an acquittal needs: each demand that is more than a matter of form is met."""
        return tuple(
            _check(control, found)
            for control, found in self.judged_controls
            if control.severity not in _SLIPS
        )

    def _breaches(self) -> Iterator[Signal]:
        for control, found in self.judged_controls:
            is_slip = control.severity in _SLIPS
            for breach in found.violations:
                span = self.readings.trace.get(breach.span_id)
                if span is not None:
                    yield build_signal(
                        self.readings.view,
                        detector=POLICY,
                        fault=Fault.POLICY_BREACH,
                        span=span,
                        evidence=breach.evidence,
                        summary=f"{control.control_id}: {breach.summary}",
                        strength=_SLIP if is_slip else breach.strength,
                        recovered_by=breach.refused_at,
                        topic=control.control_id,
                    )


def _check(control: Control, found: ControlEvaluation) -> AcquittalCheck:
    met = False if _stands(found) else None if found.missing_evidence else True
    return AcquittalCheck(
        name=f"{control.control_id}: {control.title}",
        met=met,
        looked_at=found.scanned or "the trace",
        missing=None if met else found.reason,
    )


def _stands(found: ControlEvaluation) -> bool:
    """Whether a breach came to something."""
    return any(breach.refused_at is None for breach in found.violations)
