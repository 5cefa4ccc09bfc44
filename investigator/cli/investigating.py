"""One run, or a batch of them, from a source to what is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from investigator.cli.exits import Exit, gravest
from investigator.cli.options import (
    BatchOptions,
    Limits,
    PlannerOptions,
    RunOptions,
    TraceChoice,
    changed_budget,
)
from investigator.cli.outcomes import Asked, show_all, show_one
from investigator.cli.reading import open_source
from investigator.cli.screen import say, stderr
from investigator.errors import UsageError

if TYPE_CHECKING:
    from investigator.runs.batch import Outcome, Task
    from investigator.runs.continuing import Remaining
    from investigator.runs.questions import Question
    from investigator.runtime.budget import Limits as PoolLimits
    from investigator.store.open import OpenedSource


def investigate_traces(
    source: str,
    question: Question,
    asked: Asked,
    traces: TraceChoice,
    limits: Limits,
    run: RunOptions,
    planner: PlannerOptions,
    batch: BatchOptions,
) -> Exit:
    """Ask a question of one trace of a source, or of every one, and show the reports."""
    _check(traces, run, batch)
    task = _task(source, question, limits, run, planner)
    if traces.all_traces:
        return _investigate_all(task, asked, traces.filter_expr, batch)
    return _investigate_one(task, asked, traces.filter_expr)


def investigate_window(
    source: str,
    question: Question,
    asked: Asked,
    limits: Limits,
    run: RunOptions,
    planner: PlannerOptions,
) -> Exit:
    """Ask a question of many traces of a source at once, and show the report."""
    _check_run(run)
    return _run_and_show(
        _task(source, question, limits, run, planner), asked, open_source([source])
    )


def _task(
    source: str, question: Question, limits: Limits, run: RunOptions, planner: PlannerOptions
) -> Task:
    from investigator.cli.planning import planner_chosen
    from investigator.inspection.own_patterns import checked_patterns, pattern_told
    from investigator.runs.batch import Task
    from investigator.runs.config import load_config

    config = load_config(planner.config)
    redact = {**config.redaction.redact, **dict(map(pattern_told, run.redact or ()))}
    return Task(
        source=(source,),
        question=question.model_copy(update={"redact": checked_patterns(redact)}),
        budget=changed_budget(config.budget_for(question.engine), limits),
        planner=planner_chosen(planner, config),
        concurrency=run.concurrency,
        runs_dir=run.runs_dir,
        run_id=run.run_id,
        best_effort=run.best_effort,
        freeze=run.freeze,
        write_back=run.write_back,
    )


def _check(traces: TraceChoice, run: RunOptions, batch: BatchOptions) -> None:
    """Refuse options that contradict each other."""
    if traces.all_traces and traces.trace_id is not None:
        raise UsageError("--trace-id names one trace and --all takes every one: leave one out")
    if traces.all_traces and run.run_id is not None:
        raise UsageError("--run-id names one run; with --all every run gets an id of its own")
    _check_run(run)
    if batch.go_on and not traces.all_traces:
        raise UsageError("--continue goes on with a batch: it needs --all")


def _check_run(run: RunOptions) -> None:
    """Refuse a run id that could not be the name of a folder."""
    if run.run_id is not None:
        from investigator.runs.investigation import require_run_id

        require_run_id(run.run_id)


def _investigate_one(task: Task, asked: Asked, filter_expr: str | None) -> Exit:
    """Run one trace of the source and show its report."""
    opened = open_source(task.source)
    trace_id = task.subject or _only_trace(opened, task.source[0], filter_expr)
    return _run_and_show(_about(task, trace_id), asked, opened)


def _run_and_show(task: Task, asked: Asked, opened: OpenedSource) -> Exit:
    """Make one run and show its report."""
    from investigator.runs.batch import run_one

    try:
        outcome = run_one(task)
    except KeyboardInterrupt:
        say("interrupted; `investigator runs list` shows the run, `runs resume` goes on with it")
        return Exit.INTERRUPTED
    shown = show_one(outcome, asked)
    _show_write_back(task, [outcome])
    return _with_unreadable(shown, opened)


def _show_write_back(task: Task, outcomes: Sequence[Outcome]) -> None:
    """How many annotations were written, where that was asked for, and what went wrong."""
    if not task.write_back:
        return
    from investigator.runs.run_store import read_record

    ran = [outcome.run_id for outcome in outcomes if outcome.run_id is not None]
    written = [read_record(run_id, task.runs_dir) for run_id in ran]
    count = sum(len(record.writeback_ref.annotation_ids) for record in written)
    say(f"{count:,} annotations written to {task.source[0]}")
    for record in written:
        if record.writeback_ref.status == "partial" and record.error is not None:
            say(f"  run {record.run_id}: {record.error.message}", style="yellow")


def _investigate_all(
    task: Task, asked: Asked, filter_expr: str | None, batch: BatchOptions
) -> Exit:
    """Run every trace of the source that passes the filter, and show all reports."""
    from investigator.runs.continuing import remaining_of
    from investigator.runtime.budget import Budget

    task.question.materials_hash()  # what is bad about it is told once, not by every run
    together = Limits(max_cost_usd=batch.batch_max_cost_usd, max_tokens=batch.batch_max_tokens)
    limits = changed_budget(Budget(), together).limits
    opened = open_source(task.source)
    rows = opened.api.list_traces(filter_expr=filter_expr)
    if not rows:
        count = opened.api.count_traces()
        raise UsageError(f"none of the {count:,} traces of '{task.source[0]}' passes the filter")
    tasks = [_about(task, row.trace_id) for row in rows]
    with _lock_of(task, [row.trace_id for row in rows]):
        known = remaining_of(tasks, opened.api) if batch.go_on else None
        done = run_tasks(tasks, jobs=batch.jobs, limits=limits, known=known)
    left_alone = known.left_alone if known else 0
    if left_alone < len(done) and all(outcome.status is None for outcome in done):
        raise UsageError(f"no run was started: {done[0].error}")
    ended = show_all(done, asked) if done else Exit.SUCCEEDED
    _show_write_back(task, done)
    if left_alone:
        say(f"{left_alone:,} of {len(tasks):,} left alone, another process is writing their runs")
    if len(done) < len(tasks):
        say(f"interrupted after {len(done):,} of {len(tasks):,} runs; --continue goes on")
        return Exit.INTERRUPTED
    return _with_unreadable(ended, opened)


def _lock_of(task: Task, trace_ids: Sequence[str]) -> AbstractContextManager[None]:
    """The lock of a batch; where another one asks the same of a trace, nothing is started."""
    from investigator.runs.batch_lock import batch_lock
    from investigator.runs.investigation import Options

    materials = task.question.materials_hash()
    asked = Options(
        question=task.question.located(), materials_sha256=materials, planner=task.planner
    )
    return batch_lock(task.runs_dir, asked, trace_ids)


def _about(task: Task, trace_id: str) -> Task:
    """The task with its trace named."""
    return replace(task, question=task.question.model_copy(update={"trace_id": trace_id}))


def run_tasks(
    tasks: Sequence[Task],
    *,
    jobs: int | None = None,
    limits: PoolLimits | None = None,
    known: Remaining | None = None,
) -> list[Outcome]:
    """The outcomes of the tasks, in their order, without those that an interrupt kept back.

    `jobs` None: one a core; `limits` None: unlimited.
    """
    from investigator.runs.batch import limits_left, run_batch, run_task
    from investigator.runtime.budget import UNLIMITED

    outcomes = dict(known.outcomes) if known else {}
    waiting = dict(known.tasks if known else enumerate(tasks))
    places = list(waiting)
    ended = run_batch(
        list(waiting.values()),
        jobs=_jobs(jobs, len(waiting)),
        limits=limits_left(limits or UNLIMITED, list(outcomes.values())),
        run=run_task,
    )
    with _progress(len(tasks)) as advance, suppress(KeyboardInterrupt):
        advance(len(outcomes))
        for index, outcome in ended:
            outcomes[places[index]] = outcome
            advance(1)
    return [outcomes[place] for place in sorted(outcomes)]


def _jobs(asked: int | None, count: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(asked or cores or 1, count))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar of the runs that have ended; nothing where nobody watches."""
    console = stderr()
    columns = (TextColumn("investigating"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("investigating", total=total)
        yield lambda ended: progress.advance(task, ended)


def _only_trace(opened: OpenedSource, source: str, filter_expr: str | None) -> str:
    """The trace that is meant where none is named: the only one there is."""
    rows = opened.api.list_traces(filter_expr=filter_expr, limit=2)
    if len(rows) == 1:
        return rows[0].trace_id
    found = "no trace that passes the filter" if not rows else "more than one trace"
    raise UsageError(
        f"{found} in '{source}': name one with --trace-id, or take every one with --all "
        f"(`investigator traces {source}` lists them)"
    )


def _with_unreadable(ended: Exit, opened: OpenedSource) -> Exit:
    return gravest([ended, Exit.PARTIAL]) if opened.unreadable else ended
