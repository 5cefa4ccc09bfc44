"""Starts, resumes and abandons a run, and writes what it leaves in its folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import anyio
import msgspec

from investigator.errors import BudgetTooSmall, JournalError, UsageError
from investigator.ground.defects import ended_a_run
from investigator.ground.files import replace_file, sync_folder
from investigator.runtime.admission import admitted
from investigator.runtime.budget import CONSUMABLE, Budget
from investigator.runtime.calls import CANCELLED
from investigator.runtime.clock import Clock
from investigator.runtime.driver import OUTPUT_FILE, Result, drive, run_ended
from investigator.runtime.events import (
    Entry,
    RunEnded,
    RunError,
    RunOpened,
    RunResumed,
    ScopesOpened,
    WrittenBack,
)
from investigator.runtime.execution import LiveExecution
from investigator.runtime.history import histories_of
from investigator.runtime.journal import Journal, MemoryJournal, read_entries
from investigator.runtime.ledger import Ledger
from investigator.runtime.private import FILE_MODE
from investigator.runtime.record import RECORD_FILE, RunRecord
from investigator.runtime.resume import cuts_for
from investigator.runtime.run_fold import run_seconds
from investigator.runtime.status import Artifact, ErrorCode, RunStatus
from investigator.runtime.strategy import Run


class RunFiles(NamedTuple):
    """What a run leaves: its journal, its record, and its report where it has one."""

    events: bytes
    record: bytes
    output: bytes | None


async def start(run: Run, run_dir: Path) -> RunRecord:
    """Make a new run in an empty folder and drive it to its end.

    Raises:
        BudgetTooSmall: the budget cannot carry it; nothing was begun.
    """
    admitted(run)
    clock = Clock()
    with Journal.create(run_dir, clock) as journal:
        return await _begin(run, run_dir, journal, clock)


class MemoryRun(NamedTuple):
    """A run that has ended, and the files that it would have left."""

    record: RunRecord
    result: Result
    files: RunFiles


async def start_in_memory(run: Run) -> MemoryRun:
    """Make a new run whose files are kept by the caller, when it has ended.

    For runs that pay nothing: what a process that dies loses of it is made again.

    Raises:
        BudgetTooSmall: the budget cannot carry it.
    """
    admitted(run)
    clock = Clock()
    journal = MemoryJournal(clock)
    execution = LiveExecution(ledger=Ledger(), recorder=journal, clock=clock)
    execution.record(run.opened)
    result = await drive(run, execution, clock)
    execution.record(result.ended)
    record = journal.fold.record(journal.head)
    assert record is not None, "a run that was driven to its end has one"
    files = RunFiles(journal.text, record_bytes(record), result.output)
    return MemoryRun(record, result, files)


async def _begin(run: Run, run_dir: Path, journal: Journal, clock: Clock) -> RunRecord:
    """Open the run and drive it; a run that failed before it began is opened again."""
    execution = LiveExecution(ledger=Ledger(), recorder=journal, clock=clock)
    execution.record(run.opened)
    return await _drive_to_files(run, run_dir, execution, journal, clock)


def fail(opened: RunOpened, run_dir: Path, error: RunError, *, artifact: Artifact) -> RunRecord:
    """A run that could not begin: its journal and record say why."""
    clock = Clock()
    with Journal.create(run_dir, clock) as journal:
        journal.append(opened)
        journal.append(run_ended(artifact, RunStatus.FAILED, error, None))
        return write_record(run_dir, journal)


async def resume(run: Run, run_dir: Path, budget: Budget | None = None) -> RunRecord:
    """Resume a run from its journal; a run that succeeded is left as it is.

    `run.opened` must be the journal's own. Under a raised `budget` scopes that its limits ended
    are opened again.

    Raises:
        UsageError: the run ended, and nothing about it would go otherwise now.
    """
    with Journal.reopen(run_dir, Clock()) as journal:
        entries = without_write_back(read_entries(run_dir))
        if not entries:
            raise JournalError(f"the journal in {run_dir} holds no event; start a new run")
        last = entries[-1].event
        before = budget_of(entries)
        if isinstance(last, RunEnded):
            was_whole = (run_dir / RECORD_FILE).exists()
            record = write_record(run_dir, journal)
            if last.status is RunStatus.SUCCEEDED:
                return record
            if not was_whole and not cuts_for(entries, before=before, after=budget or before):
                return record  # killed between its end and its record: that was all to be done
        if _failed_before_it_began(entries):
            (run_dir / RECORD_FILE).unlink(missing_ok=True)
            admitted(run)
            clock = Clock(elapsed=run_seconds(entries))
            return await _begin(_with_budget(run, budget or before), run_dir, journal, clock)
        resumed = _resumption(entries, before, budget or before)
        ledger = Ledger()
        for entry in entries:
            ledger.post(entry.event)
        ledger.post(resumed)
        lost = ledger.lost_holds()
        for event in lost:
            ledger.post(event)
        _check_lowered(ledger, before, resumed.budget)
        for made_of_the_old_end in (RECORD_FILE, OUTPUT_FILE):
            (run_dir / made_of_the_old_end).unlink(missing_ok=True)
        journal.append(resumed)
        for event in lost:
            journal.append(event)
        clock, histories = Clock(elapsed=run_seconds(entries)), histories_of(read_entries(run_dir))
        execution = LiveExecution(ledger=ledger, recorder=journal, clock=clock, histories=histories)
        reopened = _with_budget(run, resumed.budget)
        return await _drive_to_files(reopened, run_dir, execution, journal, clock)


def write_back(run_dir: Path, event: WrittenBack) -> RunRecord:
    """Note what a run that has ended left at its source, in its journal and its record."""
    with Journal.reopen(run_dir, Clock(monotonic=time.monotonic)) as journal:
        journal.append(event)
        return write_record(run_dir, journal)


def without_write_back(entries: list[Entry]) -> list[Entry]:
    """What the run itself did."""
    return [entry for entry in entries if not isinstance(entry.event, WrittenBack)]


def _failed_before_it_began(entries: list[Entry]) -> bool:
    """Whether the run ended by something that may be otherwise now, before any scope opened."""
    last = entries[-1].event
    retryable = isinstance(last, RunEnded) and last.error is not None and last.error.retryable
    return retryable and not any(isinstance(e.event, ScopesOpened) for e in entries)


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


def _check_lowered(ledger: Ledger, before: Budget, after: Budget) -> None:
    """Raise `BudgetTooSmall` where a limit is now lower than what was used or promised already."""
    used = ledger.pool.used("0")
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
    return Run(opened, run.strategy, run.tools, run.deciders)


async def _drive_to_files(
    run: Run, run_dir: Path, execution: LiveExecution, journal: Journal, clock: Clock
) -> RunRecord:
    """Drive a run, write its report, its ending and its record, whatever the way out."""
    try:
        result = await drive(run, execution, clock)
    except anyio.get_cancelled_exc_class():
        _give_up(run, run_dir, execution, journal, CANCELLED)
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
        _give_up(run, run_dir, execution, journal, error)
        ended_a_run(defect, run_dir)
        raise
    if result.output is not None:
        replace_file(run_dir / OUTPUT_FILE, result.output, mode=FILE_MODE)
    execution.record(result.ended)
    return write_record(run_dir, journal)


def _give_up(
    run: Run, run_dir: Path, execution: LiveExecution, journal: Journal, error: RunError
) -> None:
    execution.give_up(error)
    execution.record(run_ended(run.strategy.artifact, RunStatus.FAILED, error, None))
    write_record(run_dir, journal)


def _cause(error: Exception) -> Exception:
    """The first error itself, where it comes out of a group of tasks."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def write_record(run_dir: Path, journal: Journal) -> RunRecord:
    """Write the run record that the journal amounts to."""
    record = journal.fold.record(journal.head)
    if record is None:
        raise JournalError(f"the journal in {run_dir} has no ending; resume the run first")
    replace_file(run_dir / RECORD_FILE, record_bytes(record), mode=FILE_MODE)
    sync_folder(run_dir)
    return record


def record_bytes(record: RunRecord) -> bytes:
    """The record as the run record file holds it."""
    return (record.model_dump_json(indent=2) + "\n").encode()
