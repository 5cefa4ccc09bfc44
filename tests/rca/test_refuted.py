"""A lead that whoever looked refuted stands as refuted, and comes back in no other form."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.rca.case import RCACase
from investigator.rca.presentation import rca_document
from investigator.rca.report import Outcome
from investigator.traces.model import Trace
from tests.builders import REDACTOR, span, trace
from tests.rca.running import DEFAULT, call, run_rca, says, scripted, stated
from tests.signals.steps import agent, answering, llm, tool

READ = call("get_tool_io", span_id="t", part=None, offset=0)


def several() -> Trace:
    """Two agents, each with a tool that failed."""
    return trace(
        agent("a", name="one"),
        tool("t", error="TimeoutError: no answer", at=2, parent="a"),
        span("b", kind="AGENT", start_ms=10, end_ms=20),
        tool("u", error="401 Unauthorized", at=11, parent="b", name="fetch"),
    )


def case(found: Trace) -> RCACase:
    """The case of a trace."""
    return RCACase.of(found, DEFAULT, REDACTOR)


def refuting(
    kind: str, leads: Sequence[str], *findings: dict[str, JsonValue], evidence: Sequence[str]
) -> str:
    """A turn that refutes these leads."""
    output: JsonValue = {
        "findings": list(findings),
        "gaps": [],
        "summary": "looked",
        "refuted": [
            {"lead": lead, "reason": f"{lead} is as it should be", "evidence": list(evidence)}
            for lead in leads
        ],
    }
    return canonical_json({"action": {"type": kind, "output": output}})


@given(st.sets(st.sampled_from(("h1", "h2"))))
@settings(max_examples=8, deadline=None)
def test_a_refuted_lead_is_told_as_refuted_and_nowhere_else(leads: set[str]) -> None:
    """Neither as a finding nor as advice nor among the suspects; the others come back as ever."""
    found = several()
    known = case(found).leads
    told = run_rca(
        found,
        planner=scripted(READ, refuting("finalize", sorted(leads), evidence=["e1"])),
    ).report
    places = {place for one in leads for group in known[one].groups for place in [group[0].span_id]}
    assert {one.statement for one in told.refuted} == {known[one].statement for one in leads}
    assert all(one.reason and one.evidence_refs for one in told.refuted)
    assert places.isdisjoint(finding.span_id for finding in told.findings)
    assert len(told.findings) == 2 - len(leads)
    others = {k for k in ("h1", "h2") if k not in leads}
    assert len(told.remediation) == len(others)
    shown = [
        one for one in rca_document(told).sections if getattr(one, "title", "") == "refuted leads"
    ]
    assert len(getattr(shown[0], "lines", ())) == len(leads)


def test_a_refuted_lead_acquits_nobody() -> None:
    """The checks of an acquittal are code's: a planner adds to them and skips none."""
    found = trace(answering(), llm("ask", "Hi", at=1), tool("t", error="TimeoutError: no", at=2))
    every = [lead.id for lead in case(found).leads.values()]
    told = run_rca(found, planner=scripted(READ, refuting("finalize", every, evidence=["e1"])))
    assert (told.report.findings, told.report.outcome) == ((), Outcome.UNDETERMINED)
    assert any("refuted by the planner alone" in gap for gap in told.report.gaps)


def test_a_suspicion_of_the_planner_keeps_an_acquittal_away() -> None:
    """What it found and could not show well enough is a check that is not met."""
    healthy = trace(answering(), llm("ask", "Hi", at=1), tool("t", at=2))
    assert run_rca(healthy).report.outcome is Outcome.NO_FAILURE
    weak = stated(confidence=0.3, evidence=["e1"])
    told = run_rca(healthy, planner=scripted(READ, says("finalize", weak))).report
    assert told.outcome is Outcome.UNDETERMINED
    assert "what f1 says" in told.gaps


@pytest.mark.parametrize(
    ("leads", "evidence", "why"),
    [
        (["h9"], ["e1"], "there is no lead 'h9'"),
        (["h1"], ["e77"], "no evidence 'e77' was read"),
        (["h1"], [], "cite what you read that shows it"),
    ],
)
def test_a_refutation_that_does_not_hold_is_refused_in_a_draft_and_a_gap_at_the_end(
    leads: list[str], evidence: list[str], why: str
) -> None:
    """With what is wrong with it; the lead stays what it was."""
    found = several()
    planner = scripted(READ, refuting("synthesize", leads, evidence=evidence), says("finalize"))
    run_rca(found, planner=planner)
    assert why in str(planner.asked[-1].notice)
    told = run_rca(
        found, planner=scripted(READ, refuting("finalize", leads, evidence=evidence))
    ).report
    assert (told.refuted, len(told.findings)) == ((), 2)
    assert any(gap.startswith(f"refuted {leads[0]}") for gap in told.gaps)


def test_nobody_refutes_what_it_states() -> None:
    """The finding stands."""
    found = several()
    lead = next(iter(case(found).leads.values()))
    finding = stated(category=lead.category, span_id=lead.span_id, evidence=["e1"])
    turn = refuting("finalize", [lead.id], finding, evidence=["e1"])
    told = run_rca(found, planner=scripted(READ, turn)).report
    assert told.refuted == ()
    assert any(gap.startswith(f"refuted {lead.id}: finding f1 states it") for gap in told.gaps)
    assert lead.span_id in {finding.span_id for finding in told.findings}


def test_another_fault_at_a_leads_step_is_no_statement_of_it() -> None:
    """Who finds something else there may refute what code saw, and is not asked again."""
    found = several()
    lead = next(iter(case(found).leads.values()))
    other = next(one for one in ("instruction_failure", "tool_failure") if one != lead.category)
    finding = stated(category=other, span_id=lead.span_id, evidence=["e1"])
    turn = refuting("finalize", [lead.id], finding, evidence=["e1"])
    told = run_rca(found, planner=scripted(READ, turn)).report
    assert [one.statement for one in told.refuted] == [lead.statement]
    at_the_step = [one for one in told.findings if one.span_id == lead.span_id]
    assert [one.category for one in at_the_step] == [other]


def test_what_a_child_refuted_is_refuted() -> None:
    """Also where its parent says no more of it, unless the parent states it."""
    found = several()
    child: JsonValue = {
        "type": "delegate_subcall",
        "objective": "Is it so?",
        "context": "",
        "use_planner": True,
        "actions": None,
    }
    delegate = canonical_json({"action": child})
    told = run_rca(
        found,
        planner=scripted(
            delegate,
            says("finalize"),
            c0=[READ, refuting("finalize", ["h1"], evidence=["e1"])],
        ),
    )
    assert len(told.report.refuted) == 1
    assert len(told.report.findings) == 1
    planner = scripted(
        delegate, says("finalize"), c0=[READ, refuting("finalize", ["h1"], evidence=["e1"])]
    )
    run_rca(found, planner=planner)
    shown = json.loads(planner.asked[-1].recent[0].result)
    assert shown[0]["answer"]["refuted"][0]["lead"] == "h1"


def test_leads_name_steps_and_what_the_run_was_about() -> None:
    """Values of the answer, loops, tracebacks without a status, and work that is left open."""
    asked: dict[str, JsonValue] = {
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "How old is she?",
    }
    ask: dict[str, JsonValue] = {"input.value": '{"q": "x"}', "tool.name": "look"}
    found = trace(
        agent("a", name="one"),
        llm("plan", "I look it up.", at=1, parent="a", attributes=asked),
        *(
            span(
                f"l{n}",
                parent="a",
                kind="TOOL",
                start_ms=n + 2,
                attributes={**ask, "output.value": "nothing new 1789"},
            )
            for n in range(3)
        ),
        span(
            "code",
            parent="a",
            kind="TOOL",
            start_ms=8,
            attributes={
                "tool.name": "python",
                "input.value": "{}",
                "output.value": "log:\nTraceback (most recent call last):\n  File x\nKeyError: 'a'",
            },
        ),
        llm("ask", "It is 1789. I will now book the flight.", at=9, parent="a"),
    )
    leads = case(found).leads
    told = " | ".join(f"{lead.id} {lead.statement} {lead.steps}" for lead in leads.values())
    for said in (
        "look was called 3 times",
        "1789 of the answer first stands there",
        "the run ends with an act announced",
    ):
        assert said in told
    assert all(name[0] in "mtds" for lead in leads.values() for name in lead.steps)


def test_rules_refute_nothing() -> None:
    """They state what code saw."""
    assert run_rca(several()).report.refuted == ()
