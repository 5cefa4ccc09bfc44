"""How a compliance report looks to people: a block, or a row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from investigator.cli.screen import cell, one_line, plain, print_list, print_wrapped, table
from investigator.compliance.report import ComplianceReport, ControlResult, JudgedBy, Overall
from investigator.controls.evaluate import Verdict

OVERALL_STYLES = {
    Overall.COMPLIANT: "bold green",
    Overall.NON_COMPLIANT: "bold red",
    Overall.NEEDS_REVIEW: "bold yellow",
}
VERDICT_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.INSUFFICIENT_EVIDENCE: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}
_SHOWN_AT_LENGTH = (Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE)


def print_compliance(console: Console, report: ComplianceReport) -> None:
    """A block: the verdict, what was broken or could not be seen, the rest by name."""
    console.print(_verdict(report))
    print_wrapped(console, 2, Text(plain(report.summary)))
    for verdict in _SHOWN_AT_LENGTH:
        for result in report.controls_evaluated:
            if result.pass_fail is verdict:
                _print_control(console, result)
    for verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE):
        results = [r for r in report.controls_evaluated if r.pass_fail is verdict]
        ids = [f"{r.control_id} (a model)" if _by_model(r) else r.control_id for r in results]
        if ids:
            told = Text.assemble((f"{verdict.value} ", VERDICT_STYLES[verdict]), ", ".join(ids))
            print_wrapped(console, 2, told)
    print_list(console, "gaps", report.gaps)
    console.print()


def _verdict(report: ComplianceReport) -> Text:
    return Text.assemble(
        ("trace ", "dim"),
        (one_line(report.trace_id), "bold"),
        "  ",
        (report.overall.value, OVERALL_STYLES[report.overall]),
        (f"  {report.controls_version}", "dim"),
    )


def _print_control(console: Console, result: ControlResult) -> None:
    verdict = (f"{result.pass_fail.value} ", VERDICT_STYLES[result.pass_fail])
    by = ", judged by a model" if _by_model(result) else ""
    told = f" ({result.severity.value}, confidence {result.confidence:.2f}{by})"
    print_wrapped(console, 2, Text.assemble(verdict, (result.control_id, "bold"), (told, "dim")))
    print_wrapped(console, 5, Text(one_line(result.explanation, 300)))
    if result.evidence_refs:
        evidence = ", ".join(one_line(ref.ref) for ref in result.evidence_refs)
        print_wrapped(console, 5, Text(f"evidence: {evidence}", style="dim"))
    if result.remediation is not None:
        print_wrapped(console, 5, Text(f"to do: {one_line(result.remediation, 300)}", style="dim"))


def _by_model(result: ControlResult) -> bool:
    return result.judged_by is JudgedBy.MODEL


def compliance_table(rows: Sequence[tuple[str, str, ComplianceReport | None]]) -> Table:
    """One row a run: (trace id, status, its report where it has one)."""
    grid = table(
        "trace", "run", "overall", "fail", "insufficient", "pass", "broken",
        right=("fail", "insufficient", "pass"),
    )  # fmt: skip
    for trace_id, status, report in rows:
        if report is None:
            grid.add_row(cell(trace_id), cell(status, "red"), *[cell(None)] * 5)
            continue
        counts = Counter(result.pass_fail for result in report.controls_evaluated)
        broken = [r.control_id for r in report.controls_evaluated if r.pass_fail is Verdict.FAIL]
        grid.add_row(
            cell(trace_id),
            cell(status),
            cell(report.overall.value, OVERALL_STYLES[report.overall]),
            cell(str(counts[Verdict.FAIL])),
            cell(str(counts[Verdict.INSUFFICIENT_EVIDENCE])),
            cell(str(counts[Verdict.PASS])),
            cell(", ".join(broken)),
        )
    return grid
