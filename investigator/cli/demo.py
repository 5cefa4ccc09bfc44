"""`demo`: the bundled sample traces, investigated like any others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from investigator.cli.exits import Exit, gravest
from investigator.cli.options import DEFAULT_RUNS_DIR, Json, RunsDir
from investigator.cli.outcomes import exit_for, print_row, report_of
from investigator.cli.screen import say, stdout

if TYPE_CHECKING:
    from investigator.runs.batch import Outcome
    from investigator.runs.questions import Question


def demo(runs_dir: RunsDir = DEFAULT_RUNS_DIR, as_json: Json = False) -> None:
    """
    Investigate the bundled sample traces and print the reports.

    Nine runs of small agents, some of which went wrong: why each failed, which
    controls they break, and what happened over all of them. Needs no key and
    no network; leaves a run in the runs folder for each report.

    [bold]Examples[/]
      investigator demo
      investigator demo --json
      investigator demo --runs-dir /tmp/runs

    [bold]Exit codes[/]
      0 succeeded · 3 partial · 4 failed · 5 a defect · 130 interrupted
    """
    from investigator.cli.investigating import run_tasks
    from investigator.cli.reading import open_source
    from investigator.runs.batch import Task
    from investigator.runs.questions import ComplianceQuestion, IncidentQuestion, RCAQuestion
    from investigator.runtime.budget import DEFAULT_BUDGETS
    from investigator.samples import SAMPLE_TRACES

    ids = [row.trace_id for row in open_source([str(SAMPLE_TRACES)]).api.list_traces()]
    questions: list[Question] = [
        *(RCAQuestion(trace_id=trace_id) for trace_id in ids),
        *(ComplianceQuestion(trace_id=trace_id) for trace_id in ids),
        IncidentQuestion(),
    ]
    tasks = [
        Task(
            source=(str(SAMPLE_TRACES),),
            question=question,
            budget=DEFAULT_BUDGETS[question.engine],
            concurrency=8,
            runs_dir=runs_dir,
            run_id=None,
        )
        for question in questions
    ]
    outcomes = run_tasks(tasks)
    _show(outcomes, as_json=as_json)
    say(f"{len(outcomes):,} runs in {runs_dir}; `investigator runs list` shows them")
    if len(outcomes) < len(tasks):
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(gravest(exit_for(outcome, report_of(outcome)) for outcome in outcomes))


def _show(outcomes: list[Outcome], *, as_json: bool) -> None:
    """The reports as blocks, those of compliance as a table."""
    from investigator.cli.reports import print_report, reports_table

    table = [o for o in outcomes if o.engine == "compliance" and not as_json]
    for outcome in outcomes:
        report = report_of(outcome)
        if as_json:
            print_row(outcome, report)
        elif outcome is (table[-1] if table else None):
            rows = [(o.subject, o.status or "not started", report_of(o)) for o in table]
            stdout().print(reports_table("compliance", rows))
            stdout().print()
        elif report is not None and outcome not in table:
            print_report(stdout(), report)
