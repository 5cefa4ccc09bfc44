"""Whatever a condition looks at, it may stand wherever a library asks for one."""

from __future__ import annotations

from typing import Any

import pytest

from investigator.controls.conditions.any_condition import CONDITIONS
from investigator.controls.evaluate import ControlEvaluation, evaluate
from investigator.controls.model import Control
from investigator.controls.terms import Verdict
from investigator.traces.model import Trace
from tests.builders import readings, span, trace
from tests.controls.policy_chat import call, chat, says, user

TALK = chat(user("please cancel it"), says("done"))
PAID = chat(user("please cancel it"), call("cancel", order="7"), says("done"))
SILENT = trace(span("a", kind="LLM"))


def control(when: dict[str, Any], name: str, params: dict[str, Any]) -> Control:
    """A control that needs no evidence but what its check looks at."""
    return Control.model_validate(
        {
            "control_id": "ours.one",
            "title": "One",
            "description": "One.",
            "severity": "high",
            "applies_when": when,
            "required_evidence": [],
            "check": {"code": {"name": name, "params": params}},
            "remediation_template": "See to it.",
        }
    )


def judged(when: dict[str, Any], require: dict[str, Any], found: Trace) -> ControlEvaluation:
    """What a rule on the conversation says of the trace."""
    return evaluate(control(when, "conversation_rule", {"require": require}), readings(found))


@pytest.mark.parametrize(
    ("when", "found", "applies"),
    [
        ({"said_by_user": "cancel"}, TALK, True),
        ({"said_by_user": "refund"}, TALK, False),
        ({"called": ["cancel"]}, PAID, True),
        ({"called": ["cancel"]}, TALK, False),
        ({"all_of": [{"tool_calls": True}, {"said_by_user": "cancel"}]}, PAID, True),
        ({"said_by_user": "cancel"}, SILENT, True),
    ],
)
def test_what_was_said_and_called_may_decide_whether_a_control_applies(
    when: dict[str, Any], found: Trace, *, applies: bool
) -> None:
    """And what cannot be told applies."""
    verdict = judged(when, {"always": True}, found).verdict
    assert (verdict is not Verdict.NOT_APPLICABLE) is applies


@pytest.mark.parametrize(
    ("require", "found", "verdict"),
    [
        ({"tool_calls": True}, PAID, Verdict.PASS),
        ({"tool_calls": True}, TALK, Verdict.FAIL),
        ({"message_role": ["user"]}, TALK, Verdict.PASS),
        ({"app_type": ["chat"]}, TALK, Verdict.INSUFFICIENT_EVIDENCE),
        ({"not": {"app_type": ["chat"]}}, TALK, Verdict.INSUFFICIENT_EVIDENCE),
        ({"tool_calls": True}, SILENT, Verdict.INSUFFICIENT_EVIDENCE),
        ({"not": {"always": True}}, SILENT, Verdict.INSUFFICIENT_EVIDENCE),
        ({"called": ["cancel"]}, trace(), Verdict.INSUFFICIENT_EVIDENCE),
    ],
)
def test_what_a_trace_holds_may_be_asked_of_a_conversation(
    require: dict[str, Any], found: Trace, verdict: Verdict
) -> None:
    """What cannot be told is never a pass, nor a breach."""
    assert judged({"always": True}, require, found).verdict is verdict


def test_a_rule_on_calls_may_ask_of_the_trace() -> None:
    """The call stands for the breach."""
    params = {"calls": ["cancel"], "require": {"retrieval": True}}
    found = evaluate(control({"always": True}, "call_rule", params), readings(PAID))
    assert found.verdict is Verdict.FAIL
    assert found.reason == "cancel, although no retrieval in 4 spans"


def test_a_condition_is_written_as_it_is_read() -> None:
    """Whatever else it says, its telling key is a field of it, and of no other condition's."""
    for key, condition in CONDITIONS.items():
        fields = {field.alias or name for name, field in condition.model_fields.items()}
        assert fields & set(CONDITIONS) == {key}
