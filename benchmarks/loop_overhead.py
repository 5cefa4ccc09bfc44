"""What a step of the loop costs: CPU time with an instant planner and an instant tool.

    python -m benchmarks.loop_overhead [--steps 100 1000 10000] [--runs 5] [--dir DIR]

A step is one planner turn and one tool call, each held in the pool and in the journal before
it is made and settled after it; every event is one write to the journal. The baseline, timed
in the same run, is a hand-written loop that makes the same calls and writes as many lines of
the same length with a flush for each, with no pool, no hash chain and no validation.
Figures are medians of CPU time (user and system) by step, after a warm-up run. `all in` counts
the whole run; `us/step` leaves out what a run costs to begin and to end (its folder, record,
report and their way to the disk), which is measured as a run of no step and printed below.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from investigator.runtime.budget import Budget
from investigator.runtime.events import PlannerIdentity, Usage
from investigator.runtime.planner import FreePlanner, Reply, View
from investigator.runtime.runner import start
from investigator.testing.toy import Cells, cell_tool, finalize, read, toy_run


class InstantPlanner(FreePlanner):
    """Reads cell after cell, a new one each step, then concludes."""

    identity = PlannerIdentity(planner="instant")

    def __init__(self, steps: int) -> None:
        self._steps = steps

    async def act(self, view: View, max_tokens_out: int) -> Reply:  # noqa: ARG002
        """One read, or the end."""
        done = view.step == self._steps
        return Reply(finalize("done", "e1") if done else read(view.step), Usage())


async def loop(steps: int, folder: Path) -> None:
    """One run of the real loop, journal on, limits set."""
    budget = Budget(
        iterations=steps + 10, tool_calls=steps, subcalls=10, tokens=10**9, wall_time_s=3600
    )
    await start(toy_run(InstantPlanner(steps), budget=budget), folder / f"run-{time.time_ns()}")


def _cited(ref: Mapping[str, object], /, *, in_part: bool = False) -> str:  # noqa: ARG001
    return str(ref)


async def baseline(steps: int, folder: Path, lines_a_step: int, line: str) -> None:
    """The same calls and as many flushed lines, by hand."""
    planner = InstantPlanner(steps)
    tool = cell_tool(Cells())
    file_path = folder / f"plain-{time.time_ns()}"
    with file_path.open("w") as file:
        for step in range(steps):
            view = View("0", 0, "", "", step, (), None, (), {}, shown=None)  # type: ignore[arg-type]
            reply = await planner.act(view, 0)
            action = json.loads(reply.text)["action"]
            await tool.run(tool.args(**action["args"]), _cited)
            for _ in range(lines_a_step):
                file.write(line)
                file.flush()


def cpu_us_a_step(task: Callable[[], Awaitable[None]], steps: int) -> float:
    """CPU microseconds (user and system) by step of one run."""
    started = time.process_time()
    asyncio.run(_await(task))
    return (time.process_time() - started) / steps * 1e6


async def _await(task: Callable[[], Awaitable[None]]) -> None:
    await task()


class Figures(NamedTuple):
    """Median microseconds a step of the loop and of the baseline, and events a step."""

    all_in: float
    a_step: float
    baseline: float
    events: float


def measure(steps: int, runs: int, folder: Path, ends_us: float) -> Figures:
    """Time the loop and the baseline in turn; `ends_us` is what a run of no step costs."""
    asyncio.run(loop(steps, folder))
    journal = max(folder.glob("run-*/events.jsonl"), key=lambda p: p.stat().st_mtime)
    lines = journal.read_text().splitlines(keepends=True)
    events = len(lines) / steps
    line = lines[len(lines) // 2]
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(cpu_us_a_step(lambda: loop(steps, folder), steps))
        theirs.append(cpu_us_a_step(lambda: baseline(steps, folder, round(events), line), steps))
    all_in = statistics.median(ours)
    return Figures(all_in, all_in - ends_us / steps, statistics.median(theirs), events)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", type=Path, default=None)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=args.dir))
    asyncio.run(loop(0, folder))
    ends_us = statistics.median(
        cpu_us_a_step(lambda: loop(0, folder), 1) for _ in range(4 * args.runs)
    )
    columns = ("steps", "all in", "us/step", "baseline", "ratio", "events/step")
    print(("{:>8}" + "{:>12}" * 5).format(*columns))
    found: dict[int, Figures] = {}
    for steps in args.steps:
        found[steps] = it = measure(steps, args.runs, folder, ends_us)
        numbers = (it.all_in, it.a_step, it.baseline, it.a_step / it.baseline, it.events)
        print(f"{steps:>8}" + "".join(f"{number:>12.2f}" for number in numbers))
    first, last = found[args.steps[0]].a_step, found[args.steps[-1]].a_step
    print(f"{args.steps[-1]} steps against {args.steps[0]}: {last / first:.2f} x a step")
    print(f"beginning and ending a run: {ends_us / 1000:.1f} ms of CPU")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
