"""One shard from its range of traces to its published files; a function of the plan alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from investigator.errors import InvestigatorError, SourceError, UsageError
from investigator.fleet.judging import AskedOfAll, Judge
from investigator.fleet.opened_runs import RUNS_FOLDER, OpenedRuns
from investigator.fleet.plan import ScanPlan, ShardRange, read_plan, require_same_input
from investigator.fleet.result_rows import TraceResult, write_tables
from investigator.fleet.shard_files import (
    Manifest,
    alone_with,
    hashes_of,
    publish,
    published,
    scratch_folder,
)
from investigator.ground.interrupts import Interrupts, forget_interrupt, in_charge
from investigator.inspection.engine import TraceQuestion
from investigator.runs.investigation import Options
from investigator.runs.purse import Purse
from investigator.runs.segments import SEGMENT_FILE, SegmentWriter
from investigator.runs.spent import spent_in
from investigator.runtime.budget import NOTHING, Amounts, Budget
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.model import Trace

NO_LIMITS = Budget()


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard that is to be made, for a worker: where the scan is kept, and which one.

    `budget` is what all its runs together may use, and how long it may take.
    """

    results: str
    scan: str
    number: int
    budget: Budget = NO_LIMITS


@dataclass(frozen=True, slots=True)
class ShardDone:
    """A shard that is there; `added` is what its runs used since it was begun this time."""

    manifest: Manifest
    added: Amounts = NOTHING


def make_shard(task: ShardTask) -> ShardDone:
    """Make a shard, unless it is there.

    Raises:
        UsageError: the plan is another scan's, or other code made it.
        SourceUnavailable: the traces cannot be read.
        KeyboardInterrupt: it was interrupted; nothing of it is there, but for runs that asked a
            model, which the next attempt goes on with.
    """
    results = Path(task.results)
    with in_charge() as interrupts, alone_with(results, task.number) as work:
        there = published(results, task.number)
        if there is not None:
            return ShardDone(there)
        at = _prepared(task.results, task.scan)
        with scratch_folder(work) as made:
            making = _Making(at, task, work, made, interrupts)
            manifest = making.manifest()
            publish(made, manifest, results)
            return ShardDone(manifest, making.added)


def attempt_shard(task: ShardTask) -> ShardDone:
    """`make_shard` in a worker: an interrupt ends the shard alone.

    Raises:
        InvestigatorError: it could not be made.
    """
    try:
        return make_shard(task)
    except KeyboardInterrupt:
        forget_interrupt()
        raise InvestigatorError(f"shard {task.number} was interrupted") from None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What all shards of a scan share in one process."""

    plan: ScanPlan
    api: ParquetInspectionAPI
    judge: Judge


@lru_cache(maxsize=1)
def _prepared(results: str, scan: str) -> _Prepared:
    """Read once a process: the plan, the materials, the file's metadata."""
    plan = read_plan(Path(results))
    if plan.name != scan:
        raise UsageError(f"'{results}' holds another scan now; start this one again elsewhere")
    require_same_input(plan)
    asked = [_asked(*of) for of in zip(plan.questions, plan.budgets, strict=True)]
    judge = Judge(asked, ", ".join(plan.source), plan.redact)
    return _Prepared(plan, ParquetInspectionAPI(plan.canonical), judge)


def _asked(options: Options, budget: Budget | None) -> AskedOfAll:
    """A question with its materials, which are those of the plan."""
    question = options.asked
    assert isinstance(question, TraceQuestion)
    materials = question.materials()
    if materials.sha256 != options.materials_sha256:
        raise UsageError(
            f"{materials.name} has changed since the scan began; put the old one back or scan into "
            "a new folder"
        )
    return AskedOfAll(question, materials, budget)


class _Making:
    """One shard on its way: its rows, and the runs that it opens."""

    def __init__(
        self, at: _Prepared, task: ShardTask, work: Path, made: Path, interrupts: Interrupts
    ) -> None:
        self._at = at
        self._task = task
        self._within = at.plan.shards[task.number]
        self._runs_dir = work / RUNS_FOLDER
        self._made = made
        self._interrupts = interrupts
        self._before = spent_in([self._runs_dir])
        self.added = NOTHING

    def manifest(self) -> Manifest:
        """Write the files of the shard, and say what they hold."""
        if self._at.plan.investigated.which == "none":
            return self._described(list(self._results(None)), None)
        segment = SegmentWriter(self._made / SEGMENT_FILE)
        with asyncio.Runner() as loop:
            runs = OpenedRuns(self._at.plan, self._runs_dir, segment, self._purse(), loop)
            found = list(self._results(runs))
            segment.close()
            self.added = runs.used.minus(self._before)
            return self._described(found, runs)

    def _purse(self) -> Purse:
        budget = self._task.budget
        return Purse(budget.limits, seconds=budget.wall_time_s)

    def _results(self, runs: OpenedRuns | None) -> Iterator[TraceResult]:
        """What the questions came to on each trace of the range, in order."""
        at = self._at
        for trace_id, trace in traces_of(at.api, at.plan, self._within):
            if self._interrupts.asked:
                raise KeyboardInterrupt
            if not isinstance(trace, Trace):
                yield from at.judge.unread(trace_id, str(trace))
                continue
            for asked, found in at.judge.results(trace):
                takes = at.plan.investigated.takes(trace_id, flagged=found.flagged)
                yield found if runs is None or not takes else runs.opened(trace, asked, found)

    def _described(self, found: Sequence[TraceResult], runs: OpenedRuns | None) -> Manifest:
        plan, number = self._at.plan, self._task.number
        rows = write_tables(found, self._made)
        verdicts: dict[str, Counter[str]] = {question.engine: Counter() for question in plan.asked}
        for one in found:
            if one.rows is not None:
                verdicts[one.engine][one.rows.trace.verdict] += 1
        return Manifest(
            scan=plan.name,
            number=number,
            traces=plan.shards[number].traces,
            rows=rows,
            verdicts={engine: dict(sorted(counts.items())) for engine, counts in verdicts.items()},
            unjudged=sum(one.rows is None for one in found),
            flagged=len({one.subject for one in found if one.flagged}),
            files=hashes_of(self._made),
            segment=None if runs is None else runs.segment,
            used=NOTHING if runs is None else runs.used,
            cost_known=runs is None or runs.cost_known,
        )


def traces_of(
    api: ParquetInspectionAPI, plan: ScanPlan, within: ShardRange
) -> Iterator[tuple[str, Trace | SourceError]]:
    """The traces of a range in one pass; after one that cannot be read, each by itself."""
    last = ""
    try:
        for trace in api.traces_between(within.first, within.last, plan.chosen):
            last = trace.trace_id
            yield last, trace
        return
    except SourceError:
        pass
    for extent in api.extents(plan.chosen):
        if max(within.first, last) <= extent.trace_id <= within.last and extent.trace_id != last:
            yield extent.trace_id, _alone(api, extent.trace_id)


def _alone(api: ParquetInspectionAPI, trace_id: str) -> Trace | SourceError:
    try:
        return api.get_trace(trace_id)
    except SourceError as error:
        return error
