"""RCA by rules: each hypothesis is a lead, and each lead a child's.

Scope 0 looks at the whole and at the hottest spans, gives each hypothesis to a child, and states
what the children could show. A child reads the places that would show its hypothesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from investigator.claims.leads import Known, Lead, LeadPlanner, Work, call, read_of
from investigator.rca.case import RCACase
from investigator.rca.conclude import confidence_of, description_of
from investigator.rca.narrowing import TraceHypothesis
from investigator.rca.outputs import RCADraft, RCAFinding
from investigator.runtime.planner import View
from investigator.signals.model import Signal
from investigator.traces.evidence import EvidenceRef

HOT_READS = 2
READS_A_HYPOTHESIS = 5
_REFS_A_FINDING = 4


class RCARules(LeadPlanner[RCAFinding]):
    """Follows the hypotheses of one case."""

    stated = RCAFinding

    def __init__(self, case: RCACase) -> None:
        self._case = case
        self._work = Work(
            overview=(
                call("list_spans", kind=None, errors_only=False, offset=0),
                *(
                    call("get_span", span_id=branch.span_id, field=None, offset=0)
                    for branch in case.branches[:HOT_READS]
                ),
            ),
            leads=tuple(map(self._lead, case.hypotheses)),
            conclude=_conclude,
            delegate_from=1,
        )

    def work(self, of: str, view: View) -> Work[RCAFinding]:  # noqa: ARG002
        """The same for every scope: there is one question."""
        return self._work

    def _lead(self, hypothesis: TraceHypothesis) -> Lead[RCAFinding]:
        return Lead(
            id=hypothesis.id,
            statement=hypothesis.statement,
            reads=self._reads(hypothesis),
            state=partial(self._shown, hypothesis),
        )

    def _reads(self, hypothesis: TraceHypothesis) -> tuple[str, ...]:
        """The calls that make the hypothesis' evidence citable, the first findings' first."""
        calls: dict[str, None] = {}
        for group in self._case.groups(hypothesis):
            for ref in _evidence(group)[:_REFS_A_FINDING]:
                calls[read_of(ref)] = None
            if len(calls) >= READS_A_HYPOTHESIS:
                break
        return tuple(calls)[:READS_A_HYPOTHESIS]

    def _shown(self, hypothesis: TraceHypothesis, known: Known) -> list[RCAFinding]:
        """A finding for every group of signals of which something was read."""
        found = []
        for group in self._case.groups(hypothesis):
            ids = tuple(short_id for ref in _evidence(group) if (short_id := known(ref)))
            if ids:
                finding = RCAFinding(
                    id="",
                    category=hypothesis.category,
                    span_id=group[0].origin_id,
                    description=description_of(group),
                    confidence=confidence_of(group),
                    evidence=ids,
                )
                found.append(finding)
        return found


def _evidence(group: Sequence[Signal]) -> tuple[EvidenceRef, ...]:
    return tuple(dict.fromkeys(ref for signal in group for ref in signal.evidence))


def _conclude(found: Sequence[RCAFinding], gaps: Sequence[str], _: Known) -> RCADraft:
    return RCADraft(findings=tuple(found), gaps=tuple(gaps), summary=_summary(found))


def _summary(found: Sequence[RCAFinding]) -> str:
    if not found:
        return "No cause could be shown."
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0].category} at span {found[0].span_id}{more}."
