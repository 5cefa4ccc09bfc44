"""Tables and reports as they are seen: 80 and 140 columns wide, and in a pipe.

Ids and times are never split; off a terminal a row is one line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from investigator import RCA, Compliance, Incident, Settings, investigate
from investigator.claims.report import Report
from investigator.reports.document_text import overview_table, print_document
from investigator.reports.screen_pieces import print_table
from investigator.runs.engines import engine_named
from investigator.samples import SAMPLE_TRACES

GOLDEN = Path(__file__).parent / "golden"
ASKED = ("617fdb16cf685c234f3ef3cfbe54acd9", "e185ad49328d9d74a0d44c56d78b59c0")
WIDTHS = [("80", 80), ("140", 140), ("pipe", None)]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Report]]:
    """Reports by engine: two of single traces, one of the window."""
    settings = Settings(runs_dir=tmp_path_factory.mktemp("runs"))
    questions = [
        *(RCA(trace_id=one) for one in ASKED),
        *(Compliance(trace_id=one) for one in ASKED),
        Incident(),
    ]
    found: dict[str, list[Report]] = {}
    for question in questions:
        report = investigate(str(SAMPLE_TRACES), question, settings).report
        assert isinstance(report, Report)
        found.setdefault(question.engine, []).append(report)
    return found


def console(width: int | None) -> Console:
    """A terminal of that width; None: a pipe, as the command line has it."""
    return Console(
        file=io.StringIO(),
        width=width or 120,
        force_terminal=width is not None,
        color_system=None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def shown_on(made: Console) -> str:
    """What it shows, without blanks at the ends of lines."""
    assert isinstance(made.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in made.file.getvalue().splitlines())


def whole(text: str) -> None:
    """Assert that each id that stands in a text stands there whole."""
    for trace_id in ASKED:
        beginnings = len(re.findall(trace_id[:6], text))
        assert beginnings == len(re.findall(trace_id, text)) > 0


@pytest.mark.parametrize(("name", "width"), WIDTHS)
def test_golden_tables(
    reports: dict[str, list[Report]],
    golden: Callable[[Path, str], None],
    name: str,
    width: int | None,
) -> None:
    """A row a run of each engine, and runs that have no report."""
    made = console(width)
    for engine in ("rca", "compliance"):
        rows: list[tuple[str, str, Report | None]] = [
            (subject, "succeeded", report)
            for subject, report in zip(ASKED, reports[engine], strict=True)
        ]
        rows.append(("f" * 32, "failed", None))
        print_table(
            made, overview_table(engine_named(engine).overview, rows, signs=width is not None)
        )
        made.print()
    text = shown_on(made)
    whole(text)
    if width is None:
        assert len(text.splitlines()) == 2 * (1 + 3 + 1)
    else:
        assert all(len(line) <= width for line in text.splitlines())
    golden(GOLDEN / f"tables_{name}.txt", text)


@pytest.mark.parametrize(("name", "width"), WIDTHS)
def test_golden_reports(
    reports: dict[str, list[Report]],
    golden: Callable[[Path, str], None],
    name: str,
    width: int | None,
) -> None:
    """One of each engine."""
    made = console(width)
    for engine, found in reports.items():
        print_document(made, engine_named(engine).document(found[0]))
    text = shown_on(made)
    assert ASKED[0] in text
    assert all(len(line) <= (width or 120) for line in text.splitlines())
    golden(GOLDEN / f"reports_{name}.txt", text)
