"""The forms that a report can be written in, by name."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, TypeAlias

from investigator.ground.visible import one_visible_line, visible
from investigator.reports.baseline import Baseline
from investigator.reports.run_report import RunReport
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR


class Rendering(NamedTuple):
    """What a form may use besides the reports: what is known already, and where their runs lie."""

    baseline: Baseline | None = None
    runs_dir: Path = DEFAULT_RUNS_DIR
    cache_dir: Path | None = None


PLAIN = Rendering()
Render: TypeAlias = Callable[[Sequence[RunReport], Rendering], str]

_TEXT_WIDTH = 100


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """One form: what it is for, in a few words, and how reports are written in it."""

    name: str
    purpose: str
    render: Render


def _html(reports: Sequence[RunReport], by: Rendering) -> str:
    from investigator.reports.html_page import html_of
    from investigator.reports.run_page import page_of

    return html_of(
        reports,
        lambda one: page_of(one, by.runs_dir, by.cache_dir),
        version=version("phoenix-rlm-investigator"),
    )


def _markdown(reports: Sequence[RunReport], by: Rendering) -> str:
    from investigator.reports.markdown import markdown_of

    return markdown_of(reports, by.baseline)


def _junit(reports: Sequence[RunReport], by: Rendering) -> str:
    from investigator.reports.junit import junit_of

    return junit_of(reports, by.baseline)


def _sarif(reports: Sequence[RunReport], by: Rendering) -> str:
    from investigator.reports.sarif import sarif_of

    return sarif_of(reports, version("phoenix-rlm-investigator"), by.baseline)


def _csv_of_traces(reports: Sequence[RunReport], _: Rendering) -> str:
    from investigator.claims.tables import TRACE_TABLE
    from investigator.reports.csv_table import csv_of

    return csv_of(TRACE_TABLE, reports)


def _csv_of_findings(reports: Sequence[RunReport], _: Rendering) -> str:
    from investigator.claims.tables import FINDING_TABLE
    from investigator.reports.csv_table import csv_of

    return csv_of(FINDING_TABLE, reports)


def _csv_of_controls(reports: Sequence[RunReport], _: Rendering) -> str:
    from investigator.claims.tables import CONTROL_TABLE
    from investigator.reports.csv_table import csv_of

    return csv_of(CONTROL_TABLE, reports)


def _text(reports: Sequence[RunReport], _: Rendering) -> str:
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
        ReportFormat("html", "a page that opens offline", _html),
        ReportFormat("markdown", "a pull request or a build's summary", _markdown),
        ReportFormat("junit", "a build server's tests (XML)", _junit),
        ReportFormat("sarif", "code scanning (SARIF 2.1.0)", _sarif),
        ReportFormat("csv", "one row a trace", _csv_of_traces),
        ReportFormat("csv-findings", "one row a finding", _csv_of_findings),
        ReportFormat("csv-controls", "one row a control", _csv_of_controls),
        ReportFormat("text", "as in the terminal", _text),
    )
}
