"""Whether scopes that run at once use more than a run may: limits against what a model counted.

    python -m benchmarks.overshoot [--trials 12] [--scopes 32] [--seed 1]

Each trial is a whole run over real HTTP on this machine: so many scopes at once, each asking a
model that never concludes by itself, says as much as it may and takes a random time, under one
tight random limit. `used` is the record's, `billed` what the model counted by itself;
`overshoot` is how far the larger of both lies above the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from investigator.model_planner.fence import Asking, new_code
from investigator.model_planner.model_planner import Model, ModelPlanner
from investigator.runtime.budget import Budget
from investigator.runtime.llm_client import ModelClient, ModelSettings, Prompt
from investigator.runtime.prices import price_of
from investigator.runtime.record import RunRecord
from investigator.runtime.runner import start
from investigator.runtime.strategy import Brief, Plan, Run
from investigator.runtime.tokens import estimate_tokens
from investigator.runtime.tools import ToolRegistry
from investigator.runtime.verify import verify_files
from investigator.testing.greedy_model import Bill, GreedyModel
from investigator.testing.model_server import ModelServer
from investigator.testing.toy import (
    Cells,
    ToyStrategy,
    cell_tool,
    delegate,
    finalize,
    read,
    toy_run,
)

PRICE = (1, 4)
"""Micro-USD for a token in and out."""
MAX_OUTPUT_TOKENS = 200
ENOUGH = Budget(
    iterations=100_000, tool_calls=100_000, subcalls=1_000, tokens=10**9, wall_time_s=300
)


class Wide(ToyStrategy):
    """The toy engine with room for a model's last turn."""

    finalize_tokens = (3500, 200)


class Trial(NamedTuple):
    """One limit of a run, what its record says was used, and what the model counted."""

    limit_of: str
    limit: int
    used: int
    billed: int
    record: RunRecord
    bill: Bill

    @property
    def overshoot(self) -> int:
        """How far more was used than was allowed, by whichever count is larger."""
        return max(0, self.used - self.limit, self.billed - self.limit)


LIMITS: dict[str, Callable[[random.Random, int], Budget]] = {
    "iterations": lambda dice, scopes: _with(iterations=dice.randint(2 * scopes, 6 * scopes)),
    "tokens": lambda dice, scopes: _with(tokens=scopes * dice.randint(7_500, 14_000)),
    "cost": lambda dice, scopes: _with(cost_usd=scopes * dice.randint(9_000, 16_000) / 1e6),
}
"""A tight random limit of each kind, for so many scopes."""


def _with(**limit: float) -> Budget:
    return ENOUGH.model_copy(update=limit)


def greedy_turn(step: int) -> str:
    """Two children first, then one cell after the other."""
    return delegate("left", "right") if step == 0 else read(step)


def trial(limit_of: str, *, scopes: int, seed: int, folder: Path, delay_s: float = 0.05) -> Trial:
    """Run so many greedy scopes at once under one limit; the run is verified."""
    budget = LIMITS[limit_of](random.Random(seed), scopes)
    greedy = GreedyModel(greedy_turn, finalize("done"), price=PRICE, delay_s=delay_s, seed=seed)
    run_dir = folder / f"{limit_of}-{seed}"
    with ModelServer(greedy) as server:
        record = asyncio.run(start(_run(server, budget, scopes), run_dir))
    problems = verify_files(run_dir)
    assert problems == [], problems
    limit, used, billed = _counts(limit_of, record, greedy.bill)
    return Trial(limit_of, limit, used, billed, record, greedy.bill)


def _run(server: ModelServer, budget: Budget, scopes: int) -> Run:
    plan = Plan(scopes=tuple(Brief(f"Read the cells of row {number}.") for number in range(scopes)))
    strategy = Wide(ToolRegistry([cell_tool(Cells())]), plan)
    settings = ModelSettings(
        model="greedy",
        base_url=server.base_url,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        price_in_per_mtok=PRICE[0],
        price_out_per_mtok=PRICE[1],
    )
    model = Model(
        client=ModelClient(settings),
        prompt=lambda system, user: Prompt(system=system, user=user),
        provider=settings.provider,
        name=settings.model,
        temperature=settings.temperature,
        max_output_tokens=settings.max_output_tokens,
        price=price_of(settings),
        estimate=estimate_tokens,
    )
    planner = ModelPlanner(
        strategy.space,
        model,
        guide=strategy.guide,
        finalize_tokens=strategy.finalize_tokens,
        asking=Asking(new_code()),
    )
    run = toy_run(planner, budget=budget, concurrency=scopes, plan=plan)
    return replace(run, strategy=strategy)


def _counts(limit_of: str, record: RunRecord, bill: Bill) -> tuple[int, int, int]:
    """The limit, what the record says was used of it, and what the model counted."""
    budget, usage = record.runtime_ref.budget, record.runtime_ref.usage
    match limit_of:
        case "iterations":
            return budget.iterations or 0, usage.iterations, bill.requests
        case "tokens":
            used = usage.tokens_in + usage.tokens_out
            return budget.tokens or 0, used, bill.tokens_in + bill.tokens_out
        case _:
            used = round((usage.cost_usd or 0.0) * 1e6)
            return round((budget.cost_usd or 0.0) * 1e6), used, bill.micro_usd


def main() -> None:
    """Print a row for each trial."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--scopes", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    columns = ("limit of", "limit", "used", "billed", "overshoot", "utilisation", "status")
    print(("{:<11}" + "{:>12}" * 5 + "  {}").format(*columns))
    found: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.trials):
            kind = list(LIMITS)[number % len(LIMITS)]
            it = trial(kind, scopes=args.scopes, seed=args.seed + number, folder=Path(folder))
            found.append(it)
            counts = f"{it.limit:>12,}{it.used:>12,}{it.billed:>12,}{it.overshoot:>12,}"
            status = it.record.status.value
            print(f"{kind:<11}{counts}{it.used / it.limit:>12.1%}  {status}", flush=True)
    most = max(it.overshoot for it in found)
    requests = sum(it.bill.requests for it in found)
    mean = sum(it.used / it.limit for it in found) / len(found)
    print(
        f"{len(found)} runs of {args.scopes} scopes at once, {requests:,} requests: "
        f"largest overshoot {most}, mean utilisation {mean:.1%}"
    )


if __name__ == "__main__":
    main()
