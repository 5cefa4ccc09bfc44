"""One run, or a batch of them, from a source to what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from investigator.cli.exits import Exit, gravest
from investigator.cli.limit_options import LimitOptions, changed_budget
from investigator.cli.options import BatchOptions, RunOptions, TraceChoice
from investigator.cli.outcomes import OutcomeOptions, show_all, show_one
from investigator.cli.planner_options import PlannerOptions
from investigator.cli.progress import progress_of_batch, progress_of_run
from investigator.cli.screen import say
from investigator.cli.source_reading import left_unread, open_with_progress, window_ns
from investigator.cli.telling import ToldInFile
from investigator.errors import UsageError
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from investigator.inspection.engine import Question, TraceQuestion
    from investigator.runs.batch import BatchOutcome
    from investigator.runs.config import Config
    from investigator.runs.continuing import Remaining
    from investigator.runs.settings import Request
    from investigator.runtime.budget import Budget
    from investigator.store.api import TraceSummary
    from investigator.store.open import OpenedSource


def investigate_traces(
    source: str,
    question: TraceQuestion[Any],
    told: ToldInFile,
    asked: OutcomeOptions,
    traces: TraceChoice,
    limits: LimitOptions,
    run: RunOptions,
    planner: PlannerOptions,
    batch: BatchOptions,
) -> Exit:
    """Ask a question of one trace of a source, or of every one, and show the reports."""
    from investigator.runs.config import load_config

    _check(question, traces, run, batch)
    config = load_config(planner.config)
    question = config.added_to(question)
    request = _request(source, question, config, limits, run, planner)
    if traces.all_traces:
        return _investigate_all(request, question, told, asked, traces, batch)
    return _investigate_one(request, question, told, asked, traces)


def investigate_window(
    source: str,
    question: Question[Any],
    told: ToldInFile,
    asked: OutcomeOptions,
    limits: LimitOptions,
    run: RunOptions,
    planner: PlannerOptions,
) -> Exit:
    """Ask a question of many traces of a source at once, and show the report."""
    from investigator.runs.config import load_config

    config = load_config(planner.config)
    question = config.added_to(told.added_to(question))
    request = _request(source, question, config, limits, run, planner)
    opened = open_with_progress(source)
    told.require_known(opened)
    return _run_and_show(request, asked, opened)


def _request(
    source: str,
    question: Question[Any],
    config: Config,
    limits: LimitOptions,
    run: RunOptions,
    planner: PlannerOptions,
) -> Request[Any]:
    from investigator.cli.planning import planner_chosen
    from investigator.ground.own_patterns import pattern_told
    from investigator.runs.settings import Request, Settings

    settings = Settings(
        budget=changed_budget(config.budget_for(question.engine), limits),
        planner=planner_chosen(planner, config),
        concurrency=run.concurrency,
        best_effort=run.best_effort,
        runs_dir=run.runs_dir,
        run_id=run.run_id,
        freeze=run.freeze,
        write_back=run.write_back,
        redact={**config.redaction.redact, **dict(map(pattern_told, run.redact or ()))},
    )
    return Request(source, question, settings)


def _check(
    question: TraceQuestion[Any], traces: TraceChoice, run: RunOptions, batch: BatchOptions
) -> None:
    """Refuse options that contradict each other."""
    if traces.all_traces and traces.trace_id is not None:
        raise UsageError("--trace-id names one trace and --all takes every one: leave one out")
    if traces.session is not None and (traces.all_traces or traces.narrows):
        flag = "--filter" if traces.filter_expr is not None else "a window"
        other = "--all takes every one" if traces.all_traces else f"{flag} chooses among traces"
        raise UsageError(f"--session names the traces of a conversation, {other}: leave one out")
    window_ns(traces.start, traces.end)  # a wrong time is told before the source is read
    if traces.narrows and traces.trace_id is not None:
        raise UsageError("--trace-id names the trace: leave --from, --to and --filter out")
    if traces.all_traces and question.good_run is not None:
        raise UsageError("--good is a run of the same task as one trace: name it with --trace-id")
    if traces.all_traces and run.run_id is not None:
        raise UsageError("--run-id names one run; with --all every run gets an id of its own")
    if batch.go_on and not traces.all_traces:
        raise UsageError("--continue goes on with a batch: it needs --all")


def _investigate_one(
    request: Request[Any],
    question: TraceQuestion[Any],
    told: ToldInFile,
    asked: OutcomeOptions,
    traces: TraceChoice,
) -> Exit:
    """Run one trace of the source and show its report."""
    from investigator.runs.session_traces import session_named
    from investigator.runs.trace_names import trace_named

    opened = open_with_progress(request.source)
    named = question.trace_id
    if question.session_id is not None:
        one = question.of_session(*session_named(opened, question.session_id))
    else:
        trace_id = trace_named(opened, named) if named else _only_trace(opened, traces)
        one = question.about(trace_id)
    told.require_known(opened)
    one = told.added_to(one)
    return _run_and_show(replace(request, question=one), asked, opened)


def _run_and_show(request: Request[Any], asked: OutcomeOptions, opened: OpenedSource) -> Exit:
    """Make one run and show its report."""
    from investigator.runs.batch import run_one
    from investigator.runs.investigation import new_run_id

    run_id = request.settings.run_id or new_run_id(request.question.engine)
    request = request.with_settings(run_id=run_id)
    try:
        with progress_of_run(request.settings.runs / run_id):
            outcome = run_one(request, opened)
    except KeyboardInterrupt:
        say("interrupted; `investigator runs list` shows the run, `runs resume` continues it")
        return Exit.INTERRUPTED
    shown = show_one(outcome, asked)
    _show_write_back(request, [outcome])
    return _with_unreadable(shown, opened)


def _show_write_back(request: Request[Any], outcomes: Sequence[BatchOutcome]) -> None:
    """How many annotations were written, where that was asked for, and what went wrong."""
    if not request.settings.write_back:
        return
    from investigator.runs.run_store import read_record

    ran = [outcome.run_id for outcome in outcomes if outcome.run_id is not None]
    written = [read_record(run_id, request.settings.runs) for run_id in ran]
    count = sum(len(record.writeback_ref.annotation_ids) for record in written)
    say(f"{counted(count, 'annotation')} written to {request.source}")
    for record in written:
        if record.writeback_ref.status == "partial" and record.error is not None:
            say(f"  run {record.run_id}: {record.error.message}", style="yellow")


def _investigate_all(
    request: Request[Any],
    question: TraceQuestion[Any],
    told: ToldInFile,
    asked: OutcomeOptions,
    traces: TraceChoice,
    batch: BatchOptions,
) -> Exit:
    """Run every trace of the source that passes the filter, and show all reports."""
    from investigator.runs.batch_lock import batch_lock
    from investigator.runs.continuing import options_of, remaining_of
    from investigator.runtime.budget import Budget

    options = options_of(request)  # what is bad about it is told once, not by every run
    together = changed_budget(
        Budget(),
        LimitOptions(
            max_cost_usd=batch.batch_max_cost_usd,
            max_tokens=batch.batch_max_tokens,
            max_wall_time=batch.batch_max_wall_time,
        ),
    )
    opened = open_with_progress(request.source)
    rows = _chosen(opened, traces)
    if not rows:
        count = opened.api.count_traces()
        raise UsageError(
            f"none of the {counted(count, 'trace')} of '{request.source}' {_passes(traces)}"
        )
    told.require_known(opened)
    requests = [
        replace(request, question=told.added_to(question.about(row.trace_id))) for row in rows
    ]
    with batch_lock(request.settings.runs, options, [row.trace_id for row in rows]):
        known = remaining_of(requests, opened) if batch.go_on else None
        done = run_all(requests, jobs=batch.jobs, together=together, known=known)
    left_alone = known.left_alone if known else 0
    if left_alone < len(done) and all(outcome.status is None for outcome in done):
        raise UsageError(f"no run was started: {done[0].error}")
    ended = show_all(done, asked) if done else Exit.SUCCEEDED
    _show_write_back(request, done)
    if left_alone:
        say(
            f"{left_alone:,} of {len(requests):,} left alone, another process is writing their runs"
        )
    if len(done) < len(requests):
        of = counted(len(requests), "run")
        say(f"interrupted after {len(done):,} of {of}; --continue goes on")
        return Exit.INTERRUPTED
    return _with_unreadable(ended, opened)


def run_all(
    requests: Sequence[Request[Any]],
    *,
    jobs: int | None = None,
    together: Budget | None = None,
    known: Remaining | None = None,
) -> list[BatchOutcome]:
    """The outcomes of the requests, in their order, without those that an interrupt kept back.

    `jobs` None: one a core; `together` is what all runs may use, None: unlimited.
    """
    from investigator.runs.batch import limits_left, processes, run_request, run_requests
    from investigator.runtime.budget import Budget

    allowed = together or Budget()
    outcomes = dict(known.outcomes) if known else {}
    waiting = dict(known.requests if known else enumerate(requests))
    places = list(waiting)
    ended = run_requests(
        list(waiting.values()),
        jobs=processes(jobs, len(waiting)),
        limits=limits_left(allowed.limits, list(outcomes.values())),
        seconds=allowed.wall_time_s,
        run=run_request,
    )
    with (
        progress_of_batch(len(requests), list(outcomes.values())) as tell,
        suppress(KeyboardInterrupt),
    ):
        for index, outcome in ended:
            outcomes[places[index]] = outcome
            tell(outcome)
    return [outcomes[place] for place in sorted(outcomes)]


def _only_trace(opened: OpenedSource, traces: TraceChoice) -> str:
    """The trace that is meant where none is named: the only one there is, or that was chosen."""
    rows = _chosen(opened, traces, limit=2)
    if len(rows) == 1:
        return rows[0].trace_id
    which = f" that {_passes(traces)}" if traces.narrows else ""
    found = f"no trace{which}" if not rows else f"more than one trace{which}"
    source = ", ".join(opened.paths)
    raise UsageError(
        f"{found} in '{source}': name one with --trace-id, or take every one with --all "
        f"(`investigator traces {source}` lists them)"
    )


def _chosen(
    opened: OpenedSource, traces: TraceChoice, limit: int | None = None
) -> Sequence[TraceSummary]:
    """The traces of the source in the window that pass the filter."""
    start_ns, end_ns = window_ns(traces.start, traces.end)
    return opened.api.list_traces(
        start_ns=start_ns, end_ns=end_ns, filter_expr=traces.filter_expr, limit=limit
    )


def _passes(traces: TraceChoice) -> str:
    """What is asked of a trace, for a message."""
    in_window = traces.start is not None or traces.end is not None
    asked = ["has a span in the window"] if in_window else []
    asked += ["passes the filter"] if traces.filter_expr is not None or not in_window else []
    return " and ".join(asked)


def _with_unreadable(ended: Exit, opened: OpenedSource) -> Exit:
    return gravest([ended, Exit.PARTIAL]) if left_unread(opened) else ended
