"""The one rule by which a verdict follows from what a check found.

In this order: the control does not apply; a breach with a reference is a fail, also where other
evidence is missing; with anything missing nothing can be said; else it is a pass, which says
what was scanned.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from investigator.controls.checking import Checked, Subject, Violation
from investigator.controls.model import Control
from investigator.controls.required_evidence import missing_evidence
from investigator.inspection.evidence import EvidenceRef

PASSED = 0.8
"""The confidence of a pass: a check sees only what it looks for."""

NOT_MET = 0.9
"""The confidence that a control does not apply: its predicate was evaluated on what is there."""

_NAMED = 3


class Verdict(StrEnum):
    """What can be said of one control."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What code says of one control. `reason` is one line: what was found, missing or scanned.

    `evidence` are places that were scanned, for a pass; a breach has its own.
    """

    control_id: str
    verdict: Verdict
    confidence: float
    reason: str
    violations: tuple[Violation, ...] = ()
    missing_evidence: tuple[str, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()


def evaluate(control: Control, subject: Subject) -> Evaluation:
    """Judge one control in code."""
    applies = control.applies_when.holds(subject)
    if not applies.yes:
        reason = f"does not apply: {applies.reason}"
        return Evaluation(control.control_id, Verdict.NOT_APPLICABLE, NOT_MET, reason)
    found = _checked(control, subject)
    violations = tuple(
        sorted((v for v in found.violations if v.evidence), key=lambda v: -v.strength)
    )
    missing = missing_evidence(subject, control.required_evidence)
    missing = tuple(dict.fromkeys((*missing, *found.missing)))
    if violations:
        return Evaluation(
            control.control_id,
            Verdict.FAIL,
            violations[0].strength,
            _told(violations),
            violations,
            missing,
        )
    if missing:
        verdict, reason = Verdict.INSUFFICIENT_EVIDENCE, "; ".join(missing[:_NAMED])
        return Evaluation(control.control_id, verdict, 0.0, reason, missing_evidence=missing)
    reason = f"nothing found; scanned: {found.scanned or applies.reason}"
    return Evaluation(control.control_id, Verdict.PASS, PASSED, reason, evidence=found.evidence)


def _checked(control: Control, subject: Subject) -> Checked:
    """What the check found; a question that only a model can judge is left open."""
    code, model = control.check.code, control.check.model
    if code is not None:
        found = code.known.run(subject, code.known.params.model_validate(code.params))
        if model is None or found.violations:
            return found
        return Checked(missing=(*found.missing, f"a model has to judge: {model.question}"))
    assert model is not None
    return Checked(missing=(f"a model has to judge: {model.question}",))


def _told(violations: tuple[Violation, ...]) -> str:
    more = f"; {len(violations) - 1:,} more" if len(violations) > 1 else ""
    return violations[0].summary + more
