"""In a notebook a result, a report and a batch are shown, and nothing that a trace says runs."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from investigator import (
    RCA,
    Compliance,
    Incident,
    ProgressLine,
    Request,
    RunProgress,
    Settings,
    UsageError,
    investigate,
    run_batch,
)
from investigator.claims.report import Report
from investigator.claims.tables import CONTROL_TABLE, FINDING_TABLE, TRACE_TABLE, TableSchema
from investigator.reports.batch_tables import Batch
from investigator.runs.batch import outcome_of
from investigator.samples import SAMPLE_TRACES
from tests.builders import exception_event, span

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"></style></div>{{ 7*7 }}\u202e'
ALLOWED = {
    *("div", "style", "header", "section", "h1", "h2", "h3", "p", "b", "br", "span", "code"),
    *("figure", "figcaption", "svg", "title", "g", "rect", "line", "path", "circle", "text"),
    *("blockquote", "ol", "ul", "li", "a", "table", "thead", "tbody", "tr", "td", "th"),
}

DRAWN = {
    *("viewbox", "width", "height", "role", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r"),
    *("rx", "ry", "d", "points", "transform", "text-anchor"),
}
"""What a figure of lines and bars is made of: nothing that runs or loads."""


class Tags(HTMLParser):
    """What a browser would make of a fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def require_safe(fragment: str) -> None:
    """It has pieces of pages alone, closes what it opens, and loads nothing."""
    found = Tags(fragment)
    assert found.open == []
    assert found.tags <= ALLOWED
    assert found.attributes <= {"class", "id", "href", "aria-label", *DRAWN}
    assert "url(" not in fragment
    assert "http" not in fragment.partition("</style>")[0]


@pytest.mark.parametrize("question", [RCA(), Compliance(), Incident()], ids=lambda q: q.engine)
def test_hostile_texts_are_shown_as_text(question: Any, tmp_path: Path) -> None:
    """In the name, the error, the messages and the answer of what is investigated."""
    given = [
        span("a", kind="AGENT", name=HOSTILE, attributes={"output.value": HOSTILE}),
        span(
            "b",
            parent="a",
            kind="TOOL",
            name=HOSTILE,
            status="ERROR",
            message=HOSTILE,
            events=[exception_event("ValueError", HOSTILE)],
        ),
    ]
    settings = Settings(runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache")
    result = investigate(given, question, settings)
    assert isinstance(result.report, Report)
    for shown in (result._repr_html_(), result.report._repr_html_()):
        require_safe(shown)
        assert "49" not in shown
        assert "\u202e" not in shown
    require_safe(outcome_of(result)._repr_html_())


def test_a_run_without_a_report_says_why(tmp_path: Path) -> None:
    """In the place of the report."""
    result = investigate(
        SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, run_id="one")
    )
    failed = outcome_of(result)._repr_html_()
    assert "one" in failed
    assert "tool_failure" in failed


def test_progress_is_told_until_the_end(tmp_path: Path) -> None:
    """To whoever listens, and as one line in a notebook."""
    told: list[RunProgress] = []
    settings = Settings(runs_dir=tmp_path)
    investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), settings, on_progress=told.append)
    assert told[-1].ended
    assert told[-1].turns > 0
    assert told[-1].scopes == told[-1].scopes_ended
    assert [one.events for one in told] == sorted(one.events for one in told)

    shown: list[RunProgress] = []

    class Handle:
        def update(self, value: RunProgress) -> None:
            shown.append(value)

    def display(value: RunProgress, *, display_id: bool) -> Handle:
        assert display_id
        shown.append(value)
        return Handle()

    line = ProgressLine(display)
    for one in told:
        line(one)
    assert shown == told
    assert told[-1].text in told[-1]._repr_html_()
    ProgressLine()(told[-1])


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Two runs of two engines, and one that could not begin."""
    runs = tmp_path_factory.mktemp("runs")
    settings = Settings(runs_dir=runs)
    questions = [RCA(trace_id=TRIP), Compliance(trace_id=TRIP), RCA(trace_id="none-such")]
    return run_batch([Request(str(SAMPLE_TRACES), one, settings) for one in questions], jobs=1)


@pytest.mark.slow
@pytest.mark.parametrize("table", [TRACE_TABLE, FINDING_TABLE, CONTROL_TABLE], ids=lambda t: t.name)
def test_a_batch_is_a_table_with_the_columns_of_the_reports(
    batch: Batch, table: TableSchema
) -> None:
    """The same in pandas and in Arrow, whose types do not hang on what the rows hold."""
    frame, arrow = batch.to_pandas(table.name), batch.to_arrow(table.name)
    assert tuple(frame.columns) == tuple(arrow.column_names) == table.columns
    assert len(frame) == arrow.num_rows
    assert str(arrow.schema.field("run_id").type) == "string"
    if table is TRACE_TABLE:
        assert list(frame["verdict"])[:2] == ["failure", "compliant"]
        assert frame["began_step"].tolist()[0] == 3
        assert frame["began_step"].isna().tolist()[1:] == [True, True]
        assert "none-such" in frame["error"][2]
        assert str(arrow.schema.field("confidence").type) == "double"
    empty = Batch(iter(()))
    assert empty.to_arrow(table.name).schema == arrow.schema
    assert tuple(empty.to_pandas(table.name).columns) == table.columns


@pytest.mark.slow
def test_a_batch_is_shown_as_a_table(batch: Batch) -> None:
    """A row a run, also where there is no report."""
    shown = batch._repr_html_()
    require_safe(shown)
    assert shown.count("<tr>") == 4
    assert [place for place, _ in batch] == []
    assert len(batch.outcomes) == 3


def test_a_table_that_there_is_not_is_told() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="traces, findings, controls"):
        Batch(iter(())).to_pandas("trace")
