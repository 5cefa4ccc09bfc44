"""The RCA engine: why did this trace fail? A strategy over the shared driver, nothing more.

Narrow (no planner): signals, hypotheses, hot spans. Scopes: scope 0 and, if the planner
delegates, a child for each hypothesis. Conclude (pure): the findings that scopes could show,
then the signals that no scope got to, stated with little confidence since nobody looked; so
many of them that a report stays readable, and the others counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from investigator.claims.confidence import UNEXAMINED
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.rca.case import RCACase
from investigator.rca.category_text import category_lines
from investigator.rca.conclude import finding_of, rank, report_from_findings
from investigator.rca.outputs import CATEGORY, RCAAnswer, RCADraft, RCAOutputs
from investigator.rca.placing import Placing
from investigator.rca.report import RCA_REPORT, Finding, RCAReport
from investigator.readings.outcome import told_beforehand
from investigator.runtime.actions import ActionSpace
from investigator.runtime.events import OpenedScope
from investigator.runtime.strategy import Brief, Ended, Plan
from investigator.runtime.tools import ToolRegistry
from investigator.signals.model import Signal

OBJECTIVE = (
    "Find out why this trace failed, or that it did not: the root cause first, each finding "
    "with the span where the fault began and the evidence for it."
)
_OBJECTIVE_FAILED = (
    "Find out why this trace failed, which is known: the likeliest root cause first, each finding "
    "with the span where the fault began and the evidence for it."
)
_GUIDE = (
    "How to work. What was asked, and where does what was done first differ from what should have "
    "been? Name three to five suspects at most. For each: what should have been done there, what "
    "was done, which later steps rest on it, and would the run have come right had that step been "
    "right? The cause is the earliest step of which that is so and that no later step made good. "
    "Who brings a falsehood in comes before who takes it for good: name both. In the first "
    "finding's description say why it and not the next.\n"
    "A finding is one fault: its category, and span_id, the step where it began (such as m12). The "
    "root cause first. A fault that a later step made good is no root cause. Categories:"
)
MAX_UNEXAMINED = 100
"""How many faults that no scope looked at a report states; of the others it says how many."""


class RCAStrategy:
    """One trace, one run."""

    artifact = RCA_REPORT
    finalize_tokens = (6000, 2000)

    def __init__(self, case: RCACase, tools: ToolRegistry) -> None:
        self._case = case
        categories = [category.id for category in case.taxonomy.categories]
        self.space = ActionSpace(tools.tools, RCADraft, RCADraft, known={CATEGORY: categories})
        self.outputs = RCAOutputs(case)

    @property
    def plan(self) -> Plan:
        """Scope 0 investigates by itself and gives its hypotheses to children."""
        failed = self._case.readings.outcome.failed
        return Plan(root=Brief(_OBJECTIVE_FAILED if failed else OBJECTIVE, self._context()))

    @property
    def guide(self) -> str:
        """What a finding is, and the categories that it may have."""
        return "\n".join((_GUIDE, *category_lines(self._case.taxonomy.categories)))

    def _context(self) -> str:
        """What narrowing found: the leads, not the verdict."""
        leads: list[JsonValue] = [
            {
                "id": hypothesis.id,
                "category": hypothesis.category,
                "statement": hypothesis.statement,
                "span_ids": list(hypothesis.span_ids),
            }
            for hypothesis in self._case.hypotheses
        ]
        hot: list[JsonValue] = [
            {"span_id": branch.span_id, "reason": branch.reason} for branch in self._case.branches
        ]
        trace = self._case.trace
        told = told_beforehand(self._case.readings.outcome)
        return canonical_json(
            {
                "trace_id": trace.trace_id,
                "spans": len(trace.spans),
                "leads": leads,
                "hot": hot,
                **({"known_outcome": told} if told else {}),
            }
        )

    def conclude(self, ended: Ended) -> RCAReport | None:
        """The report; None where scope 0 ended without an answer or a draft."""
        if ended.root.answer is None:
            return None
        answer = RCAAnswer.model_validate_json(ended.root.answer)
        unexamined = self._unexamined(answer.findings)
        led = self._led_to() if ended.fell_short else []
        findings = [
            *answer.findings,
            *(self._stated(g, seen=g in led) for g in unexamined[:MAX_UNEXAMINED]),
        ]
        placing = Placing(self._case.readings)
        findings = [placing.placed(found, self._case.signals_of(found)) for found in findings]
        findings.sort(key=rank)
        return report_from_findings(
            self._case.trace.trace_id,
            findings,
            self._case.taxonomy,
            gaps=dict.fromkeys((*self._case.gaps, *answer.gaps, *ended.gaps)),
            made_good=ended.made_good,
            acquittal=self._case.acquittal,
            unstated=len(unexamined[MAX_UNEXAMINED:]),
            known=self._case.readings.outcome,
        )

    def takes_model(self, scope: OpenedScope) -> bool:  # noqa: ARG002
        """Everywhere: what rules found out is a lead, in each scope."""
        return True

    def check(self, report: BaseModel) -> list[str]:
        """Findings that name what is not there, references that do not resolve."""
        if not isinstance(report, RCAReport):
            return [f"not an RCA report: {type(report).__name__}"]
        trace, taxonomy = self._case.trace, self._case.taxonomy
        problems = [
            f"finding {number} names span {finding.span_id}, which is not in the trace"
            for number, finding in enumerate(report.findings, 1)
            if trace.get(finding.span_id) is None
        ]
        problems += [
            f"finding {number}: no category {finding.category} in taxonomy {taxonomy.name}"
            for number, finding in enumerate(report.findings, 1)
            if taxonomy.category(finding.category) is None
        ]
        refs = [*report.evidence_refs, *(r for f in report.findings for r in f.evidence_refs)]
        lost = dict.fromkeys(self._case.unresolved(refs))
        return problems + [f"evidence {ref} does not resolve in the source" for ref in lost]

    def _unexamined(self, found: Sequence[Finding]) -> list[tuple[Signal, ...]]:
        """The signals that no scope's finding covers, in groups, the likeliest causes first."""
        covered = {(finding.category, finding.span_id) for finding in found}
        return [
            group
            for group in (*self._led_to(), *self._case.others)
            if (self._case.taxonomy.category_of(group[0].fault).id, group[0].origin_id)
            not in covered
        ]

    def _led_to(self) -> list[tuple[Signal, ...]]:
        """The signals that rules would have followed up, had a model left them the means."""
        return [group for h in self._case.hypotheses for group in self._case.groups(h)]

    def _stated(self, group: Sequence[Signal], *, seen: bool) -> Finding:
        """The finding of signals that nobody looked at, but that code has `seen` and can show."""
        finding = finding_of(group, self._case.taxonomy, self.outputs.produced_by)
        most = 1.0 if seen else UNEXAMINED
        return finding.model_copy(update={"confidence": min(finding.confidence, most)})
