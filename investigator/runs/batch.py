"""Many traces, one run each, all of them children of one pool: a batch keeps to its limits.

Each run is a process's whole work while it lasts. Before a run starts it is leased an equal
share of what the batch has left (never more than its own limit), and the share is held in full
until the run has ended; then what it used is settled, and the rest is free for the next.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
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
from investigator.runs.engines import engine_named, engine_of_run
from investigator.runs.investigation import RunResult, investigate
from investigator.runs.plugin_faults import broken_plugins
from investigator.runs.run_store import resume_run
from investigator.runs.settings import Request
from investigator.runs.workers import Workers
from investigator.runtime.budget import NOTHING, UNLIMITED, Amounts, Budget, Limits
from investigator.runtime.budget_pool import Hold, Lease, RuntimeBudgetPool, allocate_run_budget
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.store.open import OpenedSource

WHOLE_WINDOW = "window"
"""What a run over many traces is about, where others name their trace."""

_LOOK_UP_S = 0.1
"""How often the batch looks up from waiting, to see whether it was interrupted."""


class BatchLimits(Given):
    """What all runs of a batch may use together; None is unlimited."""

    max_tokens: int | None = Field(default=None, ge=0)
    max_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)

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


@dataclass(frozen=True, slots=True)
class _Started:
    scope_id: str
    hold: Hold


class _Purse:
    """The pool of a batch: scope 0 is the batch, each run a child with its share as floor."""

    def __init__(self, limits: Limits) -> None:
        self._pool = RuntimeBudgetPool(limits, depth=1)
        self._opened = 0

    def lease(self, budget: Budget, *, shares: int) -> tuple[Budget, _Started]:
        """Hold one of `shares` equal shares of what is left; the budget narrowed to it."""
        share = allocate_run_budget(self._pool, "0", sibling_count=shares)
        left, own = self._pool.left("0"), budget.limits
        tokens = _narrowed(own.tokens, share.tokens if left.tokens is not None else None)
        cost = _narrowed(own.cost, share.cost if left.cost is not None else None)
        scope_id = f"0/{self._opened}"
        self._opened += 1
        floor = Amounts(
            tokens=(tokens or 0) if left.tokens is not None else 0,
            cost=(cost or 0) if left.cost is not None else 0,
        )
        refusal = self._pool.open("0", [Lease(scope_id, floor)])
        hold = self._pool.reserve(scope_id, floor)
        if refusal is not None or not isinstance(hold, Hold):
            raise AssertionError(f"a share of what is left was refused: {refusal or hold}")
        cost_usd = None if cost is None else cost / 1e6
        narrowed = budget.model_copy(update={"tokens": tokens, "cost_usd": cost_usd})
        return narrowed, _Started(scope_id, hold)

    def settle(self, started: _Started, used: Amounts | None) -> None:
        """Book what a run used (all it held if that is unknown); the rest is free."""
        self._pool.settle(started.hold, started.hold.amounts if used is None else used)
        self._pool.close(started.scope_id)


def _narrowed(own: int | None, share: int | None) -> int | None:
    """The smaller of two limits, where None is no limit."""
    if own is None or share is None:
        return share if own is None else own
    return min(own, share)


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
    used = NOTHING
    for outcome in done:
        used = used.plus(outcome.used or NOTHING)
    tokens = None if limits.tokens is None else max(0, limits.tokens - used.tokens)
    cost = None if limits.cost is None else max(0, limits.cost - used.cost)
    return limits._replace(tokens=tokens, cost=cost)


def processes(asked: int | None, count: int) -> int:
    """How many processes make `count` runs: those asked for, or one a core, but no idle ones."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(asked or cores or 1, count))


def run_requests(
    requests: Sequence[Request[Any]],
    *,
    jobs: int,
    limits: Limits = UNLIMITED,
    run: Callable[[Request[Any]], BatchOutcome],
) -> Iterator[tuple[int, BatchOutcome]]:
    """Make the runs side by side in processes; (position of the request, outcome) as they end.

    `run` makes one of them: a function of a module, for a worker to import. An interrupt ends the
    runs that have begun and starts no other.

    `limits` bound the tokens and the cost (micro-USD) of all runs together. Workers end with this
    process, whatever ends it.

    Raises:
        InvestigatorError: a worker process died.
        KeyboardInterrupt: it was interrupted; what had ended was given out.
    """
    broken_plugins()  # warns of them here, once: workers keep quiet
    with in_charge() as interrupts, Workers(jobs) as workers:
        ended = False
        try:
            yield from schedule(
                requests, workers, jobs=jobs, limits=limits, run=run, interrupts=interrupts
            )
            ended = True
        except BrokenProcessPool:
            raise InvestigatorError(
                "a worker process died (killed, or out of memory); the runs that ended are kept: "
                "the same command with --continue goes on, --jobs 1 needs the least memory"
            ) from None
        finally:
            if not ended:
                workers.interrupt()


def schedule(
    requests: Sequence[Request[Any]],
    workers: Executor,
    *,
    jobs: int,
    limits: Limits,
    run: Callable[[Request[Any]], BatchOutcome],
    interrupts: Interrupts | None = None,
) -> Iterator[tuple[int, BatchOutcome]]:
    """Make every run on the workers, `jobs` at a time, each on a lease of what is left."""
    purse, waiting = _Purse(limits), deque(enumerate(requests))
    running: dict[Future[BatchOutcome], tuple[int, _Started]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            index, request = waiting.popleft()
            shares = min(jobs - len(running), len(waiting) + 1)
            budget, started = purse.lease(_budget_of(request), shares=shares)
            future = workers.submit(attempt_run, run, request.with_settings(budget=budget))
            running[future] = (index, started)
        ended = wait(running, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED).done
        if interrupts is not None and interrupts.asked:
            raise KeyboardInterrupt
        for future in ended:
            index, started = running.pop(future)
            outcome = future.result()
            purse.settle(started, outcome.used)
            yield index, outcome


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
