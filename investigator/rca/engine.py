"""The RCA engine: why did this trace fail? A strategy over the shared driver, nothing more.

Narrow (no planner): signals, hypotheses, hot spans. Scopes: scope 0 and, if the planner
delegates, a child for each hypothesis. Conclude (pure): the findings that scopes could show,
then the signals that no scope got to, stated with little confidence since nobody looked; so
many of them that a report stays readable, and the others counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from investigator.claims.confidence import SUPPORTED, UNEXAMINED
from investigator.claims.refutations import LEAD, Refutation, RefutedLead, by_lead
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.rca.acquittal import Acquittal
from investigator.rca.case import RCACase
from investigator.rca.category_text import category_lines
from investigator.rca.conclude import LastWord, finding_of, rank, report_from_findings
from investigator.rca.narrowing import ORDER
from investigator.rca.outputs import CATEGORY, RCAAnswer, RCADraft, RCAOutputs
from investigator.rca.placing import Placing
from investigator.rca.report import RCA_REPORT, Finding, RCAReport
from investigator.rca.suspects import SUSPECTED, SUSPECTS
from investigator.rca.trace_leads import TraceLead
from investigator.readings.outcome import ignored_line, told_beforehand
from investigator.runtime.actions import ActionSpace
from investigator.runtime.events import OpenedScope
from investigator.runtime.status import ScopeStatus
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
    "Who brings a falsehood in comes before who takes it for good: name both (span_id and "
    "should_have_caught). The first turn counts too where it does work of its own (code that is "
    "run, values that are used, a task that it changes), not where it hands the task over. In the "
    "first finding's description say why it and not the next. Your order is kept; leads that you "
    "leave open follow as suspects.\n"
    "A finding is one fault: its category, and span_id, the step where it began (such as m12). The "
    "root cause first. A fault that a later step made good is no root cause. Leads (h and x: what "
    "code saw) that don't hold go into refuted, with what you read; p (places to look at) need no "
    "answer. A finding at a lead's step answers it. Without "
    "findings the run is acquitted if the checks of code are met too: say in summary what you saw "
    "borne out.\n"
    "Categories:"
)
MAX_UNEXAMINED = 100
"""How many faults that no scope looked at a report states; of the others it says how many."""


class RCAStrategy:
    """One trace, one run."""

    artifact = RCA_REPORT
    finalize_tokens = (6000, 2000)

    def __init__(self, case: RCACase, tools: ToolRegistry) -> None:
        self._case = case
        self._tools = tools
        self.outputs = RCAOutputs(case)

    @cached_property
    def space(self) -> ActionSpace[Any, Any]:
        """What a planner may say; made where one is asked, since its leads take time."""
        categories = [category.id for category in self._case.taxonomy.categories]
        leads = list(self._case.leads)
        known = {CATEGORY: categories, **({LEAD: leads} if leads else {})}
        return ActionSpace(self._tools.tools, RCADraft, RCADraft, known=known)

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
        leads = [_told(lead) for lead in self._case.leads.values()]
        place = self._case.names.place
        hot: list[JsonValue] = [
            {"step": place(branch.span_id), "reason": branch.reason}
            for branch in self._case.branches
            if branch.reason != ORDER
        ]
        trace = self._case.trace
        failed = self._case.readings.outcome.failed
        told = told_beforehand(self._case.readings.outcome)
        return canonical_json(
            {
                "trace_id": trace.trace_id,
                "spans": len(trace.spans),
                **({"known_outcome": told} if told else {}),
                **({} if self._case.good is None else {"good_run": self._case.good.told(place)}),
                "leads": leads,
                **({"hot": hot} if hot else {}),
                **({} if failed else {"checks_of_code": self._checks()}),
            }
        )

    def _checks(self) -> JsonValue:
        """What code has checked of an acquittal: the planner's reading comes on top of it.

        Under a policy its controls are among them, so that whoever reads knows what was asked.
        """
        checks = self._case.acquittal.checks
        policy = self._case.policy
        judged = () if policy is None else policy.judged_controls
        held: list[JsonValue] = [
            f"{c.control_id}: {c.title}"
            for c, found in judged
            if not found.violations and not found.missing_evidence
        ]
        unmet: list[JsonValue] = [check.name for check in checks if not check.met]
        return {
            "met": len(checks) - len(unmet),
            "of": len(checks),
            "not_met_or_not_known": unmet,
            **({"controls_that_applied_and_held": held} if held else {}),
        }

    def conclude(self, ended: Ended) -> RCAReport | None:
        """The report; None where scope 0 ended without an answer or a draft."""
        if ended.root.answer is None:
            return None
        answer = RCAAnswer.model_validate_json(ended.root.answer)
        refuted = self._refuted(answer, ended)
        by_rules = ended.by_rules("0")
        unexamined = self._unexamined(answer.findings, refuted)
        if not by_rules:
            unexamined = _unanswered(unexamined, answer.findings)
        led = self._led_to() if ended.fell_short else []
        findings = [
            *answer.findings,
            *(self._stated(g, seen=g in led) for g in unexamined[:MAX_UNEXAMINED]),
        ]
        placing = Placing(self._case.readings)
        findings = [self._placed(placing, found) for found in findings]
        own = 0 if by_rules else len(answer.findings)
        findings[own:] = sorted(findings[own:], key=rank)
        return report_from_findings(
            self._case.trace,
            findings,
            self._case.taxonomy,
            gaps=dict.fromkeys((*self._case.gaps, *answer.gaps, *ended.gaps, *self._notes)),
            made_good=(*ended.made_good, *self._notes),
            remedies=self._remedies,
            refuted=self._told_refuted(refuted),
            said=None if by_rules else self._said(answer, ended),
            acquittal=self._acquittal(findings, refuted),
            unstated=len(unexamined[MAX_UNEXAMINED:]),
            known=self._case.readings.outcome,
        )

    @property
    def _notes(self) -> tuple[str, ...]:
        """What was not looked at, as was asked or for want of a match: no gap of the trace."""
        ignored = self._case.readings.outcome.ignored
        told = (ignored_line(ignored),) if ignored else ()
        return told if self._case.good is None else (*told, *self._case.good.notes)

    def _remedies(self, finding: Finding) -> tuple[str, ...]:
        """What whoever stated it would change, or what the controls that it tells of ask for."""
        if finding.remedy is not None:
            return (finding.remedy,)
        return () if self._case.policy is None else self._case.policy.remedies(finding)

    def _placed(self, placing: Placing, found: Finding) -> Finding:
        """The finding with its place, and with what the good run did there."""
        signals = self._case.signals_of(found)
        if _is_suspected(signals) and not found.description.startswith(SUSPECTED):
            signals = ()  # it says what is wrong, and the suspicion only that something may be
        placed, good = placing.placed(found, signals), self._case.good
        if good is None:
            return placed
        return placed.model_copy(update={"departs_from": good.step_beside(signals)})

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
        lost = dict.fromkeys(self._case.unresolved(report.cited))
        if self._case.good is not None:
            problems += self._case.good.problems(report.findings)
        return problems + [f"evidence {ref} does not resolve in the source" for ref in lost]

    def _refuted(self, answer: RCAAnswer, ended: Ended) -> Mapping[str, Refutation]:
        """The leads that scope 0 refuted, or a scope below it that came to its end.

        Where scope 0 states its category at each of its places, a lead is no longer refuted.
        """
        below = [
            RCAAnswer.model_validate_json(closed.answer).refuted
            for closed in ended.closed.values()
            if closed.answer is not None and closed.status is ScopeStatus.COMPLETED
        ]
        found = by_lead([*answer.refuted, *(one for scope in below for one in scope)])
        return {lead: one for lead, one in found.items() if self._is_refuted(lead, answer.findings)}

    def _is_refuted(self, lead: str, found: Sequence[Finding]) -> bool:
        """Whether a place of the lead is left at which nothing was found."""
        groups = self._case.leads[lead].groups
        stated = {(finding.category, finding.span_id) for finding in found}
        return not groups or any(self._case.place_of(group) not in stated for group in groups)

    def _told_refuted(self, refuted: Mapping[str, Refutation]) -> list[RefutedLead]:
        known = ((self._case.leads[lead], one) for lead, one in refuted.items())
        return [
            RefutedLead(
                statement=lead.statement,
                place=lead.steps[0] if lead.steps else None,
                reason=one.reason,
                evidence_refs=one.evidence_refs,
            )
            for lead, one in known
        ]

    def _said(self, answer: RCAAnswer, ended: Ended) -> LastWord | None:
        """The last word of a planner that is not the rules, if it came to its end."""
        if ended.root.status is not ScopeStatus.COMPLETED:
            return None
        return LastWord(answer.summary, found_nothing=not answer.findings)

    def _acquittal(
        self, findings: Sequence[Finding], refuted: Mapping[str, Refutation]
    ) -> Acquittal:
        """What speaks for the run after the planner looked: its word adds to the checks alone."""
        said = [f for f in findings if not self._case.signals_of(f) and f.confidence < SUPPORTED]
        dropped = (group for lead in refuted for group in self._case.leads[lead].groups)
        signals = frozenset(signal for group in dropped for signal in group)
        stated = tuple(f.description for f in said)
        if not signals and not stated:
            return self._case.acquittal
        return replace(self._case.acquittal, refuted=signals, stated=stated)

    def _unexamined(
        self, found: Sequence[Finding], refuted: Collection[str]
    ) -> list[tuple[Signal, ...]]:
        """The signals that no scope's finding covers and none refuted, the likeliest first."""
        covered = {(finding.category, finding.span_id) for finding in found}
        covered |= {
            self._case.place_of(group)
            for lead in refuted
            for group in self._case.leads[lead].groups
        }
        return [
            group
            for group in (*self._led_to(), *self._case.others)
            if self._case.place_of(group) not in covered
        ]

    def _led_to(self) -> list[tuple[Signal, ...]]:
        """The signals that rules would have followed up, had a model left them the means."""
        return [group for h in self._case.hypotheses for group in self._case.groups(h)]

    def _stated(self, group: Sequence[Signal], *, seen: bool) -> Finding:
        """The finding of signals that nobody looked at, but that code has `seen` and can show."""
        finding = finding_of(group, self._case.taxonomy, self.outputs.produced_by)
        most = 1.0 if seen else UNEXAMINED
        return finding.model_copy(update={"confidence": min(finding.confidence, most)})


def _unanswered(
    groups: Sequence[tuple[Signal, ...]], found: Sequence[Finding]
) -> list[tuple[Signal, ...]]:
    """Those that whoever read the run did not answer.

    A finding at a lead's place answers it, under whatever category; and somebody who is named
    since somebody has to be is not named beside those that a reader found.
    """
    places = {finding.span_id for finding in found}
    return [
        group
        for group in groups
        if group[0].origin_id not in places and not (found and _is_suspected(group))
    ]


def _is_suspected(group: Sequence[Signal]) -> bool:
    """Whether it was named since somebody had to be."""
    return all(signal.detector == SUSPECTS for signal in group)


def _told(lead: TraceLead) -> JsonValue:
    """A lead as a planner reads it; what it does not say is left out."""
    steps: list[JsonValue] = list(lead.steps)
    said: dict[str, JsonValue] = {"category": lead.category, "agent": lead.agent, "steps": steps}
    known = {name: value for name, value in said.items() if value}
    return {"id": lead.id, "statement": lead.statement, **known}
