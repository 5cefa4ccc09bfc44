"""What was found and what was said of a control become its result, by one rule.

What code found stands: a breach is a breach, and what could not be seen is never a pass, whatever
a model says. What a model says counts where the control asks it something, and where it read: a
fail and a pass of a model name evidence that resolves. What nobody judged stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from investigator.claims.confidence import UNEXAMINED, ProducedBy, capped_confidence
from investigator.compliance.outputs import CheckedControl
from investigator.compliance.report import ControlResult, JudgedBy
from investigator.controls.evaluate import ControlEvaluation, unjudged
from investigator.controls.model import Control
from investigator.controls.terms import Verdict
from investigator.traces.evidence import EvidenceRef, unique


@dataclass(frozen=True, slots=True)
class Stated:
    """What the scopes of a control said: those of rules, and those in which a model decided."""

    by_rules: tuple[CheckedControl, ...] = ()
    by_model: tuple[CheckedControl, ...] = ()


def control_result(
    control: Control,
    found: ControlEvaluation,
    stated: Stated,
    *,
    trace_id: str,
    produced_by: ProducedBy,
) -> ControlResult:
    """The result of one control, with what nobody configured for it."""
    result = _result(control, found, stated, trace_id=trace_id, produced_by=produced_by)
    return result.model_copy(update={"not_configured": found.not_configured})


def _result(
    control: Control,
    found: ControlEvaluation,
    stated: Stated,
    *,
    trace_id: str,
    produced_by: ProducedBy,
) -> ControlResult:
    if found.verdict is Verdict.NOT_APPLICABLE:
        return _verdict(control, Verdict.NOT_APPLICABLE, found.confidence, found.reason)
    judged = stated.by_model if found.is_open else ()
    breaches = [f for f in (*stated.by_rules, *judged) if f.verdict is Verdict.FAIL]
    if breaches or found.violations:
        return _fail(
            control,
            found,
            breaches,
            judged=bool(judged),
            trace_id=trace_id,
            produced_by=produced_by,
        )
    if found.missing_evidence:
        return _insufficient(control, found.reason, found.missing_evidence)
    if found.to_judge is not None:
        return _judgement(control, found, judged, produced_by)
    passed = next((f for f in stated.by_rules if f.verdict is Verdict.PASS), None)
    if passed is None:
        said = tuple(f.description for f in stated.by_rules) or ("no scope came to a verdict",)
        return _insufficient(control, said[0], said)
    return _verdict(
        control, Verdict.PASS, passed.confidence, passed.description, refs=passed.evidence_refs
    )


def _judgement(
    control: Control,
    found: ControlEvaluation,
    judged: Sequence[CheckedControl],
    produced_by: ProducedBy,
) -> ControlResult:
    """What a model made of the question of a control that nothing is known to break.

    It passes what it read: its evidence is, in part at least, what the control asks about.
    """
    by = JudgedBy.MODEL
    if not judged:
        line = unjudged(found.to_judge or "")
        return _insufficient(control, line, (line,))
    open_ends = tuple(f.description for f in judged if f.verdict is not Verdict.PASS)
    if open_ends:
        return _insufficient(control, open_ends[0], open_ends, by=by)
    refs = unique(ref for finding in judged for ref in finding.evidence_refs)
    if not refs:
        line = f"no evidence is named for: {judged[0].description}"
        return _insufficient(control, line, (line,), by=by)
    asked_about = set(map(produced_by, found.to_read))
    if asked_about and asked_about.isdisjoint(map(produced_by, refs)):
        line = f"what the control asks about was not read for: {judged[0].description}"
        return _insufficient(control, line, (line,), by=by)
    confidence = round(capped_confidence(min(f.confidence for f in judged), refs, produced_by), 2)
    told = "; ".join(finding.description for finding in judged)
    return _verdict(control, Verdict.PASS, confidence, told, refs=refs, by=by)


def _fail(
    control: Control,
    found: ControlEvaluation,
    breaches: Sequence[CheckedControl],
    *,
    judged: bool,
    trace_id: str,
    produced_by: ProducedBy,
) -> ControlResult:
    """What scopes could show; of what a check saw and no scope showed, the most telling."""
    refs = unique(ref for breach in breaches for ref in breach.evidence_refs)
    told = [breach.description for breach in breaches]
    confidence = max((breach.confidence for breach in breaches), default=0.0)
    where = [breach.span_id for breach in breaches]
    known = {violation.span_id for violation in found.violations}
    if known and known.isdisjoint(where):
        first = found.violations[0]
        refs = unique((*first.evidence, *refs))
        told.insert(0, first.summary)
        where.insert(0, first.span_id)
        seen = min(UNEXAMINED, capped_confidence(first.strength, first.evidence, produced_by))
        confidence = max(confidence, seen)
    count = max(len(told), len(found.violations))
    more = f"; {count - len(told)} more" if count > len(told) else ""
    missing = found.missing_evidence
    if found.to_judge is not None and found.is_open and not judged:
        missing = (unjudged(found.to_judge),)
    return ControlResult(
        control_id=control.control_id,
        title=control.title,
        pass_fail=Verdict.FAIL,
        severity=control.severity,
        judged_by=JudgedBy.MODEL if judged and not found.violations else JudgedBy.CODE,
        confidence=round(confidence, 2),
        explanation="; ".join(told) + more,
        violations=count,
        evidence_refs=refs,
        missing_evidence=missing,
        remediation=control.remediation(trace_id=trace_id, span_id=where[0] or "?"),
    )


def _insufficient(
    control: Control, reason: str, missing: tuple[str, ...], *, by: JudgedBy = JudgedBy.CODE
) -> ControlResult:
    return _verdict(control, Verdict.INSUFFICIENT_EVIDENCE, 0.0, reason, missing=missing, by=by)


def _verdict(
    control: Control,
    verdict: Verdict,
    confidence: float,
    explanation: str,
    *,
    refs: tuple[EvidenceRef, ...] = (),
    missing: tuple[str, ...] = (),
    by: JudgedBy = JudgedBy.CODE,
) -> ControlResult:
    return ControlResult(
        control_id=control.control_id,
        title=control.title,
        pass_fail=verdict,
        severity=control.severity,
        judged_by=by,
        confidence=confidence,
        explanation=explanation,
        evidence_refs=refs,
        missing_evidence=missing,
    )
