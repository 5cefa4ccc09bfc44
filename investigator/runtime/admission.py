"""On which terms a run's scopes open, and whether its budget can carry them at all.

Every scope that is opened must be able to make one working turn and its finalize turn out of
its own floor and its own part of the time. Where one cannot, the run is refused before it
begins and the limit to raise is named; or, with `best_effort`, the least important scopes are
left out.
"""

from __future__ import annotations

import math

import msgspec

from investigator.errors import BudgetTooSmall
from investigator.ground.wording import counted
from investigator.runtime.budget import CONSUMABLE, NOTHING, Limits, flag_of
from investigator.runtime.budget_pool import RuntimeBudgetPool, allocate_run_budget
from investigator.runtime.events import OpenedScope, Shown
from investigator.runtime.planner import View
from investigator.runtime.strategy import Brief, Run

ROOT = "0"


def root_scope(run: Run) -> OpenedScope:
    """The terms of scope 0: the run's whole budget, and a reserve if it has a planner."""
    root = run.strategy.plan.root
    opened = OpenedScope(
        scope=ROOT,
        opened_by="driver",
        planner_driven=root is not None,
        depth=0,
        objective="" if root is None else root.objective,
        context="" if root is None else root.context,
        floor=NOTHING,
        reserve=NOTHING,
        deadline=run.opened.budget.wall_time_s,
    )
    return opened if root is None else _with_reserve(run, opened)


def _with_reserve(run: Run, scope: OpenedScope) -> OpenedScope:
    """The scope, with what a finalize turn of the most expensive who may decide in it costs."""
    ends = run.deciders.most_expensive_of(scope).finalize_bound(*run.strategy.finalize_tokens)
    return msgspec.structs.replace(scope, reserve=ends)


def child_scopes(run: Run, count: int) -> list[OpenedScope]:
    """The synthesis, if there is one, and the first `count` scopes; floors and times are open."""
    plan = run.strategy.plan

    def scope(position: int, brief: Brief) -> OpenedScope:
        opened = OpenedScope(
            scope=f"{ROOT}/{position}",
            opened_by="engine",
            planner_driven=True,
            depth=1,
            objective=brief.objective,
            context=brief.context,
            floor=NOTHING,
            reserve=NOTHING,
            deadline=None,
            synthesis=brief is plan.synthesis,
        )
        return _with_reserve(run, opened)

    first = () if plan.synthesis is None else (plan.synthesis,)
    return [scope(i, brief) for i, brief in enumerate((*first, *plan.scopes[:count]))]


def times_kept(run: Run, children: list[OpenedScope], time_left: float) -> list[float]:
    """For each child the seconds at the end of `time_left` that are not for it.

    The synthesis is a wave of its own, after those of the scopes beside it.
    """
    beside = sum(not child.synthesis for child in children)
    kept = 0.0 if math.isinf(time_left) else time_left / (waves(run, beside) + 1)
    return [kept if beside < len(children) and not c.synthesis else 0.0 for c in children]


def waves(run: Run, count: int) -> int:
    """How often `concurrency` scopes run until `count` have."""
    return math.ceil(count / run.opened.concurrency)


def admitted(run: Run) -> int:
    """How many of the plan's scopes the budget can carry, the most important first.

    Raises:
        BudgetTooSmall: not all of them; with `best_effort`, not even one.
    """
    plan = run.strategy.plan
    if plan.root is not None:
        _require_root(run)
        return 0
    count = len(plan.scopes)
    while True:
        shortage = _shortage(run, count)
        if shortage is None:
            return count
        if count <= 1 or not run.opened.best_effort:
            raise BudgetTooSmall(shortage)
        count -= 1


def _require_root(run: Run) -> None:
    """Raise `BudgetTooSmall` unless scope 0 can make one working turn besides finalize."""
    root, budget = root_scope(run), run.opened.budget
    shortage = _short_of_amounts(run, [root], budget.limits, budget.limits)
    shortage = shortage or _short_of_time(run, shares=1)
    if shortage is not None:
        raise BudgetTooSmall(shortage)


def _shortage(run: Run, count: int) -> str | None:
    """Why the budget cannot carry `count` scopes (and a synthesis); None where it can."""
    children, budget = child_scopes(run, count), run.opened.budget
    limits = budget.limits
    if not children:
        return None
    if budget.depth < 1:
        scopes = counted(len(children), "scope")
        return f"a depth limit of 0 leaves no level for {scopes}; raise --max-depth"
    if limits.subcalls is not None and limits.subcalls < len(children):
        return (
            f"the subcalls limit of {limits.subcalls} does not cover the run's "
            f"{counted(len(children), 'scope')}; raise --max-subcalls to {len(children)} or more, "
            "or leave the least important ones out (--best-effort)"
        )
    pool = RuntimeBudgetPool(limits, depth=budget.depth)
    floor = allocate_run_budget(pool, ROOT, sibling_count=len(children))
    known = (None if limit is None else share for limit, share in zip(limits, floor, strict=True))
    shortage = _short_of_amounts(run, children, Limits(*known), limits)
    synthesis = any(child.synthesis for child in children)
    return shortage or _short_of_time(run, shares=waves(run, count) + synthesis)


def _short_of_amounts(
    run: Run, scopes: list[OpenedScope], share: Limits, limits: Limits
) -> str | None:
    """The first resource of which a scope's share is less than it needs at the least."""
    for scope in scopes:
        decides = run.deciders.most_expensive_of(scope)
        need = decides.bound(_first_view(run, scope, share)).amounts.plus(scope.reserve)
        for resource, own, limit, least in zip(CONSUMABLE, share, limits, need, strict=True):
            if own is not None and own < least:
                each = (
                    f" gives each of {counted(len(scopes), 'scope')} {own}:"
                    if len(scopes) > 1
                    else ":"
                )
                return (
                    f"the {resource.replace('_', ' ')} limit of {limit}{each} too little for one "
                    f"working turn and the finalize turn, which need {least}; raise "
                    f"{flag_of(resource)}{_or_leave_out(scopes)}"
                )
    return None


def _short_of_time(run: Run, *, shares: int) -> str | None:
    wall_time, turn = run.opened.budget.wall_time_s, run.deciders.latency_floor_s
    if wall_time is None or wall_time / shares > turn:
        return None
    each = f" gives each of {shares} rounds {wall_time / shares:g} s, which" if shares > 1 else ""
    return (
        f"the wall time of {wall_time:g} s{each} does not cover a finalize turn, which takes "
        f"{turn:g} s or more; raise --max-wall-time"
    )


def _first_view(run: Run, scope: OpenedScope, share: Limits) -> View:
    """What the scope's planner will be shown first."""
    shown = Shown(left=share, time_left=run.opened.budget.wall_time_s)
    return View(
        scope_id=scope.scope,
        depth=scope.depth,
        objective=scope.objective,
        context=scope.context,
        step=0,
        offered=shown.offered,
        draft=None,
        recent=(),
        cited={},
        shown=shown,
    )


def _or_leave_out(scopes: list[OpenedScope]) -> str:
    more = len(scopes) > 1
    return ", or leave the least important scopes out (--best-effort)" if more else ""
