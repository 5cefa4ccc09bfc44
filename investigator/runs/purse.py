"""The pool of many runs: what is leased is held in full until it is settled, so none overspends.

Scope 0 is the whole, each lease a child with its share as floor: an equal part of what is left,
and never more than whoever asks needs. What was not used is free for the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from investigator.runtime.budget import NOTHING, Amounts, Budget, Limits
from investigator.runtime.budget_pool import Hold, Lease, RuntimeBudgetPool, allocate_run_budget


@dataclass(frozen=True, slots=True)
class Leased:
    """A share that is held."""

    scope_id: str
    hold: Hold


class Purse:
    """What all runs together may use; `seconds` from now on is the time that they have."""

    def __init__(
        self,
        limits: Limits,
        *,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = RuntimeBudgetPool(limits, depth=1)
        self._opened = 0
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    @property
    def seconds_left(self) -> float | None:
        """How long runs may still take; None is for ever."""
        return None if self._end is None else max(0.0, self._end - self._clock())

    @property
    def used(self) -> Amounts:
        """What was settled so far."""
        return self._pool.settled()

    def lease(self, budget: Budget, *, shares: int) -> tuple[Budget, Leased]:
        """Hold one of `shares` equal shares of what is left; the budget narrowed to it."""
        share = allocate_run_budget(self._pool, "0", sibling_count=shares)
        left, own = self._pool.left("0"), budget.limits
        tokens = _narrowed(own.tokens, share.tokens if left.tokens is not None else None)
        cost = _narrowed(own.cost, share.cost if left.cost is not None else None)
        scope_id = f"0/{self._opened}"
        self._opened += 1
        floor = Amounts(
            tokens=(tokens or 0) if left.tokens is not None else 0,
            cost=(cost or 0) if left.cost is not None else 0,
        )
        refusal = self._pool.open("0", [Lease(scope_id, floor)])
        hold = self._pool.reserve(scope_id, floor)
        if refusal is not None or not isinstance(hold, Hold):
            raise AssertionError(f"a share of what is left was refused: {refusal or hold}")
        narrowed = {
            "tokens": tokens,
            "cost_usd": None if cost is None else cost / 1e6,
            "wall_time_s": _sooner(budget.wall_time_s, self.seconds_left),
        }
        return budget.model_copy(update=narrowed), Leased(scope_id, hold)

    def settle(self, leased: Leased, used: Amounts | None) -> None:
        """Book what a run used (all it held if that is unknown); the rest is free."""
        self._pool.settle(leased.hold, leased.hold.amounts if used is None else used)
        self._pool.close(leased.scope_id)


def limits_after(limits: Limits, used: Amounts) -> Limits:
    """What is left of limits of which something was used already."""
    tokens = None if limits.tokens is None else max(0, limits.tokens - used.tokens)
    cost = None if limits.cost is None else max(0, limits.cost - used.cost)
    return limits._replace(tokens=tokens, cost=cost)


def total(amounts: list[Amounts]) -> Amounts:
    """All of them together."""
    used = NOTHING
    for one in amounts:
        used = used.plus(one)
    return used


def _narrowed(own: int | None, share: int | None) -> int | None:
    """The smaller of two limits, where None is no limit."""
    if own is None or share is None:
        return share if own is None else own
    return min(own, share)


def _sooner(own: float | None, left: float | None) -> float | None:
    if own is None or left is None:
        return left if own is None else own
    return min(own, left)
