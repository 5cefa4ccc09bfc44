"""The driver: it opens a run, runs its root scope, and writes down what became of it.

One driver serves all engines; an engine is a `Strategy` and contains no loop, no budget
arithmetic and no journal code. New runs, resumed runs and replays are driven alike: they
differ in the ledger that the loop asks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import anyio
import msgspec
from pydantic import BaseModel, ValidationError

from investigator.errors import BudgetTooSmall, JournalError, UsageError
from investigator.runtime.actions import ActionSpace
from investigator.runtime.books import Books
from investigator.runtime.budget import CONSUMABLE, NOTHING, Budget
from investigator.runtime.calls import CANCELLED, Calls
from investigator.runtime.clock import Clock
from investigator.runtime.endings import Outputs
from investigator.runtime.events import (
    Entry,
    OpenedScope,
    RunEnded,
    RunError,
    RunOpened,
    RunResumed,
    ScopeClosed,
    Shown,
)
from investigator.runtime.journal import Journal, read_entries
from investigator.runtime.ledger import Ledger, LiveLedger
from investigator.runtime.pace import Pace
from investigator.runtime.planner import FixedPlanner, Planner
from investigator.runtime.record import RECORD_FILE, RunRecord, run_seconds
from investigator.runtime.recursive_loop import RecursiveLoop
from investigator.runtime.resume import cuts_for
from investigator.runtime.room import WaitingRoom
from investigator.runtime.scope import Scope
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.tape import tapes_of
from investigator.runtime.tools import ToolRegistry

OUTPUT_FILE = "output.json"


class Artifact(NamedTuple):
    """What a run is to produce: the sort of report and the version of its schema."""

    type: str
    schema: str


class Strategy(Protocol):
    """What an engine adds to the driver.

    `finalize_tokens` is its declared bound of a finalize turn: prompt and output tokens.
    """

    artifact: Artifact
    finalize_tokens: tuple[int, int]
    objective: str

    @property
    def context(self) -> str: ...

    @property
    def space(self) -> ActionSpace[Any, Any]: ...

    @property
    def outputs(self) -> Outputs[Any]: ...

    def conclude(self, root: ScopeClosed, closed: Mapping[str, ScopeClosed]) -> BaseModel | None:
        """The report, pure; None where the scopes give none. `closed` is in scope order."""
        ...

    def check(self, report: BaseModel) -> list[str]:
        """What is wrong with a report's evidence; nothing if all of it resolves."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run needs besides its folder."""

    opened: RunOpened
    strategy: Strategy
    tools: ToolRegistry
    planner: Planner


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a run: its ending, and its report as the bytes of the output file."""

    ended: RunEnded
    output: bytes | None


def root_scope(run: Run) -> OpenedScope:
    """The terms of scope 0: the run's whole budget."""
    reserve = run.planner.finalize_bound(*run.strategy.finalize_tokens)
    return OpenedScope(
        scope="0",
        opened_by="driver",
        planner_driven=True,
        depth=0,
        objective=run.strategy.objective,
        context=run.strategy.context,
        floor=NOTHING,
        reserve=reserve,
        deadline=run.opened.budget.wall_time_s,
    )


def check_budget(run: Run) -> None:
    """Raise `BudgetTooSmall` unless scope 0 can make one working turn besides finalize."""
    root = root_scope(run)
    budget = run.opened.budget
    scope = Scope(root, run.planner)
    shown = Shown(left=budget.limits, time_left=budget.wall_time_s)
    need = run.planner.bound(scope.view(shown)).amounts.plus(root.reserve)
    for resource, limit, least in zip(CONSUMABLE, budget.limits, need, strict=True):
        if limit is not None and limit < least:
            flag = "--max-cost-usd" if resource == "cost" else f"--max-{resource}"
            raise BudgetTooSmall(
                f"the {resource.replace('_', ' ')} limit of {limit} does not cover one working "
                f"turn and the finalize turn, which need {least}; raise {flag.replace('_', '-')}"
            )
    if budget.wall_time_s is not None and budget.wall_time_s <= run.planner.latency_floor_s:
        raise BudgetTooSmall(
            f"the wall time of {budget.wall_time_s:g} s does not cover a finalize turn, which "
            f"takes {run.planner.latency_floor_s:g} s or more; raise --max-wall-time"
        )


async def start(run: Run, run_dir: Path) -> RunRecord:
    """Make a new run in an empty folder and drive it to its end."""
    check_budget(run)
    clock = Clock()
    with Journal.create(run_dir, clock) as journal:
        books = Books()
        ledger = LiveLedger(books=books, recorder=journal, clock=clock)
        ledger.record(run.opened)
        return await _drive_to_files(run, run_dir, ledger, journal, clock)


def fail(opened: RunOpened, run_dir: Path, error: RunError, *, artifact: Artifact) -> RunRecord:
    """A run that could not begin: its journal and record say why."""
    clock = Clock()
    with Journal.create(run_dir, clock) as journal:
        journal.append(opened)
        journal.append(_ended(artifact, RunStatus.FAILED, error, None))
        return write_record(run_dir, journal)


async def resume(run: Run, run_dir: Path, budget: Budget | None = None) -> RunRecord:
    """Go on with a run from its journal; one that succeeded is left as it is.

    `run.opened` must be the journal's own. Under a raised `budget` scopes that its limits ended
    are opened again.

    Raises:
        UsageError: the run ended, and nothing about it would go otherwise now.
    """
    with Journal.reopen(run_dir, Clock()) as journal:
        entries = read_entries(run_dir)
        if not entries:
            raise JournalError(f"the journal in {run_dir} holds no event; start a new run")
        last = entries[-1].event
        if isinstance(last, RunEnded):
            record = write_record(run_dir, journal)
            if last.status is RunStatus.SUCCEEDED:
                return record
        before = budget_of(entries)
        resumed = _resumption(entries, before, budget or before)
        books = Books()
        for entry in entries:
            books.post(entry.event)
        books.post(resumed)
        lost = books.lost_holds()
        for event in lost:
            books.post(event)
        _check_lowered(books, before, resumed.budget)
        for made_of_the_old_end in (RECORD_FILE, OUTPUT_FILE):
            (run_dir / made_of_the_old_end).unlink(missing_ok=True)
        journal.append(resumed)
        for event in lost:
            journal.append(event)
        clock, tapes = Clock(elapsed=run_seconds(entries)), tapes_of(read_entries(run_dir))
        ledger = LiveLedger(books=books, recorder=journal, clock=clock, tapes=tapes)
        reopened = _with_budget(run, resumed.budget)
        return await _drive_to_files(reopened, run_dir, ledger, journal, clock)


def budget_of(entries: list[Entry]) -> Budget:
    """The budget in force at the end of a journal."""
    budgets = [e.event.budget for e in entries if isinstance(e.event, RunOpened | RunResumed)]
    return budgets[-1]


def _resumption(entries: list[Entry], before: Budget, after: Budget) -> RunResumed:
    if not isinstance(entries[-1].event, RunEnded):
        return RunResumed(budget=after)
    cuts = cuts_for(entries, before=before, after=after)
    if not cuts:
        error = entries[-1].event.error
        limit = None if error is None else error.limit
        hint = "nothing about it can be retried" if limit is None else f"raise its {limit} limit"
        message = "" if error is None else f": {error.message}"
        raise UsageError(f"the run has ended {entries[-1].event.status}{message}; {hint}")
    return RunResumed(budget=after, cuts=cuts)


def _check_lowered(books: Books, before: Budget, after: Budget) -> None:
    """Raise `BudgetTooSmall` where a limit is now lower than what was used or promised already."""
    used = books.pool.used("0")
    for resource, old, new, least in zip(
        CONSUMABLE, before.limits, after.limits, used, strict=True
    ):
        if new is not None and new < least and (old is None or new < old):
            raise BudgetTooSmall(
                f"the {resource} limit of {new} is below the {least} that the run has used or "
                f"keeps for its open scopes; give it {least} or more"
            )


def _with_budget(run: Run, budget: Budget) -> Run:
    opened = msgspec.structs.replace(run.opened, budget=budget)
    return Run(opened, run.strategy, run.tools, run.planner)


async def _drive_to_files(
    run: Run, run_dir: Path, ledger: LiveLedger, journal: Journal, clock: Clock
) -> RunRecord:
    """Drive a run, write its report, its ending and its record, whatever the way out."""
    try:
        result = await drive(run, ledger, clock)
    except anyio.get_cancelled_exc_class():
        _give_up(run, run_dir, ledger, journal, CANCELLED)
        raise
    except Exception as defect:
        cause = _cause(defect)
        if isinstance(cause, JournalError):  # nothing that is written now would be true
            raise cause from defect
        error = RunError(
            code=ErrorCode.UNEXPECTED_RUNTIME_ERROR,
            message=f"{type(cause).__name__}: {cause}",
            stage="run",
        )
        _give_up(run, run_dir, ledger, journal, error)
        raise
    if result.output is not None:
        write_whole(run_dir / OUTPUT_FILE, result.output)
    ledger.record(result.ended)
    return write_record(run_dir, journal)


def _give_up(
    run: Run, run_dir: Path, ledger: LiveLedger, journal: Journal, error: RunError
) -> None:
    ledger.give_up(error)
    ledger.record(_ended(run.strategy.artifact, RunStatus.FAILED, error, None))
    write_record(run_dir, journal)


def _cause(error: Exception) -> Exception:
    """The first error itself, where it comes out of a group of tasks."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def drive(run: Run, ledger: Ledger, clock: Clock) -> Result:
    """Run scope 0 and conclude; nothing is written but what the ledger records."""
    pace = Pace(run.planner.latency_floor_s)
    room = WaitingRoom(run.opened.concurrency)
    loop = RecursiveLoop(
        ledger=ledger,
        calls=Calls(ledger=ledger, tools=run.tools, pace=pace, clock=clock),
        space=run.strategy.space,
        outputs=run.strategy.outputs,
        planner_for=lambda scope: planner_of(scope, run.planner),
        room=room,
        pace=pace,
        max_depth=run.opened.budget.depth,
    )
    opened = ledger.open_root(root_scope(run))
    root = await room.alone(lambda share: loop.run(opened, share))
    return _conclude(run.strategy, root, loop.closed)


def planner_of(scope: OpenedScope, planner: Planner) -> Planner:
    """The run's planner, or one that says the scope's fixed list of actions."""
    return planner if scope.actions is None else FixedPlanner(scope.actions)


def _conclude(strategy: Strategy, root: ScopeClosed, closed: Mapping[str, ScopeClosed]) -> Result:
    """The run's ending: its status follows from its scopes and from what can be checked."""
    ordered = {scope_id: closed[scope_id] for scope_id in sorted(closed, key=scope_order)}
    errors = [scope.error for scope in (root, *ordered.values()) if scope.error is not None]
    error = errors[0] if errors else None
    try:
        report = strategy.conclude(root, ordered)
    except ValidationError as invalid:
        return _failure(strategy, ErrorCode.SCHEMA_VALIDATION_FAILED, str(invalid))
    if report is None:
        return Result(_ended(strategy.artifact, RunStatus.FAILED, error or NO_REPORT, None), None)
    problems = strategy.check(report)
    if problems:
        return _failure(strategy, ErrorCode.EVIDENCE_VALIDATION_FAILED, "; ".join(problems[:5]))
    output = (report.model_dump_json(indent=2) + "\n").encode()
    cut_short = any(s.status is not ScopeStatus.COMPLETED for s in ordered.values())
    status = RunStatus.PARTIAL if cut_short else RunStatus.SUCCEEDED
    return Result(_ended(strategy.artifact, status, error if cut_short else None, output), output)


NO_REPORT = RunError(
    code=ErrorCode.SCHEMA_VALIDATION_FAILED,
    message="no scope ended with an answer or a draft, so there is nothing to report",
    stage="conclude",
)


def _failure(strategy: Strategy, code: ErrorCode, message: str) -> Result:
    error = RunError(code=code, message=message, stage="conclude")
    return Result(_ended(strategy.artifact, RunStatus.FAILED, error, None), None)


def _ended(
    artifact: Artifact, status: RunStatus, error: RunError | None, output: bytes | None
) -> RunEnded:
    return RunEnded(
        status=status,
        error=error,
        artifact_type=artifact.type,
        artifact_path=None if output is None else OUTPUT_FILE,
        artifact_schema=artifact.schema,
        artifact_sha256=None if output is None else hashlib.sha256(output).hexdigest(),
    )


def scope_order(scope_id: str) -> tuple[int, ...]:
    """Sort key of scope ids: by position, parents before their children."""
    return tuple(int(part) for part in scope_id.split("/"))


def write_record(run_dir: Path, journal: Journal) -> RunRecord:
    """Write the run record that the journal amounts to."""
    record = journal.fold.record(journal.head)
    if record is None:
        raise JournalError(f"the journal in {run_dir} has no ending; resume the run first")
    write_whole(run_dir / RECORD_FILE, record_bytes(record))
    sync_folder(run_dir)
    return record


def record_bytes(record: RunRecord) -> bytes:
    """The record as the run record file holds it."""
    return (record.model_dump_json(indent=2) + "\n").encode()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a crash of the machine.

    That its name is on the disk too is the business of `sync_folder`.
    """
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
