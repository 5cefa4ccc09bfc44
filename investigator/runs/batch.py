"""Many traces, one run each, all of them children of one pool: a batch keeps to its limits.

Each run is a worker's whole work while it lasts, on a lease of what the batch has left
(`investigator.runs.purse`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from investigator.claims.report import Report
from investigator.errors import InvestigatorError
from investigator.ground.defects import is_defect, told
from investigator.ground.given import Given
from investigator.ground.interrupts import Interrupts, forget_interrupt, in_charge
from investigator.ground.notebook_html import html_by
from investigator.runs.dispatch import Job, TakesTasks, TaskExecutor, dispatch
from investigator.runs.engines import engine_named, engine_of_run
from investigator.runs.investigation import RunResult, investigate
from investigator.runs.plugin_faults import broken_plugins
from investigator.runs.purse import Purse, limits_after, total
from investigator.runs.run_store import resume_run
from investigator.runs.settings import Request
from investigator.runs.workers import Workers
from investigator.runtime.budget import NOTHING, UNLIMITED, Amounts, Budget, Limits
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.store.open import OpenedSource

WHOLE_WINDOW = "window"
"""What a run over many traces is about, where others name their trace."""

OUT_OF_TIME = "not started: the batch's wall time is over (--batch-max-wall-time)"


class BatchLimits(Given):
    """What all runs of a batch may use together; None is unlimited."""

    max_tokens: int | None = Field(default=None, ge=0)
    max_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_wall_time_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @property
    def amounts(self) -> Limits:
        """The limits as a pool counts them."""
        return Budget(tokens=self.max_tokens, cost_usd=self.max_cost_usd).limits


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a request. `status` is None where no run was started.

    `subject` is the run's trace, or the window; `report_json` the report's text. `used` holds the
    tokens and the cost (micro-USD) of the run's record; None is unknown, and booked in full.
    """

    engine: str
    subject: str
    run_id: str | None
    run_dir: Path | None
    status: RunStatus | None
    report_json: str | None
    error: str | None
    used: Amounts | None = NOTHING
    error_code: ErrorCode | None = None

    @property
    def report(self) -> Report | None:
        """The report of a run that has one."""
        if self.report_json is None:
            return None
        report: Report = engine_named(self.engine).report.model_validate_json(self.report_json)
        return report

    def _repr_html_(self) -> str:
        """The outcome in a notebook, under the name by which notebooks ask."""
        return html_by("outcome_html", self)


def run_one(request: Request[Any], opened: OpenedSource | None = None) -> BatchOutcome:
    """Make a run in this process, from its source, which may be `opened` already.

    Raises:
        InvestigatorError: no run could be started, or the one to resume cannot go on.
    """
    settings = request.settings
    if request.resumes and settings.run_id is not None:
        return outcome_of(resume_run(settings.run_id, settings.runs))
    result = investigate(opened or request.source, request.question, settings)
    return outcome_of(result)


def run_request(request: Request[Any]) -> BatchOutcome:
    """`run_one` for a batch: what keeps a run from starting is its outcome."""
    try:
        return run_one(request)
    except InvestigatorError as error:
        if is_defect(error):
            raise
        return replace(_without_run(request, str(error)), used=NOTHING)


def outcome_of(result: RunResult[Report]) -> BatchOutcome:
    """What a batch keeps of a run."""
    engine = engine_of_run(result.record.run_type)
    error = None if result.error is None else f"{result.error.code}: {result.error.message}"
    return BatchOutcome(
        engine=engine.name,
        subject=result.record.input_ref.subject if engine.is_of_one_trace else WHOLE_WINDOW,
        run_id=result.run_id,
        run_dir=result.run_dir,
        status=result.status,
        report_json=None if result.report is None else result.report.model_dump_json(),
        error=error,
        used=used_by(result.record),
        error_code=None if result.error is None else result.error.code,
    )


def used_by(record: RunRecord) -> Amounts | None:
    """The tokens and the cost (micro-USD) of a run, lost holds too; None: cost unknown."""
    usage = record.runtime_ref.usage
    if usage.cost_usd is None:
        return None
    used = Amounts(tokens=usage.tokens_in + usage.tokens_out, cost=round(usage.cost_usd * 1e6))
    for lost in usage.lost:
        used = used.plus(Amounts(tokens=lost.amounts.tokens, cost=lost.amounts.cost))
    return used


def limits_left(limits: Limits, done: Sequence[BatchOutcome]) -> Limits:
    """What a batch may still use after the runs that were there already."""
    return limits_after(limits, total([outcome.used or NOTHING for outcome in done]))


def processes(asked: int | None, count: int) -> int:
    """How many processes make `count` runs: those asked for, or one a core, but no idle ones."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(asked or cores or 1, count))


def run_requests(
    requests: Sequence[Request[Any]],
    *,
    jobs: int,
    limits: Limits = UNLIMITED,
    seconds: float | None = None,
    run: Callable[[Request[Any]], BatchOutcome],
    executor: TaskExecutor | None = None,
) -> Iterator[tuple[int, BatchOutcome]]:
    """Make the runs side by side in processes; (position of the request, outcome) as they end.

    `run` makes one of them: a function of a module, for a worker to import. An interrupt ends the
    runs that have begun and starts no other.

    `limits` bound the tokens and the cost (micro-USD) of all runs together. Workers end with this
    process, whatever ends it.

    Raises:
        InvestigatorError: a worker process died.
        KeyboardInterrupt: it was interrupted; what had ended was given out.
    `limits` bound the tokens and the cost (micro-USD) of all runs together, `seconds` their time.
    Workers end with this process, whatever ends it; on another `executor` than processes of this
    machine, that is the executor's business.
    """
    broken_plugins()  # warns of them here, once: workers keep quiet
    with in_charge() as interrupts, executor or Workers(jobs) as workers:
        ended = False
        try:
            yield from schedule(
                requests,
                workers,
                jobs=workers.slots,
                limits=limits,
                seconds=seconds,
                run=run,
                interrupts=interrupts,
            )
            ended = True
        except BrokenExecutor:
            raise InvestigatorError(
                "a worker process died (killed, or out of memory); the runs that ended are kept: "
                "the same command with --continue goes on, --jobs 1 needs the least memory"
            ) from None
        finally:
            if not ended:
                workers.interrupt()


def schedule(
    requests: Sequence[Request[Any]],
    workers: TakesTasks,
    *,
    jobs: int,
    limits: Limits,
    seconds: float | None = None,
    run: Callable[[Request[Any]], BatchOutcome],
    interrupts: Interrupts | None = None,
) -> Iterator[tuple[int, BatchOutcome]]:
    """Make every run on the workers, `jobs` at a time, each on a lease of what is left.

    Those that are not begun when the time is over end as not started.
    """
    job: Job[Request[Any], BatchOutcome] = Job(
        budget=_budget_of,
        call=lambda request, budget: (attempt_run, (run, request.with_settings(budget=budget))),
        used=lambda outcome: outcome.used,
    )
    purse = Purse(limits, seconds=seconds)
    begun = set()
    for index, outcome in dispatch(
        requests, workers, job, slots=jobs, purse=purse, interrupts=interrupts
    ):
        begun.add(index)
        yield index, outcome
    for index, request in enumerate(requests):
        if index not in begun:
            yield index, replace(_without_run(request, OUT_OF_TIME), used=NOTHING)


def attempt_run(run: Callable[[Request[Any]], BatchOutcome], request: Request[Any]) -> BatchOutcome:
    """Make a run, in a worker: an interrupt or a defect ends it alone, and the others go on.

    A defect is told here: its exception need not survive the way to another process.
    """
    try:
        return run(request)
    except KeyboardInterrupt:
        forget_interrupt()
        return _without_run(request, "interrupted")
    except Exception as error:  # noqa: BLE001 (a boundary: one run of a batch)
        failed = replace(_without_run(request, str(error)), status=RunStatus.FAILED)
        if not is_defect(error):
            return failed
        return replace(failed, error=told(error), error_code=ErrorCode.UNEXPECTED_RUNTIME_ERROR)


def _without_run(request: Request[Any], error: str) -> BatchOutcome:
    question, run_id = request.question, request.settings.run_id
    return BatchOutcome(
        question.engine, question.subject, run_id, None, None, None, error, used=None
    )


def _budget_of(request: Request[Any]) -> Budget:
    return request.settings.budget_for(request.question)
