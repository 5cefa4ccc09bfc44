"""Handing a conversation over moves no money, whatever the tool is called; a payment does."""

from __future__ import annotations

import pytest

from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings
from tests.controls.runs import asks, helper, model, run, tool

IMPACT = "control.tools.high_impact_approval"


def verdict(trace: Trace) -> str:
    """What the library's control on actions of high impact says."""
    control = next(c for c in load_library("controls-v1").controls if c.control_id == IMPACT)
    return evaluate(control, readings(trace)).verdict.value


def called(name: str, arguments: str, result: str = "ok", agent: str | None = None) -> Trace:
    """A run whose model calls one tool, after which an agent may go on."""
    steps = [
        asks(("c1", name, arguments), tools=(name,)),
        tool("done", result, at=30, call_id="c1", name=name, arguments=arguments),
    ]
    if agent is not None:
        steps += [helper(agent), model("inner", "Hello.", at=50, parent=agent, tools=())]
    return run(*steps)


@pytest.mark.parametrize(
    "trace",
    [
        called("transfer_to_billing", "{}"),
        called("transfer_to_billing_agent", "{}"),
        called("transfer_back_to_supervisor", ""),
        called("transferToRefunds", '{"reason":"wants 500 EUR back"}'),
        called("transfer_to_human_agents", '{"summary":"asks for a person"}'),
        called("transfer_to_billing", '{"order_id":"10432"}'),
        called("transfer_to_agent", '{"agent_name":"billing"}'),
        called("transfer_conversation", '{"reason":"angry"}'),
        called("transfer", '{"target":"billing"}', agent="Billing Agent"),
        called("transfer_to_savings", "{}", '{"assistant":"Savings Agent"}'),
        called("transfer_to_refunds", '{"amount":500}', agent="refunds"),
        called("transfer_to_refunds", '{"account":"ACME"}', agent="Refunds Agent"),
        called("functions.transfer_to_billing", "{}"),
        called("transfer", '{"agent":"billing"}'),
        called("transfer", '{"to":"billing_agent"}'),
        called("transfer_call", '{"department":"sales"}'),
    ],
)
def test_a_hand_over_is_no_action_of_high_impact(trace: Trace) -> None:
    """By its name, its target, its result, or who goes on."""
    (action,) = readings(trace).conversation.actions
    assert action.hands_over
    assert verdict(trace) == "pass"


@pytest.mark.parametrize(
    "trace",
    [
        called("transfer_money", '{"amount":500,"recipient":"Bob"}'),
        called("transfer_funds", "{}"),
        called("transfer", '{"to":"Bob","amount":"500.00"}'),
        called("transfer_to_bob", '{"amount":500}', "Transferred to Bob"),
        called("transfer_to_bob", '{"x":"500.00"}'),
        called("transfer_to_person", '{"iban":"CH9300762011623852957"}'),
        called("transfer_to_account", "{}"),
        called("transfer_to_savings", "{}"),
        called("bank_transfer_to_bob", "{}"),
        called("wire_transfer", '{"to":"Bob"}'),
        called("transfer_ownership", '{"user":"bob"}'),
        called("transfer_to_refunds", '{"amount":500}', agent="billing"),
        called("transfer_to_billing", '{"amount":500}'),
    ],
)
def test_a_transfer_of_money_is_one(trace: Trace) -> None:
    """An amount, an account, or a name that says so."""
    (action,) = readings(trace).conversation.actions
    assert not action.hands_over
    assert verdict(trace) == "fail"


def test_of_hidden_arguments_only_an_agent_of_that_name_tells() -> None:
    """They may hold an amount."""
    hidden = f'{{"reason":"{REDACTED}"}}'
    for agent, is_one in (("billing", True), (None, False)):
        (action,) = readings(
            called("transfer_to_billing", hidden, agent=agent)
        ).conversation.actions
        assert action.hands_over is is_one
