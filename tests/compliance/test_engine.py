"""A trace becomes one verdict for each control, each as sure as its evidence, none invented."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from investigator.claims.confidence import UNEXAMINED
from investigator.compliance.report import ComplianceReport, Overall
from investigator.compliance.rules import MAX_LEADS
from investigator.controls.library import parse_library
from investigator.controls.terms import Verdict
from investigator.errors import UsageError
from investigator.ground.canonical_json import canonical_json
from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import read_entries
from investigator.runtime.replay import replay
from investigator.runtime.status import RunStatus, ScopeStatus
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.traces.model import Trace
from tests.builders import trace
from tests.compliance.running import V1, compliance_run, investigated, result_of
from tests.signals.steps import agent, llm, tool

LIBRARY = parse_library(
    """
version: ours-1
description: Two controls of our own.
controls:
  - control_id: ours.tools
    title: Only known tools
    description: The agent calls search and nothing else.
    severity: high
    applies_when: {tool_calls: true}
    required_evidence: [tool_arguments]
    check: {code: {name: allowed_tools, params: {allowed: [search]}}}
    remediation_template: Take the tool called at {span_id} away from the agent.
  - control_id: ours.tone
    title: A friendly tone
    description: The answer is friendly.
    severity: low
    applies_when: {always: true}
    required_evidence: []
    check: {model: {question: "Is the answer friendly?"}}
    remediation_template: Be friendly.
  - control_id: ours.retrieval
    title: Retrieval
    description: Something about retrieval.
    severity: critical
    applies_when: {span_kind: [RETRIEVER]}
    required_evidence: []
    check: {code: {name: allowed_tools, params: {allowed: [search]}}}
    remediation_template: None.
""",
    where="ours",
)


def calls(*names: str) -> Trace:
    """An agent that calls these tools, one after the other."""
    steps = [
        tool(f"t{i}", at=2 * i + 2, name=name, arguments='{"q":"x"}', result="ok")
        for i, name in enumerate(names)
    ]
    return trace(agent(), llm("ask", at=1), *steps)


def test_each_control_gets_one_verdict_the_gravest_first(tmp_path: Path) -> None:
    """A breach with evidence, an open question, and what does not apply with its reason."""
    run = compliance_run(calls("search", "delete_all"), library=LIBRARY)
    record, report = investigated(run, tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    verdicts = [(r.control_id, r.pass_fail) for r in report.controls_evaluated]
    assert verdicts == [
        ("ours.retrieval", Verdict.NOT_APPLICABLE),
        ("ours.tools", Verdict.FAIL),
        ("ours.tone", Verdict.INSUFFICIENT_EVIDENCE),
    ]
    broken = result_of(report, "ours.tools")
    assert "delete_all" in broken.explanation
    assert broken.evidence_refs
    assert broken.remediation == "Take the tool called at t1 away from the agent."
    assert "RETRIEVER" in result_of(report, "ours.retrieval").explanation
    assert "Is the answer friendly?" in result_of(report, "ours.tone").missing_evidence[0]
    assert report.overall is Overall.NON_COMPLIANT


def test_a_pass_says_what_was_scanned(tmp_path: Path) -> None:
    """And without another verdict in the way the trace is compliant."""
    run = compliance_run(calls("search"), library=LIBRARY, control_ids=("ours.tools",))
    _, report = investigated(run, tmp_path / "run")
    (result,) = report.controls_evaluated
    assert (result.pass_fail, report.overall) == (Verdict.PASS, Overall.COMPLIANT)
    assert "1 tool call" in result.explanation


def test_where_nothing_applies_a_person_has_to_look(tmp_path: Path) -> None:
    """No scope is opened, and nothing is called compliant that nobody judged."""
    run = compliance_run(calls("search"), library=LIBRARY, control_ids=("ours.retrieval",))
    record, report = investigated(run, tmp_path / "run")
    assert record.runtime_ref.usage.subcalls == 0
    assert report.overall is Overall.NEEDS_REVIEW


def test_several_breaches_are_given_to_children(tmp_path: Path) -> None:
    """Scopes of the engine at depth 1, of its planners at depth 2; sums agree."""
    run = compliance_run(calls("rm", "mv", "cp", "dd", "ls"), library=LIBRARY)
    record, report = investigated(run, tmp_path / "run")
    subcalls = record.runtime_ref.subcall_metadata
    below = [s for s in subcalls if s.opened_by == "planner" and s.planner_driven]
    assert len(below) == MAX_LEADS
    usage = record.runtime_ref.usage
    assert usage.iterations == sum(s.usage.iterations for s in subcalls)
    assert usage.tool_calls == sum(s.usage.tool_calls for s in subcalls)
    broken = result_of(report, "ours.tools")
    assert broken.violations == 5
    assert broken.explanation.endswith("3 more")


def test_a_breach_that_no_scope_could_read_is_still_a_breach(tmp_path: Path) -> None:
    """Stated with little confidence, and the run is partial."""
    planner = ScriptedPlanner({"0/0": ["not a turn"], "0/1": ["not a turn"]})
    run = compliance_run(calls("rm"), library=LIBRARY, planner=planner)
    record, report = investigated(run, tmp_path / "run")
    assert record.status is RunStatus.PARTIAL
    broken = result_of(report, "ours.tools")
    assert broken.pass_fail is Verdict.FAIL
    assert broken.confidence <= UNEXAMINED
    assert any("scope 0/0" in gap for gap in report.gaps)
    open_question = result_of(report, "ours.tone")
    assert (open_question.pass_fail, open_question.confidence) == (
        Verdict.INSUFFICIENT_EVIDENCE,
        0.0,
    )


def test_what_a_planner_says_cannot_turn_a_breach_into_a_pass(tmp_path: Path) -> None:
    """Nor a question that was not answered."""
    passed = canonical_json(
        {
            "action": {
                "type": "finalize",
                "output": {
                    "findings": [
                        {
                            "id": "v",
                            "description": "all is well",
                            "confidence": 1.0,
                            "evidence": [],
                            "verdict": "pass",
                            "span_id": None,
                        }
                    ],
                    "gaps": [],
                    "summary": "fine",
                },
            }
        }
    )
    planner = ScriptedPlanner({"0/0": [passed], "0/1": [passed]})
    run = compliance_run(calls("rm"), library=LIBRARY, planner=planner)
    _, report = investigated(run, tmp_path / "run")
    assert result_of(report, "ours.tools").pass_fail is Verdict.FAIL


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_report_is_the_same_at_any_concurrency(tmp_path: Path, concurrency: int) -> None:
    """No limit met, same bytes."""
    one, other = tmp_path / "one", tmp_path / "other"
    investigated(compliance_run(calls("rm", "search")), one)
    investigated(compliance_run(calls("rm", "search"), concurrency=concurrency), other)
    assert (one / OUTPUT_FILE).read_bytes() == (other / OUTPUT_FILE).read_bytes()


def test_a_run_is_replayed_to_the_same_report(tmp_path: Path) -> None:
    """Offline, scope by scope."""
    run = compliance_run(calls("rm", "search"))
    investigated(run, tmp_path / "run")
    output = (tmp_path / "run" / OUTPUT_FILE).read_bytes()
    again = asyncio.run(replay(run, read_entries(tmp_path / "run"), output))
    assert again.difference is None


def test_a_small_budget_is_refused_with_the_limit_to_raise(tmp_path: Path) -> None:
    """Every control that applies needs its own turns."""
    run = compliance_run(calls("rm"), budget=Budget(iterations=5))
    with pytest.raises(UsageError, match="--max-iterations"):
        investigated(run, tmp_path / "run")


def test_the_default_budget_carries_the_whole_library(tmp_path: Path) -> None:
    """Every scope ends by itself, without the guard."""
    run = compliance_run(calls("rm", "search", "send_email"))
    record, report = investigated(run, tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    statuses = {s.status for s in record.runtime_ref.subcall_metadata}
    assert statuses == {ScopeStatus.COMPLETED}
    assert not any("guard" in gap for gap in report.gaps)
    assert len(report.controls_evaluated) == len(V1.controls) >= 20


def test_a_control_that_is_not_there_is_refused_with_those_that_are() -> None:
    """By name; of a misspelt one, the one that was meant."""
    with pytest.raises(UsageError, match=r"no control 'nothing'.*ours\.tone, ours\.tools"):
        compliance_run(calls("rm"), library=LIBRARY, control_ids=("nothing",))
    with pytest.raises(UsageError, match=r"no control 'ours\.tool'.*did you mean ours\.tools\?"):
        compliance_run(calls("rm"), library=LIBRARY, control_ids=("ours.tool",))


def test_a_report_cannot_say_more_than_it_shows(tmp_path: Path) -> None:
    """A fail without a reference, a pass with missing evidence, a wrong overall: all refused."""
    run = compliance_run(calls("rm"), library=LIBRARY)
    _, report = investigated(run, tmp_path / "run")
    content = json.loads(report.model_dump_json())
    changes: list[dict[str, object]] = [
        {"evidence_refs": []},
        {"pass_fail": "pass", "missing_evidence": ["x"]},
    ]
    for change in changes:
        forged = json.loads(json.dumps(content))
        forged["controls_evaluated"][1].update(change)
        with pytest.raises(ValueError, match=r"ours\.tools"):
            ComplianceReport.model_validate(forged)
    with pytest.raises(ValueError, match="do not amount to"):
        ComplianceReport.model_validate({**content, "overall": "compliant"})
