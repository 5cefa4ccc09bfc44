"""Compliance by rules: what a check found is a lead, and a breach counts once it was read.

The scope of a control gives each breach to a child. Without a breach it reads some of what the
check scanned and states the verdict. So a scope takes eight turns with its children at most, and
the default budget carries a library of thirty controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from investigator.claims.leads import Known, Lead, LeadPlanner, Work, known_in, read_of
from investigator.compliance.case import ComplianceCase
from investigator.compliance.outputs import ControlDraft, ControlFinding
from investigator.controls.checking import Violation
from investigator.controls.evaluate import Evaluation, Verdict
from investigator.runtime.planner import View

MAX_LEADS = 2
"""How many breaches of one control are shown; the others are counted."""
_READS = 2
"""How many places are read for a breach, or for a pass."""


class RulePlanner(LeadPlanner[ControlFinding]):
    """Shows what the checks of one case found."""

    stated = ControlFinding

    def __init__(self, case: ComplianceCase) -> None:
        self._case = case

    def work(self, of: str, view: View) -> Work[ControlFinding]:
        """The scope of a control follows its breaches, else it looks at what was scanned."""
        found = self._case.evaluations[of]
        leads = [
            Lead(
                id=f"b{number}",
                statement=violation.summary,
                reads=tuple(dict.fromkeys(map(read_of, violation.evidence[:_READS]))),
                state=partial(_stated, violation),
            )
            for number, violation in enumerate(found.violations[:MAX_LEADS], 1)
        ]
        looks = () if leads else tuple(map(read_of, found.evidence[:_READS]))
        return Work(
            overview=tuple(dict.fromkeys(looks)),
            leads=tuple(leads),
            conclude=partial(_conclude, found, known_in(view)),
            delegate_from=1,
            drafts=False,
        )


def _stated(violation: Violation, known: Known) -> list[ControlFinding]:
    """The breach, where something of its evidence was read."""
    ids = tuple(short_id for ref in violation.evidence if (short_id := known(ref)))
    if not ids:
        return []
    return [
        ControlFinding(
            id="",
            verdict=Verdict.FAIL,
            span_id=violation.span_id,
            description=violation.summary,
            confidence=violation.strength,
            evidence=ids,
        )
    ]


def _conclude(
    found: Evaluation, known: Known, breaches: Sequence[ControlFinding], gaps: Sequence[str]
) -> ControlDraft:
    """The breaches that were shown; where the check saw none, its own verdict."""
    findings = tuple(breaches)
    if not found.violations:
        ids = tuple(short_id for ref in found.evidence if (short_id := known(ref)))
        verdict = ControlFinding(
            id="verdict",
            verdict=found.verdict,
            span_id=None,
            description=found.reason,
            confidence=found.confidence,
            evidence=ids,
        )
        findings = (verdict,)
    return ControlDraft(findings=findings, gaps=tuple(gaps), summary=found.reason)
