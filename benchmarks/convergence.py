"""Do runs of many scopes end under one budget? Side by side against one after the other.

    python -m benchmarks.convergence [--trials 1000] [--seed 0]

A simulated model takes 2 s (and 8 s) a turn on an injected clock, and 2,300 tokens. First table:
incidents of 4 to 24 traces and a compliance run of 24 controls under their default budgets, each
by the driver and by a plain one over the same loop and the same pool limits, which opens one
scope after the other with all that is left, and the synthesis last. Then random trials: scopes
that never conclude by themselves, that delegate, that fail; any concurrency, latency and limits.
In each, the synthesis has to answer, no scope may be refused inside its floor, each sibling has
to begin in time for a whole wave, and nothing may be overspent.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from investigator.runtime.admission import ROOT, child_scopes, root_scope, waves
from investigator.runtime.books import Books
from investigator.runtime.budget import CONSUMABLE, DEFAULT_BUDGETS, Amounts, Budget
from investigator.runtime.calls import Calls
from investigator.runtime.clock import Clock
from investigator.runtime.driver import drive
from investigator.runtime.events import (
    AnyEvent,
    PlannerIdentity,
    Refused,
    RunError,
    ScopeClosed,
    ScopesOpened,
    TurnFailed,
    TurnHeld,
    TurnSettled,
    Usage,
)
from investigator.runtime.ledger import LiveLedger
from investigator.runtime.pace import Pace
from investigator.runtime.planner import PlannerCallFailed, Reply, TurnBound, View
from investigator.runtime.recursive_loop import RecursiveLoop
from investigator.runtime.room import WaitingRoom
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.strategy import Brief, Plan, Run
from investigator.testing.toy import delegate, finalize, read, synthesize, toy_run
from investigator.testing.virtual_time import in_virtual_time

USED = Usage(llm_calls=1, tokens_in=2000, tokens_out=300)
SYNTHESIS = "compare them"
BOUND = TurnBound(Amounts(iterations=1, tokens=3000), max_tokens_out=800)

Decide = Callable[[View], str]
Latency = Callable[[View], float]


class SimulatedModel:
    """Says what `decide` makes of the view, `latency` seconds later, for the same tokens."""

    identity = PlannerIdentity(planner="simulated")
    remote = True
    latency_floor_s = 1.0

    def __init__(self, decide: Decide, latency: Latency) -> None:
        self._decide = decide
        self._latency = latency

    def finalize_bound(self, prompt_tokens: int, output_tokens: int) -> Amounts:  # noqa: ARG002
        """The same as any turn."""
        return BOUND.amounts

    def bound(self, view: View) -> TurnBound:  # noqa: ARG002
        """The same for every turn."""
        return BOUND

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """The turn, after a while."""
        await anyio.sleep(self._latency(view))
        return Reply(self._decide(view), USED)


@dataclass
class Watch:
    """The journal of a run in memory, with what was promised to whom when it was written."""

    clock: Clock
    books: Books
    events: list[AnyEvent] = field(default_factory=list)
    time_given: dict[str, float] = field(default_factory=dict)
    refused_inside: list[str] = field(default_factory=list)

    def append(self, event: AnyEvent) -> None:
        """Keep an event, and note what it says of a promise."""
        self.events.append(event)
        match event:
            case TurnHeld(step=0):
                left = self.books.pool.deadline(event.scope) - self.clock.now()
                self.time_given.setdefault(event.scope, left)
            case Refused(what="turn", wait=False) if event.resource in CONSUMABLE:
                self._note_refusal(event)
            case _:
                pass

    def _note_refusal(self, event: Refused) -> None:
        index = CONSUMABLE.index(event.resource)
        floor = next(
            scope.floor
            for opened in self.events
            if isinstance(opened, ScopesOpened)
            for scope in opened.scopes
            if scope.scope == event.scope
        )
        if self.books.pool.used(event.scope)[index] + BOUND.amounts[index] <= floor[index]:
            self.refused_inside.append(f"scope {event.scope}: {event.message}")

    def closed(self) -> dict[str, ScopeClosed]:
        """How each scope ended."""
        return {e.scope: e for e in self.events if isinstance(e, ScopeClosed)}


@dataclass(frozen=True)
class Row:
    """What became of one run."""

    turns: int
    least: int
    guarded: int
    cut_off: int
    synthesis: str
    status: str
    seconds: float


async def side_by_side(run: Run) -> tuple[Watch, RunStatus, float]:
    """The driver as it is."""
    clock, books = Clock(), Books()
    watch = Watch(clock, books)
    ledger = LiveLedger(books=books, recorder=watch, clock=clock)
    ledger.record(run.opened)
    result = await drive(run, ledger, clock)
    return watch, result.ended.status, clock.now()


async def one_after_the_other(run: Run) -> tuple[Watch, RunStatus, float]:
    """The plain way: each scope is opened when its turn comes, with all that is left."""
    clock, books = Clock(), Books()
    watch = Watch(clock, books)
    ledger = LiveLedger(books=books, recorder=watch, clock=clock)
    ledger.record(run.opened)
    pace = Pace(run.planner.latency_floor_s)
    room = WaitingRoom(1)
    loop = RecursiveLoop(
        ledger=ledger,
        calls=Calls(ledger=ledger, tools=run.tools, pace=pace, clock=clock),
        space=run.strategy.space,
        outputs=run.strategy.outputs,
        planner_for=lambda _: run.planner,
        room=room,
        pace=pace,
        max_depth=run.opened.budget.depth,
    )
    ledger.open_root(root_scope(run))
    scopes = child_scopes(run, len(run.strategy.plan.scopes))
    scopes.sort(key=lambda scope: scope.synthesis)
    refused = False
    for place, scope in enumerate(scopes):
        opened = ledger.open(ROOT, place, [scope], kept_s=[0.0], least_s=0.0, parent_shares=0)
        if isinstance(opened, Refused):
            refused = True
            continue
        await room.alone(partial(loop.run, opened.scopes[0]))
    cut = refused or any(e.status is not ScopeStatus.COMPLETED for e in watch.closed().values())
    return watch, RunStatus.PARTIAL if cut else RunStatus.SUCCEEDED, clock.now()


def row_of(run: Run, watch: Watch, status: RunStatus, seconds: float) -> Row:
    """The figures of a run."""
    plan, closed = run.strategy.plan, watch.closed()
    turns = Counter(e.scope for e in watch.events if isinstance(e, TurnSettled | TurnFailed))
    own = [f"{ROOT}/{place}" for place in range(len(plan.children))]
    guarded = [s for s in own if s in closed and any("guard" in gap for gap in closed[s].gaps)]
    cut_off = [s for s in own if s not in closed or closed[s].status is not ScopeStatus.COMPLETED]
    last = closed.get(f"{ROOT}/0") if plan.synthesis is not None else None
    answered = last is not None and last.status is ScopeStatus.COMPLETED
    synthesis = "-" if plan.synthesis is None else "answered" if answered else "ran dry"
    least = min(turns[scope] for scope in own)
    return Row(
        sum(turns.values()), least, len(guarded), len(cut_off), synthesis, status.value, seconds
    )


def as_an_investigator(view: View) -> str:
    """About six turns a scope, two children in every third; a child three; a synthesis four."""
    if len(view.offered) == 1:
        return finalize("what there is")
    _, place, *below = map(int, view.scope_id.split("/"))
    delegates = delegate("show the first", "show the second") if place % 3 == 0 else read(3)
    if below:
        turns = [read(1), read(2), finalize("shown")]
    elif view.objective == SYNTHESIS:
        turns = [read(1), synthesize("compared"), read(2), finalize("all")]
    else:
        turns = [read(1), read(2), delegates, read(4), synthesize("seen"), finalize("seen")]
    return turns[min(view.step, len(turns) - 1)]


def plan_of(count: int, *, synthesis: bool) -> Plan:
    """So many scopes, and a synthesis if there is to be one."""
    scopes = tuple(Brief(f"scope {place}") for place in range(count))
    return Plan(scopes=scopes, synthesis=Brief(SYNTHESIS) if synthesis else None)


def table() -> None:
    """Both drivers on the same runs."""
    print("run                    driver       turns  least  guarded  cut off  synthesis  status"
          "       seconds   ratio")  # fmt: skip
    cases = [("incident", n) for n in (4, 8, 12, 24)] + [("compliance", 24)]
    for latency in (2.0, 8.0):
        for engine, count in cases:
            run = toy_run(
                SimulatedModel(as_an_investigator, partial(_constant, latency)),
                budget=DEFAULT_BUDGETS[engine],
                plan=plan_of(count, synthesis=engine == "incident"),
            )
            ours = row_of(run, *in_virtual_time(side_by_side(run)))
            plain = row_of(run, *in_virtual_time(one_after_the_other(run)))
            name = f"{engine} {count}, {latency:g} s"
            for driver, row in (("side by side", ours), ("sequential", plain)):
                print(
                    f"{name:<22} {driver:<12} {row.turns:>5} {row.least:>6} {row.guarded:>8}"
                    f" {row.cut_off:>8}  {row.synthesis:<9}  {row.status:<10} {row.seconds:>9.1f}"
                    f" {row.seconds / plain.seconds:>7.2f}"
                )


def _constant(seconds: float, _: View) -> float:
    return seconds


@dataclass(frozen=True)
class Trial:
    """One random run: its terms, and the manners of its scopes."""

    run: Run
    longest_turn: float


def random_trial(seed: int) -> Trial:
    """Limits that pass admission, time for a few turns a wave; the first wave may be all greedy."""
    rng = random.Random(seed)
    count, concurrency = rng.randint(2, 32), rng.randint(1, 8)
    slowest = rng.uniform(0.5, 10.0)
    first_wave_greedy = rng.random() < 0.5
    manners = [rng.choice(("greedy", "modest", "family", "failing")) for _ in range(count)]
    if first_wave_greedy:
        manners[:concurrency] = ["greedy"] * min(concurrency, count)
    share = rng.uniform(4.0, 20.0) * slowest
    turns = rng.randint(3, 15) * (count + 1)
    budget = Budget(
        iterations=turns if rng.random() < 0.7 else None,
        tokens=turns * BOUND.amounts.tokens if rng.random() < 0.5 else None,
        subcalls=(count + 1) * rng.randint(1, 4),
        wall_time_s=share * (math.ceil(count / concurrency) + 1),
        depth=2,
    )
    decide = partial(_at_random, seed, manners)
    run = toy_run(
        SimulatedModel(decide, partial(_latency, seed, slowest)),
        budget=budget,
        concurrency=concurrency,
        plan=plan_of(count, synthesis=True),
    )
    return Trial(run, slowest)


def _latency(seed: int, slowest: float, view: View) -> float:
    return random.Random(f"{seed} {view.scope_id} {view.step} s").uniform(0.4 * slowest, slowest)


def _at_random(seed: int, manners: Sequence[str], view: View) -> str:
    """What a scope of that manner says, the same for the same view."""
    if len(view.offered) == 1:
        return finalize("what there is")
    rng = random.Random(f"{seed} {view.scope_id} {view.step}")
    _, place, *below = map(int, view.scope_id.split("/"))
    if view.objective == SYNTHESIS:
        return as_an_investigator(view)
    manner = manners[place - 1]
    if manner == "greedy":
        return read(view.step)
    if manner == "failing" and rng.random() < 0.2:
        error = RunError(code=ErrorCode.MODEL_CALL_FAILED, message="down", stage="planner")
        raise PlannerCallFailed(error, USED)
    if manner == "family" and not below and rng.random() < 0.4:
        return delegate(*(f"child {n}" for n in range(rng.randint(1, 4))))
    return rng.choice([read(view.step), read(view.step), synthesize("so far"), finalize("done")])


def broken_promises(trial: Trial) -> list[str]:
    """What of the driver's promises a trial breaks."""
    run = trial.run
    watch, _, _ = in_virtual_time(side_by_side(run))
    budget, closed = run.opened.budget, watch.closed()
    broken = list(watch.refused_inside)
    if closed["0/0"].status is not ScopeStatus.COMPLETED:
        broken.append(f"the synthesis ended {closed['0/0'].status}: {closed['0/0'].gaps}")
    count = len(run.strategy.plan.scopes)
    rounds = waves(run, count)
    floor_s = (budget.wall_time_s or math.inf) / (rounds + 1)
    for place in range(1, count + 1):
        given = watch.time_given.get(f"{ROOT}/{place}", 0.0)
        if given < floor_s - 1e-6:
            broken.append(f"scope 0/{place} began with {given:.2f} s of {floor_s:.2f}")
    spent = watch.books.pool.settled()
    for name, limit, used in zip(CONSUMABLE, budget.limits, spent, strict=True):
        if limit is not None and used > limit:
            broken.append(f"{name}: {used} of {limit} used")
    if watch.books.pool.overdraft != Amounts():
        broken.append(f"overdraft {watch.books.pool.overdraft}")
    return broken


def trials(count: int, first_seed: int) -> None:
    """Random runs, each held to the promises."""
    started, broken = time.perf_counter(), 0
    for seed in range(first_seed, first_seed + count):
        for line in broken_promises(random_trial(seed)):
            broken += 1
            print(f"seed {seed}: {line}")
    took = time.perf_counter() - started
    print(f"{count:,} random trials: {broken} promises broken ({took:.1f} s)")


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    arguments = parser.parse_args()
    table()
    trials(arguments.trials, arguments.seed)


if __name__ == "__main__":
    main()
