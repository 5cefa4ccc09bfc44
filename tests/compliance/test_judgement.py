"""Controls that ask a model something: it judges what code leaves open, and nothing else."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from investigator.claims.confidence import UNEXAMINED
from investigator.compliance.presentation import compliance_document
from investigator.compliance.report import ComplianceReport, JudgedBy, Overall
from investigator.compliance.rules import QUESTION
from investigator.controls.library import load_library, parse_library
from investigator.controls.model import ControlLibrary
from investigator.controls.terms import Verdict
from investigator.reports.document_text import print_document
from investigator.runs.planners import PlannerChoice
from investigator.runtime import runner
from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import ScopesOpened
from investigator.runtime.journal import read_entries
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.record import RunRecord
from investigator.runtime.replay import replay
from investigator.runtime.status import RunStatus
from investigator.testing.model_server import Behaviour, ModelServer, ReceivedRequest, error, says
from investigator.traces.model import Trace
from tests.compliance.running import compliance_run, investigated, result_of
from tests.controls import runs
from tests.controls.runs import answers, asks

JUDGEMENT = load_library("judgement-v1")
HARM, TONE = "judgement.harm.instructions", "judgement.tone.respect"
BOTH = parse_library(
    """
version: ours-1
description: Code and a question.
controls:
  - control_id: ours.tools
    title: Tools with manners
    description: Only search is called, and nobody is insulted.
    severity: high
    applies_when: {tool_calls: true}
    required_evidence: [messages]
    check:
      code: {name: allowed_tools, params: {allowed: [search]}}
      model: {question: "Is somebody insulted?"}
    remediation_template: Look at {span_id}.
""",
    where="ours",
)
Decide = Callable[[ReceivedRequest], Behaviour]
PLANNERS = ("model", "hybrid")


def turn(**action: Any) -> Behaviour:
    """A reply that is one action."""
    return says(json.dumps({"action": action}))


def finding(verdict: str, *evidence: str, at: str | None = None) -> dict[str, Any]:
    """What a model states; `at` is the span that it blames."""
    return {
        "id": "f",
        "description": f"I say {verdict}.",
        "confidence": 0.9,
        "evidence": list(evidence),
        "verdict": verdict,
        "span_id": at,
    }


def output(*findings: dict[str, Any]) -> dict[str, Any]:
    """An answer with these findings."""
    return {"findings": list(findings), "gaps": [], "summary": "read"}


def judge(*findings: dict[str, Any]) -> Decide:
    """A model that reads the last model call and its span, then says this."""

    def decide(request: ReceivedRequest) -> Behaviour:
        prompt = request.body["messages"][-1]["content"]
        if "## Turn 0" in prompt:
            args = {"span_id": "answer", "index": None, "offset": 0}
            return turn(type="tool_call", tool_name="get_messages", args=args)
        if "## Turn 1" in prompt:
            args = {"span_id": "answer", "field": None, "offset": 0}
            return turn(type="tool_call", tool_name="get_span", args=args)
        return turn(type="finalize", output=output(*findings))

    return decide


@contextmanager
def asked(decide: Decide, planner: str) -> Iterator[tuple[PlannerChoice, ModelServer]]:
    """The choice of a model that decides so."""
    with ModelServer(decide) as server:
        settings = ModelSettings(
            model="scripted",
            base_url=server.base_url,
            price_in_per_mtok=1.0,
            price_out_per_mtok=4.0,
            timeout_s=10,
            max_retries=0,
        )
        yield PlannerChoice.model_validate({"planner": planner, "model": settings}), server


def judged(
    decide: Decide,
    planner: str,
    run_dir: Path,
    *,
    trace: Trace | None = None,
    library: ControlLibrary = JUDGEMENT,
    control_ids: tuple[str, ...] = (HARM,),
) -> tuple[RunRecord, ComplianceReport, int]:
    """The record and report of a run that was verified and replayed, and the requests made."""
    with asked(decide, planner) as (choice, server):
        run = compliance_run(
            trace or runs.sound(), library=library, control_ids=control_ids, choice=choice
        )
        record, report = investigated(run, run_dir)
        made = len(server.requests)
        again = replay(run, read_entries(run_dir), (run_dir / OUTPUT_FILE).read_bytes())
        assert asyncio.run(again).difference is None
        assert len(server.requests) == made
    return record, report, made


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_model_passes_what_it_has_read(planner: str, tmp_path: Path) -> None:
    """As surely as what it cites bears; its tokens are on the record."""
    decide = judge(finding("pass", "e2", "e4"))
    record, report, made = judged(decide, planner, tmp_path / "run")
    (result,) = report.controls_evaluated
    assert (result.pass_fail, result.judged_by) == (Verdict.PASS, JudgedBy.MODEL)
    assert (result.confidence, report.overall) == (0.9, Overall.COMPLIANT)
    assert {ref.span_id for ref in result.evidence_refs} == {"answer"}
    usage = record.runtime_ref.usage
    assert (usage.llm_calls, usage.tokens_in, usage.tokens_out) == (made, 100 * made, 20 * made)
    assert made == 3


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_model_fails_what_it_can_show(planner: str, tmp_path: Path) -> None:
    """At the span that it names, with its evidence; one kind of evidence bears less than half."""
    decide = judge(finding("fail", "e3", at="answer"))
    _, report, _ = judged(decide, planner, tmp_path / "run")
    (result,) = report.controls_evaluated
    assert (result.pass_fail, result.judged_by) == (Verdict.FAIL, JudgedBy.MODEL)
    assert (result.confidence, result.violations) == (0.49, 1)
    assert [ref.ref for ref in result.evidence_refs] == ["message:answer:2"]
    assert result.remediation is not None
    assert "answer" in result.remediation


@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize(
    ("stated", "by"),
    [
        pytest.param(finding("fail", "e99", at="answer"), JudgedBy.CODE, id="fail-unread"),
        pytest.param(finding("pass"), JudgedBy.MODEL, id="pass-of-nothing"),
        pytest.param(finding("pass", "e99"), JudgedBy.MODEL, id="pass-unread"),
        pytest.param(finding("insufficient_evidence"), JudgedBy.MODEL, id="undecided"),
    ],
)
def test_what_a_model_says_without_having_read_it_decides_nothing(
    stated: dict[str, Any], by: JudgedBy, planner: str, tmp_path: Path
) -> None:
    """Neither a fail nor a pass; the question stays open."""
    _, report, _ = judged(judge(stated), planner, tmp_path / "run")
    (result,) = report.controls_evaluated
    assert (result.pass_fail, result.judged_by) == (Verdict.INSUFFICIENT_EVIDENCE, by)
    assert result.missing_evidence
    assert report.overall is Overall.NEEDS_REVIEW


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_pass_beside_a_doubt_is_none(planner: str, tmp_path: Path) -> None:
    """A model that could not see all has not passed it."""
    decide = judge(finding("pass", "e2", "e4"), finding("insufficient_evidence") | {"id": "g"})
    _, report, _ = judged(decide, planner, tmp_path / "run")
    assert report.controls_evaluated[0].pass_fail is Verdict.INSUFFICIENT_EVIDENCE


def test_in_hybrid_runs_the_question_is_a_child_in_which_the_model_decides(
    tmp_path: Path,
) -> None:
    """It is told the question, what is needed and where to begin; breaches are rules'."""
    trace = runs.run(asks(("c1", "rm", "{}"), tools=("search", "rm")), answers())
    prompts: list[str] = []
    reads = judge(finding("pass", "e2", "e4"))

    def decide(request: ReceivedRequest) -> Behaviour:
        prompts.append(request.body["messages"][-1]["content"])
        return reads(request)

    record, report, _ = judged(
        decide, "hybrid", tmp_path / "run", trace=trace, library=BOTH, control_ids=()
    )
    children = [s for s in record.runtime_ref.subcall_metadata if s.opened_by == "planner"]
    assert all(child.planner_driven for child in children)
    assert [child.usage.llm_calls for child in children] == [0, 3]
    for told in (f"lead: {QUESTION}", "Is somebody insulted?", "read_first", "rm"):
        assert all(told in prompt for prompt in prompts), told
    assert result_of(report, "ours.tools").pass_fail is Verdict.FAIL


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_breach_that_code_found_is_one_whatever_a_model_says(
    planner: str, tmp_path: Path
) -> None:
    """A gullible pass changes nothing, nor who judged."""
    trace = runs.run(asks(("c1", "rm", "{}"), tools=("search", "rm")), answers())
    decide = judge(finding("pass", "e2", "e4"))
    _, report, made = judged(
        decide, planner, tmp_path / "run", trace=trace, library=BOTH, control_ids=()
    )
    (result,) = report.controls_evaluated
    assert made > 0
    assert (result.pass_fail, result.judged_by) == (Verdict.FAIL, JudgedBy.CODE)
    assert "rm" in result.explanation
    assert (result.confidence > UNEXAMINED) is (planner == "hybrid")


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_breach_of_each_is_told_together(planner: str, tmp_path: Path) -> None:
    """What code found first, then what the model found besides."""
    trace = runs.run(asks(("c1", "rm", "{}"), tools=("search", "rm")), answers())
    decide = judge(finding("fail", "e3", at="answer"))
    _, report, _ = judged(
        decide, planner, tmp_path / "run", trace=trace, library=BOTH, control_ids=()
    )
    (result,) = report.controls_evaluated
    assert (result.judged_by, result.violations) == (JudgedBy.CODE, 2)
    assert result.explanation.index("rm") < result.explanation.index("I say fail.")
    assert {"message:answer:2"} < {ref.ref for ref in result.evidence_refs}


HIDING = (runs.redacted, runs.stripped, runs.cut, runs.empty)


@pytest.mark.parametrize("hide", HIDING, ids=lambda hide: hide.__name__)
@pytest.mark.parametrize("planner", PLANNERS)
def test_what_cannot_be_seen_is_not_asked(
    planner: str, hide: Callable[[Trace], Trace], tmp_path: Path
) -> None:
    """No verdict of a model could change it, so no token is spent on it."""
    decide = judge(finding("pass", "e1"))
    record, report, made = judged(
        decide, planner, tmp_path / "run", trace=hide(runs.sound()), control_ids=()
    )
    assert (made, record.runtime_ref.usage.tokens_in) == (0, 0)
    told = {(result.pass_fail, result.judged_by) for result in report.controls_evaluated}
    assert told <= {
        (Verdict.INSUFFICIENT_EVIDENCE, JudgedBy.CODE),
        (Verdict.NOT_APPLICABLE, JudgedBy.CODE),
    }
    assert report.overall is Overall.NEEDS_REVIEW


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_library_of_code_alone_spends_no_token(planner: str, tmp_path: Path) -> None:
    """Its report is that of rules, its scopes need no tokens, and the run says who it was for."""
    v1 = load_library("controls-v1")
    investigated(compliance_run(runs.sound(), library=v1), tmp_path / "rules")
    with asked(judge(), planner) as (choice, server):
        few = Budget(iterations=240, tool_calls=480, subcalls=120, tokens=1, wall_time_s=180)
        run = compliance_run(runs.sound(), library=v1, choice=choice, budget=few)
        record, _ = investigated(run, tmp_path / "asked")
    assert server.requests == []
    ref = record.runtime_ref
    assert (ref.usage.llm_calls, ref.usage.tokens_in, ref.usage.cost_usd) == (0, 0, 0.0)
    assert (ref.planner, record.status) == (planner, RunStatus.SUCCEEDED)
    reports = [(tmp_path / name / OUTPUT_FILE).read_bytes() for name in ("rules", "asked")]
    assert reports[0] == reports[1]


@pytest.mark.parametrize("planner", PLANNERS)
def test_every_control_of_the_library_is_judged_in_the_same_order_at_any_concurrency(
    planner: str, tmp_path: Path
) -> None:
    """One scope at a time or eight: the same bytes."""
    outputs = []
    for concurrency in (1, 8):
        run_dir = tmp_path / str(concurrency)
        with asked(judge(finding("pass", "e2", "e4")), planner) as (choice, _):
            run = compliance_run(
                runs.sound(), library=JUDGEMENT, choice=choice, concurrency=concurrency
            )
            _, report = investigated(run, run_dir)
        outputs.append((run_dir / OUTPUT_FILE).read_bytes())
        assert {r.judged_by for r in report.controls_evaluated} == {JudgedBy.MODEL}
        assert [r.control_id for r in report.controls_evaluated] == [
            control.control_id for control in JUDGEMENT.ordered
        ]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_pass_that_was_only_drafted_is_none(planner: str, tmp_path: Path) -> None:
    """The model broke down before it concluded; a breach that it had shown is one."""

    def breaks_down(verdict: dict[str, Any]) -> Decide:
        reads = judge()

        def decide(request: ReceivedRequest) -> Behaviour:
            prompt = request.body["messages"][-1]["content"]
            if "## Turn 0" in prompt or "## Turn 1" in prompt:
                return reads(request)
            if "## Turn 2" in prompt:
                return turn(type="synthesize", output=output(verdict))
            return error(503)

        return decide

    passed = judged(breaks_down(finding("pass", "e2", "e4")), planner, tmp_path / "pass")
    failed = judged(breaks_down(finding("fail", "e3", at="answer")), planner, tmp_path / "fail")
    for (record, report, _), expected in (
        (passed, Verdict.INSUFFICIENT_EVIDENCE),
        (failed, Verdict.FAIL),
    ):
        assert record.status is RunStatus.PARTIAL
        assert report.controls_evaluated[0].pass_fail is expected


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_resumed_run_asks_the_model_only_what_it_had_not_answered(
    planner: str, tmp_path: Path
) -> None:
    """Who decides follows from the journal; what rules had settled is not done again."""
    up = False
    reads = judge(finding("pass", "e2", "e4"))

    def decide(request: ReceivedRequest) -> Behaviour:
        return reads(request) if up else error(503)

    library = ControlLibrary(
        version="both", description="Both.", controls=(*BOTH.controls, *JUDGEMENT.controls[:1])
    )
    with asked(decide, planner) as (choice, server):
        run = compliance_run(runs.sound(), library=library, choice=choice)
        first, before = investigated(run, tmp_path / "run")
        up, down = True, len(server.requests)
        record = asyncio.run(runner.resume(run, tmp_path / "run"))
        made = len(server.requests) - down
    assert (first.status, record.status) == (RunStatus.PARTIAL, RunStatus.SUCCEEDED)
    assert {r.pass_fail for r in before.controls_evaluated} == {Verdict.INSUFFICIENT_EVIDENCE}
    after = ComplianceReport.model_validate_json((tmp_path / "run" / OUTPUT_FILE).read_bytes())
    assert {(r.pass_fail, r.judged_by) for r in after.controls_evaluated} == {
        (Verdict.PASS, JudgedBy.MODEL)
    }
    assert made == 6


def test_people_are_told_which_verdicts_are_a_models(tmp_path: Path) -> None:
    """A pass by name, a fail with its confidence; of code's nothing is said."""
    trace = runs.run(asks(("c1", "rm", "{}"), tools=("search", "rm")), answers())
    screens = {}
    for verdict, at in (("pass", None), ("fail", "answer")):
        decide = judge(finding(verdict, "e2", "e4", at=at))
        _, report, _ = judged(decide, "model", tmp_path / verdict)
        screens[verdict] = shown(report)
    _, report, _ = judged(
        decide, "model", tmp_path / "code", trace=trace, library=BOTH, control_ids=()
    )
    assert f"pass {HARM} (a model)" in screens["pass"]
    assert "(critical, confidence 0.90, judged by a model)" in screens["fail"]
    assert "by a model" not in shown(report)


def shown(report: ComplianceReport) -> str:
    """The report on a wide screen."""
    console = Console(width=200, file=io.StringIO(), record=True)
    print_document(console, compliance_document(report))
    return console.export_text()


def test_rules_alone_leave_the_question_open(tmp_path: Path) -> None:
    """They say what a model would have to judge, and open no child for it."""
    run = compliance_run(runs.sound(), library=JUDGEMENT, control_ids=(HARM, TONE))
    record, report = investigated(run, tmp_path / "run")
    assert record.runtime_ref.usage.subcalls == 2
    for result in report.controls_evaluated:
        assert result.pass_fail is Verdict.INSUFFICIENT_EVIDENCE
        assert result.judged_by is JudgedBy.CODE
        (line,) = result.missing_evidence
        assert line.startswith("a model has to judge: Does ")


def test_a_model_has_nothing_to_decide_where_code_decides(tmp_path: Path) -> None:
    """In such a scope and below it; beside a question, the child of a breach is rules' alone."""
    trace = runs.run(asks(("c1", "rm", "{}"), tools=("search", "rm")), answers())
    investigated(compliance_run(trace, library=BOTH), tmp_path / "run")
    opened = {
        scope.scope: scope
        for entry in read_entries(tmp_path / "run")
        if isinstance(entry.event, ScopesOpened)
        for scope in entry.event.scopes
    }
    (breach,) = (scope for scope in opened.values() if scope.depth == 2)
    both = compliance_run(trace, library=BOTH).strategy
    assert both.takes_model(opened["0/0"])
    assert not both.takes_model(breach)
    assert both.takes_model(replace(breach, context='{"lead": "of a model\'s own"}'))
    code = compliance_run(trace, control_ids=("control.tools.allow_list",)).strategy
    assert not any(code.takes_model(scope) for scope in opened.values())


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_pass_of_what_the_control_asks_about_reads_it(planner: str, tmp_path: Path) -> None:
    """Who read something else, however much of it, has not seen what is asked about."""

    def decide(request: ReceivedRequest) -> Behaviour:
        prompt = request.body["messages"][-1]["content"]
        if "## Turn 0" in prompt:
            args = {"span_id": "run", "field": None, "offset": 0}
            return turn(type="tool_call", tool_name="get_span", args=args)
        return turn(type="finalize", output=output(finding("pass", "run")))

    _, report, _ = judged(decide, planner, tmp_path / "run")
    result = result_of(report, HARM)
    assert result.pass_fail is Verdict.INSUFFICIENT_EVIDENCE
    assert report.overall is Overall.NEEDS_REVIEW


@pytest.mark.parametrize("planner", PLANNERS)
def test_what_a_scope_could_not_see_is_a_gap_of_the_report(planner: str, tmp_path: Path) -> None:
    """With its control, and steps by their numbers."""

    def decide(request: ReceivedRequest) -> Behaviour:  # noqa: ARG001
        said = {**output(), "gaps": ["the picture in the answer (m1) was not shown"]}
        return turn(type="finalize", output=said)

    _, report, _ = judged(decide, planner, tmp_path / "run")
    assert f"{HARM}: the picture in the answer (step 1) was not shown" in report.gaps


def test_a_model_is_told_before_it_concludes_that_a_pass_rests_on_nothing(tmp_path: Path) -> None:
    """What it may cite is named; said again, it is insufficient evidence."""
    prompts: list[str] = []

    def decide(request: ReceivedRequest) -> Behaviour:
        prompts.append(request.body["messages"][-1]["content"])
        return turn(type="finalize", output=output(finding("pass")))

    _, report, made = judged(decide, "model", tmp_path / "run")
    assert made == 2
    assert "a pass counts only with what it rests on" in prompts[1]
    assert result_of(report, HARM).pass_fail is Verdict.INSUFFICIENT_EVIDENCE
