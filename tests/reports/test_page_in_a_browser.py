"""Pages in a browser: nothing on the console, no request, nothing that a trace wrote runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from investigator import RCA, Compliance, Incident, Settings, investigate
from investigator.reports.renderers import RENDERERS, Rendering
from investigator.reports.run_report import RunReport
from investigator.reports.stored_reports import reported_in
from investigator.samples import SAMPLE_TRACES
from tests.reports.hostile import HOSTILE, hostile_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
FAILED = "617fdb16cf685c234f3ef3cfbe54acd9"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here to open pages in"),
]


def opened(page: str, folder: Path) -> tuple[str, str, set[str]]:
    """The page as a browser has it, what stood on its console, and what it asked for."""
    file, log = folder / "page.html", folder / "net.json"
    file.write_text(page, encoding="utf-8")
    asked = [
        *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu"),
        *("--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}"),
        *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
        *(f"--log-net-log={log}", "--dump-dom", file.as_uri()),
    ]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True)
    said = "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line)
    return ended.stdout, said, _requested(log)


def _requested(log: Path) -> set[str]:
    """The addresses that were asked for on a page's behalf, by the browser's own log."""
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    urls = {event.get("params", {}).get("url", "") for event in events}
    initiated = {
        event.get("params", {}).get("url", "")
        for event in events
        if event.get("params", {}).get("initiator", "not an origin").startswith("file")
    }
    return {url for url in urls & initiated if url}


def page_of(reports: tuple[RunReport, ...], runs_dir: Path) -> str:
    """The page of some reports."""
    return RENDERERS["html"].render(reports, Rendering(runs_dir=runs_dir))


def test_pages_of_each_engine_open_without_a_word_or_a_request(tmp_path: Path) -> None:
    """One of all three, and they are whole."""
    settings = Settings(runs_dir=tmp_path / "runs")
    asked = (RCA(trace_id=FAILED), Compliance(trace_id=FAILED), Incident())
    ran = [investigate(str(SAMPLE_TRACES), one, settings).run_id for one in asked]
    dom, said, requests = opened(page_of(reported_in(ran, settings.runs), settings.runs), tmp_path)
    assert (said, requests) == ("", set())
    assert f"runs verify {ran[0]}" in dom


def test_what_a_trace_wrote_does_not_run(tmp_path: Path) -> None:
    """A hundred hostile texts, in every field: no script, no image, no style of theirs."""
    reports = tuple(hostile_report(text) for text in HOSTILE)
    dom, said, requests = opened(page_of(reports, tmp_path), tmp_path)
    assert (said, requests) == ("", set())
    assert "<script" not in dom
    assert "<img" not in dom
