"""Calls that leave the run: to a planner and to a tool. What they cost is always written down.

Where the result is on record it is taken from there; otherwise the call is made, inside the
scope's time, and its result recorded before anyone sees it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import anyio
import msgspec

from investigator.errors import InvestigatorError, SourceUnavailable
from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.runtime.actions import CallTool
from investigator.runtime.budget import Resource
from investigator.runtime.clock import Clock
from investigator.runtime.events import (
    RunError,
    ToolFailed,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
    Usage,
)
from investigator.runtime.execution import Execution
from investigator.runtime.pace import Pace
from investigator.runtime.planner import PlannerCallFailed, Reply, View
from investigator.runtime.scope import Scope
from investigator.runtime.status import ErrorCode
from investigator.runtime.tools import Names, ToolAnswer, ToolRegistry

STAND_IN_SHARE = 0.25
"""How much of a last turn's time is for the rules that go on without it: half a second of two."""

CANCELLED = RunError(
    code=ErrorCode.CANCELLED,
    message="the run was cancelled; `investigator runs resume` continues it",
    stage="run",
    retryable=True,
)
TURN_TIMED_OUT = RunError(
    code=ErrorCode.RECURSION_LIMIT_REACHED,
    message="the planner did not answer inside the scope's wall time",
    stage="planner",
    retryable=True,
    limit=Resource.WALL_TIME,
)


class Calls:
    """Asks planners and tools on behalf of scopes."""

    def __init__(
        self, *, execution: Execution, tools: ToolRegistry, pace: Pace, clock: Clock
    ) -> None:
        self._execution = execution
        self._tools = tools
        self._pace = pace
        self._clock = clock

    @property
    def names(self) -> Names:
        """The run's short ids of references."""
        return self._tools.names

    async def reply(self, scope: Scope, held: TurnHeld, view: View) -> TurnSettled | TurnFailed:
        """The planner's reply to a view whose turn is held."""
        recorded = self._execution.turn_result(scope.id, remote=held.remote)
        if recorded is not None:
            return recorded
        try:
            event = await self._ask(scope, held, view)
        except anyio.get_cancelled_exc_class():
            self._execution.record(_unanswered(held, CANCELLED))
            raise
        self._execution.record(event)
        return event

    async def _ask(self, scope: Scope, held: TurnHeld, view: View) -> TurnSettled | TurnFailed:
        try:
            if not held.remote:
                return _answered(held, await scope.planner.act(view, held.max_tokens_out))
            with self._limit(scope, self._kept_s(scope, final=held.shown.final)):
                started = self._clock.now()
                reply = await scope.planner.act(view, held.max_tokens_out)
                self._pace.observe(self._clock.now() - started)
                return _answered(held, reply)
        except PlannerCallFailed as failure:
            usage = _booked(held, failure.usage, failure.lost)
            return TurnFailed(scope=held.scope, step=held.step, error=failure.error, usage=usage)
        return _unanswered(held, TURN_TIMED_OUT)

    def _kept_s(self, scope: Scope, *, final: bool) -> float:
        """What of the scope's time a turn leaves for the last one, and that for a stand-in."""
        if not final:
            return self._pace.finalize_s
        return 0.0 if scope.stand_in is None else self._pace.finalize_s * STAND_IN_SHARE

    def _limit(self, scope: Scope, kept_s: float) -> anyio.CancelScope:
        """Ends a remote call when all but `kept_s` of the scope's time is over.

        A local call never waits, so there would be nothing to end.
        """
        seconds = self._execution.time_left(scope.id) - kept_s
        return anyio.move_on_after(None if math.isinf(seconds) else max(0.0, seconds))

    async def tool(self, scope: Scope, call: CallTool) -> ToolSettled | ToolFailed:
        """The answer to a tool call that is held."""
        remote = self._tools.is_remote(call.tool_name)
        recorded = self._execution.tool_result(scope.id, remote=remote)
        if recorded is not None:
            return recorded
        try:
            event = await self._read(scope, call)
        except anyio.get_cancelled_exc_class():
            self._execution.record(_unread(scope, CANCELLED.message, CANCELLED))
            raise
        self._execution.record(event)
        return event

    async def _read(self, scope: Scope, call: CallTool) -> ToolSettled | ToolFailed:
        fresh: dict[str, str] = {}
        seen: dict[str, bool] = {}

        def cite(ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str:
            short_id = scope.short_id(ref, fresh)
            text = compact_json(ref)
            if text in scope.cited.in_part and not in_part:
                fresh[short_id] = text  # seen whole from now on
            seen[short_id] = seen.get(short_id, True) and in_part
            return short_id

        try:
            if not self._tools.is_remote(call.tool_name):
                answer = await self._tools.call(call.tool_name, call.args, cite)
                return _read_page(scope, answer, fresh, seen)
            with self._limit(scope, scope.kept_s(self._pace.finalize_s)):
                answer = await self._tools.call(call.tool_name, call.args, cite)
                return _read_page(scope, answer, fresh, seen)
        except SourceUnavailable as lost:
            error = RunError(
                code=ErrorCode.SOURCE_UNAVAILABLE, message=str(lost), stage="tool", retryable=True
            )
            return _unread(scope, error.message, error)
        except InvestigatorError as refused:
            return _unread(scope, str(refused))
        return _unread(scope, f"{call.tool_name} did not answer inside the scope's wall time")


def _answered(held: TurnHeld, reply: Reply) -> TurnSettled:
    usage = _booked(held, reply.usage, reply.lost)
    return TurnSettled(scope=held.scope, step=held.step, reply=reply.text, usage=usage)


def _booked(held: TurnHeld, usage: Usage, lost: int) -> Usage:
    """What a turn is booked at: its account, and its full hold for each attempt without one."""
    if not lost:
        return usage
    output = held.max_tokens_out
    return msgspec.structs.replace(
        usage,
        tokens_in=usage.tokens_in + lost * (held.amounts.tokens - output),
        tokens_out=usage.tokens_out + lost * output,
        cost=None if usage.cost is None else usage.cost + lost * held.amounts.cost,
        estimated=True,
    )


def _unanswered(held: TurnHeld, error: RunError) -> TurnFailed:
    """A turn without a reply, booked at its full hold where it may have been billed."""
    usage = _booked(held, Usage(llm_calls=1), lost=1) if held.remote else Usage()
    return TurnFailed(scope=held.scope, step=held.step, error=error, usage=usage)


def _read_page(
    scope: Scope, answer: ToolAnswer, fresh: dict[str, str], seen: Mapping[str, bool]
) -> ToolSettled:
    return ToolSettled(
        scope=scope.id,
        step=scope.step,
        page=compact_json(answer.page),
        refs=fresh,
        in_part=tuple(short_id for short_id, part in seen.items() if part and short_id in fresh),
        original_hash=answer.original_hash,
        redactions=answer.redactions,
    )


def _unread(scope: Scope, message: str, error: RunError | None = None) -> ToolFailed:
    return ToolFailed(scope=scope.id, step=scope.step, message=message, error=error)
