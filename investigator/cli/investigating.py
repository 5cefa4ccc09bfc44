"""One run, or a batch of them, from a source to what is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from investigator.cli.exits import Exit, gravest
from investigator.cli.outcomes import Asked, show_all, show_one
from investigator.cli.reading import open_source
from investigator.cli.screen import say, stderr
from investigator.errors import UsageError

if TYPE_CHECKING:
    from investigator.batch import Outcome, Task
    from investigator.earlier_runs import Remaining
    from investigator.inspection.open import OpenedSource
    from investigator.runtime.budget import Limits


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is run. `jobs` None: one a core; `limits` None: unlimited."""

    jobs: int | None = None
    limits: Limits | None = None
    go_on: bool = False


def investigate_one(task: Task, asked: Asked) -> Exit:
    """Run one trace of the source and show its report."""
    from investigator.batch import run_one

    opened = open_source(task.source)
    trace_id = task.trace_id or _only_trace(opened, task.source[0], asked.filter_expr)
    try:
        outcome = run_one(replace(task, trace_id=trace_id))
    except KeyboardInterrupt:
        say("interrupted; `investigator runs list` shows the run, `runs resume` goes on with it")
        return Exit.INTERRUPTED
    return _with_unreadable(show_one(outcome, asked), opened)


def investigate_all(task: Task, asked: Asked, batch: BatchOptions) -> Exit:
    """Run every trace of the source that passes the filter, and show all reports."""
    from investigator.earlier_runs import remaining_of
    from investigator.rca.taxonomy import load_taxonomy

    load_taxonomy(task.taxonomy)  # a bad one is refused once, not by every run
    opened = open_source(task.source)
    rows = opened.api.list_traces(filter_expr=asked.filter_expr)
    if not rows:
        count = opened.api.count_traces()
        raise UsageError(f"none of the {count:,} traces of '{task.source[0]}' passes the filter")
    tasks = [replace(task, trace_id=row.trace_id) for row in rows]
    known = remaining_of(tasks, opened.api) if batch.go_on else None
    done = run_tasks(tasks, batch, known)
    if done and all(outcome.status is None for outcome in done):
        raise UsageError(f"no run was started: {done[0].error}")
    ended = show_all(done, asked)
    if len(done) < len(tasks):
        say(f"interrupted after {len(done):,} of {len(tasks):,} runs; --continue goes on")
        return Exit.INTERRUPTED
    return _with_unreadable(ended, opened)


def run_tasks(
    tasks: Sequence[Task], batch: BatchOptions, known: Remaining | None = None
) -> list[Outcome]:
    """The outcomes of the tasks, in their order, without those that an interrupt kept back."""
    from investigator.batch import limits_left, run_batch, run_task
    from investigator.runtime.budget import UNLIMITED

    outcomes = dict(known.outcomes) if known else {}
    waiting = dict(known.tasks if known else enumerate(tasks))
    places = list(waiting)
    ended = run_batch(
        list(waiting.values()),
        jobs=_jobs(batch.jobs, len(waiting)),
        limits=limits_left(batch.limits or UNLIMITED, list(outcomes.values())),
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
