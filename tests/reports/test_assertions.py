"""A test of an agent fails where its trace does, and says why in its message."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator import (
    RCA,
    Compliance,
    Settings,
    TraceNotFound,
    assert_no_failure,
    investigate,
    list_runs,
)
from investigator.reports.baseline import baseline_of, write_baseline
from investigator.reports.stored_reports import reported_in
from investigator.runs.sources import open_source
from investigator.samples import SAMPLE_TRACES

FAILED, HEALTHY = "617fdb16cf685c234f3ef3cfbe54acd9", "expense-check-chat"
BOTH = "b1e0715b656f650ae4c364eeb55be310"
"""It failed, and broke a control."""


def test_a_healthy_trace_passes_whatever_it_is_given_as() -> None:
    """A source with the trace's id, the trace, its spans."""
    trace = open_source(str(SAMPLE_TRACES)).api.get_trace(HEALTHY)
    assert_no_failure(str(SAMPLE_TRACES), trace_id=HEALTHY)
    assert_no_failure(trace)
    assert_no_failure(iter(trace.spans))


def test_a_failed_trace_fails_the_test_with_the_report() -> None:
    """The message says what went wrong where, and what to do."""
    with pytest.raises(AssertionError, match="day is out of range for month") as failed:
        assert_no_failure(SAMPLE_TRACES, trace_id=FAILED)
    assert "what to do" in str(failed.value)


def test_a_trace_that_is_not_there_is_no_pass() -> None:
    """As everywhere."""
    with pytest.raises(TraceNotFound):
        assert_no_failure(SAMPLE_TRACES, trace_id="nope")


def test_a_broken_control_fails_the_test_unless_it_is_known(tmp_path: Path) -> None:
    """With `controls`; what a baseline knows fails no test."""
    settings = Settings(runs_dir=tmp_path / "runs")
    questions = (RCA(trace_id=BOTH), Compliance(trace_id=BOTH))
    ran = [investigate(str(SAMPLE_TRACES), one, settings).run_id for one in questions]
    failure, breach = reported_in(ran, settings.runs)
    known = tmp_path / "baseline.json"
    write_baseline(known, baseline_of(failure.failing))
    assert_no_failure(SAMPLE_TRACES, trace_id=BOTH, baseline=known)
    with pytest.raises(AssertionError, match="non_compliant"):
        assert_no_failure(SAMPLE_TRACES, trace_id=BOTH, controls="controls-v1", baseline=known)
    write_baseline(known, baseline_of([*failure.failing, *breach.failing]))
    assert_no_failure(SAMPLE_TRACES, trace_id=BOTH, controls="controls-v1", baseline=known)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No runs folder in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    assert_no_failure(SAMPLE_TRACES, trace_id=HEALTHY)
    assert list(tmp_path.iterdir()) == []
    assert list_runs() == []
