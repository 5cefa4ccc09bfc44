"""What a policy's controls find in recorded conversations, beside whether the task was done.

    python -m benchmarks.tau_bench --data ../shared/data/tau_bench --library airline-example

The reward is read only for the last table. A run may break the policy and still end in the right
state, and fail its task without breaking it: the table shows how far the two go together.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.reports import readings, traces_in
from investigator.controls.evaluate import ControlEvaluation, evaluate
from investigator.controls.library import load_library
from investigator.controls.model import ControlLibrary
from investigator.controls.terms import Verdict
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Trace


class Run(NamedTuple):
    """One run's verdicts; `bare` are the fails without a reference, or with a stale one."""

    run_id: str
    evaluations: tuple[ControlEvaluation, ...]
    bare: int

    @property
    def failed(self) -> set[str]:
        """The controls that the run breaks."""
        return {one.control_id for one in self.evaluations if one.verdict is Verdict.FAIL}


def main() -> None:
    """Print the verdicts of each control, and how they go with the reward."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with runs and gold.json")
    parser.add_argument("--library", default="airline-example", help="its name, or a path")
    parser.add_argument("--show", metavar="CONTROL", help="print every breach of this control")
    given = parser.parse_args()
    library = load_library(given.library)
    started = time.perf_counter()
    runs = [_judged(trace, library) for trace in traces_in(given.data / "runs.json")]
    seconds = time.perf_counter() - started
    if given.show is not None:
        print("\n".join(_breaches(runs, given.show)))
        return
    print("\n".join(_verdicts(runs, library)))
    fails = sum(len(run.failed) for run in runs)
    bare = sum(run.bare for run in runs)
    print(f"\n{len(runs)} runs in {seconds:.1f} s; {fails} fails, {bare} without evidence")
    print("\n".join(_beside_reward(runs, library, _rewards(given.data / "gold.json"))))


def _judged(trace: Trace, library: ControlLibrary) -> Run:
    subject, index = readings(trace), EvidenceIndex(trace)
    found = tuple(evaluate(control, subject) for control in library.ordered)
    bare = sum(
        not breach.evidence or any(index.problem(ref) is not None for ref in breach.evidence)
        for one in found
        for breach in one.violations
    )
    return Run(trace.trace_id, found, bare)


def _verdicts(runs: list[Run], library: ControlLibrary) -> Iterator[str]:
    counts: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    for run in runs:
        for one in run.evaluations:
            counts[one.control_id][one.verdict] += 1
    yield f"{'control':36} {'pass':>6} {'fail':>6} {'n/a':>6} {'unseen':>6}"
    for control in library.ordered:
        own = counts[control.control_id]
        yield f"{control.control_id:36} " + " ".join(f"{own[verdict]:6}" for verdict in Verdict)


def _rewards(path: Path) -> dict[str, float]:
    labels = json.loads(path.read_text(encoding="utf-8"))
    return {label["run_id"]: label["reward"] for label in labels}


def _beside_reward(
    runs: list[Run], library: ControlLibrary, rewards: dict[str, float]
) -> Iterator[str]:
    done = [run for run in runs if rewards[run.run_id] == 1]
    undone = [run for run in runs if rewards[run.run_id] != 1]
    yield f"\n{'breaches in runs of':36} {'reward 1':>12} {'reward 0':>12}"
    yield _share("any control", [bool(r.failed) for r in done], [bool(r.failed) for r in undone])
    for control in library.ordered:
        own = control.control_id
        yield _share(own, [own in r.failed for r in done], [own in r.failed for r in undone])


def _share(name: str, done: list[bool], undone: list[bool]) -> str:
    return f"{name:36} {sum(done):4} of {len(done):4} {sum(undone):4} of {len(undone):4}"


def _breaches(runs: list[Run], control_id: str) -> Iterator[str]:
    for run in runs:
        for one in run.evaluations:
            if one.control_id == control_id:
                yield from (f"{run.run_id} {v.span_id}: {v.summary}" for v in one.violations)


if __name__ == "__main__":
    main()
