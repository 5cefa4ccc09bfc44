"""Replay makes a run again from its journal, offline, writes nothing, and compares.

Pool answers, what came from outside the process (replies of models, results of remote tools) and
the numbers that views showed are taken from the record. What is local and free is done again and
must come out the same: the rules' turns, the tools' reads, the report. Each scope is compared
event by event, without times; the first difference is named. Which scope of several concurrent
ones is compared first does not matter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from investigator.errors import ReplayDifference
from investigator.runtime.budget import Amounts, Limits
from investigator.runtime.clock import Clock
from investigator.runtime.driver import drive
from investigator.runtime.events import (
    RUN,
    AnyEvent,
    Entry,
    OpenedScope,
    Refused,
    ScopeClosed,
    ScopesOpened,
    Shown,
    ToolFailed,
    ToolHeld,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
)
from investigator.runtime.execution import ToolResult, TurnResult, is_retry, shown_by
from investigator.runtime.history import histories_of
from investigator.runtime.strategy import Run


@dataclass(frozen=True, slots=True)
class Replay:
    """`difference` is None where everything came out as recorded."""

    events: int
    difference: str | None

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return self.difference is None


async def replay(run: Run, entries: Sequence[Entry], output: bytes | None) -> Replay:
    """Make a finished run again and compare it, its report byte for byte."""
    histories = histories_of(entries)
    events = sum(len(history) for history in histories.values())
    execution = ReplayExecution(histories)
    difference: BaseException | None = None
    try:
        result = await drive(run, execution, Clock())
        execution.record(result.ended)
    except* ReplayDifference as differences:
        difference = _first(differences)
    if difference is not None:
        return Replay(events, str(difference))
    left = [history[0] for history in histories.values() if history]
    if left:
        return Replay(events, f"{_place(left[0])}: recorded, but not made again")
    if result.output != output:
        return Replay(events, "the report differs from the output file")
    return Replay(events, None)


def _first(group: BaseExceptionGroup[ReplayDifference]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class ReplayExecution:
    """Answers from the record alone and raises `ReplayDifference` at the first other thing."""

    def __init__(self, histories: dict[str, deque[AnyEvent]]) -> None:
        self._histories = histories

    def shown(self, scope_id: str) -> Shown | None:
        """See `Execution`."""
        return shown_by(self._peek(scope_id))

    def ask_turn(self, request: TurnHeld) -> TurnHeld | Refused:
        """See `Execution`; a journal that names no model was written before any did."""
        recorded = self._next(request)
        if isinstance(recorded, Refused):
            return recorded
        if isinstance(recorded, TurnHeld) and recorded.asks is None:
            request = msgspec.structs.replace(request, asks=None)
        _require_same(recorded, request)
        return request

    def ask_tool(self, request: ToolHeld) -> ToolHeld | Refused:
        """See `Execution`."""
        recorded = self._next(request)
        if isinstance(recorded, Refused):
            return recorded
        _require_same(recorded, request)
        return request

    def open(
        self,
        parent: str,
        step: int,
        children: Sequence[OpenedScope],
        *,
        kept_s: Sequence[float],  # noqa: ARG002
        least_s: float,  # noqa: ARG002
        parent_shares: int,  # noqa: ARG002
    ) -> ScopesOpened | Refused:
        """See `Execution`; the terms, and how many were admitted, are as recorded."""
        recorded = self._next(ScopesOpened(scope=parent, step=step, scopes=tuple(children)))
        if isinstance(recorded, Refused):
            return recorded
        if not isinstance(recorded, ScopesOpened):
            raise ReplayDifference(f"{_place(recorded)}: now children are opened")
        for now, then in zip(children, recorded.scopes, strict=False):
            terms = {"floor": then.floor, "deadline": then.deadline}
            if msgspec.structs.replace(now, **terms) != then:
                raise ReplayDifference(f"{_place(recorded)}: child {then.scope} is another now")
        if len(children) < len(recorded.scopes):
            raise ReplayDifference(f"{_place(recorded)}: another number of children")
        return recorded

    def open_root(self, root: OpenedScope) -> OpenedScope:
        """See `Execution`."""
        recorded = self._next(ScopesOpened(scope=RUN, scopes=(root,)))
        return recorded.scopes[0] if isinstance(recorded, ScopesOpened) else root

    def start(self, scope_id: str, share: float) -> None:
        """See `Execution`; time is as recorded."""

    def turn_result(self, scope_id: str, *, remote: bool) -> TurnResult | None:
        """See `Execution`; a turn that cost nothing is made again."""
        recorded = self._peek(scope_id)
        if isinstance(recorded, TurnFailed) or (remote and isinstance(recorded, TurnSettled)):
            self._histories[scope_id].popleft()
            return recorded
        return None

    def tool_result(self, scope_id: str, *, remote: bool) -> ToolResult | None:
        """See `Execution`; local reads are made again, unless the source was lost."""
        recorded = self._peek(scope_id)
        lost = isinstance(recorded, ToolFailed) and recorded.error is not None
        if isinstance(recorded, ToolSettled | ToolFailed) and (remote or lost):
            self._histories[scope_id].popleft()
            return recorded
        return None

    def record(self, event: AnyEvent) -> None:
        """See `Execution`; nothing is written."""
        _require_same(self._next(event), event)

    def is_replaying(self, scope_id: str) -> bool:  # noqa: ARG002
        """See `Execution`."""
        return True

    def was_retried(self, refused: Refused) -> bool:
        """See `Execution`."""
        following = self._peek(refused.scope)
        return following is not None and is_retry(following, refused)

    def leave(self, closed: ScopeClosed) -> None:
        """See `Execution`; a replay is given up at its first difference."""

    def left(self, scope_id: str) -> Limits:
        """See `Execution`; asked for only where the record ends too soon."""
        raise ReplayDifference(f"scope {scope_id}: goes on where the record has ended")

    def used(self, scope_id: str) -> Amounts:  # noqa: ARG002
        """See `Execution`; nothing waits in a replay."""
        return Amounts()

    def time_left(self, scope_id: str) -> float:  # noqa: ARG002
        """See `Execution`; calls that are made again are local and have no time limit."""
        return float("inf")

    def _peek(self, scope_id: str) -> AnyEvent | None:
        history = self._histories.get(scope_id)
        return history[0] if history else None

    def _next(self, event: AnyEvent) -> AnyEvent:
        history = self._histories.get(event.scope)
        if not history:
            raise ReplayDifference(f"{_place(event)}: the record has ended here")
        return history.popleft()


def _require_same(recorded: AnyEvent, now: AnyEvent) -> None:
    if recorded != now:
        raise ReplayDifference(_difference(recorded, now))


def _place(event: AnyEvent) -> str:
    return f"scope {event.scope}, step {event.step}, {event.type}"


def _difference(recorded: AnyEvent, now: AnyEvent) -> str:
    """Where the two differ, field by field for events of one type."""
    if recorded.type != now.type:
        return f"{_place(recorded)}: now {now.type}"
    then_fields, now_fields = msgspec.structs.asdict(recorded), msgspec.structs.asdict(now)
    names = [name for name in then_fields if then_fields[name] != now_fields[name]]
    shown = "; ".join(
        f"{name} was {_short(then_fields[name])}, is {_short(now_fields[name])}" for name in names
    )
    return f"{_place(recorded)}: {shown}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
