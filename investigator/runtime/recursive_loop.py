"""The loop: ask the planner for one action, do it, show what came of it, until it concludes.

Each turn and each tool call is held in the pool and in the journal before it is made, and
settled after it. A child is the same loop one level deeper. What a scope does follows from its
view alone, so the same loop runs live, resumes and replays; only the execution differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, assert_never

import anyio
import anyio.lowlevel

from investigator.ground.canonical_json import canonical_json
from investigator.runtime.actions import (
    ActionKind,
    ActionSpace,
    AnswerT,
    CallTool,
    Delegations,
    DraftT,
    Finalize,
    Invalid,
    NotAllowed,
    Synthesize,
    turn_text,
)
from investigator.runtime.budget import Resource
from investigator.runtime.calls import CANCELLED, Calls
from investigator.runtime.endings import Endings, Outputs
from investigator.runtime.events import (
    ALL_BUT_FINALIZE,
    OpenedScope,
    Refused,
    ScopeClosed,
    Shown,
    ToolFailed,
    ToolHeld,
    ToolRepeated,
    ToolSettled,
    TurnFailed,
    TurnHeld,
)
from investigator.runtime.execution import Execution
from investigator.runtime.pace import Pace
from investigator.runtime.planner import Planner, View
from investigator.runtime.scheduler import Scheduler, Slot
from investigator.runtime.scope import Scope
from investigator.runtime.status import ScopeStatus

STEPS_AT_ONCE = 32
"""After so many steps a scope lets others run and can be cancelled, even if nothing waits."""


class RecursiveLoop(Generic[DraftT, AnswerT]):
    """Runs opened scopes; `planner_for` chooses who decides in one, `stand_in_for` who after it."""

    def __init__(
        self,
        *,
        execution: Execution,
        calls: Calls,
        space: ActionSpace[DraftT, AnswerT],
        outputs: Outputs[AnswerT],
        planner_for: Callable[[OpenedScope], Planner],
        scheduler: Scheduler,
        pace: Pace,
        max_depth: int,
        stand_in_for: Callable[[OpenedScope], Planner | None] = lambda _: None,
    ) -> None:
        self._execution = execution
        self._calls = calls
        self._space = space
        self._endings = Endings(outputs)
        self._planner_for = planner_for
        self._scheduler = scheduler
        self._pace = pace
        self._max_depth = max_depth
        self._stand_in_for = stand_in_for
        self.closed: dict[str, ScopeClosed] = {}
        self.made_good: set[str] = set()
        self.fell_short: set[str] = set()

    async def run(
        self, opened: OpenedScope, slot: Slot, gathered: Sequence[ScopeClosed] = ()
    ) -> ScopeClosed:
        """Run a scope to its end in its slot; a synthesis is shown the ends it is over."""
        deciders = self._planner_for(opened), slot, self._stand_in_for(opened)
        scope = Scope(opened, *deciders, self._calls.names)
        scope.gathered = tuple(self._endings.shown(scope, closed) for closed in gathered)
        self._execution.start(scope.id, slot.share)
        try:
            while (closed := await self._step(scope)) is None or scope.hand_over(closed):
                scope.step += 1
                if scope.step % STEPS_AT_ONCE == 0:
                    await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            self._execution.leave(self._endings.end(scope, ScopeStatus.FAILED, CANCELLED))
            raise
        self.made_good.update(self._endings.gaps_made_good(scope))
        self.fell_short.update({scope.id} if scope.fell_short else ())
        self._endings.keep_reads(scope)
        self.close(closed)
        return closed

    def close(self, closed: ScopeClosed) -> None:
        """Write a scope's end down; what it did not use is free for those who wait."""
        self._execution.record(closed)
        self.closed[closed.scope] = closed
        self._scheduler.scope_closed()

    async def _step(self, scope: Scope) -> ScopeClosed | None:
        """One turn and what it asks for; the scope's end if it is one."""
        if scope.opened.actions is not None and scope.step == len(scope.opened.actions):
            return self._endings.end(scope, ScopeStatus.COMPLETED)
        held, view = await self._hold_turn(scope)
        if isinstance(held, Refused):
            return self._endings.cut_off(scope, held.message, held.resource)
        reply = await self._calls.reply(scope, held, view)
        if isinstance(reply, TurnFailed):
            return self._endings.unanswered(scope, held, reply.error)
        parsed = self._space.parse(reply.reply, view.offered)
        turn = (
            self._endings.answer(scope, parsed.output) if isinstance(parsed, Finalize) else parsed
        )
        scope.invalid_replies *= isinstance(turn, Invalid)
        match turn:
            case CallTool():
                return await self._call_tool(scope, turn)
            case Synthesize():
                self._endings.draft(scope, turn.output, reply.reply)
            case tuple():
                await self._delegate(scope, turn)
            case ScopeClosed():
                return turn
            case NotAllowed():
                return self._endings.not_allowed(scope, held, reply.reply, turn)
            case Invalid():
                return self._endings.invalid(scope, reply.reply, turn.reason)
            case _:
                assert_never(turn)
        return None

    async def _hold_turn(self, scope: Scope) -> tuple[TurnHeld | Refused, View]:
        """Hold the next turn; when only the finalize reserve is left, that of finalize."""
        while True:
            shown = self._execution.shown(scope.id) or self._shown(scope)
            scope.guarded = shown.final
            view = scope.view(shown)
            bound = scope.planner.bound(view)
            request = TurnHeld(
                scope=scope.id,
                step=scope.step,
                amounts=bound.amounts,
                max_tokens_out=bound.max_tokens_out,
                remote=scope.planner.remote,
                shown=shown,
                asks=bound.asks,
                redactions=bound.redactions,
            )
            recorded = self._execution.is_replaying(scope.id)
            answer = self._execution.ask_turn(request)
            if isinstance(answer, TurnHeld) or shown.final:
                scope.granted(bound, final=shown.final)
                return answer, view
            scope.limit = answer.resource
            scope.guarded = not await self._may_retry(scope, answer, recorded)

    def _shown(self, scope: Scope) -> Shown:
        time_left = self._execution.time_left(scope.id)
        left = self._execution.left(scope.id)
        final = scope.guarded or time_left <= scope.kept_s(self._pace.finalize_s)
        return Shown(
            left=left,
            time_left=None if math.isinf(time_left) else round(time_left, 3),
            withheld=ALL_BUT_FINALIZE if final else scope.withheld(left, max_depth=self._max_depth),
        )

    async def _may_retry(self, scope: Scope, refused: Refused, recorded: bool) -> bool:
        """Wait while a sibling's unused floor may yet cover a refusal; False: it is final."""
        if not refused.wait:
            return False
        if recorded:
            return self._execution.was_retried(refused)
        index = list(Resource).index(refused.resource)
        seconds = self._execution.time_left(scope.id) - scope.kept_s(self._pace.finalize_s)
        return await scope.slot.wait(
            used=lambda: self._execution.used(scope.id)[index], seconds=max(0.0, seconds)
        )

    async def _call_tool(self, scope: Scope, call: CallTool) -> ScopeClosed | None:
        args = call.args.model_dump_json()
        action = f"{call.tool_name}({args})"
        if action in scope.pages:
            of_step, page = scope.pages[action]
            self._execution.record(
                ToolRepeated(
                    scope=scope.id, step=scope.step, tool_name=call.tool_name, of_step=of_step
                )
            )
            scope.saw(ActionKind.TOOL_CALL, action, page, repeat_of=of_step)
            return None
        request = ToolHeld(scope=scope.id, step=scope.step, tool_name=call.tool_name, args=args)
        while True:
            recorded = self._execution.is_replaying(scope.id)
            answer = self._execution.ask_tool(request)
            if isinstance(answer, ToolHeld):
                break
            if not await self._may_retry(scope, answer, recorded):
                scope.refused_reads = True
                scope.refused(ActionKind.TOOL_CALL, action, answer.message, sort="limit")
                return None
        match await self._calls.tool(scope, call):
            case ToolSettled(refs=refs, page=page, in_part=in_part):
                scope.learn(refs, in_part)
                scope.pages[action] = (scope.step, page)
                scope.saw(ActionKind.TOOL_CALL, action, page)
            case ToolFailed(message=message, error=None):
                scope.refused(ActionKind.TOOL_CALL, action, message, sort=call.tool_name)
            case ToolFailed(error=error):
                return self._endings.end(scope, ScopeStatus.FAILED, error)
        return None

    async def _delegate(self, scope: Scope, delegations: Delegations) -> None:
        """Open children side by side, wait for all, and show their answers in list order."""
        children = scope.child_scopes(delegations)
        said = turn_text(delegations)
        last_turn = self._pace.finalize_s
        opened = self._execution.open(
            scope.id,
            scope.step,
            children,
            kept_s=[last_turn] * len(children),
            least_s=last_turn * scope.slot.waves(len(children)),
            parent_shares=1,
        )
        if isinstance(opened, Refused):
            scope.refused(ActionKind.DELEGATE, said, opened.message, sort="delegate_subcall")
            return
        scope.children += len(children)
        tasks = [partial(self.run, child) for child in opened.scopes]
        answers = [self._endings.shown(scope, c) for c in await scope.slot.side_by_side(tasks)]
        scope.saw(ActionKind.DELEGATE, said, canonical_json(answers))
