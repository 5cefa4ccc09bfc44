"""A whole run of the engine: what it reads, what it claims, and where a limit ends it."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.claims.confidence import SUPPORTED, UNEXAMINED
from investigator.errors import BudgetTooSmall
from investigator.ground.canonical_json import JsonValue
from investigator.rca.case import RCACase
from investigator.rca.engine import MAX_UNEXAMINED
from investigator.rca.narrowing import MAX_HYPOTHESES
from investigator.rca.report import Label, Outcome
from investigator.rca.rules import HOT_READS, READS_A_HYPOTHESIS
from investigator.rca.taxonomy import Taxonomy, load_taxonomy
from investigator.runtime.budget import Budget
from investigator.runtime.events import (
    Refused,
    ScopeClosed,
    ScopesOpened,
    ToolHeld,
    ToolSettled,
    TurnSettled,
)
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.signals.detect import detect
from investigator.traces.evidence import evidence_of, unresolved_reason
from investigator.traces.model import REDACTED, Trace
from tests.builders import REDACTOR, readings, span, trace
from tests.rca.running import DEFAULT, FULL, Ran, reads, run_rca, says, scripted, stated
from tests.signals.steps import agent, answering, llm, tool
from tests.signals.test_laws import traces

TRAIL = load_taxonomy("trail")


def failing() -> Trace:
    """Three agents, each with a fault of another sort."""
    return trace(
        agent("a", name="one"),
        llm("ask", "I look it up.", at=1, parent="a"),
        tool("t", error="TimeoutError: no answer", at=2, parent="a"),
        span("b", kind="AGENT", start_ms=10, end_ms=20),
        tool("u", error="401 Unauthorized", at=11, parent="b", name="fetch"),
        span("c", kind="AGENT", start_ms=30, end_ms=40),
        llm("write", "Here.", at=31, parent="c"),
        tool("v", error="KeyError: 'total'", at=32, parent="c", name="sum"),
    )


def small() -> Trace:
    """A model and its tool that failed: e1, e2, e3 are `agent`, `ask` and `t`."""
    return trace(agent(), llm("ask", at=1), tool("t", error="TimeoutError: no answer", at=2))


READ = reads("agent", "ask", "t")
"""Turns that make the spans of `small` citable."""


def healthy() -> Trace:
    """An agent that did what it was asked."""
    return trace(answering(), llm("ask", "Hi", at=1), tool("t", at=2))


def children(ran: Ran) -> list[ScopesOpened]:
    """The openings of children."""
    return [e for e in ran.events if isinstance(e, ScopesOpened) and e.scope == "0"]


def test_each_hypothesis_is_a_planner_driven_child() -> None:
    """Opened side by side by the planner, at depth 1, and each of them read before it spoke."""
    ran = run_rca(failing())
    hypotheses = len(RCACase.of(failing(), DEFAULT, REDACTOR).hypotheses)
    assert 2 <= hypotheses <= MAX_HYPOTHESES
    (opened,) = children(ran)
    assert len(opened.scopes) == hypotheses
    subcalls = ran.record.runtime_ref.subcall_metadata
    assert [s.call_id for s in subcalls] == [f"0/{i}" for i in range(hypotheses)]
    for subcall in subcalls:
        assert (subcall.opened_by, subcall.planner_driven, subcall.depth) == ("planner", True, 1)
        assert subcall.parent_call_id == "0"
        assert subcall.status is ScopeStatus.COMPLETED
        assert subcall.usage.tool_calls > 0
    usage = ran.record.runtime_ref.usage
    assert (usage.subcalls, usage.depth_reached) == (hypotheses, 1)
    assert (usage.llm_calls, usage.tokens_in, usage.cost_usd) == (0, 0, 0.0)


def test_the_report_names_the_causes_with_their_evidence() -> None:
    """The root cause first, its label, and references that resolve in the trace."""
    found = failing()
    ran = run_rca(found)
    report = ran.report
    assert (ran.record.status, report.outcome) == (RunStatus.SUCCEEDED, Outcome.FAILURE)
    assert report.findings[0].span_id == "t"
    assert report.primary_label is Label.UPSTREAM_DEPENDENCY_FAILURE
    assert {finding.span_id for finding in report.findings} == {"t", "u", "v"}
    assert report.findings[0].agent == "a"
    assert report.remediation
    assert [unresolved_reason(ref, found) for ref in report.evidence_refs] == [None] * len(
        report.evidence_refs
    )


def test_what_is_cited_was_read() -> None:
    """Every reference of a finding came with the answer of a tool."""
    ran = run_rca(failing())
    given_ids = {
        text
        for event in ran.events
        if isinstance(event, ToolSettled)
        for text in event.refs.values()
    }
    for finding in ran.report.findings:
        for ref in finding.evidence_refs:
            assert any(f'"{ref.ref}"' in text for text in given_ids)


def test_a_scope_reads_a_bounded_number_of_places() -> None:
    """However many failures there are."""
    many = (tool(f"t{i}", error=f"TimeoutError: no answer {i}", at=i) for i in range(400))
    ran = run_rca(trace(agent(), *many))
    reads: dict[str, int] = {}
    for event in ran.events:
        if isinstance(event, ToolHeld):
            reads[event.scope] = reads.get(event.scope, 0) + 1
    assert reads.pop("0") <= 1 + HOT_READS
    assert all(count <= READS_A_HYPOTHESIS for count in reads.values())


def test_what_no_scope_looked_at_is_stated_with_little_confidence() -> None:
    """And beyond what can be read it is counted: nothing that was seen is lost."""
    names = [f"t{i}" for i in range(150)]
    failed = (tool(n, error=f"TimeoutError: no answer {n}", at=i) for i, n in enumerate(names))
    report = run_rca(trace(agent(), *failed)).report
    looked_at = [finding for finding in report.findings if finding.confidence > UNEXAMINED]
    assert looked_at == list(report.findings[: len(looked_at)])
    others = report.findings[len(looked_at) :]
    assert len(others) == MAX_UNEXAMINED
    left_out = 150 - len(report.findings)
    assert report.gaps == (f"{left_out} further faults are not listed: no scope looked at them",)


def test_an_answer_that_overlooks_a_signal_does_not_make_it_vanish() -> None:
    """A planner that finalizes at once leaves the fault stated at 0.4, and the trace undecided."""
    report = run_rca(small(), planner=scripted(says("finalize"))).report
    (finding,) = report.findings
    assert (finding.span_id, finding.confidence) == ("t", UNEXAMINED)
    assert (report.outcome, report.primary_label) == (Outcome.UNDETERMINED, None)


def test_an_id_that_was_never_given_is_dropped_with_a_gap() -> None:
    """The finding keeps what does resolve, and the confidence that this bears."""
    planner = scripted(*READ, says("finalize", stated(evidence=["e1", "e99"])))
    report = run_rca(small(), planner=planner).report
    assert report.gaps[0] == "finding f1: evidence 'e99' does not resolve"
    assert [ref.span_id for ref in report.findings[0].evidence_refs] == ["agent"]
    assert report.findings[0].confidence < SUPPORTED
    assert report.outcome is Outcome.UNDETERMINED


def test_a_claim_without_evidence_becomes_a_gap() -> None:
    """It was never read, so it is not said."""
    planner = scripted(says("finalize", stated(span_id="ask", category="instruction_failure")))
    report = run_rca(small(), planner=planner).report
    assert "finding f1 has no evidence: what f1 says" in report.gaps
    assert "ask" not in [finding.span_id for finding in report.findings]


def test_one_place_bears_less_than_half_and_two_bear_what_was_said() -> None:
    """The same reference twice is one."""
    for cited, confidence in (("e3", 0.49), ("e2", 0.9)):
        planner = scripted(*READ, says("finalize", stated(evidence=["e3", cited])))
        assert run_rca(small(), planner=planner).report.findings[0].confidence == confidence


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"category": "bad_luck"}, "no category 'bad_luck'; there are: retrieval_failure"),
        ({"confidence": 1.5}, "less than or equal to 1"),
    ],
)
def test_a_reply_that_names_what_is_not_there_gets_one_repair_turn(
    wrong: Mapping[str, JsonValue], reason: str
) -> None:
    """The planner is told why; then the scope fails, and it costs what it cost."""
    right, bad = says("finalize", stated()), says("finalize", {**stated(), **wrong})
    planner = scripted(*READ, bad, right)
    ran = run_rca(small(), planner=planner)
    assert ran.record.status is RunStatus.SUCCEEDED
    assert reason in (planner.asked[4].notice or "")
    ran = run_rca(small(), planner=scripted(*READ, bad, bad, bad))
    error = ran.record.error
    assert (ran.record.status, ran.output) == (RunStatus.FAILED, b"")
    assert error is not None
    assert error.code is ErrorCode.MODEL_OUTPUT_INVALID
    assert reason in error.message
    assert ran.record.runtime_ref.usage.iterations == 6


def test_a_scope_that_fails_keeps_its_last_valid_draft() -> None:
    """The run is partial: the draft is its answer; one that names what is not there is refused."""
    draft, worse = (
        says("synthesize", stated("f1")),
        says("synthesize", stated("f2", span_id="nowhere")),
    )
    bad = says("finalize", stated(category="bad_luck"))
    ran = run_rca(small(), planner=scripted(*READ, draft, worse, bad, bad, bad))
    assert ran.record.status is RunStatus.PARTIAL
    told = [finding.description for finding in ran.report.findings]
    assert told[0] == "what f1 says"
    assert "what f2 says" not in told
    assert ran.report.gaps[0].startswith("scope 0: output: finding f1: no category")


@given(traces(), st.sampled_from([DEFAULT, TRAIL]))
@settings(max_examples=25, deadline=None)
def test_a_report_does_not_depend_on_how_many_scopes_run_at_once(
    found: Trace, taxonomy: Taxonomy
) -> None:
    """Byte for byte, at any concurrency; every reference resolves and no claim exceeds it."""
    first, *others = (run_rca(found, concurrency=n, taxonomy=taxonomy) for n in (1, 2, 8))
    assert [ran.output for ran in others] == [first.output] * 2
    assert first.record.status is RunStatus.SUCCEEDED
    assert first.strategy.check(first.report) == []
    assert {f.span_id for f in first.report.findings} == {
        s.origin_id for s in detect(readings(found))
    }


def test_at_depth_zero_the_rules_read_alone() -> None:
    """Delegation is not offered, so it is not tried; the causes are found all the same."""
    ran = run_rca(failing(), budget=FULL.model_copy(update={"depth": 0}))
    assert ran.record.status is RunStatus.SUCCEEDED
    assert ran.record.runtime_ref.usage.depth_reached == 0
    assert not any(isinstance(event, Refused) for event in ran.events)
    assert ran.report.findings == run_rca(failing()).report.findings


def test_without_subcalls_the_rules_read_alone() -> None:
    """Zero forbids children and nothing else."""
    ran = run_rca(failing(), budget=FULL.model_copy(update={"subcalls": 0}))
    assert ran.record.status is RunStatus.SUCCEEDED
    assert ran.record.runtime_ref.usage.subcalls == 0
    assert ran.report.findings == run_rca(failing()).report.findings


def test_where_children_are_refused_the_rules_read_alone() -> None:
    """Fewer subcalls than hypotheses: all are refused, and scope 0 goes on by itself."""
    ran = run_rca(failing(), budget=FULL.model_copy(update={"subcalls": 1}))
    assert [e.what for e in ran.events if isinstance(e, Refused)] == ["delegate_subcall"]
    assert ran.record.status is RunStatus.SUCCEEDED
    assert ran.report.findings == run_rca(failing()).report.findings


def test_without_tool_calls_nothing_is_claimed_to_have_been_looked_at() -> None:
    """Zero forbids reading and nothing else: signals are stated as nobody's findings."""
    ran = run_rca(failing(), budget=FULL.model_copy(update={"tool_calls": 0}))
    assert ran.record.status is RunStatus.SUCCEEDED
    assert ran.record.runtime_ref.usage.tool_calls == 0
    assert ran.report.findings
    assert all(finding.confidence <= UNEXAMINED for finding in ran.report.findings)
    assert ran.report.outcome is Outcome.UNDETERMINED


@pytest.mark.parametrize("limit", range(2, 26))
def test_a_small_number_of_iterations_ends_in_the_guard(limit: int) -> None:
    """Whatever the limit, no more is used, the run succeeds, and a gap names what was cut short."""
    full = run_rca(failing())
    ran = run_rca(failing(), budget=FULL.model_copy(update={"iterations": limit}))
    used = ran.record.runtime_ref.usage
    assert used.iterations <= limit
    assert used.overdraft == (0, 0, 0, 0, 0)
    assert ran.record.status is RunStatus.SUCCEEDED
    if limit < full.record.runtime_ref.usage.iterations:
        assert ran.output != full.output or not ran.report.gaps
    guarded = [gap for gap in ran.report.gaps if "finalize guard" in gap]
    refused = any(isinstance(event, Refused) for event in ran.events)
    assert guarded or refused or ran.report.findings == full.report.findings


def test_a_limit_on_tool_calls_ends_the_reading_and_not_the_run() -> None:
    """What could be read is claimed; the rest is stated with little confidence."""
    for limit in range(1, 12):
        ran = run_rca(failing(), budget=FULL.model_copy(update={"tool_calls": limit}))
        assert ran.record.status is RunStatus.SUCCEEDED
        assert ran.record.runtime_ref.usage.tool_calls <= limit
        assert {finding.span_id for finding in ran.report.findings} == {"t", "u", "v"}


@pytest.mark.parametrize(
    ("budget", "flag"),
    [
        (Budget(iterations=0), "--max-iterations"),
        (Budget(iterations=1), "--max-iterations"),
        (Budget(wall_time_s=0), "--max-wall-time"),
    ],
)
def test_a_budget_for_less_than_one_working_turn_is_refused(budget: Budget, flag: str) -> None:
    """Before the run starts, naming the limit to raise."""
    with pytest.raises(BudgetTooSmall, match=flag):
        run_rca(small(), budget=budget)


def test_no_token_and_no_cost_is_no_hindrance_to_rules() -> None:
    """They use none."""
    budget = Budget(tokens=0, cost_usd=0.0, wall_time_s=60)
    assert run_rca(small(), budget=budget).report == run_rca(small()).report


def test_a_trace_without_a_fault_did_not_fail() -> None:
    """No finding, no label, no advice."""
    ran = run_rca(healthy())
    report = ran.report
    assert (ran.record.status, report.outcome) == (RunStatus.SUCCEEDED, Outcome.NO_FAILURE)
    assert (report.findings, report.primary_label, report.remediation) == ((), None, ())
    assert children(ran) == []


def test_a_fault_that_was_made_good_is_told_and_is_no_failure() -> None:
    """Its finding stays below a half."""
    found = trace(answering(), tool("bad", error="TimeoutError: slow", at=1), tool("good", at=2))
    report = run_rca(found).report
    assert report.outcome is Outcome.NO_FAILURE
    (finding,) = report.findings
    assert finding.confidence < SUPPORTED
    assert finding.description.endswith("(recovered at good)")


def test_many_faults_that_were_made_good_are_no_failure_either() -> None:
    """That some of them are only counted says nothing against the trace."""
    failed = (tool(f"t{i}", error=f"TimeoutError: slow {i}", at=i) for i in range(200))
    report = run_rca(trace(answering(), *failed, tool("good", at=999))).report
    assert report.outcome is Outcome.NO_FAILURE
    assert "further faults are not listed" in report.gaps[0]


@pytest.mark.parametrize(
    ("found", "gap"),
    [
        (trace(agent(), llm("m", REDACTED, at=1)), "1 span with hidden content: m"),
        (trace(agent(), span("m", kind="LLM", parent="agent")), "model without messages: m"),
        (trace(agent(), span("x", parent="gone")), "whose parent is not in the trace: x"),
        (trace(agent(), span("x", parent="agent", end_ms=None)), "without an end: x"),
    ],
)
def test_what_is_hidden_or_missing_leaves_the_question_open(found: Trace, gap: str) -> None:
    """That nothing was seen proves nothing where not everything can be seen."""
    report = run_rca(found).report
    assert report.outcome is Outcome.UNDETERMINED
    assert report.primary_label is None
    assert gap in report.gaps[0]


SECRETS = (
    "sk-proj-4f9Kd82Lm0QpXz7Rt5Vw",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "jane.roe@example.com",
)


@st.composite
def leaky(draw: st.DrawFn) -> tuple[Trace, str]:
    """A failing trace with a secret in one of its texts, and the secret."""
    secret = draw(st.sampled_from(SECRETS))
    before, after = draw(st.sampled_from([("", ""), ("key ", " is used"), ('{"k": "', '"}')]))
    text, place = f"{before}{secret}{after}", draw(st.integers(0, 7))
    filler = "word " * draw(st.sampled_from([0, 20, 900]))

    def at(index: int, usual: str) -> str:
        return filler + text if index == place else usual

    return (
        trace(
            agent(metadata=at(0, "none")),
            llm("ask", at(1, "I look it up."), at=1, prompt=at(2, "Be useful.")),
            tool("t", error=at(3, "TimeoutError: no answer"), arguments=at(4, "{}"), at=2),
            tool("u", at(5, "Error: 429 Too Many Requests"), at=3, name="fetch"),
            span(
                "end",
                parent="agent",
                start_ms=9,
                end_ms=10,
                name=at(6, "end"),
                status="ERROR",
                message=at(7, "KeyError: 'total'"),
            ),
        ),
        secret,
    )


@given(leaky())
@settings(max_examples=60, deadline=None)
def test_a_secret_is_nowhere_in_what_a_run_leaves(drawn: tuple[Trace, str]) -> None:
    """Neither in the journal nor in the report, while the hashes are those of the original."""
    found, secret = drawn
    ran = run_rca(found)
    assert secret.encode() not in ran.journal
    assert secret.encode() not in ran.output
    resolved = {ref for one in found.spans for ref in evidence_of(one)}
    assert set(ran.report.evidence_refs) <= resolved


def test_redactions_are_counted() -> None:
    """The record says how many places the tools took out."""
    ran = run_rca(trace(agent(), llm("ask", f"Use {SECRETS[0]}", at=1)))
    assert ran.record.runtime_ref.usage.redactions > 0


def test_the_order_of_the_spans_in_a_source_is_no_matter() -> None:
    """Shuffled spans give the same report."""
    spans = list(failing().spans)
    random.Random(7).shuffle(spans)
    assert run_rca(Trace("t", spans)).output == run_rca(failing()).output


def test_every_turn_of_the_rules_is_on_the_record() -> None:
    """Each scope ends by its own finalize, and no turn used anything but an iteration."""
    ran = run_rca(failing())
    settled = [event for event in ran.events if isinstance(event, TurnSettled)]
    assert ran.record.runtime_ref.usage.iterations == len(settled)
    assert all(event.usage.amounts == (1, 0, 0, 0, 0) for event in settled)
    ends = [event for event in ran.events if isinstance(event, ScopeClosed)]
    assert [end.scope for end in ends][-1] == "0"
    last = {event.scope: event.reply for event in settled}
    assert all('"finalize"' in last[end.scope] for end in ends)


def test_who_drafts_is_told_what_its_evidence_does_not_bear() -> None:
    """Before it concludes, with what would lift it."""
    draft = says("synthesize", stated("f1", confidence=0.9, evidence=["e1"]))
    planner = scripted(*READ, draft, says("finalize", stated()))
    run_rca(small(), planner=planner)
    told = planner.asked[4].recent[-1].result
    assert "finding f1: its confidence would be cut from 0.9 to 0.49; cite what another" in told
