"""What rules answer at the end of their turns, without the turns: no loop, no pool, no journal.

Rules that meet no limit get every read that they ask for, and each of those reads shows the text
that it names whole. So what their scopes can cite follows from the work that they set out to do,
and with it their answers: a screening says what a run of the same question would say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from investigator.claims.leads import ChildAnswer, LeadPlanner, Work, read_of
from investigator.claims.outputs import ClaimOutputs, reference_key
from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.runtime.actions import Draft
from investigator.runtime.admission import ROOT
from investigator.runtime.budget import UNLIMITED
from investigator.runtime.events import ScopeClosed, Shown
from investigator.runtime.planner import View
from investigator.runtime.status import ScopeStatus
from investigator.traces.evidence import EvidenceIndex, EvidenceKind, EvidenceRef

_BEFORE_ANY_TURN = View(ROOT, 0, "", "", 0, (), None, (), {}, Shown(left=UNLIMITED, time_left=None))
"""What rules plan their work from looks at nothing that a turn would change."""


class Readable(NamedTuple):
    """What reads of a trace make citable. `listed` are the verdicts that a list of spans names."""

    evidence: EvidenceIndex
    listed: frozenset[str]


class RulesAnswers:
    """How scopes end in which rules decide, over one trace."""

    def __init__(
        self, planner: LeadPlanner[Any], outputs: ClaimOutputs[Any, Any], readable: Readable
    ) -> None:
        self._planner = planner
        self._outputs = outputs
        self._readable = readable

    def of_scope(self, scope_id: str, of: str = "") -> tuple[ScopeClosed, ...]:
        """The ends of the scope about `of` and of its children, the scope first."""
        work = self._planner.work(of, _BEFORE_ANY_TURN)
        if len(work.leads) < work.delegate_from:
            own = (read for lead in work.leads for read in lead.reads)
            scope = _Scope(self._readable, (*work.overview, *own))
            return (self._end(scope_id, self._planner.alone(work, scope.known), scope),)
        return self._with_children(scope_id, work)

    def _with_children(self, scope_id: str, work: Work[Any]) -> tuple[ScopeClosed, ...]:
        """A scope that gives each lead to a child, and concludes over their answers."""
        children = []
        for place, lead in enumerate(work.leads):
            child = _Scope(self._readable, lead.reads)
            shown = self._planner.shown(lead, child.known)
            children.append(self._end(f"{scope_id}/{place}", shown, child))
        scope = _Scope(self._readable, work.overview)
        answers = [self._passed_on(child.answer, scope) for child in children]
        draft = self._planner.together(work, answers, scope.known)
        return (self._end(scope_id, draft, scope), *children)

    def _passed_on(self, answer: str | None, reader: _Scope) -> ChildAnswer:
        """A child's answer, as the scope that opened it sees it."""
        assert answer is not None, "rules that meet no limit answer"
        return ChildAnswer.model_validate(self._outputs.present(answer, reader.cite))

    def _end(self, scope_id: str, draft: Draft[Any], scope: _Scope) -> ScopeClosed:
        answer = self._outputs.resolve(draft, scope.cited)
        return ScopeClosed(scope=scope_id, status=ScopeStatus.COMPLETED, answer=answer)


class _Scope:
    """What one scope has read; its references are known by themselves."""

    def __init__(self, readable: Readable, reads: Iterable[str]) -> None:
        self._readable = readable
        self._reads = frozenset(reads)
        self.cited: dict[str, str] = {}

    def known(self, ref: EvidenceRef) -> str | None:
        """The id under which the scope can cite a reference; None where it was not read."""
        key = reference_key(ref)
        if key in self.cited or self._was_read(ref):
            self.cited[key] = key
            return key
        return None

    def cite(self, ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str:  # noqa: ARG002
        """Take over what a child shows."""
        key = compact_json(ref)
        self.cited[key] = key
        return key

    def _was_read(self, ref: EvidenceRef) -> bool:
        if read_of(ref) not in self._reads:
            return False
        if ref.kind is EvidenceKind.EVALUATION:
            return ref.ref in self._readable.listed
        return self._readable.evidence.problem(ref) is None
