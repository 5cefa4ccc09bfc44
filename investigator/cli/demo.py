"""`demo`: the bundled sample traces, investigated like any others."""

from __future__ import annotations

import typer

from investigator.cli.exits import Exit, gravest
from investigator.cli.options import DEFAULT_RUNS_DIR, Json, RunsDir
from investigator.cli.outcomes import exit_for, print_row, report_of
from investigator.cli.screen import say, stdout


def demo(runs_dir: RunsDir = DEFAULT_RUNS_DIR, as_json: Json = False) -> None:
    """
    Investigate the bundled sample traces and print the reports.

    Nine runs of small agents, some of which went wrong. Needs no key and no
    network; leaves one run in the runs folder for each.

    [bold]Examples[/]
      investigator demo
      investigator demo --json
      investigator demo --runs-dir /tmp/runs

    [bold]Exit codes[/]
      0 succeeded · 3 partial · 4 failed · 130 interrupted
    """
    from investigator.batch import Task
    from investigator.cli.investigating import BatchOptions, run_tasks
    from investigator.cli.reading import open_source
    from investigator.cli.reports import print_report
    from investigator.runtime.budget import DEFAULT_BUDGETS
    from investigator.samples import SAMPLE_TRACES

    rows = open_source([str(SAMPLE_TRACES)]).api.list_traces()
    tasks = [
        Task(
            source=(str(SAMPLE_TRACES),),
            trace_id=row.trace_id,
            taxonomy="default",
            budget=DEFAULT_BUDGETS["rca"],
            concurrency=8,
            runs_dir=runs_dir,
            run_id=None,
        )
        for row in rows
    ]
    outcomes = run_tasks(tasks, BatchOptions())
    told = [(outcome, report_of(outcome)) for outcome in outcomes]
    for outcome, report in told:
        if as_json:
            print_row(outcome, report)
        elif report is not None:
            print_report(stdout(), report)
    say(f"{len(outcomes):,} runs in {runs_dir}; `investigator runs list` shows them")
    if len(outcomes) < len(tasks):
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(gravest(exit_for(outcome, report, None) for outcome, report in told))
