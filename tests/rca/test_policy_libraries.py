"""The example libraries in an analysis: every breach a suspect, whole conversations told right."""

from __future__ import annotations

import pytest

from investigator.controls.library import load_library
from investigator.controls.terms import Severity
from investigator.ground.canonical_json import JsonValue
from investigator.rca.case import RCACase
from investigator.rca.report import Outcome
from investigator.readings.faults import Fault
from tests.builders import readings
from tests.controls import test_policy_airline, test_policy_retail
from tests.controls.policy_chat import Turn, call, chat, says, user
from tests.rca.running import DEFAULT, run_rca

CASES = {
    "airline-example": test_policy_airline.CASES,
    "retail-example": test_policy_retail.CASES,
}
EVERY = [(library, control_id) for library, cases in CASES.items() for control_id in cases]
SURE = 0.6


def suspected(library: str, control_id: str, turns: list[Turn]) -> bool:
    """Whether the analysis has a breach of the control among its faults."""
    case = RCACase.narrowed(readings(chat(*turns)), DEFAULT, load_library(library))
    return any(
        one.fault is Fault.POLICY_BREACH and one.summary.startswith(f"{control_id}:")
        for one in case.signals
    )


@pytest.mark.parametrize(("library", "control_id"), EVERY)
def test_every_breach_is_a_suspect(library: str, control_id: str) -> None:
    """And what keeps the control is none."""
    broken, kept = CASES[library][control_id]
    assert suspected(library, control_id, broken)
    assert not suspected(library, control_id, kept)


ITEMS: list[JsonValue] = [{"item_id": "1", "price": 40}, {"item_id": "2", "price": 50}]
ORDER: dict[str, JsonValue] = {
    "order_id": "#W1",
    "user_id": "ada_1",
    "status": "pending",
    "items": ITEMS,
    "payment_history": [{"payment_method_id": "paypal_1", "amount": 90}],
}
WHO: JsonValue = {"payment_methods": {"paypal_1": {"id": "paypal_1"}}}
KNOWN = call("find_user_id_by_email", "ada_1", email="ada@example.com")
PROFILE = call("get_user_details", WHO, user_id="ada_1")
MAIL = [says("What is your email?"), user("It is ada@example.com.")]
THANKS = [user("Thanks, that is all."), says("You are welcome.")]


def read(**changed: JsonValue) -> Turn:
    """The order is read, in this state."""
    return call("get_order_details", ORDER | changed, order_id="#W1")


def cancelled(*before: Turn, status: str = "pending") -> list[Turn]:
    """A conversation that ends in a cancellation."""
    return [
        user("Please cancel order #W1, I no longer need it."), *MAIL, KNOWN, read(status=status),
        *before,
        call("cancel_pending_order", ORDER, order_id="#W1", reason="no longer needed"),
        says("Order #W1 is cancelled."), *THANKS,
    ]  # fmt: skip


def refused(status: str) -> list[Turn]:
    """A conversation in which the cancellation is declined."""
    return [
        user("Please cancel order #W1, I no longer need it."), *MAIL, KNOWN, read(status=status),
        says("Unfortunately order #W1 cannot be cancelled."), *THANKS,
    ]  # fmt: skip


def returned(refund: str) -> list[Turn]:
    """A conversation in which an item is returned."""
    return [
        user("I want to return item 1 of order #W1."), *MAIL, KNOWN, PROFILE,
        read(status="delivered"), says("I will return item 1 of #W1. Shall I proceed?"),
        user("Yes, please."),
        call("return_delivered_order_items", ORDER, order_id="#W1", item_ids=["1"],
             payment_method_id=refund),
        says("The return of item 1 is requested."), *THANKS,
    ]  # fmt: skip


ASKED = [says("I will cancel #W1 as no longer needed. Shall I proceed?"), user("Yes, please.")]
TOLD = [
    user("What is the status of my order #W1?"), *MAIL, KNOWN, read(status="delivered"),
    says("Order #W1 is delivered."), *THANKS,
]  # fmt: skip
UNREAD = [user("What is the status of my order #W1?"), says("I am sorry, I cannot say."), *THANKS]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param(TOLD, Outcome.NO_FAILURE, id="told what was read"),
        pytest.param(UNREAD, Outcome.FAILURE, id="never looked"),
        pytest.param(refused("delivered"), Outcome.NO_FAILURE, id="rightly refused"),
        pytest.param(refused("pending"), Outcome.FAILURE, id="refused what was due"),
        pytest.param(cancelled(*ASKED), Outcome.UNDETERMINED, id="cancelled"),
        pytest.param(cancelled(), Outcome.FAILURE, id="cancelled unasked"),
        pytest.param(cancelled(*ASKED, status="delivered"), Outcome.FAILURE, id="too late"),
        pytest.param(returned("paypal_1"), Outcome.UNDETERMINED, id="returned"),
        pytest.param(returned("paypal_2"), Outcome.FAILURE, id="refund to a stranger"),
    ],
)
def test_whole_conversations_under_the_policy_of_a_shop(
    turns: list[Turn], expected: Outcome
) -> None:
    """Where something was changed, that a policy was kept doesn't say that it was wanted."""
    report = run_rca(chat(*turns), library=load_library("retail-example")).report
    assert report.outcome is expected
    assert (report.confidence >= SURE) is (expected is not Outcome.UNDETERMINED)
    named = [one for one in report.checks if one.name.startswith("retail.")]
    assert all(one.met for one in named) is (expected is not Outcome.FAILURE)


def test_slips_of_form_are_of_low_severity() -> None:
    """What the policies ask of the form of a turn fails no run."""
    for library in CASES:
        forms = [c for c in load_library(library).controls if "one-call" in c.control_id]
        assert [control.severity for control in forms] == [Severity.LOW]
