"""With `--freeze` a run keeps what it read, and goes on being all that it was with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Incident, Settings, investigate, replay_run, verify_run
from investigator.errors import SourceUnavailable
from investigator.inspection.engine import Question
from investigator.reports.run_page import page_of
from investigator.reports.stored_reports import reported_in
from investigator.runs.freezing import INPUT_FILE
from investigator.runs.trace_evidence import shown_in_run
from tests.otlp import TRACE, hex_id, otlp_file, otlp_span, tool_span

FAILED = hex_id(2)


def run_over(folder: Path, question: Question[Any], *, freeze: bool | None) -> Path:
    """A run, `run`, over a file that is deleted after it."""
    spans = (otlp_span(1, kind="AGENT"), tool_span(2, 1, error="TimeoutError: no answer"))
    source = otlp_file(folder / "trace.json", *spans)
    settings = Settings(run_id="run", runs_dir=folder, cache_dir=folder / "cache", freeze=freeze)
    assert investigate(source, question, settings).report is not None
    source.unlink()
    return folder


@pytest.mark.parametrize("question", [RCA(), Incident()])
def test_a_run_that_kept_what_it_read_needs_its_source_no_more(
    tmp_path: Path, question: Question[Any]
) -> None:
    """It is verified, replayed, shown, and its page has the trace; the copy is private."""
    runs = run_over(tmp_path, question, freeze=True)
    assert (runs / "run" / INPUT_FILE).stat().st_mode & 0o777 == 0o600
    found = verify_run("run", runs, cache_dir=tmp_path / "cache")
    assert found.problems == found.unchecked == ()
    assert replay_run("run", runs, cache_dir=tmp_path / "cache").identical
    assert shown_in_run(FAILED, "run", runs, None).title == f"span {FAILED}"
    detail = page_of(reported_in(["run"], runs)[0], runs, tmp_path / "cache").detail
    assert detail is not None
    assert (detail.trace is None) == isinstance(question, Incident)
    assert detail.why_no_trace is None


@pytest.mark.parametrize("freeze", [None, False])
def test_a_run_over_a_file_keeps_no_copy_unless_it_is_told_to(
    tmp_path: Path, freeze: bool | None
) -> None:
    """What its report quotes is still shown as that; of the rest it is said why not."""
    runs = run_over(tmp_path, RCA(), freeze=freeze)
    assert not (runs / "run" / INPUT_FILE).exists()
    shown = shown_in_run(f"span:{FAILED}", "run", runs, None)
    assert "no answer" in shown.passages[0].text
    assert shown.trace_id == TRACE
    assert "cannot be read" in dict(shown.facts)["source"]
    with pytest.raises(SourceUnavailable, match="kept no copy"):
        shown_in_run("span:other", "run", runs, None)
    detail = page_of(reported_in(["run"], runs)[0], runs, tmp_path / "cache").detail
    assert detail is not None
    assert "cannot be read any more" in (detail.why_no_trace or "")
