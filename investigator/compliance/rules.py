"""Compliance by rules: what a check found is a lead, and a breach counts once it was read.

The scope of a control gives each breach to a child. Without a breach it reads some of what the
check scanned and states the verdict. So a scope takes eight turns with its children at most, and
the default budget carries a library of thirty controls. Beside a model, what only a model can
judge is given to a child of its own, in which the model decides; the scope concludes over both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from investigator.claims.leads import (
    Known,
    Lead,
    LeadPlanner,
    Work,
    child_context,
    read_of,
)
from investigator.compliance.case import ComplianceCase
from investigator.compliance.outputs import ControlDraft, ControlFinding
from investigator.controls.checking import Violation
from investigator.controls.evaluate import ControlEvaluation
from investigator.controls.terms import Verdict
from investigator.runtime.planner import View

MAX_LEADS = 2
"""How many breaches of one control are shown; the others are counted."""
QUESTION = "question"
"""The id of the lead that a model judges."""
_READS = 2
"""How many places are read for a breach, or for a pass."""


class ComplianceRules(LeadPlanner[ControlFinding]):
    """Shows what the checks of one case found; `beside_model`, has a model judge the rest."""

    stated = ControlFinding

    def __init__(self, case: ComplianceCase, *, beside_model: bool = False) -> None:
        self._case = case
        self._beside_model = beside_model

    def work(self, of: str, view: View) -> Work[ControlFinding]:  # noqa: ARG002
        """The scope of a control follows its breaches, else it looks at what was scanned."""
        found = self._case.evaluations[of]
        leads = [
            Lead(
                id=_breach(number),
                statement=violation.summary,
                reads=tuple(dict.fromkeys(map(read_of, violation.evidence[:_READS]))),
                state=partial(_stated, violation),
            )
            for number, violation in enumerate(found.violations[:MAX_LEADS], 1)
        ]
        if found.is_open and self._beside_model:
            leads.append(self._question(of))
        looks = () if leads else tuple(map(read_of, found.evidence[:_READS]))
        return Work(
            overview=tuple(dict.fromkeys(looks)),
            leads=tuple(leads),
            conclude=partial(_conclude, found),
            delegate_from=1,
            drafts=False,
        )

    def _question(self, of: str) -> Lead[ControlFinding]:
        """What a model judges: the control, with its question in the context of the child."""
        control = self._case.library.get(of)
        assert control is not None
        return Lead(
            id=QUESTION,
            statement=f"does the trace break {of}: {control.title}?",
            reads=(),
            state=_not_judged,
            told=self._case.told(control),
            verb="Judge",
        )


def breach_contexts(control_id: str) -> tuple[str, ...]:
    """What the children are given that follow the breaches of a control."""
    return tuple(child_context(control_id, _breach(n), {}) for n in range(1, MAX_LEADS + 1))


def _breach(number: int) -> str:
    return f"b{number}"


def _not_judged(_: Known) -> list[ControlFinding]:
    """Rules do not answer a question; where no child was granted, it stays open."""
    return []


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
    found: ControlEvaluation,
    breaches: Sequence[ControlFinding],
    gaps: Sequence[str],
    known: Known,
) -> ControlDraft:
    """What was shown or judged; where the check saw nothing and no model judged, its verdict."""
    findings = tuple(breaches)
    if not found.violations and not findings:
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
