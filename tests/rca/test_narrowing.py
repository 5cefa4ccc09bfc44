"""Narrowing is bounded and ordered; hypotheses and conclusions follow the signals."""

from __future__ import annotations

from hypothesis import given, settings

from investigator.rca.narrowing import (
    BRANCH_NODES,
    HOT_SPANS,
    MAX_HYPOTHESES,
    hot_branches,
    hypotheses,
    remaining,
)
from investigator.rca.report import Label, Outcome
from investigator.rca.taxonomy import load_taxonomy
from investigator.signals.detect import detect
from investigator.traces.model import Trace
from tests.builders import exception_event, readings, span, trace
from tests.rca.running import run_rca
from tests.signals.steps import agent, answering, llm, tool
from tests.signals.test_laws import traces

TRAIL = load_taxonomy("trail")
DEFAULT = load_taxonomy("default")


def test_errors_come_before_exceptions_before_the_slow() -> None:
    """Ties go by span id."""
    found = hot_branches(
        trace(
            span("slow", end_ms=900),
            span("z", end_ms=5),
            span("b", end_ms=5),
            span("raised", events=[exception_event("E", "x")]),
            span("failed", status="ERROR"),
        )
    )
    assert [branch.span_id for branch in found] == ["failed", "raised", "slow", "b", "z"]
    assert [branch.reason for branch in found][:3] == ["error status", "exception event", "latency"]


def test_a_branch_goes_two_levels_down() -> None:
    """Children and grandchildren, no further."""
    spans = [span("0", end_ms=9)] + [span(str(i), parent=str(i - 1)) for i in range(1, 6)]
    assert hot_branches(trace(*spans))[0].span_ids == ("0", "1", "2")


def test_a_wide_trace_is_cut_to_its_bound() -> None:
    """Five hot spans, thirty nodes, whatever there is."""
    spans = [span("root", end_ms=9), *(span(f"c{i}", parent="root") for i in range(500))]
    found = hot_branches(trace(*spans))
    assert len(found) <= HOT_SPANS
    assert sum(len(branch.span_ids) for branch in found) <= BRANCH_NODES


@given(traces())
@settings(max_examples=100, deadline=None)
def test_every_signal_is_in_a_hypothesis_or_left_over(found: Trace) -> None:
    """Nothing seen is lost: hypotheses and the rest are all signals, each once."""
    signals = detect(readings(found))
    causes = hypotheses(found, signals, TRAIL)
    taken = [signals[i] for cause in causes for i in cause.signal_indexes]
    assert len(causes) <= MAX_HYPOTHESES
    assert [cause.id for cause in causes] == [f"h{i + 1}" for i in range(len(causes))]
    assert sorted(map(repr, [*taken, *remaining(signals, causes)])) == sorted(map(repr, signals))
    assert [cause.open for cause in causes] == sorted((c.open for c in causes), reverse=True)


@given(traces())
@settings(max_examples=40, deadline=None)
def test_every_conclusion_is_a_valid_report(found: Trace) -> None:
    """Every origin of a signal is the place of a finding; the invariants hold."""
    signals = detect(readings(found))
    report = run_rca(found, taxonomy=TRAIL).report
    assert {f.span_id for f in report.findings} == {s.origin_id for s in signals}
    if any(signal.open for signal in signals):
        assert report.outcome is not Outcome.NO_FAILURE


def test_an_open_fault_comes_before_a_recovered_one() -> None:
    """Though the recovered one began earlier."""
    found = trace(
        agent(),
        tool("early", error="TimeoutError: slow", name="a", at=1),
        tool("mended", name="a", at=2),
        tool("late", error="401 Unauthorized", name="b", at=3),
    )
    first, second = run_rca(found).report.findings
    assert (first.span_id, second.span_id) == ("late", "early")
    assert first.confidence >= 0.5 > second.confidence


def test_a_failure_names_its_label_cause_and_remedy() -> None:
    """The default taxonomy gives the label itself."""
    found = trace(
        agent(name="planner"), llm("ask", at=1), tool("t", error="401 Unauthorized", at=2)
    )
    report = run_rca(found).report
    assert report.outcome is Outcome.FAILURE
    assert report.primary_label is Label.UPSTREAM_DEPENDENCY_FAILURE
    assert "t" in report.remediation[0]
    assert report.findings[0].span_id == "t"


def test_a_whole_trace_without_a_fault_did_not_fail() -> None:
    """Complete, visible, nothing open."""
    found = trace(answering(), llm("m", "Hi"))
    report = run_rca(found).report
    assert (report.outcome, report.findings) == (Outcome.NO_FAILURE, ())


def test_a_mended_fault_is_told_and_the_trace_did_not_fail() -> None:
    """Its finding stays below a half."""
    found = trace(answering(), tool("bad", error="TimeoutError: slow", at=1), tool("good", at=2))
    report = run_rca(found).report
    assert report.outcome is Outcome.NO_FAILURE
    assert report.findings[0].confidence < 0.5


def test_a_gap_leaves_the_question_open() -> None:
    """No fault seen in a trace that hides something proves nothing."""
    found = trace(span("a", parent="gone"))
    report = run_rca(found).report
    assert report.outcome is Outcome.UNDETERMINED
    assert report.gaps
