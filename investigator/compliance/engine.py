"""The compliance engine: which controls does this trace break? A strategy, nothing more.

Narrow (no planner): the controls that apply, and what their checks find in code. Scopes: one
for each applicable control, the gravest first. Conclude (pure): a verdict for each control. A
breach that a check found is a breach, also where no scope got to look at it; then it is stated
with little confidence. What could not be seen is never a pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from investigator.compliance.case import ComplianceCase
from investigator.compliance.outputs import (
    CheckedControl,
    ComplianceOutputs,
    ControlAnswer,
    ControlDraft,
)
from investigator.compliance.report import (
    COMPLIANCE_REPORT,
    ComplianceReport,
    ControlResult,
    overall_of,
)
from investigator.compliance.rules import breach_contexts
from investigator.compliance.verdicts import Stated, control_result
from investigator.controls.model import Control
from investigator.controls.terms import Verdict
from investigator.ground.canonical_json import canonical_json
from investigator.ground.wording import counted
from investigator.runtime.actions import ActionSpace
from investigator.runtime.events import OpenedScope, ScopeClosed
from investigator.runtime.status import ScopeStatus
from investigator.runtime.strategy import Brief, Ended, Plan
from investigator.runtime.tools import ToolRegistry

_GUIDE = (
    "Judge the one control that the context names. What it is asked is answered from what was said "
    "and done in the trace: read what read_first names, unless it stands above, and on until you "
    "have seen what it needs. For each breach that you can show, a finding "
    "with verdict fail, and span_id, the step that breaks the control. Without a breach one "
    "finding, span_id null: verdict pass if you could see all that the control needs, else "
    "insufficient_evidence, and say in gaps what is missing. What nothing put to the test is a "
    "pass. A pass cites what you read, one of read_first among it, as a fail does. Never pass what "
    "you could not see."
)


class ComplianceStrategy:
    """One trace, the controls of one library, one run."""

    artifact = COMPLIANCE_REPORT
    finalize_tokens = (5000, 1500)
    guide = _GUIDE

    def __init__(self, case: ComplianceCase, tools: ToolRegistry) -> None:
        self._case = case
        self.space = ActionSpace(tools.tools, ControlDraft, ControlDraft)
        self.outputs = ComplianceOutputs(case)

    @property
    def plan(self) -> Plan:
        """A scope for each control that applies."""
        return Plan(scopes=tuple(map(self._brief, self._case.applicable)))

    def _brief(self, control: Control) -> Brief:
        return Brief(
            objective=f"Does the trace break {control.control_id}: {control.title}?",
            context=canonical_json({**self._case.told(control), "of": control.control_id}),
        )

    def takes_model(self, scope: OpenedScope) -> bool:
        """Where a control asks what only a model can judge, and all of it can be seen.

        What a check found out is for rules to follow up, in a child of their own.
        """
        position = scope.scope.split("/")[1:2]
        if not position:
            return any(found.is_open for found in self._case.evaluations.values())
        control = self._case.applicable[int(position[0])]
        found = self._case.evaluations[control.control_id]
        return found.is_open and scope.context not in breach_contexts(control.control_id)

    def conclude(self, ended: Ended) -> ComplianceReport:
        """A verdict for every control, whatever became of its scope."""
        ids = [control.control_id for control in self._case.applicable]
        ends = dict(zip(ids, ended.scopes, strict=True))
        results = tuple(
            control_result(
                control,
                self._case.evaluations[control.control_id],
                self._stated(ends.get(control.control_id), ended),
                trace_id=self._case.trace.trace_id,
                produced_by=self._case.readings.producers.of,
            )
            for control in self._case.controls
        )
        overall = overall_of([result.pass_fail for result in results])
        return ComplianceReport(
            trace_id=self._case.trace.trace_id,
            trace_ids=self._case.trace.trace_ids,
            controls_version=self._case.library.version,
            overall=overall,
            summary=_summary(results),
            controls_evaluated=results,
            not_configured=_not_configured(results),
            gaps=tuple(dict.fromkeys((*ended.gaps, *_told_gaps(ends)))),
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

    def _stated(self, end: ScopeClosed | None, ended: Ended) -> Stated:
        """What was said in a control's scope and its children, and whose word it is.

        What a model had only drafted when its scope was cut off may show a breach, but no pass.
        """
        if end is None:
            return Stated()
        below = [c for c in ended.closed.values() if c.scope.rpartition("/")[0] == end.scope]
        asked = [c for c in (end, *below) if ended.by_model(c.scope)]
        if end in asked:
            asked = [end]
        judged = tuple(
            finding
            for closed in asked
            for finding in _findings(closed)
            if closed.status is ScopeStatus.COMPLETED or finding.verdict is Verdict.FAIL
        )
        passed_on = {finding.model_dump_json() for c in asked for finding in _findings(c)}
        own = (f for f in _findings(end) if f.model_dump_json() not in passed_on)
        return Stated(by_rules=tuple(own), by_model=judged)


def _told_gaps(ends: Mapping[str, ScopeClosed | None]) -> Iterator[str]:
    """What the scopes said they could not see, each with its control."""
    for control_id, end in ends.items():
        if end is not None and end.answer is not None:
            answer = ControlAnswer.model_validate_json(end.answer)
            yield from (f"{control_id}: {gap}" for gap in answer.gaps)


def _findings(closed: ScopeClosed) -> tuple[CheckedControl, ...]:
    if closed.answer is None:
        return ()
    return ControlAnswer.model_validate_json(closed.answer).findings


def _not_configured(results: Sequence[ControlResult]) -> tuple[str, ...]:
    return tuple(sorted({name for result in results for name in result.not_configured}))


def _summary(results: Sequence[ControlResult]) -> str:
    """How many were checked and what came of it; what is not configured is said here, once."""
    counts = Counter(result.pass_fail for result in results)
    checked = len(results) - counts[Verdict.NOT_APPLICABLE]
    told = ", ".join(
        f"{counts[v]} {v.value}" for v in Verdict if counts[v] and v is not Verdict.NOT_APPLICABLE
    )
    broken = [result.control_id for result in results if result.pass_fail is Verdict.FAIL]
    unset = ", ".join(_not_configured(results))
    return " ".join(
        [
            f"{checked} of {counted(len(results), 'control')} checked{': ' if told else ''}{told}.",
            *([f"Broken: {', '.join(broken)}."] if broken else []),
            *([f"Not configured ([controls] in investigator.toml): {unset}."] if unset else []),
        ]
    )
