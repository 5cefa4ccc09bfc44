"""Full runs of a scan: opened for the traces that deserve one, kept in the segment of their shard.

A run by rules pays nothing and is made in memory. One that asks a model is a folder while it lasts,
with its journal on the disk before each call; whoever makes the shard again resumes it there, on
what is left. Its report takes the place of the screening's; without one the screening stays.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from investigator.claims.report import Report
from investigator.errors import BudgetTooSmall, InvestigatorError
from investigator.fleet.judging import AskedOfAll
from investigator.fleet.plan import ScanPlan
from investigator.fleet.result_rows import TraceResult
from investigator.fleet.shard_files import Segment
from investigator.ground.defects import is_defect
from investigator.inspection.engine import TraceQuestion
from investigator.runs.engines import engine_named, engine_of_run
from investigator.runs.investigation import RunResult, investigate, investigate_in_memory
from investigator.runs.purse import Purse
from investigator.runs.run_store import resume_run
from investigator.runs.segments import SegmentWriter
from investigator.runs.settings import Settings
from investigator.runs.spent import spent_by
from investigator.runtime.budget import NOTHING, Amounts, Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import FILE
from investigator.runtime.record import RECORD_FILE, RunRecord
from investigator.runtime.runner import RunFiles
from investigator.runtime.status import RunStatus
from investigator.store.memory import MemoryInspectionAPI
from investigator.store.open import OpenedSource
from investigator.traces.model import Trace

RUNS_FOLDER = "runs"
"""Of a shard in the making: the runs that ask a model."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """A run that has ended, with what it leaves."""

    record: RunRecord
    report: Report | None
    files: RunFiles


class OpenedRuns:
    """The runs of one shard. `used` is what they used, `cost_known` whether all of it is known."""

    def __init__(
        self,
        plan: ScanPlan,
        runs_dir: Path,
        segment: SegmentWriter,
        purse: Purse,
        loop: asyncio.Runner,
    ) -> None:
        self._scan = plan.name
        self._source = (plan.canonical,)
        self._settings = Settings(
            planner=plan.questions[0].planner,
            runs_dir=runs_dir,
            freeze=False,
            redact=plan.redact,
        )
        self._segment = segment
        self._purse = purse
        self._loop = loop
        self.used = NOTHING
        self.cost_known = True

    def opened(self, trace: Trace, asked: AskedOfAll, screened: TraceResult) -> TraceResult:
        """What a run of the question came to, in the row of its screening."""
        question = asked.question.about(trace.trace_id)
        try:
            ended = self._run(trace, question, asked)
        except InvestigatorError as error:
            if is_defect(error):
                raise
            return replace(screened, status=RunStatus.PARTIAL.value, error=f"no run: {error}")
        engine = engine_named(question.engine)
        record = ended.record
        self._segment.append(
            record.run_id,
            ended.files,
            run_type=record.run_type,
            trace_ids=record.input_ref.trace_ids,
            state=record.status.value,
            verdict=None if ended.report is None else ended.report.verdict,
        )
        self._account(record)
        why = None if record.error is None else f"{record.error.code}: {record.error.message}"
        if ended.report is None:
            partial = RunStatus.PARTIAL if screened.rows is not None else RunStatus.FAILED
            return replace(screened, run_id=record.run_id, status=partial.value, error=why)
        return replace(
            screened,
            run_id=record.run_id,
            status=record.status.value,
            error=why,
            report_sha256=record.output_ref.sha256,
            rows=engine.rows_of(ended.report),
        )

    @property
    def segment(self) -> Segment:
        """What they are kept in."""
        return Segment(runs=self._segment.count, head=self._segment.head)

    def _account(self, record: RunRecord) -> None:
        usage = record.runtime_ref.usage
        self.cost_known = self.cost_known and usage.cost_usd is not None
        tokens = usage.tokens_in + usage.tokens_out
        self.used = self.used.plus(Amounts(tokens=tokens, cost=round((usage.cost_usd or 0) * 1e6)))
        for lost in usage.lost:
            self.used = self.used.plus(Amounts(tokens=lost.amounts.tokens, cost=lost.amounts.cost))

    def _run(self, trace: Trace, question: TraceQuestion[Any], asked: AskedOfAll) -> _Ended:
        """Make the run on a lease of what the shard has left."""
        run_id = run_id_of(self._scan, question.engine, trace.trace_id)
        settings = self._settings.model_copy(update={"run_id": run_id, "budget": asked.budget})
        if settings.planner.planner == "rules":
            return self._in_memory(trace, question, asked, settings)
        run_dir = settings.runs / run_id
        before = spent_by(run_dir)
        budget, leased = self._purse.lease(settings.budget_for(question), shares=1)
        try:
            _with_model(trace, question, settings, budget, before, self._source)
        finally:
            after = spent_by(run_dir)
            self._purse.settle(leased, after.minus(before))
        return _left_in(run_dir)

    def _in_memory(
        self,
        trace: Trace,
        question: TraceQuestion[Any],
        asked: AskedOfAll,
        settings: Settings,
    ) -> _Ended:
        api = MemoryInspectionAPI([trace])
        made = self._loop.run(
            investigate_in_memory(api, self._source, question, asked.materials, settings)
        )
        report = made.result.report
        return _Ended(made.record, report if isinstance(report, Report) else None, made.files)


def run_id_of(scan: str, engine: str, trace_id: str) -> str:
    """The id of a run in a scan, the same whoever makes it."""
    named = hashlib.sha256(f"{scan} {trace_id}".encode("utf-8", "surrogatepass"))
    return f"{engine}-{named.hexdigest()[:20]}"


def _with_model(
    trace: Trace,
    question: TraceQuestion[Any],
    settings: Settings,
    budget: Budget,
    before: Amounts,
    source: tuple[str, ...],
) -> RunResult[Any] | None:
    """Make the run in its folder, or go on with it there; None where it has ended already."""
    assert settings.run_id is not None
    run_dir = settings.runs / settings.run_id
    if (run_dir / RECORD_FILE).is_file():
        return None
    if (run_dir / FILE).is_file():
        return resume_run(settings.run_id, settings.runs, budget=_beyond(budget, before))
    opened = OpenedSource(MemoryInspectionAPI([trace]), (), paths=source)
    return investigate(opened, question, settings.model_copy(update={"budget": budget}))


def _beyond(budget: Budget, before: Amounts) -> Budget:
    """The limits of a run that goes on: what it has used, and what it is leased now."""
    tokens = None if budget.tokens is None else budget.tokens + before.tokens
    cost = None if budget.cost_usd is None else budget.cost_usd + before.cost / 1e6
    return budget.model_copy(update={"tokens": tokens, "cost_usd": cost})


def _left_in(run_dir: Path) -> _Ended:
    """What a run has left in its folder."""
    path = run_dir / RECORD_FILE
    if not path.is_file():
        raise BudgetTooSmall(f"run '{run_dir.name}' has not ended")
    record = RunRecord.model_validate_json(path.read_bytes())
    output = run_dir / OUTPUT_FILE
    text = output.read_bytes() if output.is_file() else None
    report = None
    if text is not None:
        report = engine_of_run(record.run_type).report.model_validate_json(text)
    files = RunFiles((run_dir / FILE).read_bytes(), path.read_bytes(), text)
    return _Ended(record, report, files)
