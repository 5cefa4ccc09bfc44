"""Many traces, one run each, all of them children of one pool: a batch keeps to its limits.

Each run is a process's whole work while it lasts. Before a run starts it is leased an equal
share of what the batch has left (never more than its own limit), and the share is held in full
until the run has ended; then what it used is settled, and the rest is free for the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from investigator.errors import InvestigatorError
from investigator.ground.defects import is_defect, told
from investigator.ground.interrupts import Interrupts, forget_interrupt, in_charge
from investigator.runs.investigation import RunResult, ainvestigate_question, run_now
from investigator.runs.planners import RULES, PlannerChoice
from investigator.runs.questions import IncidentQuestion, Question, Report, engine_of
from investigator.runs.run_store import resume_run
from investigator.runs.workers import Workers
from investigator.runtime.budget import NOTHING, UNLIMITED, Amounts, Budget, Limits
from investigator.runtime.budget_pool import Hold, Lease, RuntimeBudgetPool, allocate_run_budget
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode, RunStatus

WINDOW = "window"
"""What an incident is about, where other runs name their trace."""

_LOOK_UP_S = 0.1
"""How often the batch looks up from waiting, to see whether it was interrupted."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run of a batch. `resumes`: an interrupted run of that id goes on instead of a new one."""

    source: tuple[str, ...]
    question: Question
    budget: Budget
    concurrency: int
    runs_dir: Path
    run_id: str | None
    planner: PlannerChoice = RULES
    best_effort: bool = False
    freeze: bool = True
    write_back: bool = False
    resumes: bool = False

    @property
    def subject(self) -> str:
        """What the run is about, in a word: its trace, or the window."""
        question = self.question
        return WINDOW if isinstance(question, IncidentQuestion) else question.trace_id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task. `status` is None where no run was started; `report` is JSON text.

    `subject` is the run's trace, or the window. `used` holds the tokens and the cost (micro-USD)
    of the run's record; None is unknown, and booked in full.
    """

    engine: str
    subject: str
    run_id: str | None
    run_dir: Path | None
    status: RunStatus | None
    report: str | None
    error: str | None
    used: Amounts | None = NOTHING
    error_code: ErrorCode | None = None


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


def run_one(task: Task) -> Outcome:
    """Do a task in this process.

    Raises:
        InvestigatorError: no run could be started, or the one to resume cannot go on.
    """
    if task.resumes and task.run_id is not None:
        return outcome_of(resume_run(task.run_id, task.runs_dir))
    result = run_now(
        lambda: ainvestigate_question(
            task.source,
            task.question,
            planner=task.planner,
            budget=task.budget,
            concurrency=task.concurrency,
            best_effort=task.best_effort,
            freeze=task.freeze,
            write_back=task.write_back,
            runs_dir=task.runs_dir,
            run_id=task.run_id,
        )
    )
    return outcome_of(result)


def run_task(task: Task) -> Outcome:
    """`run_one` for a batch: what keeps a run from starting is its outcome."""
    try:
        return run_one(task)
    except InvestigatorError as error:
        if is_defect(error):
            raise
        return replace(_without_run(task, str(error)), used=NOTHING)


def outcome_of(result: RunResult[Report]) -> Outcome:
    """What a batch keeps of a run."""
    engine, traces = engine_of(result.record.run_type), result.record.input_ref.trace_ids
    error = None if result.error is None else f"{result.error.code}: {result.error.message}"
    return Outcome(
        engine=engine,
        subject=WINDOW if engine == "incident" else traces[0],
        run_id=result.run_id,
        run_dir=result.run_dir,
        status=result.status,
        report=None if result.report is None else result.report.model_dump_json(),
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


def limits_left(limits: Limits, done: Sequence[Outcome]) -> Limits:
    """What a batch may still use after the runs that were there already."""
    used = NOTHING
    for outcome in done:
        used = used.plus(outcome.used or NOTHING)
    tokens = None if limits.tokens is None else max(0, limits.tokens - used.tokens)
    cost = None if limits.cost is None else max(0, limits.cost - used.cost)
    return limits._replace(tokens=tokens, cost=cost)


def run_batch(
    tasks: Sequence[Task],
    *,
    jobs: int,
    limits: Limits = UNLIMITED,
    run: Callable[[Task], Outcome],
) -> Iterator[tuple[int, Outcome]]:
    """Run every task on `jobs` processes; (index, outcome) as they end.

    `limits` bound the tokens and the cost (micro-USD) of all runs together. `run` is a function
    of a module, so that a worker can import it. An interrupt ends the running tasks and starts
    no other. Workers end with this process, whatever ends it.

    Raises:
        InvestigatorError: a worker process died.
        KeyboardInterrupt: it was interrupted; what had ended was given out.
    """
    with in_charge() as interrupts, Workers(jobs) as workers:
        ended = False
        try:
            yield from schedule(
                tasks, workers, jobs=jobs, limits=limits, run=run, interrupts=interrupts
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
    tasks: Sequence[Task],
    workers: Executor,
    *,
    jobs: int,
    limits: Limits,
    run: Callable[[Task], Outcome],
    interrupts: Interrupts | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """Run every task on the workers, `jobs` at a time, each on a lease of what is left."""
    purse, waiting = _Purse(limits), deque(enumerate(tasks))
    running: dict[Future[Outcome], tuple[int, _Started]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            index, task = waiting.popleft()
            shares = min(jobs - len(running), len(waiting) + 1)
            budget, started = purse.lease(task.budget, shares=shares)
            future = workers.submit(_attempt, run, replace(task, budget=budget))
            running[future] = (index, started)
        ended = wait(running, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED).done
        if interrupts is not None and interrupts.asked:
            raise KeyboardInterrupt
        for future in ended:
            index, started = running.pop(future)
            outcome = future.result()
            purse.settle(started, outcome.used)
            yield index, outcome


def _attempt(run: Callable[[Task], Outcome], task: Task) -> Outcome:
    """Do a task, in a worker: an interrupt or a defect ends it alone, and the others go on.

    A defect is told here: its exception need not survive the way to another process.
    """
    try:
        return run(task)
    except KeyboardInterrupt:
        forget_interrupt()
        return _without_run(task, "interrupted")
    except Exception as error:  # noqa: BLE001 (a boundary: one run of a batch)
        failed = replace(_without_run(task, str(error)), status=RunStatus.FAILED)
        if not is_defect(error):
            return failed
        return replace(failed, error=told(error), error_code=ErrorCode.UNEXPECTED_RUNTIME_ERROR)


def _without_run(task: Task, error: str) -> Outcome:
    return Outcome(
        task.question.engine, task.subject, task.run_id, None, None, None, error, used=None
    )
