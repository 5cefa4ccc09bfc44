"""What can be done with a run once it is stored: look at it, go on with it, replay it.

Everything starts from the run's folder; the run itself is rebuilt from its journal alone.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from investigator.claims.report import Report
from investigator.errors import RunNotFound, UsageError
from investigator.runs.investigation import (
    RunResult,
    annotated,
    planner_of_run,
    rebuilt,
    result_of,
    run_now,
    source_of,
)
from investigator.runs.planners import ready
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR
from investigator.runs.scanned_runs import (
    is_scan,
    refuse_writing,
    scanned_runs,
    unpacked,
)
from investigator.runs.segments import SEGMENT_FILE, SegmentEntry, SegmentFile
from investigator.runs.write_back import undo, write_back_place
from investigator.runtime import runner
from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import RunEnded
from investigator.runtime.journal import FILE, is_locked, read_entries
from investigator.runtime.record import RECORD_FILE, RunRecord
from investigator.runtime.replay import Replay, replay
from investigator.runtime.status import ErrorCode, RunStatus

RUNNING = "running"
"""The state of a run that a process is writing now."""
UNREADABLE = "unreadable"
"""The state of a folder whose record is not one of ours, or not any more."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One row of `list_runs`. `state` is a run status, `interrupted`, `running` or `unreadable`.

    `problem` says why a record cannot be read. Of a run of a scan `run_dir` is the segment that
    holds it, and `said` what its report says.
    """

    run_id: str
    run_dir: Path
    state: str
    record: RunRecord | None
    problem: str | None = None
    said: str | None = None

    @property
    def verdict(self) -> str | None:
        """What its report says, in a word; None where it has none that can be read."""
        if self.said is not None:
            return self.said
        if self.record is None or self.record.output_ref.artifact_path is None:
            return None
        try:
            report = result_of(self.run_dir, self.record).report
        except (OSError, ValidationError, UsageError):
            return None
        return None if report is None else str(report.verdict)


def list_runs(runs_dir: Path = DEFAULT_RUNS_DIR) -> list[StoredRun]:
    """The runs of a folder by id; one without a record is interrupted or running.

    A record that cannot be read is a run that is `unreadable`, and no harm to the others.
    """
    if not runs_dir.is_dir():
        return []
    if is_scan(runs_dir):
        return [_in_segment(*found) for found in scanned_runs(runs_dir)]
    return [
        stored_run(run_dir) for run_dir in sorted(runs_dir.iterdir()) if (run_dir / FILE).exists()
    ]


def read_record(run_id: str, runs_dir: Path = DEFAULT_RUNS_DIR) -> RunRecord:
    """The record of a run.

    Raises:
        RunNotFound: no such run, or one without a record.
    """
    run_dir = folder_of(run_id, runs_dir)
    stored = stored_run(run_dir)
    record = stored.record
    if stored.problem is not None:
        raise RunNotFound(f"the record of run '{run_id}' cannot be read: {stored.problem}")
    if record is None:
        raise RunNotFound(
            f"run '{run_id}' has no record (it was interrupted); "
            f"`investigator runs resume {run_id}`"
        )
    return record


async def aresume_run(
    run_id: str,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    *,
    budget: Budget | None = None,
    cache_dir: Path | None = None,
) -> RunResult[Report]:
    """Go on with a run that was interrupted, or that ended by what can now be otherwise.

    `budget` replaces the run's limits; a run that succeeded is left as it is.

    Raises:
        UsageError: no such run, or one that has ended and would not go otherwise now.
        SourceError: its source cannot be read.
    """
    refuse_writing(runs_dir, "resumed")
    run_dir = folder_of(run_id, runs_dir)
    if stored_run(run_dir).state != RunStatus.SUCCEEDED:
        ready(planner_of_run(run_dir))
    with rebuilt(run_dir, cache_dir) as run:
        return result_of(run_dir, await runner.resume(run, run_dir, budget))


def resume_run(
    run_id: str,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    *,
    budget: Budget | None = None,
    cache_dir: Path | None = None,
) -> RunResult[Report]:
    """`aresume_run`, from code that is not asynchronous."""
    return run_now(lambda: aresume_run(run_id, runs_dir, budget=budget, cache_dir=cache_dir))


async def areplay_run(
    run_id: str, runs_dir: Path = DEFAULT_RUNS_DIR, *, cache_dir: Path | None = None
) -> Replay:
    """Make a run again from its journal, offline, and say whether it came out the same.

    Raises:
        UsageError: no such run, or one that was interrupted or cancelled before its end.
    """
    run_dir = folder_of(run_id, runs_dir)
    entries = runner.without_write_back(read_entries(run_dir))
    last = entries[-1].event if entries else None
    if not isinstance(last, RunEnded) or (last.error and last.error.code is ErrorCode.CANCELLED):
        raise UsageError(
            f"run '{run_id}' stopped before its end, so there is no end to compare with; "
            f"`investigator runs resume {run_id}` goes on with it"
        )
    output = run_dir / OUTPUT_FILE
    with rebuilt(run_dir, cache_dir) as run:
        recorded = output.read_bytes() if output.is_file() else None
        return await replay(run, entries, recorded)


def replay_run(
    run_id: str, runs_dir: Path = DEFAULT_RUNS_DIR, *, cache_dir: Path | None = None
) -> Replay:
    """`areplay_run`, from code that is not asynchronous."""
    return run_now(lambda: areplay_run(run_id, runs_dir, cache_dir=cache_dir))


def annotate_run(
    run_id: str,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    *,
    to: str | None = None,
    cache_dir: Path | None = None,
) -> RunResult[Report]:
    """Write a run's report back to the live source that it was read from, or to another (`to`).

    Raises:
        UsageError: no such run, one without a report, or nothing takes its annotations.
        SourceError: the traces that it was about cannot be read.
    """
    refuse_writing(runs_dir, "annotated")
    run_dir = folder_of(run_id, runs_dir)
    result = result_of(run_dir, read_record(run_id, runs_dir))
    if result.report is None:
        raise UsageError(f"run '{run_id}' has no report to write back")
    with source_of(run_dir, cache_dir) as (opened, api):
        return annotated(result, api, opened.source, to)


def undo_annotations(run_id: str, runs_dir: Path = DEFAULT_RUNS_DIR) -> RunResult[Report]:
    """Delete the annotations of a run; there may be none any more.

    Raises:
        UsageError: no such run, or one that was not written back.
        SourceUnavailable: the source cannot be asked to.
    """
    refuse_writing(runs_dir, "annotated")
    run_dir = folder_of(run_id, runs_dir)
    record = read_record(run_id, runs_dir)
    if record.writeback_ref.address is None:
        raise UsageError(f"run '{run_id}' was not written back, so there is nothing to undo")
    return result_of(run_dir, undo(run_dir, record, write_back_place(record, (), None)))


def folder_of(run_id: str, runs_dir: Path = DEFAULT_RUNS_DIR) -> Path:
    """The folder of a run; `RunNotFound` where there is none."""
    run_dir = runs_dir / run_id
    if is_scan(runs_dir):
        unpacked_dir = unpacked(run_id, runs_dir)
        if unpacked_dir is None:
            raise RunNotFound(
                f"no run '{run_id}' in the scan {runs_dir}; `investigator runs list --runs-dir "
                f"{runs_dir}` shows those that it opened"
            )
        return unpacked_dir
    named = run_id not in ("", ".", "..") and not set(run_id) & {"/", "\\", "\0"}
    if not named or not (run_dir / FILE).is_file():
        raise RunNotFound(f"no run '{run_id}' in {runs_dir}; `investigator runs list` shows them")
    return run_dir


def remove_run(run: StoredRun) -> None:
    """Delete the folder of a run that nobody writes.

    Raises:
        UsageError: a process is writing it.
    """
    if run.run_dir.name == SEGMENT_FILE:
        raise UsageError(f"run '{run.run_id}' is part of a scan: delete the scan as a whole")
    if is_locked(run.run_dir):
        raise UsageError(f"run '{run.run_id}' is running: it is left alone")
    shutil.rmtree(run.run_dir)


def _in_segment(segment: SegmentFile, entry: SegmentEntry) -> StoredRun:
    """A run of a scan, its record read out of its frame."""
    record = RunRecord.model_validate_json(segment.read(entry).record)
    return StoredRun(entry.run_id, segment.path, entry.state, record, said=entry.verdict)


def stored_run(run_dir: Path) -> StoredRun:
    """The run of a folder, as it is now."""
    path = run_dir / RECORD_FILE
    locked = is_locked(run_dir)
    try:
        record = RunRecord.model_validate_json(path.read_bytes()) if path.is_file() else None
    except (OSError, ValidationError) as error:
        state = RUNNING if locked else UNREADABLE
        return StoredRun(run_dir.name, run_dir, state, None, _reason(error))
    state = RUNNING if locked else record.status.value if record else "interrupted"
    return StoredRun(run_dir.name, run_dir, state, record)


def _reason(error: OSError | ValidationError) -> str:
    """Why a record cannot be read, on one line."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or RECORD_FILE
    return f"{place}: {first['msg']}"
