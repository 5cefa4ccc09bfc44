"""Do runs of many scopes end under one budget? Side by side against one after the other.

    python -m benchmarks.convergence [--trials 1000] [--seed 0]

A simulated model takes 2 s (and 8 s) a turn on an injected clock, and 2,300 tokens. First table:
incidents of 4 to 24 traces and a compliance run of 24 controls under their default budgets, each
by the driver and by a plain one over the same loop and the same pool limits, which opens one
scope after the other with all that is left, and the synthesis last. Then random trials: scopes
that never conclude by themselves, that delegate, that fail; any concurrency, latency and limits.
In each, the synthesis has to answer, no turn and no read may be refused inside a scope's floor,
each sibling has to begin in time for a whole wave, nothing may be overspent, the wall time
included, and the run has to end.

One file, as both parts share the model that is simulated and the watch kept over a run.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from investigator.runs.engines import engine_named
from investigator.runtime.admission import ROOT, child_scopes, root_scope, waves
from investigator.runtime.budget import (
    CONSUMABLE,
    NOTHING,
    Amounts,
    Budget,
    Resource,
)
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
from investigator.runtime.execution import LiveExecution
from investigator.runtime.ledger import Ledger
from investigator.runtime.pace import Pace
from investigator.runtime.planner import PlannerCallFailed, Reply, TurnBound, View
from investigator.runtime.recursive_loop import RecursiveLoop
from investigator.runtime.scheduler import Scheduler
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.strategy import Brief, Plan, Run
from investigator.testing.toy import delegate, finalize, read, synthesize, toy_run
from investigator.testing.virtual_time import Deadlock, in_virtual_time

USED = Usage(llm_calls=1, tokens_in=2000, tokens_out=300)
SYNTHESIS = "compare them"
MANNERS = ("greedy", "modest", "family", "greedy family", "failing")
BOUND = TurnBound(Amounts(iterations=1, tokens=3000), max_tokens_out=800)

Decide = Callable[[View], str]
Latency = Callable[[View], float]


class SimulatedModel:
    """Says what `decide` makes of the view, `latency` seconds later, for the same tokens."""

    identity = PlannerIdentity(planner="simulated")
    remote = True
    latency_floor_s = 1.0
    advised = False

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
    ledger: Ledger
    events: list[AnyEvent] = field(default_factory=list)
    floors: dict[str, Amounts] = field(default_factory=dict)
    time_given: dict[str, float] = field(default_factory=dict)
    refused_inside: list[str] = field(default_factory=list)

    def append(self, event: AnyEvent) -> None:
        """Keep an event, and note what it says of a promise."""
        self.events.append(event)
        match event:
            case TurnHeld(step=0):
                left = self.ledger.pool.deadline(event.scope) - self.clock.now()
                self.time_given.setdefault(event.scope, left)
            case ScopesOpened():
                self.floors |= {scope.scope: scope.floor for scope in event.scopes}
            case Refused(what="turn" | "tool_call"):
                self._note_refusal(event)
            case _:
                pass

    def _note_refusal(self, event: Refused) -> None:
        """A refusal is a broken promise where the floor still had room for what was asked."""
        if event.resource not in CONSUMABLE:
            return
        asked = BOUND.amounts if event.what == "turn" else Amounts(tool_calls=1)
        index = CONSUMABLE.index(event.resource)
        used, floor = self.ledger.pool.used(event.scope)[index], self.floors[event.scope][index]
        if used + asked[index] <= floor:
            self.refused_inside.append(f"scope {event.scope}: {event.message}, floor {floor}")

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
    clock, ledger = Clock(), Ledger()
    watch = Watch(clock, ledger)
    execution = LiveExecution(ledger=ledger, recorder=watch, clock=clock)
    execution.record(run.opened)
    result = await drive(run, execution, clock)
    return watch, result.ended.status, clock.now()


async def one_after_the_other(run: Run) -> tuple[Watch, RunStatus, float]:
    """The plain way: each scope is opened when its turn comes, with all that is left."""
    clock, ledger = Clock(), Ledger()
    watch = Watch(clock, ledger)
    execution = LiveExecution(ledger=ledger, recorder=watch, clock=clock)
    execution.record(run.opened)
    pace = Pace(run.deciders.latency_floor_s)
    scheduler = Scheduler(1)
    loop = RecursiveLoop(
        execution=execution,
        calls=Calls(execution=execution, tools=run.tools, pace=pace, clock=clock),
        space=run.strategy.space,
        outputs=run.strategy.outputs,
        planner_for=run.deciders.planner_of,
        scheduler=scheduler,
        pace=pace,
        max_depth=run.opened.budget.depth,
    )
    execution.open_root(root_scope(run))
    scopes = child_scopes(run, len(run.strategy.plan.scopes))
    scopes.sort(key=lambda scope: scope.synthesis)
    ends: list[ScopeClosed] = []
    for place, scope in enumerate(scopes):
        opened = execution.open(ROOT, place, [scope], kept_s=[0.0], least_s=0.0, parent_shares=0)
        if isinstance(opened, Refused):
            continue
        gathered = ends if scope.synthesis else ()
        ends.append(await scheduler.alone(partial(loop.run, opened.scopes[0], gathered=gathered)))
    every = [*watch.closed().values()]
    whole = len(ends) == len(scopes) and all(e.status is ScopeStatus.COMPLETED for e in every)
    return watch, RunStatus.SUCCEEDED if whole else RunStatus.PARTIAL, clock.now()


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
    """Both drivers on the same runs, and whether the expectations are met."""
    print(
        f"{'run':<22} {'driver':<12} turns  least  guarded  cut off  synthesis  status    "
        "   seconds   ratio"
    )
    cases = [("incident", n) for n in (4, 8, 12, 24)] + [("compliance", 24)]
    expected: list[tuple[str, bool]] = []
    for latency in (2.0, 8.0):
        for engine, count in cases:
            name = f"{engine} {count}, {latency:g} s"
            ours, plain = both(engine, count, latency)
            for driver, row in (("side by side", ours), ("sequential", plain)):
                print(
                    f"{name:<22} {driver:<12} {row.turns:>5} {row.least:>6} {row.guarded:>8}"
                    f" {row.cut_off:>8}  {row.synthesis:<9}  {row.status:<10} {row.seconds:>9.1f}"
                    f" {row.seconds / plain.seconds:>7.2f}"
                )
            expected += expectations(name, ours, plain)
    for what, met in expected:
        print(f"{'met' if met else 'NOT MET'}: {what}")


def both(engine: str, count: int, latency: float) -> tuple[Row, Row]:
    """A run of so many scopes under the engine's default budget: ours and the plain driver's."""
    run = toy_run(
        SimulatedModel(as_an_investigator, lambda _: latency),
        budget=engine_named(engine).default_budget,
        plan=plan_of(count, synthesis=engine == "incident"),
    )
    ours = row_of(run, *in_virtual_time(side_by_side(run)))
    return ours, row_of(run, *in_virtual_time(one_after_the_other(run)))


def expectations(name: str, ours: Row, plain: Row) -> Iterator[tuple[str, bool]]:
    """What the design asks of a run, and whether it is so."""
    if name == "incident 12, 2 s":
        undisturbed = ours.guarded == ours.cut_off == 0 and ours.least >= 4
        yield f"{name}: succeeded", ours.status == "succeeded"
        yield f"{name}: at most 1/4 of the sequential time", ours.seconds <= plain.seconds / 4
        yield f"{name}: no scope guarded, each with 4 turns or more", undisturbed
    if plain.status != "succeeded":
        over_all = ours.status == "partial" and ours.synthesis == "answered"
        yield (
            f"{name}: the sequential run loses {plain.cut_off} scopes; ours is {ours.status}",
            ours.status == "succeeded" or over_all,
        )


def random_trial(seed: int) -> Run:
    """Limits that pass admission, time for a turn a wave or more; the first wave may be greedy."""
    rng = random.Random(seed)
    count, concurrency = rng.randint(2, 32), rng.randint(1, 8)
    manners = [rng.choice(MANNERS) for _ in range(count)]
    if rng.random() < 0.5:
        manners[:concurrency] = ["greedy"] * min(concurrency, count)
    synthesis = rng.choice(("greedy", "modest", "family"))
    constant = rng.uniform(0.5, 10.0) if rng.random() < 0.5 else None
    slowest = constant or 10.0
    wave_s = rng.uniform(3.0, 20.0) * slowest
    share = partial(_share, rng, count + 1)
    budget = Budget(
        iterations=share(2, 15),
        tool_calls=share(0, 10),
        tokens=share(2 * BOUND.amounts.tokens, 15 * BOUND.amounts.tokens),
        subcalls=rng.choice((1, 2, 4)) * (count + 1),
        wall_time_s=wave_s * (math.ceil(count / concurrency) + 1),
        depth=rng.choice((1, 2, 3)),
    )
    return toy_run(
        SimulatedModel(
            partial(_at_random, seed, [synthesis, *manners]), partial(_latency, seed, constant)
        ),
        budget=budget,
        concurrency=concurrency,
        plan=plan_of(count, synthesis=True),
    )


def _share(rng: random.Random, scopes: int, least: int, most: int) -> int | None:
    """A limit by its share for each scope and some that is no share; or none."""
    limit = rng.randint(least, most) * scopes + rng.randint(0, scopes - 1)
    return limit if rng.random() < 0.7 else None


def _latency(seed: int, constant: float | None, view: View) -> float:
    """The same for all turns, or anything from 0.5 to 10 s, the same for the same view."""
    at_random = random.Random(f"{seed} {view.scope_id} {view.step} s").uniform(0.5, 10.0)
    return at_random if constant is None else constant


def _at_random(seed: int, manners: Sequence[str], view: View) -> str:
    """What a scope of that manner says, the same for the same view; `manners` by position."""
    if len(view.offered) == 1:
        return finalize("what there is")
    rng = random.Random(f"{seed} {view.scope_id} {view.step}")
    manner = manners[int(view.scope_id.split("/")[1])]
    match manner:
        case "greedy":
            return read(view.step)
        case "greedy family":
            return rng.choice([read(view.step), _children(rng)])
        case "family" if rng.random() < 0.4:
            return _children(rng)
        case "failing" if rng.random() < 0.2:
            error = RunError(code=ErrorCode.MODEL_CALL_FAILED, message="down", stage="planner")
            raise PlannerCallFailed(error, USED)
        case _:
            read_on = read(view.step)
            return rng.choice([read_on, read_on, synthesize("so far"), finalize("done")])


def _children(rng: random.Random) -> str:
    return delegate(*(f"child {n}" for n in range(rng.randint(1, 4))))


def broken_promises(run: Run) -> list[str]:
    """What of the driver's promises a run with a synthesis breaks."""
    try:
        watch, _, seconds = in_virtual_time(side_by_side(run))
    except Deadlock:
        return ["the run hangs: nothing can happen any more"]
    closed = watch.closed()
    broken = [*watch.refused_inside, *_short_floors(run, watch), *_late(run, watch)]
    broken += _overspent(run, watch, seconds)
    if closed["0/0"].status is not ScopeStatus.COMPLETED:
        broken.append(f"the synthesis ran dry: {closed['0/0'].gaps}")
    broken += (
        f"scope {end.scope} was stopped without an answer: {end.error.message}"
        for end in closed.values()
        if end.error is not None and end.error.limit in CONSUMABLE
    )
    return broken


def _short_floors(run: Run, watch: Watch) -> Iterator[str]:
    """Scopes whose floor is not an equal share of what is left after opening them all."""
    count = len(run.strategy.plan.children)
    for place in range(count):
        floor = watch.floors[f"{ROOT}/{place}"]
        for name, limit, own in zip(CONSUMABLE, run.opened.budget.limits, floor, strict=True):
            fee = count if name is Resource.SUBCALLS else 0
            if limit is not None and own < (limit - fee) // count:
                yield f"scope 0/{place}: a floor of {own} {name} of {limit} for {count}"


def _late(run: Run, watch: Watch) -> Iterator[str]:
    """Siblings that began with less than one wave of the time."""
    count, wall_time = len(run.strategy.plan.scopes), run.opened.budget.wall_time_s
    floor_s = (math.inf if wall_time is None else wall_time) / (waves(run, count) + 1)
    for place in range(count + 1):
        given = watch.time_given.get(f"{ROOT}/{place}", 0.0)
        if given < floor_s - 1e-6:
            yield f"scope 0/{place} began with {given:.2f} s of {floor_s:.2f}"


def _overspent(run: Run, watch: Watch, seconds: float) -> Iterator[str]:
    """Limits that were passed, by what was spent and not by what the pool says is left."""
    budget, pool = run.opened.budget, watch.ledger.pool
    for name, limit, used in zip(CONSUMABLE, budget.limits, pool.settled(), strict=True):
        if limit is not None and used > limit:
            yield f"{name}: {used} of {limit} used"
    if pool.overdraft != NOTHING:
        yield f"overdraft {pool.overdraft}"
    if budget.wall_time_s is not None and seconds > budget.wall_time_s + 1e-6:
        yield f"took {seconds:.2f} s of {budget.wall_time_s:.2f}"


def trials(count: int, first_seed: int) -> None:
    """Random runs, each held to the promises."""
    started = time.perf_counter()
    broken: dict[int, list[str]] = {}
    for seed in range(first_seed, first_seed + count):
        if lines := broken_promises(random_trial(seed)):
            broken[seed] = lines
            print(f"seed {seed}: {'; '.join(lines)}")
    took = time.perf_counter() - started
    print(f"{count:,} random trials, {len(broken)} with a broken promise ({took:.1f} s)")


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
