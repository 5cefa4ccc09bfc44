"""`demo`: the bundled sample traces, investigated like any others."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import typer

from investigator.cli.exits import Exit, gravest
from investigator.cli.options import Json, RunsDir
from investigator.cli.outcomes import exit_for, print_row
from investigator.cli.reporting import Reporting
from investigator.cli.screen import say, stdout
from investigator.ground.wording import counted
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.runs.batch import BatchOutcome

DEMO_PAGE = "investigator_demo.html"


def demo(runs_dir: RunsDir = DEFAULT_RUNS_DIR, as_json: Json = False) -> None:
    """
    Investigate the bundled sample traces and print the reports.

    Nine runs of small agents, some of which went wrong: why each failed, which
    controls they break, and what happened over all of them. Needs no key and
    no network; leaves a run in the runs folder for each report, and a page of
    them all beside it.

    [bold]Examples[/]
      investigator demo
      investigator demo --json
      investigator demo --runs-dir /tmp/runs

    [bold]Exit codes[/]
      0 succeeded · 3 partial · 4 failed · 5 a defect · 130 interrupted
    """
    from investigator.cli.investigating import run_all
    from investigator.cli.source_reading import open_with_progress
    from investigator.runs.engines import BUILT_IN_ENGINES, engine_named
    from investigator.runs.settings import Request, Settings
    from investigator.samples import SAMPLE_TRACES

    source, settings = str(SAMPLE_TRACES), Settings(runs_dir=runs_dir)
    ids = [row.trace_id for row in open_with_progress(source).api.list_traces()]
    engines = [engine_named(name) for name in BUILT_IN_ENGINES]
    questions = [
        engine.question.model_validate(about)
        for engine in engines
        for about in ([{"trace_id": one} for one in ids] if engine.is_of_one_trace else [{}])
    ]
    requests = [Request(source, question, settings) for question in questions]
    outcomes = run_all(requests)
    _show(outcomes, as_json=as_json)
    page = runs_dir.parent / DEMO_PAGE
    Reporting((("html", page),), runs_dir=runs_dir).write(outcomes)
    say(f"{counted(len(outcomes), 'run')} in {runs_dir}; `investigator runs list` shows them")
    say(f"a page of them: {page}")
    if len(outcomes) < len(requests):
        raise typer.Exit(Exit.INTERRUPTED)
    raise typer.Exit(gravest(exit_for(outcome, outcome.report) for outcome in outcomes))


def _show(outcomes: list[BatchOutcome], *, as_json: bool) -> None:
    """Reports as blocks, but a table where another engine told of the same traces before."""
    from investigator.reports.document_text import overview_table, print_document
    from investigator.reports.screen_pieces import print_table
    from investigator.runs.engines import engine_named

    for name, group in groupby(outcomes, key=lambda outcome: outcome.engine):
        engine, told = engine_named(name), list(group)
        if as_json:
            for outcome in told:
                print_row(outcome, outcome.report)
        elif engine.is_of_one_trace and name != outcomes[0].engine:
            rows = [(o.subject, o.status or "not started", o.report) for o in told]
            console = stdout()
            print_table(console, overview_table(engine.overview, rows, signs=console.is_terminal))
            console.print()
        else:
            for report in (outcome.report for outcome in told):
                if report is not None:
                    print_document(stdout(), engine.document(report))
