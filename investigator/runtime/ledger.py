"""The pool as the events tell it, event by event.

The same `post` serves the live run, the resumed one (which posts what was recorded, then goes
on) and the audit (which posts everything again): so the audit cannot disagree with what was done
by construction, only by tampering.
"""

from __future__ import annotations

import math
from typing import assert_never

from investigator.errors import BudgetTooSmall
from investigator.runtime.budget import NOTHING, Amounts, Budget, Limits
from investigator.runtime.budget_pool import Hold, Lease, Refusal, RuntimeBudgetPool
from investigator.runtime.clock import Clock
from investigator.runtime.events import (
    RUN,
    AnyEvent,
    HoldLost,
    OpenedScope,
    Refused,
    RunEnded,
    RunOpened,
    RunResumed,
    ScopeClosed,
    ScopesOpened,
    ToolFailed,
    ToolHeld,
    ToolRepeated,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
    WrittenBack,
)

ONE_TOOL_CALL = Amounts(tool_calls=1)


class Ledger:
    """The pool and its open holds, event by event. A scope has at most one open hold."""

    def __init__(self) -> None:
        self.pool = RuntimeBudgetPool(Limits())
        self.holds: dict[str, tuple[Hold, TurnHeld | ToolHeld]] = {}
        self._budget = Budget()

    def post(self, event: AnyEvent, *, clock: Clock | None = None) -> Refusal | None:
        """Book one event; a refusal is returned only for a request that the pool turns down.

        Without a clock no deadline is past: what was granted stays granted.
        """
        match event:
            case TurnHeld() | ToolHeld():
                return self._post_hold(event, 0.0 if clock is None else clock.now())
            case TurnSettled() | TurnFailed():
                self._settle(event.scope, event.usage.amounts)
            case ToolSettled() | ToolFailed():
                self._settle(event.scope, ONE_TOOL_CALL)
            case ScopesOpened():
                return self._post_opening(event)
            case ScopeClosed():
                self.pool.close(event.scope)
            case HoldLost():
                self._settle(event.scope, event.amounts if event.lost else NOTHING)
            case RunOpened():
                self._budget = event.budget
            case RunResumed():
                self._post_resume(event)
            case Refused() | ToolRepeated() | RunEnded() | WrittenBack():
                pass
            case _:
                assert_never(event)
        return None

    def lost_holds(self) -> list[HoldLost]:
        """What becomes of the holds that are open and that nobody will settle."""
        lost = []
        for scope_id, (hold, held) in sorted(self.holds.items()):
            remote = isinstance(held, TurnHeld) and held.remote
            event = HoldLost(scope=scope_id, step=held.step, amounts=hold.amounts, lost=remote)
            lost.append(event)
        return lost

    def _post_hold(self, event: TurnHeld | ToolHeld, now: float) -> Refusal | None:
        match event:
            case TurnHeld() if event.shown.final:
                hold = self.pool.reserve_final(event.scope, event.amounts, now=now)
            case TurnHeld():
                hold = self.pool.reserve(event.scope, event.amounts, now=now)
            case ToolHeld():
                hold = self.pool.reserve(event.scope, ONE_TOOL_CALL, now=now)
        if isinstance(hold, Refusal):
            return hold
        self.holds[event.scope] = (hold, event)
        return None

    def _settle(self, scope_id: str, actual: Amounts) -> None:
        hold, _ = self.holds.pop(scope_id)
        self.pool.settle(hold, actual)

    def _post_opening(self, event: ScopesOpened) -> Refusal | None:
        if event.scope != RUN:
            return self.pool.open(event.scope, [_lease(scope) for scope in event.scopes])
        (root,) = event.scopes
        self.pool = RuntimeBudgetPool(
            self._budget.limits,
            depth=self._budget.depth,
            reserve=root.reserve,
            deadline=_or_inf(self._budget.wall_time_s),
        )
        return None

    def _post_resume(self, event: RunResumed) -> None:
        self._budget = event.budget
        self.pool.raise_limits(
            event.budget.limits,
            depth=event.budget.depth,
            deadline=_or_inf(event.budget.wall_time_s),
        )
        for cut in event.cuts:
            if cut.reserve is not None:
                refusal = self.pool.reopen(cut.scope, cut.reserve)
                if refusal is not None:
                    raise BudgetTooSmall(
                        f"scope {cut.scope} cannot be opened again: {refusal}; raise that limit"
                    )


def _lease(scope: OpenedScope) -> Lease:
    deadline = _or_inf(scope.deadline)
    return Lease(scope.scope, scope.floor, scope.reserve, scope.cap, deadline)


def _or_inf(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
