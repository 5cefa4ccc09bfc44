"""A scan from its plan to its end: every shard that is not there is made, then they are merged.

Shards are made on an executor, in any order, by any process that sees the folder. What was
published is not made again, so the same scan resumes whatever ended it.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from investigator.errors import InvestigatorError, UsageError
from investigator.fleet.opened_runs import RUNS_FOLDER
from investigator.fleet.plan import ScanPlan, read_plan
from investigator.fleet.shard import NO_LIMITS, ShardDone, ShardTask, attempt_shard
from investigator.fleet.shard_files import (
    WORK_FOLDER,
    Manifest,
    Segment,
    published,
    work_folder,
)
from investigator.ground.canonical_json import JsonValue, sha256_json
from investigator.ground.files import replace_file, sync_folder
from investigator.ground.interrupts import in_charge
from investigator.ground.wording import counted
from investigator.runs.dispatch import Job, TaskExecutor, dispatch
from investigator.runs.plugin_faults import broken_plugins
from investigator.runs.purse import Purse, limits_after, total
from investigator.runs.scanned_runs import SHARDS_FOLDER
from investigator.runs.spent import spent_in
from investigator.runtime.budget import NOTHING, UNLIMITED, Amounts, Limits

SCAN_FILE = "scan.json"
RETRIES = 3
"""How often a shard is given out again whose worker died: then the shard is what kills it."""


class ScanSummary(BaseModel):
    """What a scan came to. `head` is the hash of its manifests: it names all of its results.

    `used` are the tokens and the cost (micro-USD) of the runs that were opened.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal["1.0.0"] = "1.0.0"
    scan: str
    head: str
    shards: int
    traces: int
    rows: dict[str, int]
    verdicts: dict[str, dict[str, int]]
    unjudged: int
    flagged: int
    runs: int = 0
    used: Amounts = NOTHING
    cost_known: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is."""

    shards: int
    of: int
    traces: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """On what shards are made, and what all of them together may use."""

    executor: TaskExecutor
    limits: Limits = UNLIMITED
    seconds: float | None = None


def missing_shards(results: Path, plan: ScanPlan) -> list[int]:
    """The shards that are not published, in order."""
    return [n for n in range(len(plan.shards)) if published(results, n) is None]


def run_scan(
    results: Path, fleet: Fleet, *, tell: Callable[[Progress], None] = lambda _: None
) -> ScanSummary | None:
    """Make what is missing and merge it; None where the time was over before the last shard.

    Raises:
        InvestigatorError: a shard could not be made; those that could are kept.
        KeyboardInterrupt: it was interrupted; what was published is kept.
    """
    plan = read_plan(results)
    broken_plugins()  # warns of them here, once: workers keep quiet
    missing = missing_shards(results, plan)
    done, traces = len(plan.shards) - len(missing), plan.traces - _traces(plan, missing)
    tell(Progress(done, len(plan.shards), traces))
    for manifest in _made(results, plan, missing, fleet):
        done, traces = done + 1, traces + manifest.traces
        tell(Progress(done, len(plan.shards), traces))
    return merge(results) if done == len(plan.shards) else None


def _traces(plan: ScanPlan, numbers: Sequence[int]) -> int:
    return sum(plan.shards[number].traces for number in numbers)


def _made(
    results: Path, plan: ScanPlan, numbers: Sequence[int], fleet: Fleet
) -> Iterator[Manifest]:
    """The manifests of shards as they are published."""
    tasks = [ShardTask(str(results.absolute()), plan.name, number) for number in numbers]
    spent = {number: _spent(results, number) for number in numbers}

    def lost(task: ShardTask) -> Amounts:
        """What the runs of a shard used before its worker died."""
        before, spent[task.number] = spent[task.number], _spent(results, task.number)
        return spent[task.number].minus(before)

    job: Job[ShardTask, ShardDone] = Job(
        budget=lambda _: NO_LIMITS,
        call=lambda task, budget: (attempt_shard, (replace(task, budget=budget),)),
        used=lambda done: done.added,
        lost=lost,
        retries=RETRIES,
    )
    earlier = [
        manifest.used for n in range(len(plan.shards)) if (manifest := published(results, n))
    ]
    left = limits_after(fleet.limits, total([*earlier, *spent.values()]))
    purse = Purse(left, seconds=fleet.seconds)
    with in_charge() as interrupts, fleet.executor as executor:
        ended = False
        try:
            found = dispatch(
                tasks, executor, job, slots=executor.slots, purse=purse, interrupts=interrupts
            )
            for _, done in found:
                yield done.manifest
            ended = True
        except BrokenExecutor as error:
            raise InvestigatorError(
                f"the workers of a shard died {RETRIES + 1} times (killed, or out of memory); the "
                "shards that were made are kept, and the same command goes on: --jobs 1 needs the "
                "least memory"
            ) from error
        finally:
            if not ended:
                executor.interrupt()


def _spent(results: Path, number: int) -> Amounts:
    """What runs of a shard that is not there yet have used."""
    return spent_in([work_folder(results, number) / RUNS_FOLDER])


def merge(results: Path) -> ScanSummary:
    """Sum up the shards, once all of them are there.

    Raises:
        UsageError: some are not there yet, or are of another scan.
    """
    plan = read_plan(results)
    missing = missing_shards(results, plan)
    if missing:
        named = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
        raise UsageError(
            f"{len(missing):,} of {counted(len(plan.shards), 'shard')} of '{results}' are not "
            f"there yet ({named}): `investigator scan shard {results} NUMBER` makes one"
        )
    manifests = list(_manifests(results, plan))
    summary = _summary(plan, manifests)
    text = summary.model_dump_json(indent=1) + "\n"
    replace_file(results / SCAN_FILE, text.encode())
    sync_folder(results)
    shutil.rmtree(results / WORK_FOLDER, ignore_errors=True)
    return summary


def _manifests(results: Path, plan: ScanPlan) -> Iterator[Manifest]:
    for number in range(len(plan.shards)):
        manifest = published(results, number)
        assert manifest is not None, "it was not missing"
        if manifest.scan != plan.name:
            raise UsageError(
                f"shard {number} in '{results / SHARDS_FOLDER}' is of another scan: delete it, and "
                "make it again"
            )
        yield manifest


def _summary(plan: ScanPlan, manifests: Sequence[Manifest]) -> ScanSummary:
    rows: Counter[str] = Counter()
    verdicts: dict[str, Counter[str]] = {question.engine: Counter() for question in plan.asked}
    for manifest in manifests:
        rows.update(manifest.rows)
        for engine, counts in manifest.verdicts.items():
            verdicts[engine].update(counts)
    return ScanSummary(
        scan=plan.name,
        head=sha256_json([_hashes(manifest) for manifest in manifests]),
        shards=len(manifests),
        traces=sum(manifest.traces for manifest in manifests),
        rows=dict(rows),
        verdicts={engine: dict(sorted(counts.items())) for engine, counts in verdicts.items()},
        unjudged=sum(manifest.unjudged for manifest in manifests),
        flagged=sum(manifest.flagged for manifest in manifests),
        runs=sum(m.segment.runs for m in manifests if m.segment is not None),
        used=total([manifest.used for manifest in manifests]),
        cost_known=all(manifest.cost_known for manifest in manifests),
    )


def _hashes(manifest: Manifest) -> JsonValue:
    """What names the results of a shard: its tables, and the head of its journal."""
    segment: Segment | None = manifest.segment
    tables = [found.sha256 for name, found in sorted(manifest.files.items()) if "parquet" in name]
    return [*tables, *([] if segment is None else [segment.head])]


def read_summary(results: Path) -> ScanSummary | None:
    """What a scan came to; None while it has not ended."""
    with suppress(FileNotFoundError):
        return ScanSummary.model_validate_json((results / SCAN_FILE).read_bytes())
    return None
