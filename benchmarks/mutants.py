"""How many small faults in the core the tests notice: each is put in, and its tests are run.

    python -m benchmarks.mutants [--mutants 200] [--seed 1] [--only pool resume] [--jobs 2]

The core is what numbers and promises hang on; `PARTS` names its modules and the tests that are to
hold them. As many faults of `benchmarks.mutations` are drawn from each part as its share of the
code, put into a copy of the checkout, and the part's tests run until one fails. A fault that no
test notices is printed as a line to change; one that changes nothing that can be observed is named,
with the reason, in `benchmarks/equivalent_mutants.toml`, and left out of the score.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from benchmarks.mutations import Mutation, mutations_of

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
_PATIENCE = 8.0
"""Times the tests' usual time after which a fault that hangs them counts as noticed."""


class Part(NamedTuple):
    """A part of the core: its modules and the tests that hold it, as paths in the checkout."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


PARTS = {
    "pool": Part(
        (
            "runtime/budget_pool.py",
            "runtime/budget.py",
            "runtime/admission.py",
        ),
        (
            "tests/runtime/test_budget_pool.py",
            "tests/runtime/test_loop.py",
        ),
    ),
    "ledger": Part(
        (
            "runtime/ledger.py",
            "runtime/spending.py",
            "runtime/prices.py",
        ),
        (
            "tests/runtime/test_loop.py",
            "tests/runtime/test_prices.py",
            "tests/runtime/test_golden.py",
        ),
    ),
    "journal": Part(
        (
            "runtime/journal.py",
            "runtime/run_fold.py",
            "ground/files.py",
        ),
        (
            "tests/runtime/test_journal.py",
            "tests/runtime/test_verify.py",
            "tests/ground",
        ),
    ),
    "resume": Part(
        (
            "runtime/resume.py",
            "runtime/replay.py",
            "runtime/verify.py",
        ),
        (
            "tests/runtime/test_resume.py",
            "tests/runtime/test_replay.py",
            "tests/runtime/test_verify.py",
        ),
    ),
    "loop": Part(
        (
            "runtime/recursive_loop.py",
            "runtime/scheduler.py",
            "runtime/scope.py",
        ),
        (
            "tests/runtime/test_loop.py",
            "tests/runtime/test_driver.py",
        ),
    ),
    "evidence": Part(
        (
            "runtime/citable.py",
            "claims/report.py",
            "traces/evidence.py",
        ),
        (
            "tests/rca/test_evidence.py",
            "tests/rca/test_report.py",
            "tests/runtime/test_loop.py",
        ),
    ),
    "merging": Part(
        (
            "signals/merging.py",
            "signals/recovery.py",
        ),
        ("tests/signals",),
    ),
    "verdicts": Part(
        (
            "rca/acquittal.py",
            "rca/conclude.py",
            "rca/suspects.py",
        ),
        ("tests/rca",),
    ),
    "changes": Part(
        (
            "incident/changes.py",
            "incident/hypotheses.py",
        ),
        ("tests/incident",),
    ),
    "redaction": Part(
        ("ground/redaction.py",),
        ("tests/ground",),
    ),
    "batch": Part(
        (
            "runs/batch.py",
            "runs/workers.py",
        ),
        (
            "tests/runs/test_batch.py",
            "tests/runs/test_workers.py",
        ),
    ),
}


class Drawn(NamedTuple):
    """A fault in a module of a part."""

    part: str
    module: str
    mutation: Mutation


class Tried(NamedTuple):
    """What became of a fault: `noticed` by a test, or not, or known to change nothing."""

    drawn: Drawn
    noticed: bool
    equivalent: str = ""


def drawn(parts: dict[str, Part], count: int, seed: int) -> list[Drawn]:
    """As many faults of each part as its share of all; the same for a seed."""
    every = {
        name: [
            Drawn(name, module, mutation)
            for module in part.modules
            for mutation in mutations_of(_path(ROOT, module).read_text(encoding="utf-8"))
        ]
        for name, part in parts.items()
    }
    total = sum(map(len, every.values()))
    chance = random.Random(seed)
    return [
        one
        for faults in every.values()
        for one in chance.sample(faults, min(len(faults), -(-count * len(faults) // total)))
    ]


def equivalent() -> dict[tuple[str, str, str], str]:
    """The faults that change nothing which can be observed, each with the reason."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])
    return {(one["module"], one["before"], one["after"]): one["why"] for one in listed}


def tried(faults: list[Drawn], jobs: int) -> Iterator[Tried]:
    """Each fault, put into a copy of the checkout of its own worker."""
    known = equivalent()
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for number in range(jobs):
            copies.put(_copied(Path(folder) / str(number)))
        usual = {name: _usual_time(copies, name) for name in {one.part for one in faults}}

        def run(one: Drawn) -> Tried:
            key = (one.module, one.mutation.before, one.mutation.after)
            if key in known:
                return Tried(one, noticed=False, equivalent=known[key])
            copy = copies.get()
            try:
                return Tried(one, _is_noticed(copy, one, usual[one.part] * _PATIENCE + 30))
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(run, faults)


def _copied(folder: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    return folder


def _path(root: Path, module: str) -> Path:
    return root / "investigator" / module


def _usual_time(copies: Queue[Path], part: str) -> float:
    """Seconds that the tests of a part take without a fault; they must pass."""
    copy = copies.get()
    before = os.times().elapsed
    failed = _fails(copy, PARTS[part].tests, timeout=1_800)
    copies.put(copy)
    if failed:
        sys.exit(f"the tests of {part} fail without a fault: run {' '.join(PARTS[part].tests)}")
    return os.times().elapsed - before


def _is_noticed(copy: Path, one: Drawn, timeout: float) -> bool:
    path = _path(copy, one.module)
    source = path.read_text(encoding="utf-8")
    path.write_text(one.mutation.applied_to(source), encoding="utf-8")
    try:
        return _fails(copy, PARTS[one.part].tests, timeout)
    finally:
        path.write_text(source, encoding="utf-8")


def _fails(copy: Path, tests: tuple[str, ...], timeout: float) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    around = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(command, cwd=copy, env=around, timeout=timeout, capture_output=True)
    except subprocess.TimeoutExpired:
        return True
    return ended.returncode != 0


def main() -> None:
    """Print the faults that nobody noticed, then the score of each part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutants", type=int, default=200, help="how many, over all parts")
    parser.add_argument("--seed", type=int, default=1, help="which are drawn")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    faults = drawn({name: PARTS[name] for name in asked.only}, asked.mutants, asked.seed)
    counts: dict[str, Counter[str]] = {name: Counter() for name in asked.only}
    for one in tried(faults, asked.jobs):
        what = "noticed" if one.noticed else "equivalent" if one.equivalent else "unnoticed"
        counts[one.drawn.part][what] += 1
        if what == "unnoticed":
            _, module, change = one.drawn
            before, after = " ".join(change.before.split()), " ".join(change.after.split())
            print(
                f"{module}:{change.line}: {change.kind}: {before[:70]} -> {after[:70]}", flush=True
            )
    print(f"\n{'part':12}{'faults':>8}{'noticed':>9}{'equivalent':>12}{'score':>8}")
    for name, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        judged = count["noticed"] + count["unnoticed"]
        score = f"{count['noticed'] / judged:.0%}" if judged else "-"
        total = count.total()
        print(f"{name:12}{total:8}{count['noticed']:9}{count['equivalent']:12}{score:>8}")


if __name__ == "__main__":
    main()
