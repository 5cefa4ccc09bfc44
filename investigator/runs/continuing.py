"""What a batch that goes on need not do again: a look at the runs folder, not at a list.

A trace is finished where the folder holds a run of the same question over the same content and the
same verdicts (and the same taxonomy or controls) that has ended with a report. One that was
interrupted or cancelled is resumed. One that another process is writing now is left alone, and its
trace with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from investigator.errors import JournalError
from investigator.ground.redaction import Redactor
from investigator.runs.batch import BatchOutcome, used_by
from investigator.runs.investigation import Options, is_made_by_this_code
from investigator.runs.planners import ready
from investigator.runs.run_store import RUNNING, StoredRun, list_runs
from investigator.runs.settings import Request
from investigator.runtime.events import RunOpened
from investigator.runtime.journal import read_entries
from investigator.runtime.told import ToldOutcome
from investigator.store.open import OpenedSource
from investigator.traces.model import Trace


@dataclass(frozen=True, slots=True)
class Remaining:
    """Outcomes that are there already, and the requests that are left, by position.

    Of the outcomes, so many stand for runs that are `left_alone`.
    """

    outcomes: Mapping[int, BatchOutcome]
    requests: Mapping[int, Request[Any]]
    left_alone: int = 0


def options_of(request: Request[Any]) -> Options:
    """What a run of that request keeps of it, its models' settings as they are asked."""
    settings = request.settings
    question = request.question.located().redacted(Redactor(settings.redact))
    asked = settings.model_copy(update={"planner": ready(settings.planner)})
    return Options.of(question, question.materials(), asked)


def remaining_of(requests: Sequence[Request[Any]], opened: OpenedSource) -> Remaining:
    """Sort requests of one source, question and runs folder by what earlier runs have done."""
    outcomes: dict[int, BatchOutcome] = {}
    left: dict[int, Request[Any]] = {}
    left_alone = 0
    known = _runs_by_trace(requests[0]) if requests else {}
    for place, request in enumerate(requests):
        runs = known.get(request.question.subject, [])
        trace = opened.api.get_trace(request.question.subject) if runs else None
        told = request.question.redacted(Redactor(request.settings.redact)).told
        same = [
            (run, opened)
            for run, opened in runs
            if trace is not None and _read_the_same(opened, trace) and _told_in(opened) == told
        ]
        running = next((run for run, _ in same if run.state == RUNNING), None)
        ended = [(run, opened) for run, opened in same if run.state != RUNNING]
        finished = next((outcome for run, _ in ended if (outcome := _finished(run, request))), None)
        if finished is not None:
            outcomes[place] = finished
        elif running is not None:
            outcomes[place] = _left_alone(running, request)
            left_alone += 1
        else:
            left[place] = _resumed(request, ended)
    return Remaining(outcomes, left, left_alone)


def _runs_by_trace(request: Request[Any]) -> dict[str, list[tuple[StoredRun, RunOpened]]]:
    """Runs of the same question with the same materials, by trace."""
    wanted = options_of(request)
    found: dict[str, list[tuple[StoredRun, RunOpened]]] = defaultdict(list)
    for stored in list_runs(request.settings.runs):
        opened = _opened(stored)
        if opened is not None and wanted.same_but_for_the_trace(opened):
            for trace_id in opened.input_ref.trace_ids:
                found[trace_id].append((stored, opened))
    return found


def _read_the_same(opened: RunOpened, trace: Trace) -> bool:
    """Whether the trace and the verdicts on it are those that a run read."""
    now = (trace.content_hash, trace.evaluations_hash)
    return now == (opened.dataset_ref.dataset_hash, opened.dataset_ref.evaluations_hash)


def _told_in(opened: RunOpened) -> tuple[ToldOutcome, ...]:
    """What the caller had said of how the trace ended: told otherwise, it is another question."""
    known = opened.input_ref.known_outcome
    return () if known is None else known.told


def _opened(stored: StoredRun) -> RunOpened | None:
    """How a run began; None for one that cannot be read, which is nobody's."""
    try:
        entries = read_entries(stored.run_dir)
    except JournalError:
        return None
    first = entries[0].event if entries else None
    return first if isinstance(first, RunOpened) else None


def _finished(stored: StoredRun, request: Request[Any]) -> BatchOutcome | None:
    """The outcome of a run that ended with a report."""
    record = stored.record
    if record is None or record.output_ref.artifact_path is None:
        return None
    return BatchOutcome(
        engine=request.question.engine,
        subject=request.question.subject,
        run_id=stored.run_id,
        run_dir=stored.run_dir,
        status=record.status,
        report_json=(stored.run_dir / record.output_ref.artifact_path).read_text(encoding="utf-8"),
        error=None if record.error is None else f"{record.error.code}: {record.error.message}",
        used=used_by(record),
        error_code=None if record.error is None else record.error.code,
    )


def _left_alone(running: StoredRun, request: Request[Any]) -> BatchOutcome:
    """No outcome yet: another process is at it."""
    return BatchOutcome(
        engine=request.question.engine,
        subject=request.question.subject,
        run_id=running.run_id,
        run_dir=running.run_dir,
        status=None,
        report_json=None,
        error=f"run '{running.run_id}' is being written by another process and was left alone",
    )


def _resumed(request: Request[Any], runs: Sequence[tuple[StoredRun, RunOpened]]) -> Request[Any]:
    """The request, going on with a run that was interrupted where there is one."""
    cut_off = next((run for run, opened in runs if _can_go_on(run, opened)), None)
    if cut_off is None:
        return request
    return replace(request.with_settings(run_id=cut_off.run_id), resumes=True)


def _can_go_on(run: StoredRun, opened: RunOpened) -> bool:
    """Whether a run was killed, or ended by what may be otherwise the next time, in this code."""
    error = run.record.error if run.record else None
    retryable = error is not None and error.retryable
    return (run.state == "interrupted" or retryable) and is_made_by_this_code(opened)
