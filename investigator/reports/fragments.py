"""Reports in a notebook: a fragment of HTML of the pieces that pages are made of.

It has no script and asks for nothing, its style touches nothing outside of it, and whatever a trace
says in it is text.
"""

from __future__ import annotations

from collections.abc import Sequence

from investigator.claims.report import Report
from investigator.reports.html_page import fragment_of
from investigator.reports.run_report import RunReport
from investigator.reports.stored_reports import reported_alone, reported_outcome, reported_run
from investigator.runs.batch import BatchOutcome
from investigator.runs.engines import engine_named, engine_names
from investigator.runs.investigation import RunResult


def report_html(report: Report) -> str:
    """A report by itself."""
    engines = (engine_named(name) for name in engine_names())
    engine = next((one for one in engines if isinstance(report, one.report)), None)
    if engine is None:
        return fragment_of([RunReport(engine=type(report).__name__, subject=report.verdict)])
    return fragment_of([reported_alone(engine, report)])


def result_html(result: RunResult[Report]) -> str:
    """A run with its report, or with why it has none."""
    return fragment_of([reported_run(result.record, result.report)])


def outcome_html(outcome: BatchOutcome) -> str:
    """One run of a batch."""
    return fragment_of([reported_outcome(outcome)])


def outcomes_html(outcomes: Sequence[BatchOutcome]) -> str:
    """A batch as a table, a row a run."""
    return fragment_of([reported_outcome(one) for one in outcomes], as_table=True)
