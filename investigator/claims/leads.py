"""Rules investigate like a model would: they read before they claim, and cite what they read.

An engine says what a scope is to do: what to look at first, and its leads, each with the
evidence that would show it. The planner here does it: it looks, gives several leads to children
(or follows them itself where children are refused), reads what would show each, and states what
was read. How much a scope reads does not depend on the budget left, so the report does not
depend on how many scopes run at once; where a limit is met, the finalize guard ends the reading.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from investigator.claims.outputs import StatedFinding, reference_key
from investigator.claims.refutations import LeadDraft, StatedRefutation
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.runtime.actions import ActionKind, Draft
from investigator.runtime.events import PlannerIdentity, Usage
from investigator.runtime.planner import FreePlanner, Reply, StepSeen, View
from investigator.traces.evidence import EvidenceKind, EvidenceRef

READING_ALONE = "No children were granted: reading alone."
"""The summary of the draft in which a scope remembers that it was refused children."""

StatedT = TypeVar("StatedT", bound=StatedFinding)
Known = Callable[[EvidenceRef], str | None]
"""The short id under which a reference can be cited; None where it was not read."""


@dataclass(frozen=True, slots=True)
class Lead(Generic[StatedT]):
    """One thing to show. `reads` are the turns that make its evidence citable.

    `state` makes its findings of what was read; their ids are set by who concludes. A child in
    which a model decides is asked the statement by `verb`, and `told` more in its context.
    """

    id: str
    statement: str
    reads: tuple[str, ...]
    state: Callable[[Known], Sequence[StatedT]]
    told: Mapping[str, JsonValue] = field(default_factory=dict)
    verb: str = "Show or refute"


@dataclass(frozen=True, slots=True)
class Work(Generic[StatedT]):
    """What a scope is to do. Leads go to children where there are `delegate_from` or more.

    `conclude` makes the draft of the findings, in the order of the leads, of the gaps, and of what
    the scope has read; a scope that `drafts` puts it down before it ends with it.
    """

    overview: tuple[str, ...]
    leads: tuple[Lead[StatedT], ...]
    conclude: Callable[[Sequence[StatedT], Sequence[str], Known], Draft[Any]]
    delegate_from: int = 2
    drafts: bool = True


class ChildAnswer(BaseModel):
    """What a child answered, with ids that its reader can cite."""

    model_config = ConfigDict(extra="forbid")

    findings: tuple[dict[str, Any], ...]
    gaps: tuple[str, ...]
    summary: str
    refuted: tuple[StatedRefutation, ...] = ()


class _Child(BaseModel):
    """A scope's end, as a parent or a synthesis sees it."""

    model_config = ConfigDict(extra="forbid")

    call_id: str
    status: str
    gaps: tuple[str, ...]
    answer: ChildAnswer | None
    reads: tuple[Any, ...] = ()


class LeadPlanner(FreePlanner, Generic[StatedT]):
    """Deterministic, no model, no key: the default on a fresh machine."""

    identity = PlannerIdentity(planner="rules")
    stated: type[StatedT]

    @abstractmethod
    def work(self, of: str, view: View) -> Work[StatedT]:
        """What a scope is to do; `of` is what its context names so, such as a control."""

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """The next turn of a scope, a function of its view."""
        context = json.loads(view.context or "{}")
        of, followed = context.get("of", ""), context.get("lead")
        work = self.work(of, view)
        for lead in work.leads:
            if lead.id == followed:
                return Reply(self._follow(view, lead), Usage())
        return Reply(self._turn(of, work, view), Usage())

    def _turn(self, of: str, work: Work[StatedT], view: View) -> str:
        """Look, delegate (or read alone where that is refused), conclude."""
        children = ends_of(_delegated(view))
        if _was_just_refused(view) and ActionKind.SYNTHESIZE in view.offered:
            return said(ActionKind.SYNTHESIZE, self._draft((), READING_ALONE))
        refused = view.draft is not None and view.draft.summary == READING_ALONE
        few = len(work.leads) < work.delegate_from
        alone = few or refused or (children is None and ActionKind.DELEGATE not in view.offered)
        own = tuple(read for lead in work.leads for read in lead.reads) if alone else ()
        reads = tuple(dict.fromkeys((*work.overview, *own)))
        place = view.step - (2 if refused else 0)
        if place < len(reads) and ActionKind.TOOL_CALL in view.offered:
            return reads[place]
        if children is None and not alone and ActionKind.DELEGATE in view.offered:
            return _delegation(work.leads, of)
        known = citable_in(view)
        if children is None:
            draft = self.alone(work, known)
        else:
            answers = [child.answer for child in children if child.answer is not None]
            draft = self.together(work, answers, known)
        first = work.drafts and view.draft is None and ActionKind.SYNTHESIZE in view.offered
        return said(ActionKind.SYNTHESIZE if first else ActionKind.FINALIZE, draft)

    def _follow(self, view: View, lead: Lead[StatedT]) -> str:
        """Read what would show the lead, then state what was read."""
        if view.step < len(lead.reads) and ActionKind.TOOL_CALL in view.offered:
            return lead.reads[view.step]
        return said(ActionKind.FINALIZE, self.shown(lead, citable_in(view)))

    def shown(self, lead: Lead[StatedT], known: Known) -> Draft[Any]:
        """The answer of who followed a lead."""
        return self._draft(lead.state(known), lead.statement)

    def _draft(self, findings: Sequence[StatedT], summary: str) -> Draft[Any]:
        form: Any = Draft[self.stated]  # type: ignore[name-defined]
        draft: Draft[Any] = form(findings=numbered(findings), gaps=(), summary=summary)
        return draft

    def alone(self, work: Work[StatedT], known: Known) -> Draft[Any]:
        """The answer of who followed all leads itself."""
        found = [finding for lead in work.leads for finding in lead.state(known)]
        return work.conclude(numbered(found), (), known)

    def together(
        self, work: Work[StatedT], answers: Sequence[ChildAnswer], known: Known
    ) -> Draft[Any]:
        """What the children could show, in their order, and what they could not."""
        found = [
            self.stated.model_validate({"id": "", **finding})
            for answer in answers
            for finding in answer.findings
        ]
        gaps = [gap for answer in answers for gap in answer.gaps]
        draft = work.conclude(numbered(found), gaps, known)
        refuted = tuple(one for answer in answers for one in answer.refuted)
        if not isinstance(draft, LeadDraft) or not refuted:
            return draft
        return draft.model_copy(update={"refuted": refuted})


def numbered(findings: Sequence[StatedT]) -> tuple[StatedT, ...]:
    """The findings under ids f1, f2, …"""
    return tuple(
        finding.model_copy(update={"id": f"f{number}"})
        for number, finding in enumerate(findings, 1)
    )


def citable_in(view: View) -> Known:
    """How references can be cited in a view."""
    ids: Mapping[str, str] = {text: short_id for short_id, text in view.cited.items()}
    return lambda ref: ids.get(reference_key(ref))


def ends_of(shown: JsonValue) -> tuple[_Child, ...] | None:
    """Scopes' ends out of what a planner was shown of them; None for nothing."""
    if shown is None:
        return None
    assert isinstance(shown, list)
    return tuple(_Child.model_validate(end) for end in shown)


def said(kind: ActionKind, draft: Draft[Any]) -> str:
    """The turn that says `kind` (synthesize or finalize) with this draft."""
    return f'{{"action":{{"type":"{kind}","output":{draft.model_dump_json()}}}}}'


def call(tool_name: str, **args: JsonValue) -> str:
    """The turn that calls a tool; every argument is named."""
    return canonical_json({"action": {"type": "tool_call", "tool_name": tool_name, "args": args}})


def read_of(ref: EvidenceRef, **bound: JsonValue) -> str:
    """The turn whose answer makes the reference citable.

    `bound` are the arguments that the tools take besides: the `trace_id`, where they are not
    bound to one trace.
    """
    match ref.kind:
        case EvidenceKind.TOOL_IO:
            return call("get_tool_io", span_id=ref.span_id, part=None, offset=0, **bound)
        case EvidenceKind.MESSAGE:
            index = int(ref.ref.rsplit(":", 1)[1])
            return call("get_messages", span_id=ref.span_id, index=index, offset=0, **bound)
        case EvidenceKind.RETRIEVAL_CHUNK:
            position = int(ref.ref.removeprefix(f"retrieval:{ref.span_id}:").split(":")[0])
            return call(
                "get_retrieval_chunks", span_id=ref.span_id, position=position, offset=0, **bound
            )
        case EvidenceKind.EVALUATION:
            return call("list_spans", kind=None, errors_only=False, offset=0, **bound)
        case _:
            return call("get_span", span_id=ref.span_id, field=None, offset=0, **bound)


def child_context(of: str, lead_id: str, told: Mapping[str, JsonValue]) -> str:
    """What the child is given that follows a lead of a scope about `of`."""
    return canonical_json({**told, "lead": lead_id, "of": of})


def _delegation(leads: Sequence[Lead[Any]], of: str) -> str:
    children: list[JsonValue] = [
        {
            "type": "delegate_subcall",
            "objective": f"{lead.verb}: {lead.statement}",
            "context": child_context(of, lead.id, lead.told),
            "use_planner": True,
            "actions": None,
        }
        for lead in leads
    ]
    return canonical_json({"action": children if len(children) > 1 else children[0]})


def _delegated(view: View) -> JsonValue:
    """What the scope was shown of its children; None while there are none."""
    step = next((s for s in view.recent if s.kind is ActionKind.DELEGATE and s.ok), None)
    if step is None:
        return None
    ends: JsonValue = json.loads(step.result)
    return ends


def _was_just_refused(view: View) -> bool:
    """Whether the scope asked for children in its last turn and got none."""
    last: StepSeen | None = view.recent[-1] if view.recent else None
    return last is not None and last.kind is ActionKind.DELEGATE and not last.ok
