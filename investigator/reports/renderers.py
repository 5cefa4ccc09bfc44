"""The forms that a report can be written in, by name."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeAlias

from investigator.ground.visible import one_visible_line, visible
from investigator.reports.baseline import Baseline
from investigator.reports.run_report import RunReport

Render: TypeAlias = Callable[[Sequence[RunReport], Baseline | None], str]

_TEXT_WIDTH = 100


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """One form: what it is for, in a few words, and how reports are written in it."""

    name: str
    purpose: str
    render: Render


def _markdown(reports: Sequence[RunReport], baseline: Baseline | None) -> str:
    from investigator.reports.markdown import markdown_of

    return markdown_of(reports, baseline)


def _junit(reports: Sequence[RunReport], baseline: Baseline | None) -> str:
    from investigator.reports.junit import junit_of

    return junit_of(reports, baseline)


def _sarif(reports: Sequence[RunReport], baseline: Baseline | None) -> str:
    from investigator.reports.sarif import sarif_of

    return sarif_of(reports, version("phoenix-rlm-investigator"), baseline)


def _csv_of_traces(reports: Sequence[RunReport], _: Baseline | None) -> str:
    from investigator.reports.csv_table import csv_of
    from investigator.reports.tables import TRACE_TABLE

    return csv_of(TRACE_TABLE, reports)


def _csv_of_findings(reports: Sequence[RunReport], _: Baseline | None) -> str:
    from investigator.reports.csv_table import csv_of
    from investigator.reports.tables import FINDING_TABLE

    return csv_of(FINDING_TABLE, reports)


def _csv_of_controls(reports: Sequence[RunReport], _: Baseline | None) -> str:
    from investigator.reports.csv_table import csv_of
    from investigator.reports.tables import CONTROL_TABLE

    return csv_of(CONTROL_TABLE, reports)


def _text(reports: Sequence[RunReport], _: Baseline | None) -> str:
    from rich.console import Console

    from investigator.reports.document_text import print_document

    file = io.StringIO()
    console = Console(
        file=file, width=_TEXT_WIDTH, color_system=None, highlight=False, markup=False, emoji=False
    )
    for one in reports:
        if one.document is None:
            error = one.error or f"the run ended as {one.status}"
            console.print(f"{one_visible_line(one.subject)}: {visible(error)}\n")
        else:
            print_document(console, one.document)
    return file.getvalue()


RENDERERS = {
    one.name: one
    for one in (
        ReportFormat("markdown", "a pull request or a build's summary", _markdown),
        ReportFormat("junit", "a build server's tests (XML)", _junit),
        ReportFormat("sarif", "code scanning (SARIF 2.1.0)", _sarif),
        ReportFormat("csv", "one row a trace", _csv_of_traces),
        ReportFormat("csv-findings", "one row a finding", _csv_of_findings),
        ReportFormat("csv-controls", "one row a control", _csv_of_controls),
        ReportFormat("text", "as in the terminal", _text),
    )
}
