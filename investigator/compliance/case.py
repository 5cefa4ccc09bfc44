"""What is known before any scope opens: the trace, the controls asked for, what code finds.

Everything here comes from the source and is made without a planner; all of it is pure, so a
resumed or replayed run has the same case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from investigator.controls.evaluate import ControlEvaluation, evaluate
from investigator.controls.extending import no_control
from investigator.controls.model import Control, ControlLibrary
from investigator.controls.terms import Verdict
from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.inspection.reference_names import ReferenceNames
from investigator.readings.reading import Readings
from investigator.traces.evidence import EvidenceRef
from investigator.traces.model import Trace

_TOLD = 3


@dataclass(frozen=True)
class ComplianceCase:
    """One trace under a control library; `controls` by severity, then id."""

    readings: Readings
    library: ControlLibrary
    controls: tuple[Control, ...]
    evaluations: dict[str, ControlEvaluation]

    @classmethod
    def of(
        cls,
        readings: Readings,
        library: ControlLibrary,
        control_ids: Sequence[str] = (),
    ) -> ComplianceCase:
        """Evaluate the controls of a library, or those named, in code."""
        controls = chosen(library, control_ids)
        return cls(
            readings=readings,
            library=library,
            controls=controls,
            evaluations={c.control_id: evaluate(c, readings) for c in controls},
        )

    @property
    def trace(self) -> Trace:
        """The trace."""
        return self.readings.trace

    @cached_property
    def names(self) -> ReferenceNames:
        """How its steps and spans are called."""
        return ReferenceNames(self.readings)

    @property
    def applicable(self) -> tuple[Control, ...]:
        """The controls whose predicate the trace meets: each gets a scope."""
        return tuple(
            control
            for control in self.controls
            if self.evaluations[control.control_id].verdict is not Verdict.NOT_APPLICABLE
        )

    def told(self, control: Control) -> dict[str, JsonValue]:
        """What somebody who is to judge a control that applies is given to begin with."""
        found = self.evaluations[control.control_id]
        told: dict[str, JsonValue] = {
            "trace_id": self.trace.trace_id,
            "control": control.description,
            "severity": control.severity.value,
        }
        if found.violations:
            place = self.names.place
            breaches = (f"{place(v.span_id)}: {v.summary}" for v in found.violations[:_TOLD])
            told["breaches"] = list(breaches)
        if found.missing_evidence:
            told["missing"] = list(found.missing_evidence[:_TOLD])
        if found.to_judge is not None:
            told["asked"] = found.to_judge
            told["needs"] = [kind.value for kind in control.required_evidence]
            told["read_first"] = [self.names.of(ref) or ref.ref for ref in found.to_read]
        return told

    @property
    def asked_about(self) -> tuple[EvidenceRef, ...]:
        """Where more than one scope is to begin to read."""
        begun = Counter(ref for one in self.evaluations.values() for ref in one.to_read)
        return tuple(ref for ref, scopes in begun.items() if scopes > 1)

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """The references that do not resolve in the trace, hash and all."""
        return [ref.ref for ref in refs if self.readings.evidence.problem(ref) is not None]


def chosen(library: ControlLibrary, control_ids: Sequence[str]) -> tuple[Control, ...]:
    """The controls of those ids, all of them where none is named, by severity, then id.

    Raises:
        UsageError: the library has no control of that id.
    """
    known = {control.control_id: control for control in library.controls}
    stray = [control_id for control_id in control_ids if control_id not in known]
    if stray:
        raise UsageError(no_control(library, stray[0]))
    wanted = set(control_ids or known)
    return tuple(control for control in library.ordered if control.control_id in wanted)
