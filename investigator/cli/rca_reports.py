"""How an RCA report looks to people: a block, or a row of a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from investigator.cli.screen import cell, one_line, plain, print_list, print_wrapped, table
from investigator.rca.report import Finding, Outcome, RCAReport

OUTCOME_STYLES = {
    Outcome.FAILURE: "bold red",
    Outcome.NO_FAILURE: "bold green",
    Outcome.UNDETERMINED: "bold yellow",
}
_FINDINGS_SHOWN = 5


def print_rca(console: Console, report: RCAReport) -> None:
    """The report as a block: verdict, findings with their evidence, what to do, what is open."""
    console.print(_verdict(report))
    print_wrapped(console, 2, Text(plain(report.summary)))
    for number, finding in enumerate(report.findings[:_FINDINGS_SHOWN], start=1):
        _print_finding(console, number, finding)
    more = len(report.findings) - _FINDINGS_SHOWN
    if more > 0:
        print_wrapped(console, 2, Text(f"… and {more} more findings (--json has all)", style="dim"))
    print_list(console, "what to do", report.remediation)
    print_list(console, "gaps", report.gaps)
    console.print()


def _verdict(report: RCAReport) -> Text:
    verdict = report.outcome.value + (f": {report.primary_label}" if report.primary_label else "")
    return Text.assemble(
        ("trace ", "dim"),
        (one_line(report.trace_id), "bold"),
        "  ",
        (verdict, OUTCOME_STYLES[report.outcome]),
        (f"  confidence {report.confidence:.2f}", "dim"),
    )


def _print_finding(console: Console, number: int, finding: Finding) -> None:
    agent = f", agent {finding.agent}" if finding.agent else ""
    where = f" at span {finding.span_id}{agent} (confidence {finding.confidence:.2f})"
    evidence = ", ".join(one_line(ref.ref) for ref in finding.evidence_refs)
    print_wrapped(
        console, 2, Text.assemble(f"{number}. ", (finding.category, "bold"), (plain(where), "dim"))
    )
    print_wrapped(console, 5, Text(one_line(finding.description, 300)))
    print_wrapped(console, 5, Text(f"evidence: {evidence}", style="dim"))


def rca_table(rows: Sequence[tuple[str, str, RCAReport | None]]) -> Table:
    """One row a run: (trace id, status, its report where it has one)."""
    grid = table(
        "trace", "run", "outcome", "label", "began at", "confidence", right=("confidence",)
    )
    for trace_id, status, report in rows:
        if report is None:
            grid.add_row(cell(trace_id), cell(status, "red"), *[cell(None)] * 4)
            continue
        grid.add_row(
            cell(trace_id),
            cell(status),
            cell(report.outcome.value, OUTCOME_STYLES[report.outcome]),
            cell(report.primary_label),
            cell(report.findings[0].span_id if report.outcome is Outcome.FAILURE else None),
            cell(f"{report.confidence:.2f}"),
        )
    return grid
