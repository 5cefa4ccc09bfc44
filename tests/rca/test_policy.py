"""Under a policy a breach is a suspect at its step, and an acquittal lists the demands met."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from investigator.controls.library import parse_library
from investigator.controls.model import ControlLibrary
from investigator.ground.canonical_json import JsonValue
from investigator.rca.report import AcquittalCheck, Outcome, RCAReport
from investigator.traces.model import REDACTED, Trace
from tests.builders import trace
from tests.controls.policy_chat import call, chat, says, user
from tests.rca.running import run_rca
from tests.signals.steps import agent, llm, tool

PENDING: JsonValue = {"order_id": "O1", "status": "pending"}
SENT: JsonValue = {"order_id": "O1", "status": "sent"}
ASKED = "Please cancel order O1."
DONE = "I have cancelled order O1 for you."


def policy(severity: str = "high", *, twice: bool = False) -> ControlLibrary:
    """One control, or the same by two names: only a pending order is cancelled."""
    controls = [control("shop.pending-only", severity)]
    controls += [control("shop.not-sent", severity)] if twice else []
    library = {"version": "shop-v1", "description": "A shop", "controls": controls}
    return parse_library(json.dumps(library), where="the test")


def control(control_id: str, severity: str) -> dict[str, object]:
    """Only a pending order is cancelled."""
    return {
        "control_id": control_id,
        "title": "Only a pending order is cancelled",
        "description": "What was sent is not cancelled.",
        "severity": severity,
        "applies_when": {"tool_name": "^cancel_order$"},
        "required_evidence": [],
        "check": {
            "code": {
                "name": "call_rule",
                "params": {
                    "calls": ["cancel_order"],
                    "records": {
                        "order": {"tools": ["get_order"], "match": {"order_id": "call.order_id"}}
                    },
                    "require": {"value": "order.status", "equals": "pending"},
                },
            }
        },
        "remediation_template": "Read the order first.",
    }


def transcript(order: JsonValue, gave: JsonValue = "cancelled") -> Trace:
    """The order is read and cancelled, as a chat transcript."""
    return chat(
        user(ASKED),
        call("get_order", order, order_id="O1"),
        call("cancel_order", gave, order_id="O1"),
        says(DONE),
    )


def tree(order: JsonValue, gave: JsonValue = "cancelled") -> Trace:
    """The same, as an agent's spans."""
    asked = json.dumps({"order_id": "O1"})
    told = gave if isinstance(gave, str) else json.dumps(gave)
    return trace(
        agent(**{"input.value": ASKED, "output.value": DONE}),
        tool("step-1", json.dumps(order), at=1, name="get_order", arguments=asked),
        tool("step-3", told, at=2, name="cancel_order", arguments=asked),
        llm("step-5", DONE, at=3),
    )


CANCELLED = {transcript: "step-3", tree: "step-3"}
Written = Callable[..., Trace]
WRITTEN = pytest.mark.parametrize("written", [transcript, tree])


def report(found: Trace, library: ControlLibrary | None) -> RCAReport:
    """What rules say of a run."""
    return run_rca(found, library=library).report


def demand(found: RCAReport) -> AcquittalCheck:
    """The check that the control became."""
    (check,) = [one for one in found.checks if one.name.startswith("shop.pending-only")]
    return check


@WRITTEN
def test_a_breach_is_a_suspect_at_its_step(written: Written) -> None:
    """No exception tells of it, and without the policy nothing is wrong with the run."""
    found = written(SENT)
    told = report(found, policy())
    assert told.outcome is Outcome.FAILURE
    assert told.findings[0].span_id == CANCELLED[written]
    assert "shop.pending-only" in told.findings[0].description
    assert demand(told).met is False
    assert report(found, None).outcome is not Outcome.FAILURE


@WRITTEN
def test_a_demand_that_was_met_is_part_of_the_acquittal(written: Written) -> None:
    """The look-alike keeps the policy; the report says what was looked at."""
    told = report(written(PENDING), policy())
    assert [one for one in told.findings if "shop." in one.description] == []
    assert demand(told).met is True
    assert "cancel_order" in demand(told).looked_at


@WRITTEN
def test_a_breach_that_the_tool_refused_came_to_nothing(written: Written) -> None:
    """It is told as recovered, and fails no run."""
    told = report(written(SENT, {"error": "not pending"}), policy())
    breaches = [one for one in told.findings if "shop.pending-only" in one.description]
    assert len(breaches) == 1
    assert "recovered at" in breaches[0].description
    assert demand(told).met is True


@WRITTEN
def test_a_demand_that_cannot_be_judged_is_not_met(written: Written) -> None:
    """A hidden status is neither a breach nor kept, so there is no acquittal."""
    told = report(written({"order_id": "O1", "status": REDACTED}), policy())
    assert demand(told).met is None
    assert told.outcome is Outcome.UNDETERMINED
    assert any("order.status" in gap or "hidden" in gap for gap in told.gaps)


@WRITTEN
def test_a_slip_of_form_neither_fails_nor_clears(written: Written) -> None:
    """A control of low severity is a finding of its own and no check of the acquittal."""
    found = written(SENT)
    told = report(found, policy("low"))
    assert told.outcome is report(found, None).outcome
    assert [one.confidence < 0.5 for one in told.findings if "shop." in one.description] == [True]
    assert [one for one in told.checks if one.name.startswith("shop.")] == []


def test_a_policy_that_asks_nothing_of_a_run_changes_nothing() -> None:
    """Controls that do not apply leave no trace in the report."""
    found = chat(user("Hello, what can you do?"), says("I can look up and cancel orders."))
    assert report(found, policy()) == report(found, None)


def test_how_sure_a_failure_is_depends_on_how_the_policy_was_broken() -> None:
    """A breach of more controls, or of a graver one, says more than one of a lesser rule."""
    libraries = [policy("medium"), policy("high"), policy("high", twice=True)]
    sure = [report(transcript(SENT), library).confidence for library in libraries]
    assert sure == sorted(set(sure))


@pytest.mark.parametrize("made", [transcript, tree])
@pytest.mark.parametrize("twice", [False, True])
def test_a_breach_is_known_again_and_mended_by_its_control(
    made: Callable[[JsonValue], Trace], twice: bool
) -> None:
    """Its signature names the control, and what to do is what the control says."""
    found = run_rca(made(SENT), library=policy(twice=twice)).report
    controls = ("shop.not-sent", "shop.pending-only") if twice else ("shop.pending-only",)
    first = found.findings[0]
    assert first.controls == controls
    assert f"| policy_breach {' '.join(controls)} |" in (first.signature or "")
    assert found.remediation[0] == "Read the order first."


@pytest.mark.parametrize("made", [transcript, tree])
def test_a_run_that_kept_its_policy_names_no_control(made: Callable[[JsonValue], Trace]) -> None:
    """Nor do findings that are no breach."""
    found = run_rca(made(PENDING), library=policy()).report
    assert [finding.controls for finding in found.findings if finding.controls] == []


def test_a_control_that_is_broken_again_and_again_is_one_finding() -> None:
    """At the first breach, with the evidence of each."""
    orders = ("O1", "O2", "O3")
    asked = user(f"Please cancel orders {', '.join(orders)}.")
    acts = [
        one
        for order in orders
        for one in (
            call("get_order", {"order_id": order, "status": "sent"}, order_id=order),
            call("cancel_order", "cancelled", order_id=order),
        )
    ]
    found = report(chat(asked, *acts, says(DONE)), policy())
    (breach,) = [one for one in found.findings if one.controls]
    assert breach.controls == ("shop.pending-only",)
    assert {ref.span_id for ref in breach.evidence_refs} >= {"step-3", "step-7"}
    assert breach.span_id == "step-3"
