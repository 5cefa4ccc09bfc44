"""The rules investigate like a model would: they read before they claim, and cite what they read.

Scope 0 looks at the whole and at the hottest spans, gives each hypothesis to a child, and states
what the children could show. A child reads the places that would show its hypothesis. How much a
scope reads does not depend on the budget that is left, so the report does not depend on how
many scopes run at once; where a limit is met, the finalize guard ends the reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, TypeAdapter

from investigator.canonical import JsonValue, canonical_json
from investigator.inspection.evidence import EvidenceKind, EvidenceRef
from investigator.rca.case import RCACase
from investigator.rca.conclude import confidence_of, description_of
from investigator.rca.narrowing import Hypothesis
from investigator.rca.outputs import PresentedAnswer, RCADraft, RCAFinding, output_turn
from investigator.runtime.actions import ActionKind
from investigator.runtime.events import PlannerIdentity, Usage
from investigator.runtime.planner import FreePlanner, Reply, View
from investigator.signals import Signal

HOT_READS = 2
READS_A_HYPOTHESIS = 5
_REFS_A_FINDING = 4


READING_ALONE = RCADraft(findings=(), gaps=(), summary="No children were granted: reading alone.")
"""The draft in which scope 0 remembers that it was refused children."""


class RulePlanner(FreePlanner):
    """Deterministic, no model, no key: the default on a fresh machine."""

    identity = PlannerIdentity(planner="rules")

    def __init__(self, case: RCACase) -> None:
        self._case = case

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """The next turn of a scope, a function of its view."""
        turn = self._root_turn(view) if view.depth == 0 else self._child_turn(view)
        return Reply(turn, Usage())

    def _root_turn(self, view: View) -> str:
        """Look at the whole, delegate (or read alone where that is refused), conclude."""
        overview = list(self._overview())
        children = _children(view)
        if _was_just_refused(view) and ActionKind.SYNTHESIZE in view.offered:
            return output_turn(ActionKind.SYNTHESIZE, READING_ALONE)
        refused = view.draft is not None and view.draft.summary == READING_ALONE.summary
        alone = children is None and (refused or ActionKind.DELEGATE not in view.offered)
        reads = overview + [r for h in self._case.hypotheses for r in self._reads(h) if alone]
        place = view.step - (2 if refused else 0)
        if place < len(reads) and ActionKind.TOOL_CALL in view.offered:
            return reads[place]
        if children is None and not alone and self._case.hypotheses:
            return self._delegation()
        draft = self._alone(view) if children is None else _together(children)
        offered_more = ActionKind.SYNTHESIZE in view.offered
        kind = ActionKind.SYNTHESIZE if view.draft is None and offered_more else ActionKind.FINALIZE
        return output_turn(kind, draft)

    def _child_turn(self, view: View) -> str:
        """Read what would show the hypothesis, then state what was read."""
        hypothesis = self._hypothesis(view)
        reads = self._reads(hypothesis)
        if view.step < len(reads) and ActionKind.TOOL_CALL in view.offered:
            return reads[view.step]
        findings = tuple(self._shown(hypothesis, view))
        draft = RCADraft(findings=findings, gaps=(), summary=hypothesis.statement)
        return output_turn(ActionKind.FINALIZE, draft)

    def _alone(self, view: View) -> RCADraft:
        """What scope 0 itself could show."""
        found = tuple(f for h in self._case.hypotheses for f in self._shown(h, view))
        return RCADraft(findings=found, gaps=(), summary=_summary(found))

    def _overview(self) -> Iterator[str]:
        yield _call("list_spans", kind=None, errors_only=False, offset=0)
        for branch in self._case.branches[:HOT_READS]:
            yield _call("get_span", span_id=branch.span_id, field=None, offset=0)

    def _delegation(self) -> str:
        children: list[JsonValue] = [
            {
                "type": "delegate_subcall",
                "objective": f"Show or refute: {hypothesis.statement}",
                "context": canonical_json({"hypothesis": hypothesis.id}),
                "use_planner": True,
                "actions": None,
            }
            for hypothesis in self._case.hypotheses
        ]
        return canonical_json({"action": children if len(children) > 1 else children[0]})

    def _hypothesis(self, view: View) -> Hypothesis:
        named = json.loads(view.context)["hypothesis"]
        return next(h for h in self._case.hypotheses if h.id == named)

    def _reads(self, hypothesis: Hypothesis) -> Sequence[str]:
        """The calls that make the hypothesis' evidence citable, the first findings' first."""
        calls: dict[str, None] = {}
        for group in self._case.groups(hypothesis):
            for ref in _evidence(group)[:_REFS_A_FINDING]:
                calls[_read(ref)] = None
            if len(calls) >= READS_A_HYPOTHESIS:
                break
        return tuple(calls)[:READS_A_HYPOTHESIS]

    def _shown(self, hypothesis: Hypothesis, view: View) -> Iterator[RCAFinding]:
        """A finding for every group of signals of which something was read."""
        ids = {json.loads(text)["ref"]: short_id for short_id, text in view.cited.items()}
        for number, group in enumerate(self._case.groups(hypothesis), 1):
            refs = tuple(ids[ref.ref] for ref in _evidence(group) if ref.ref in ids)
            if refs:
                yield RCAFinding(
                    id=f"{hypothesis.id}.{number}",
                    category=hypothesis.category,
                    span_id=group[0].origin_id,
                    description=description_of(group),
                    confidence=confidence_of(group),
                    evidence=refs,
                )


def _evidence(group: Sequence[Signal]) -> tuple[EvidenceRef, ...]:
    return tuple(dict.fromkeys(ref for signal in group for ref in signal.evidence))


def _read(ref: EvidenceRef) -> str:
    """The tool call whose answer cites the reference."""
    match ref.kind:
        case EvidenceKind.TOOL_IO:
            return _call("get_tool_io", span_id=ref.span_id, part=None, offset=0)
        case EvidenceKind.MESSAGE:
            index = int(ref.ref.rsplit(":", 1)[1])
            return _call("get_messages", span_id=ref.span_id, index=index, offset=0)
        case EvidenceKind.RETRIEVAL_CHUNK:
            return _call("get_retrieval_chunks", span_id=ref.span_id, position=None, offset=0)
        case _:
            return _call("get_span", span_id=ref.span_id, field=None, offset=0)


def _call(tool_name: str, **args: JsonValue) -> str:
    return canonical_json({"action": {"type": "tool_call", "tool_name": tool_name, "args": args}})


class _Child(BaseModel):
    """A child's end, as its parent sees it."""

    model_config = ConfigDict(extra="forbid")

    call_id: str
    status: str
    gaps: tuple[str, ...]
    answer: PresentedAnswer | None


_CHILDREN = TypeAdapter(tuple[_Child, ...])


def _children(view: View) -> tuple[_Child, ...] | None:
    """The ends of the children; None while there are none."""
    for step in view.recent:
        if step.kind is ActionKind.DELEGATE and step.ok:
            return _CHILDREN.validate_json(step.result)
    return None


def _was_just_refused(view: View) -> bool:
    """Whether the scope asked for children in its last turn and got none."""
    return (
        bool(view.recent) and view.recent[-1].kind is ActionKind.DELEGATE and not view.recent[-1].ok
    )


def _together(children: Sequence[_Child]) -> RCADraft:
    """What the children could show, in their order, and what they could not."""
    answers = [child.answer for child in children if child.answer is not None]
    found = [finding for answer in answers for finding in answer.findings]
    findings = tuple(
        RCAFinding(id=f"f{number}", **finding.model_dump())
        for number, finding in enumerate(found, 1)
    )
    gaps = tuple(gap for answer in answers for gap in answer.gaps)
    return RCADraft(findings=findings, gaps=gaps, summary=_summary(findings))


def _summary(found: Sequence[RCAFinding]) -> str:
    if not found:
        return "No cause could be shown."
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0].category} at span {found[0].span_id}{more}."
