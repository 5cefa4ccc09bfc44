"""A finding says where it began, what rests on it, who took it, and how it is known again."""

from __future__ import annotations

import pytest

from investigator.rca.advice import ADVICE
from investigator.rca.case import RCACase
from investigator.rca.conclude import finding_of
from investigator.rca.placing import Placing
from investigator.rca.report import Finding, Impact
from investigator.rca.taxonomy import load_taxonomy
from investigator.readings.faults import Fault
from investigator.traces.model import Span
from tests.builders import REDACTOR, exception_event, span, trace
from tests.rca.running import run_rca
from tests.readings.test_conversation import agent, model, tool

ASKED = [("system", "be brief"), ("user", "how much is order 77 in euros?")]
CALLS = [("c1", "get_order", '{"id":"77"}')]
FAILED = '{"error": "HTTP 401 Unauthorized: key sk-1 of tenant 9 is not valid"}'


def run(*, result: str = FAILED, answer: str = "It is 12 euros.", name: str = "m") -> list[Span]:
    """A question, a call of it and an answer."""
    return [
        agent(),
        model(f"{name}1", 1, ASKED, calls=CALLS),
        tool(f"{name}t", 2, "get_order", result, call_id="c1", arguments='{"id":"77"}'),
        model(f"{name}2", 3, [*ASKED, ("tool", result)], answer),
    ]


def first(*spans: Span) -> Finding:
    """The first finding of a trace, placed."""
    case = RCACase.of(trace(*spans), load_taxonomy("default"), REDACTOR)
    hypothesis = case.hypotheses[0]
    group = case.groups(hypothesis)[0]
    found = finding_of(group, case.taxonomy, case.readings.producers.of)
    return Placing(case.readings).placed(found, case.signals_of(found))


def test_the_path_leads_from_the_fault_to_the_answer_that_rests_on_it() -> None:
    found = first(*run())
    steps = [place.step or 0 for place in found.path]
    assert steps == sorted(steps)
    assert found.step == steps[0]
    assert found.path[-1].span_id == "m2"
    assert found.should_have_caught == found.path[-1]
    assert found.impact is Impact.HIGH


def test_excerpts_say_what_the_references_name_without_secrets() -> None:
    secret = "sk-proj-" + "a1B2" * 10
    found = first(*run(result=FAILED.replace("sk-1", secret)))
    told = {one.ref: one.text for one in found.excerpts}
    assert set(told) <= {ref.ref for ref in found.evidence_refs}
    assert any("401" in text for text in told.values())
    assert not any(secret in text for text in told.values())


def test_the_signature_knows_the_fault_again_in_another_run() -> None:
    """Whatever ids and figures are in it; another tool or another fault is another."""
    one = first(*run())
    same = first(*run(name="other", result=FAILED.replace("tenant 9", "tenant 4711")))
    another = first(*run(result='{"error": "HTTP 404: no such order"}'))
    assert one.signature == same.signature
    assert one.signature != another.signature


def test_what_ended_the_run_was_decisive() -> None:
    raised = [exception_event("Refused", "the quota is used up")]
    root = span("a", kind="AGENT", status="ERROR", events=raised, end_ms=1000)
    call = span("c", parent="a", kind="LLM", status="ERROR", events=raised)
    assert first(root, call).decisive is True


def test_what_was_made_good_was_not() -> None:
    spans = [
        agent(),
        model("m1", 1, ASKED, calls=CALLS),
        tool("t1", 2, "get_order", FAILED, call_id="c1", arguments='{"id":"77"}'),
        model("m2", 3, [*ASKED, ("tool", FAILED)], calls=[("c2", "get_order", '{"id":"77"}')]),
        tool("t2", 4, "get_order", '{"euros": 12}', call_id="c2", arguments='{"id":"77"}'),
        model("m3", 5, [*ASKED, ("tool", FAILED), ("tool", '{"euros": 12}')], "It is 12 euros."),
    ]
    found = first(*spans)
    assert (found.decisive, found.impact, found.should_have_caught) == (False, Impact.LOW, None)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_its_own_advice(fault: Fault) -> None:
    told = ADVICE[fault].format(agent="the planner", span_id="span-1")
    assert "span-1" in told
    assert [other for other in Fault if ADVICE[other] == ADVICE[fault]] == [fault]
    assert ".." not in told
    assert told.endswith(".")


def test_a_report_has_them() -> None:
    report = run_rca(trace(*run())).report
    assert report.schema_version == "1.3.0"
    assert all(one.signature and one.excerpts and one.path for one in report.findings)
