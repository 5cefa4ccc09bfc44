"""The page opens offline, asks for nothing, runs nothing, and shows the run beside its report."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from investigator import RCA, Compliance, Incident, Settings, investigate
from investigator.ground.redaction import Redactor
from investigator.readings.reading import Readings
from investigator.reports.page_trace import PageTrace
from investigator.reports.renderers import RENDERERS, Rendering
from investigator.reports.run_page import first_advice
from investigator.reports.run_report import RunReport
from investigator.reports.stored_reports import reported_in
from investigator.samples import SAMPLE_TRACES
from investigator.traces.model import SpanKind, Trace
from tests.builders import span
from tests.reports.hostile import HOSTILE, failed_report, hostile_report

FAILED = "617fdb16cf685c234f3ef3cfbe54acd9"


class Page(HTMLParser):
    """The elements, ids and links of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "action", "data", "xlink:href"):
                self.links.add(value or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[RunReport, ...]]:
    """One run of each engine."""
    settings = Settings(runs_dir=tmp_path_factory.mktemp("runs"))
    asked = (RCA(trace_id=FAILED), Compliance(trace_id=FAILED), Incident())
    ran = [investigate(str(SAMPLE_TRACES), one, settings).run_id for one in asked]
    return settings.runs, reported_in(ran, settings.runs)


def made(reports: tuple[RunReport, ...], runs_dir: Path) -> str:
    """The page of these reports."""
    return RENDERERS["html"].render(reports, Rendering(runs_dir=runs_dir))


def test_it_allows_itself_one_style_and_nothing_else(
    runs: tuple[Path, tuple[RunReport, ...]],
) -> None:
    """No script, no request: the policy names the hash of the style that is there."""
    page = made(runs[1], runs[0])
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    seen = Page(page)
    assert not seen.tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not [name for name in seen.attributes if name.startswith("on") or name == "style"]
    assert all(link.startswith("#") for link in seen.links)


def test_every_link_leads_somewhere_and_no_id_stands_twice(
    runs: tuple[Path, tuple[RunReport, ...]],
) -> None:
    """From a finding to the steps of its path, from evidence to its step, from the table down."""
    for reports in (runs[1], runs[1][:1]):
        seen = Page(made(reports, runs[0]))
        assert len(seen.ids) == len(set(seen.ids))
        assert {link[1:] for link in seen.links} <= set(seen.ids)
    one = Page(made(runs[1][:1], runs[0]))
    assert "#r1-step-3" in one.links


@pytest.mark.parametrize("place", range(3))
def test_each_engine_says_verdict_evidence_and_how_to_check_it(
    runs: tuple[Path, tuple[RunReport, ...]], place: int
) -> None:
    """What a reader wants first stands first."""
    report = runs[1][place]
    page = made((report,), runs[0])
    assert report.document is not None
    text = "".join(Page(page).text)
    first = [] if first_advice(report) is None else ["To do first"]
    wanted = [report.document.verdict.text or "", *first, f"runs verify {report.run_id}"]
    assert [text.index(one) for one in wanted] == sorted(text.index(one) for one in wanted)


def test_a_trace_that_is_gone_leaves_the_excerpts(tmp_path: Path) -> None:
    """And the page says so."""
    source = tmp_path / "traces"
    source.mkdir()
    for file in SAMPLE_TRACES.iterdir():
        (source / file.name).write_bytes(file.read_bytes())
    settings = Settings(runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache")
    ran = investigate(str(source), RCA(trace_id=FAILED), settings)
    for file in source.iterdir():
        file.unlink()
    page = made(reported_in([ran.run_id], settings.runs), settings.runs)
    assert "cannot be read any more" in page
    assert "day is out of range for month" in page


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_of_a_trace_makes_an_element(text: str) -> None:
    """The page has the elements and attributes that it has for a harmless text."""
    calm = Page(made((hostile_report("x"), failed_report("x")), Path("nowhere")))
    seen = Page(made((hostile_report(text), failed_report(text)), Path("nowhere")))
    assert seen.tags == calm.tags
    assert seen.attributes == calm.attributes
    assert seen.links == calm.links


def test_ten_thousand_spans_fit_and_the_failed_ones_stay() -> None:
    """Of more than that the first are shown, and those that failed or are cited."""
    spans = [span(f"s{n}", kind=SpanKind.TOOL, start_ms=n, end_ms=n + 1) for n in range(10_050)]
    trace = PageTrace(Readings(Trace("t", spans), Redactor()), {"span:s10049": (1,)})
    assert len(trace.spans) == 10_000
    assert trace.spans_left == 50
    assert trace.spans[-1].span_id == "s10049"
    assert trace.spans[-1].cited_by == (1,)


def test_a_long_conversation_is_cut_with_what_is_left() -> None:
    """Every step has its line; its text is cut where the page would become slow."""
    spans = [
        span("a", kind=SpanKind.LLM, attributes={"output.value": "x" * 50_000, "input.value": "hi"})
    ]
    (step, *_) = PageTrace(Readings(Trace("t", spans), Redactor()), {}).steps[::-1]
    assert step.texts[0].left == 50_000 - len(step.texts[0].text)
