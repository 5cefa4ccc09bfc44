"""How a scope ends: with its answer, or cut off or failed with the draft it had, never with less.

What cuts a scope off is named in its gaps; what its planner or a tool did wrong is its error. Where
a stand-in went on for the planner, the end is the planner's and the answer that of both.
"""

from __future__ import annotations

import json
from typing import Any, Generic, Protocol, TypeVar

from investigator.ground.canonical_json import JsonValue
from investigator.runtime.actions import ActionKind, Draft, Invalid, NotAllowed
from investigator.runtime.budget import Resource, flag_of
from investigator.runtime.events import RunError, ScopeClosed, TurnHeld
from investigator.runtime.scope import STUCK, Scope
from investigator.runtime.status import ErrorCode, ScopeStatus
from investigator.runtime.tools import Cite

OutputT = TypeVar("OutputT", contravariant=True)

NO_ACTION = (
    "three replies in a row were no valid action: take a model that keeps to a JSON schema, raise "
    "max_output_tokens where replies are cut off, or try again with `investigator runs resume`"
)

INVALID_REPLIES = 3
"""So many in a row end a scope: the reasons of the first two did not help."""

SENT_BACK = "advice"
"""The sort of a refusal that sends an answer back to be mended, once."""

AS_IT_IS = "this is your draft now: mend it, or finalize again to end with it as it is"

MEND_IT = "mend it; if you finalize it as it is, what is not there is dropped"

IN_ITS_PLACE = "rules went on in the model's place"


class Outputs(Protocol[OutputT]):
    """What an engine makes of its planners' outputs; an answer is canonical JSON text."""

    def resolve(self, output: OutputT, cited: dict[str, str]) -> str:
        """The answer with its citations resolved; ValueError where it cannot be parsed."""
        ...

    def problems(self, draft: Draft[Any], cited: dict[str, str]) -> list[str]:
        """What a draft names that does not exist or was not read, all of it."""
        ...

    def cautions(self, draft: Draft[Any], cited: dict[str, str]) -> list[str]:
        """What of a draft the engine's rules would lower, and what would lift that."""
        ...

    def salvage(self, draft: Draft[Any], cited: dict[str, str]) -> str:
        """The answer of a scope that was cut off with this draft."""
        ...

    def present(self, answer: str, cite: Cite) -> JsonValue:
        """What the parent's planner sees of a child's answer, with ids that it can cite."""
        ...


class Endings(Generic[OutputT]):
    """Makes the closing event of a scope."""

    def __init__(self, outputs: Outputs[OutputT]) -> None:
        self._outputs = outputs
        self._readers: dict[str, Scope] = {}

    def keep_reads(self, scope: Scope) -> None:
        """Keep what a scope with a fixed list of actions read, for who opened it."""
        if scope.opened.actions is not None:
            self._readers[scope.id] = scope

    def shown(self, scope: Scope, child: ScopeClosed) -> JsonValue:
        """A child's end as its parent's planner sees it.

        Of one that only did what it was told, the parent has read what it read.
        """
        reader = self._readers.pop(child.scope, None)
        answer = child.answer
        reads: dict[str, JsonValue] = {}
        if reader is not None and reader.reads:
            reads = {"reads": reader.reads}
            for text in reader.cited.values():
                scope.cite(json.loads(text), in_part=text in reader.cited.in_part)
        return {
            "call_id": child.scope,
            "status": child.status.value,
            "gaps": list(child.gaps),
            "answer": None if answer is None else self._outputs.present(answer, scope.cite),
            **reads,
        }

    def answer(self, scope: Scope, output: OutputT) -> ScopeClosed | Invalid | NotAllowed:
        """The end with the planner's answer, or why the engine cannot parse it.

        Whoever is advised is told once what its answer would lose, and may mend it; meanwhile the
        answer is its draft, unless it names what is not there: then a draft that holds stays.
        """
        told = self._advice(scope, output)
        if told and isinstance(output, Draft):
            scope.was_advised = True
            if scope.draft is not None and self._outputs.problems(output, scope.cited):
                return NotAllowed(f"{'; '.join(told)}; {MEND_IT}", "answer")
            scope.draft = output
            return NotAllowed(f"{'; '.join(told)}; {AS_IT_IS}", SENT_BACK)
        try:
            answer = self._outputs.resolve(output, scope.cited)
            if scope.kept is not None and isinstance(output, Draft):
                answer = self._outputs.salvage(output.beside(scope.kept), scope.cited)
        except ValueError as error:
            return Invalid(f"output: {error}")
        return self.end(scope, ScopeStatus.COMPLETED, answer=answer)

    def _advice(self, scope: Scope, output: OutputT) -> list[str]:
        """What an answer names that is not there, and claims that its evidence does not bear."""
        wanted = scope.planner.advised and not (scope.guarded or scope.was_advised)
        if not wanted or not isinstance(output, Draft):
            return []
        lost = self._outputs.problems(output, scope.cited)
        return [*lost, *self._outputs.cautions(output, scope.cited)]

    def draft(self, scope: Scope, draft: Draft[Any], reply: str) -> None:
        """Put a synthesis on top of the scope's draft, if all that it names is known."""
        problems = self._outputs.problems(draft, scope.cited)
        if problems:
            scope.refused(ActionKind.SYNTHESIZE, reply, "; ".join(problems), sort="draft")
            return
        scope.update(draft)
        cautions = self._outputs.cautions(draft, scope.cited)
        scope.saw(ActionKind.SYNTHESIZE, reply, "; ".join(("the draft is updated", *cautions)))

    def not_allowed(
        self, scope: Scope, held: TurnHeld, reply: str, turn: NotAllowed
    ) -> ScopeClosed | None:
        """A turn that is refused: the planner sees why, unless it was the last."""
        # An answer that is sent back stands in the draft: its words are not shown twice.
        is_mended = turn.sort == SENT_BACK
        kind, said = (ActionKind.FINALIZE, "") if is_mended else (None, reply)
        scope.refused(kind, said, turn.reason, sort=turn.sort)
        return self.cut_off(scope, turn.reason, scope.limit) if held.shown.final else None

    def invalid(self, scope: Scope, reply: str, reason: str) -> ScopeClosed | None:
        """A reply that does not validate can be repaired; the third in a row ends the scope."""
        scope.invalid_replies += 1
        if scope.invalid_replies < INVALID_REPLIES:
            scope.saw(None, reply, reason, ok=False)
            return None
        error = RunError(
            code=ErrorCode.MODEL_OUTPUT_INVALID,
            message=f"{reason}; {NO_ACTION}",
            stage="planner",
            retryable=True,
        )
        return self.end(scope, ScopeStatus.FAILED, error)

    def unanswered(self, scope: Scope, held: TurnHeld, error: RunError) -> ScopeClosed | None:
        """A turn without a reply: out of time leads to the guard, anything else ends the scope."""
        if error.limit is not Resource.WALL_TIME:
            return self.end(scope, ScopeStatus.FAILED, error)
        if held.shown.final or scope.stand_in is not None:
            return self.cut_off(scope, error.message, error.limit)
        scope.guarded, scope.limit = True, error.limit
        scope.saw(None, "", error.message, ok=False)
        return None

    def cut_off(self, scope: Scope, message: str, limit: Resource | None = None) -> ScopeClosed:
        """A limit ended the scope before it could answer."""
        todo = "" if limit is None else f"; raise {flag_of(limit)}"
        error = RunError(
            code=ErrorCode.RECURSION_LIMIT_REACHED,
            message=message + todo,
            stage="finalize",
            retryable=limit is Resource.WALL_TIME,
            limit=limit,
        )
        return self.end(scope, ScopeStatus.TERMINATED_BUDGET, error)

    def gaps_made_good(self, scope: Scope) -> tuple[str, ...]:
        """What a planner that failed left open, and its stand-in saw to."""
        if scope.failed is None:
            return ()
        left_open = () if scope.kept is None else scope.kept.gaps
        return (*(f"{gap}; {IN_ITS_PLACE}" for gap in scope.failed.gaps), *left_open)

    def end(
        self,
        scope: Scope,
        status: ScopeStatus,
        error: RunError | None = None,
        *,
        answer: str | None = None,
    ) -> ScopeClosed:
        """The end of a scope; without an answer of its own, its last draft is the answer."""
        gaps = [] if error is None else [f"scope {scope.id}: {error.message}"]
        if scope.guarded and status is ScopeStatus.COMPLETED:
            why = f", after {STUCK} refused turns of one kind" if scope.is_stuck else ""
            gaps.append(f"scope {scope.id}: concluded at the finalize guard{why}")
        draft = scope.draft or scope.kept
        if answer is None and draft is not None:
            both = draft if scope.kept in (None, draft) else draft.beside(scope.kept)
            answer = self._outputs.salvage(both, scope.cited)
        if scope.failed is not None:
            status, error = scope.failed.status, scope.failed.error
            gaps = [*self.gaps_made_good(scope), *gaps]
        return ScopeClosed(
            scope=scope.id,
            step=scope.step,
            status=status,
            answer=answer,
            gaps=tuple(gaps),
            error=error,
        )
