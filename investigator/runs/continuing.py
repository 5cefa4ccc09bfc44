"""What a batch that goes on need not do again: a look at the runs folder, not at a list.

A trace is finished where the folder holds a run of the same question over the same content
(and the same taxonomy or controls) that has ended with a report. One that was interrupted or
cancelled is resumed. One that another process is writing now is left alone, and its trace with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from investigator.runs.batch import Outcome, Task, used_by
from investigator.runs.investigation import Options
from investigator.runs.planners import ready
from investigator.runs.run_store import RUNNING, StoredRun, list_runs
from investigator.runtime.events import RunOpened
from investigator.runtime.journal import read_entries
from investigator.store.api import InspectionAPI


@dataclass(frozen=True, slots=True)
class Remaining:
    """Outcomes that are there already, and the tasks that are left, by position.

    Of the outcomes, so many stand for runs that are `left_alone`.
    """

    outcomes: Mapping[int, Outcome]
    tasks: Mapping[int, Task]
    left_alone: int = 0


def remaining_of(tasks: Sequence[Task], api: InspectionAPI) -> Remaining:
    """Sort tasks of one source, question and runs folder by what earlier runs have done."""
    outcomes: dict[int, Outcome] = {}
    left: dict[int, Task] = {}
    left_alone = 0
    known = _runs_by_trace(tasks[0]) if tasks else {}
    for place, task in enumerate(tasks):
        runs = known.get(task.subject, [])
        content = api.get_trace(task.subject).content_hash if runs else None
        same = [stored for stored, opened in runs if opened.dataset_ref.dataset_hash == content]
        running = next((run for run in same if run.state == RUNNING), None)
        ended = [run for run in same if run.state != RUNNING]
        finished = next((outcome for run in ended if (outcome := _finished(run, task))), None)
        if finished is not None:
            outcomes[place] = finished
        elif running is not None:
            outcomes[place] = _left_alone(running, task)
            left_alone += 1
        else:
            left[place] = _resumed(task, ended)
    return Remaining(outcomes, left, left_alone)


def _runs_by_trace(task: Task) -> dict[str, list[tuple[StoredRun, RunOpened]]]:
    """Runs of the task's question with the same materials, by trace."""
    question = task.question.located()
    materials = question.materials_hash()
    planner = ready(task.planner)  # as a run keeps it, its models' settings as they are asked
    wanted = Options(question=question, materials_sha256=materials, planner=planner)
    found: dict[str, list[tuple[StoredRun, RunOpened]]] = defaultdict(list)
    for stored in list_runs(task.runs_dir):
        opened = _opened(stored)
        if opened is not None and wanted.same_but_for_the_trace(opened):
            for trace_id in opened.input_ref.trace_ids:
                found[trace_id].append((stored, opened))
    return found


def _opened(stored: StoredRun) -> RunOpened | None:
    entries = read_entries(stored.run_dir)
    first = entries[0].event if entries else None
    return first if isinstance(first, RunOpened) else None


def _finished(stored: StoredRun, task: Task) -> Outcome | None:
    """The outcome of a run that ended with a report."""
    record = stored.record
    if record is None or record.output_ref.artifact_path is None:
        return None
    return Outcome(
        engine=task.question.engine,
        subject=task.subject,
        run_id=stored.run_id,
        run_dir=stored.run_dir,
        status=record.status,
        report=(stored.run_dir / record.output_ref.artifact_path).read_text(encoding="utf-8"),
        error=None if record.error is None else f"{record.error.code}: {record.error.message}",
        used=used_by(record),
        error_code=None if record.error is None else record.error.code,
    )


def _left_alone(running: StoredRun, task: Task) -> Outcome:
    """No outcome yet: another process is at it."""
    return Outcome(
        engine=task.question.engine,
        subject=task.subject,
        run_id=running.run_id,
        run_dir=running.run_dir,
        status=None,
        report=None,
        error=f"run '{running.run_id}' is being written by another process and was left alone",
    )


def _resumed(task: Task, runs: Sequence[StoredRun]) -> Task:
    """The task, going on with a run that was interrupted where there is one."""
    cut_off = next((run for run in runs if _can_go_on(run)), None)
    return task if cut_off is None else replace(task, run_id=cut_off.run_id, resumes=True)


def _can_go_on(run: StoredRun) -> bool:
    """Whether a run was killed, or ended by what may be otherwise the next time."""
    error = run.record.error if run.record else None
    return run.state == "interrupted" or (error is not None and error.retryable)
