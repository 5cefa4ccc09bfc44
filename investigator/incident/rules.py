"""Incidents by rules: in a representative every failure is a lead; the synthesis compares them.

The scope of a trace looks at its spans and gives its failures to children where there are
several. The synthesis reads what it suspects to have changed and states what the traces share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from investigator.claims.leads import (
    Known,
    Lead,
    LeadPlanner,
    Work,
    call,
    ends_of,
    numbered,
    read_of,
)
from investigator.ground.wording import counted
from investigator.incident.case import IncidentCase
from investigator.incident.hypotheses import ShownFailure, causes
from investigator.incident.outputs import IncidentDraft, IncidentFinding
from investigator.incident.selection import Representative
from investigator.runtime.planner import View
from investigator.traces.evidence import EvidenceRef

SYNTHESIS = ""
"""What the context of the synthesis is `of`; a representative's is of its trace."""
_MAX_LEADS = 3
"""How many failures of one trace are shown: its own, and those that most others share."""
FEW_TRACES = 8
"""Up to so many representatives two places are read for each failure, else one."""
_DIFFS_READ = 2


class IncidentRules(LeadPlanner[IncidentFinding]):
    """Looks at the representatives of one window, then at all of them."""

    stated = IncidentFinding

    def __init__(self, case: IncidentCase) -> None:
        self._case = case

    def work(self, of: str, view: View) -> Work[IncidentFinding]:
        """The synthesis, or one representative trace."""
        if of == SYNTHESIS:
            return Work(overview=self._diffs(), leads=(), conclude=partial(self._compare, view))
        chosen = next(one for one in self._case.representatives if one.trace_id == of)
        return Work(
            overview=(call("list_spans", trace_id=of, kind=None, errors_only=False, offset=0),),
            leads=tuple(self._leads(chosen)),
            conclude=partial(_conclude, chosen),
            drafts=False,
        )

    def _leads(self, chosen: Representative) -> Iterator[Lead[IncidentFinding]]:
        """The failures of the trace; for one that was only slow, where the time went."""
        occurrences = sorted(
            self._case.digest_of(chosen.trace_id).occurrences,
            key=lambda one: (
                one.signature != chosen.signature,
                -self._case.shared[one.signature.text],
            ),
        )[:_MAX_LEADS]
        for number, occurrence in enumerate(occurrences, 1):
            yield self._lead(
                f"s{number}",
                occurrence.signature.text,
                occurrence.summary,
                occurrence.strength,
                occurrence.evidence,
            )
        if not occurrences:
            words, strength = chosen.why_selected, 0.5
            yield self._lead("s1", chosen.signature.text, words, strength, chosen.evidence_refs)

    def _lead(
        self,
        id_: str,
        signature: str,
        words: str,
        strength: float,
        evidence: tuple[EvidenceRef, ...],
    ) -> Lead[IncidentFinding]:
        count = 2 if len(self._case.representatives) <= FEW_TRACES else 1
        reads = (read_of(ref, trace_id=ref.trace_id) for ref in evidence[:count])

        def state(known: Known) -> list[IncidentFinding]:
            ids = tuple(short_id for ref in evidence if (short_id := known(ref)))
            if not ids:
                return []
            return [
                IncidentFinding(
                    id="", signature=signature, description=words, confidence=strength, evidence=ids
                )
            ]

        return Lead(id=id_, statement=words, reads=tuple(dict.fromkeys(reads)), state=state)

    def _diffs(self) -> tuple[str, ...]:
        """The reads that make the suspected change of the configuration citable."""
        diffs = (change.diff for change in self._case.suspicion.changes)
        return tuple(
            call("get_config_diff", base=diff.base, target=diff.target, offset=0)
            for diff in diffs
            if diff is not None
        )[:_DIFFS_READ]

    def _compare(
        self, view: View, found: Sequence[IncidentFinding], gaps: Sequence[str], known: Known
    ) -> IncidentDraft:
        """What the representatives share, as hypotheses."""
        del found, known
        ends = ends_of(list(view.gathered)) or ()
        shown = [
            ShownFailure(
                chosen.trace_id,
                finding["signature"],
                finding["description"],
                finding["confidence"],
                tuple(finding["evidence"]),
            )
            for chosen, end in zip(self._case.representatives, ends, strict=False)
            for finding in (end.answer.findings if end.answer is not None else ())
        ]
        stated = [
            IncidentFinding(
                id="",
                signature=cause.signature,
                description=cause.statement,
                confidence=cause.confidence,
                evidence=cause.evidence,
            )
            for cause in causes(
                shown, self._case.clusters.by_signature, failing=len(self._case.failing)
            )
        ]
        among = counted(len(ends), "representative trace")
        summary = f"{counted(len(stated), 'possible cause')} over {among}."
        return IncidentDraft(findings=numbered(stated), gaps=tuple(gaps), summary=summary)


def _conclude(
    chosen: Representative, found: Sequence[IncidentFinding], gaps: Sequence[str], _: Known
) -> IncidentDraft:
    """What could be shown in one trace."""
    return IncidentDraft(findings=tuple(found), gaps=tuple(gaps), summary=chosen.why_selected)
