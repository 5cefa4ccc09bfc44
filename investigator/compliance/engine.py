"""The compliance engine: which controls does this trace break? A strategy, nothing more.

Narrow (no planner): the controls that apply, and what their checks find in code. Scopes: one
for each applicable control, the gravest first. Conclude (pure): a verdict for each control. A
breach that a check found is a breach, also where no scope got to look at it; then it is stated
with little confidence. What could not be seen is never a pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel

from investigator.canonical import canonical_json
from investigator.claims.confidence import capped_confidence
from investigator.compliance.case import ComplianceCase
from investigator.compliance.outputs import (
    CheckedControl,
    ComplianceOutputs,
    ControlAnswer,
    ControlDraft,
)
from investigator.compliance.report import (
    SCHEMA_VERSION,
    ComplianceReport,
    ControlResult,
    overall_of,
)
from investigator.controls.evaluate import Evaluation, Verdict
from investigator.controls.model import Control
from investigator.inspection.evidence import EvidenceRef
from investigator.runtime.actions import ActionSpace
from investigator.runtime.events import ScopeClosed
from investigator.runtime.strategy import Artifact, Brief, Ended, Plan
from investigator.runtime.tools import ToolRegistry
from investigator.signals.building import unique

RUN_TYPE = "policy_compliance"
COMPLIANCE_REPORT = Artifact("compliance_report", SCHEMA_VERSION)
GUIDE = (
    "Judge the one control that the context names. For each breach that you can show, a finding "
    "with verdict fail, and span_id, the step that breaks the control. Without a breach one "
    "finding, span_id null: verdict pass if you could see all that the control needs, else "
    "insufficient_evidence, and say in gaps what is missing. Never pass what you could not see."
)
UNEXAMINED = 0.4
"""The most confidence that a breach has which no scope looked at."""
_TOLD = 3


class ComplianceStrategy:
    """One trace, the controls of one library, one run."""

    artifact = COMPLIANCE_REPORT
    finalize_tokens = (5000, 1500)
    guide = GUIDE

    def __init__(self, case: ComplianceCase, tools: ToolRegistry) -> None:
        self._case = case
        self.space = ActionSpace(tools.tools, ControlDraft, ControlDraft)
        self.outputs = ComplianceOutputs(case)

    @property
    def plan(self) -> Plan:
        """A scope for each control that applies."""
        return Plan(scopes=tuple(map(self._brief, self._case.applicable)))

    def _brief(self, control: Control) -> Brief:
        found = self._case.evaluations[control.control_id]
        return Brief(
            objective=f"Does the trace break {control.control_id}: {control.title}?",
            context=canonical_json(
                {
                    "of": control.control_id,
                    "trace_id": self._case.trace.trace_id,
                    "control": control.description,
                    "severity": control.severity.value,
                    "breaches": [v.summary for v in found.violations[:_TOLD]],
                    "missing": list(found.missing_evidence[:_TOLD]),
                }
            ),
        )

    def conclude(self, ended: Ended) -> ComplianceReport:
        """A verdict for every control, whatever became of its scope."""
        ids = [control.control_id for control in self._case.applicable]
        ends = dict(zip(ids, ended.scopes, strict=True))
        results = tuple(self._result(c, ends.get(c.control_id)) for c in self._case.controls)
        overall = overall_of([result.pass_fail for result in results])
        return ComplianceReport(
            trace_id=self._case.trace.trace_id,
            controls_version=self._case.library.version,
            overall=overall,
            summary=_summary(results),
            controls_evaluated=results,
            gaps=tuple(dict.fromkeys(ended.gaps)),
        )

    def check(self, report: BaseModel) -> list[str]:
        """Controls that are not in the library, references that do not resolve."""
        if not isinstance(report, ComplianceReport):
            return [f"not a compliance report: {type(report).__name__}"]
        known = [control.control_id for control in self._case.controls]
        told = [result.control_id for result in report.controls_evaluated]
        problems = [] if told == known else ["the controls are not those that were asked for"]
        refs = [ref for result in report.controls_evaluated for ref in result.evidence_refs]
        lost = dict.fromkeys(self._case.unresolved(refs))
        return problems + [f"evidence {ref} does not resolve in the source" for ref in lost]

    def _result(self, control: Control, end: ScopeClosed | None) -> ControlResult:
        found = self._case.evaluations[control.control_id]
        if found.verdict is Verdict.NOT_APPLICABLE:
            return _verdict(control, Verdict.NOT_APPLICABLE, found.confidence, found.reason)
        stated: tuple[CheckedControl, ...] = ()
        if end is not None and end.answer is not None:
            stated = ControlAnswer.model_validate_json(end.answer).findings
        breaches = [finding for finding in stated if finding.verdict is Verdict.FAIL]
        if breaches or found.violations:
            return self._fail(control, found, breaches)
        passed = next((f for f in stated if f.verdict is Verdict.PASS), None)
        if passed is None or found.missing_evidence:
            said = [f.description for f in stated] or ["no scope came to a verdict"]
            reason = found.reason if found.missing_evidence else said[0]
            missing = found.missing_evidence or tuple(said)
            return _verdict(control, Verdict.INSUFFICIENT_EVIDENCE, 0.0, reason, missing=missing)
        refs = passed.evidence_refs
        return _verdict(control, Verdict.PASS, passed.confidence, passed.description, refs=refs)

    def _fail(
        self, control: Control, found: Evaluation, breaches: Sequence[CheckedControl]
    ) -> ControlResult:
        """What scopes could show; where they showed nothing, what the check saw."""
        refs = unique(ref for breach in breaches for ref in breach.evidence_refs)
        told = [breach.description for breach in breaches]
        confidence = max((breach.confidence for breach in breaches), default=0.0)
        where = breaches[0].span_id if breaches else found.violations[0].span_id
        if not breaches:
            refs = found.violations[0].evidence
            told = [found.violations[0].summary]
            confidence = min(UNEXAMINED, capped_confidence(found.violations[0].strength, refs))
        count = max(len(told), len(found.violations))
        more = f"; {count - len(told)} more" if count > len(told) else ""
        return ControlResult(
            control_id=control.control_id,
            title=control.title,
            pass_fail=Verdict.FAIL,
            severity=control.severity,
            confidence=round(confidence, 2),
            explanation="; ".join(told) + more,
            violations=count,
            evidence_refs=refs,
            missing_evidence=found.missing_evidence,
            remediation=control.remediation(
                trace_id=self._case.trace.trace_id, span_id=where or "?"
            ),
        )


def _verdict(
    control: Control,
    verdict: Verdict,
    confidence: float,
    explanation: str,
    *,
    refs: tuple[EvidenceRef, ...] = (),
    missing: tuple[str, ...] = (),
) -> ControlResult:
    return ControlResult(
        control_id=control.control_id,
        title=control.title,
        pass_fail=verdict,
        severity=control.severity,
        confidence=confidence,
        explanation=explanation,
        evidence_refs=refs,
        missing_evidence=missing,
    )


def _summary(results: Sequence[ControlResult]) -> str:
    counts = Counter(result.pass_fail for result in results)
    told = ", ".join(f"{counts[v]} {v.value}" for v in Verdict if counts[v])
    broken = [result.control_id for result in results if result.pass_fail is Verdict.FAIL]
    named = f" Broken: {', '.join(broken)}." if broken else ""
    return f"{len(results)} controls: {told or 'none'}.{named}"
