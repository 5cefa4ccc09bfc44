"""What became of runs, shown to people or to programs, and what the process says about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from investigator.cli.exits import Exit, gravest
from investigator.cli.reporting import NO_REPORTING, Reporting
from investigator.cli.screen import print_json, say, stdout
from investigator.ground.canonical_json import JsonValue
from investigator.ground.files import write_target
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from investigator.claims.report import Report
    from investigator.runs.batch import BatchOutcome


@dataclass(frozen=True, slots=True)
class OutcomeOptions:
    """How the user wants to be told; verdicts of `fail_on` make the command exit with 1."""

    output: Path | None = None
    fail_on: tuple[str, ...] = ()
    as_json: bool = False
    reporting: Reporting = NO_REPORTING


def show_one(outcome: BatchOutcome, asked: OutcomeOptions) -> Exit:
    """One run: its report as a block, or one JSON object."""
    from investigator.reports.document_text import print_document
    from investigator.runs.engines import engine_named

    report = outcome.report
    if asked.as_json:
        print_row(outcome, report)
    elif report is not None:
        print_document(stdout(), engine_named(outcome.engine).document(report))
    write_reports([outcome], asked.output)
    asked.reporting.write([outcome])
    status = outcome.status.value if outcome.status is not None else "not started"
    say(f"run {outcome.run_id}: {status}" + (f", {outcome.error}" if outcome.error else ""))
    return exit_for(outcome, report, asked.fail_on, asked.reporting)


def show_all(outcomes: Sequence[BatchOutcome], asked: OutcomeOptions) -> Exit:
    """A batch: one row a run, or one JSON object a line, and a count on stderr."""
    from investigator.reports.document_text import overview_table
    from investigator.reports.screen_pieces import print_table
    from investigator.runs.engines import engine_named

    reports = [outcome.report for outcome in outcomes]
    told = list(zip(outcomes, reports, strict=True))
    if asked.as_json:
        for outcome, report in told:
            print_row(outcome, report)
    else:
        rows = [(o.subject, _status(o), r) for o, r in told]
        console, overview = stdout(), engine_named(outcomes[0].engine).overview
        print_table(console, overview_table(overview, rows, signs=console.is_terminal))
    write_reports(outcomes, asked.output)
    asked.reporting.write(outcomes)
    for outcome in outcomes:
        if outcome.error:
            say(f"{outcome.subject}: {outcome.error}", style="yellow")
    say(_count(outcomes, reports))
    return gravest(exit_for(one, report, asked.fail_on, asked.reporting) for one, report in told)


def exit_for(
    outcome: BatchOutcome,
    report: Report | None,
    fail_on: Sequence[str] = (),
    reporting: Reporting = NO_REPORTING,
) -> Exit:
    """What one run means for the exit code; what a baseline knows crosses no threshold."""
    from investigator.runtime.status import ErrorCode

    if outcome.error_code is ErrorCode.UNEXPECTED_RUNTIME_ERROR:
        return Exit.DEFECT
    match _status(outcome):
        case "succeeded":
            crossed = report is not None and report.verdict in fail_on
            crossed = crossed and reporting.is_new(outcome)
            return Exit.THRESHOLD if crossed else Exit.SUCCEEDED
        case "failed":
            return Exit.FAILED
        case _:
            return Exit.PARTIAL


def write_reports(outcomes: Sequence[BatchOutcome], path: Path | None) -> None:
    """One report a line, in the order of the traces."""
    if path is None:
        return
    reports = [report for outcome in outcomes if (report := outcome.report) is not None]
    text = "".join(report.model_dump_json() + "\n" for report in reports)
    write_target(path, text.encode())


def _status(outcome: BatchOutcome) -> str:
    return "not started" if outcome.status is None else outcome.status.value


def print_row(outcome: BatchOutcome, report: Report | None) -> None:
    """One run as one JSON object on a line of stdout."""
    from investigator.runs.batch import WHOLE_WINDOW

    row: dict[str, JsonValue] = {
        "engine": outcome.engine,
        "trace_id": None if outcome.subject == WHOLE_WINDOW else outcome.subject,
        "run_id": outcome.run_id,
        "run_dir": None if outcome.run_dir is None else str(outcome.run_dir),
        "status": _status(outcome),
        "error": outcome.error,
        "report": None if report is None else report.model_dump(mode="json"),
    }
    print_json(row)


def _count(outcomes: Sequence[BatchOutcome], reports: Sequence[Report | None]) -> str:
    statuses = Counter(_status(outcome) for outcome in outcomes)
    found = Counter(report.verdict for report in reports if report is not None)
    parts = [", ".join(f"{n:,} {name}" for name, n in tally.items()) for tally in (statuses, found)]
    return f"{counted(len(outcomes), 'run')}: " + " · ".join(part for part in parts if part)
