"""Every control of the retail example: one conversation that breaks it, one that keeps it."""

from __future__ import annotations

import pytest

from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library
from investigator.controls.terms import Verdict
from investigator.ground.canonical_json import JsonValue
from tests.builders import readings
from tests.controls.policy_chat import Turn, call, chat, says, user

LIBRARY = load_library("retail-example")

ADA: JsonValue = {
    "payment_methods": {
        "credit_card_1": {"id": "credit_card_1"},
        "gift_card_1": {"id": "gift_card_1", "balance": 15},
        "paypal_1": {"id": "paypal_1"},
    }
}
ORDER: dict[str, JsonValue] = {
    "order_id": "#W1",
    "user_id": "ada_1",
    "status": "pending",
    "items": [{"item_id": "1", "price": 40}, {"item_id": "2", "price": 50}],
    "payment_history": [{"payment_method_id": "credit_card_1", "amount": 90}],
}


def product(product_id: str, *items: str, price: int = 50) -> Turn:
    """A product is read: its variants, of which those under 100 can be had."""
    variants: dict[str, JsonValue] = {
        item: {"item_id": item, "available": int(item) < 100, "price": price} for item in items
    }
    return call("get_product_details", {"variants": variants}, product_id=product_id)


HELLO = user("Hello, I need help with #W1.")
KNOWN = call("find_user_id_by_email", "ada_1", email="ada@example.com")
PROFILE = call("get_user_details", ADA, user_id="ada_1")
PRODUCT = product("9", "11", "12")
LAMPS, SHOES = product("9", "1", "11", "111"), product("8", "2", "12")
YES = [says("I will do this for #W1. Shall I proceed?"), user("Yes, please.")]
HAND_OVER = call("transfer_to_human_agents", "done", summary="…")
SWAP, RETURN = "modify_pending_order_items", "return_delivered_order_items"
PAY = "modify_pending_order_payment"


def read(**changed: JsonValue) -> Turn:
    """The order is read, in this state."""
    return call("get_order_details", ORDER | changed, order_id="#W1")


def cancel(reason: str = "no longer needed") -> Turn:
    """The order is cancelled for that reason."""
    return call("cancel_pending_order", ORDER, order_id="#W1", reason=reason)


def swap(old: list[JsonValue], new: list[JsonValue], paid: str = "gift_card_1") -> Turn:
    """Items of the order are replaced."""
    return call(SWAP, ORDER, order_id="#W1", item_ids=old, new_item_ids=new, payment_method_id=paid)


def give_back(item: str, refund: str) -> Turn:
    """An item is returned and paid back there."""
    return call(RETURN, ORDER, order_id="#W1", item_ids=[item], payment_method_id=refund)


def pay(method: str) -> Turn:
    """The order is paid otherwise."""
    return call(PAY, ORDER, order_id="#W1", payment_method_id=method)


def move(address1: str, city: str, zip_code: str) -> Turn:
    """The order is sent elsewhere."""
    told = {"address1": address1, "city": city, "zip": zip_code}
    return call("modify_pending_order_address", ORDER, order_id="#W1", **told)


TWO = call("get_user_details", {"orders": ["#W1", "#W2"]}, user_id="ada_1")
OTHER = call("get_order_details", ORDER | {"order_id": "#W2"}, order_id="#W2")
CHEAP: JsonValue = {"payment_method_id": "credit_card_1", "amount": 12}
READ, DELIVERED = read(), read(status="delivered")
ALL_ITEMS = says("Are these all the items that you want to change?")

CASES: dict[str, tuple[list[Turn], list[Turn]]] = {
    "retail.authenticated-first": ([HELLO, READ], [HELLO, KNOWN, READ]),
    "retail.one-user": (
        [HELLO, KNOWN, read(user_id="bob_2"), cancel()],
        [HELLO, KNOWN, READ, cancel()],
    ),
    "retail.own-profile": (
        [HELLO, KNOWN, call("get_user_details", ADA, user_id="bob_2")],
        [HELLO, KNOWN, PROFILE],
    ),
    "retail.confirmed-first": ([HELLO, READ, cancel()], [HELLO, READ, *YES, cancel()]),
    "retail.one-call-at-a-time": ([HELLO, says("", READ, KNOWN)], [HELLO, KNOWN, READ]),
    "retail.no-reply-with-call": ([HELLO, says("I look.", READ)], [HELLO, READ, says("Found.")]),
    "retail.pending-only": ([HELLO, DELIVERED, cancel()], [HELLO, READ, cancel()]),
    "retail.delivered-only": (
        [HELLO, READ, give_back("1", "gift_card_1")],
        [HELLO, DELIVERED, give_back("1", "gift_card_1")],
    ),
    "retail.cancel-reason": (
        [HELLO, READ, cancel("too expensive")],
        [HELLO, READ, cancel("ordered by mistake")],
    ),
    "retail.items-changed-once": (
        [HELLO, swap(["1"], ["11"]), swap(["2"], ["12"])],
        [HELLO, swap(["1", "2"], ["11", "12"])],
    ),
    "retail.items-of-the-order": (
        [HELLO, READ, swap(["3"], ["11"])],
        [HELLO, READ, swap(["1"], ["11"])],
    ),
    "retail.one-new-item-each": (
        [HELLO, swap(["1", "2"], ["11"])],
        [HELLO, swap(["1", "2"], ["11", "12"])],
    ),
    "retail.new-items-looked-up": (
        [HELLO, PRODUCT, swap(["1"], ["13"])],
        [HELLO, PRODUCT, swap(["1"], ["12"])],
    ),
    "retail.payment-on-file": (
        [HELLO, PROFILE, READ, swap(["1"], ["11"], paid="credit_card_9")],
        [HELLO, PROFILE, READ, swap(["1"], ["11"])],
    ),
    "retail.payment-really-changes": (
        [HELLO, READ, pay("credit_card_1")],
        [HELLO, READ, pay("paypal_1")],
    ),
    "retail.refund-target": (
        [HELLO, DELIVERED, give_back("1", "paypal_1")],
        [HELLO, DELIVERED, give_back("1", "credit_card_1")],
    ),
    "retail.reminded-of-all-items": (
        [HELLO, says("Fine."), swap(["1"], ["11"])],
        [HELLO, ALL_ITEMS, swap(["1"], ["11"])],
    ),
    "retail.case-looked-at": (
        [user("Where is my order?"), says("I do not know.")],
        [user("Where is my order?"), KNOWN, READ, says("On its way.")],
    ),
    "retail.all-orders-read": (
        [user("Cancel all my orders."), KNOWN, TWO, READ, says("Done.")],
        [user("Cancel all my orders."), KNOWN, TWO, READ, OTHER, says("Done.")],
    ),
    "retail.read-before-change": ([HELLO, KNOWN, cancel()], [HELLO, KNOWN, READ, cancel()]),
    "retail.named-order": (
        [user("Cancel my order."), READ, says("Sure?"), user("Yes."), cancel()],
        [user("Cancel my order."), READ, says("#W1?"), user("Yes."), cancel()],
    ),
    "retail.reason-as-given": (
        [HELLO, READ, *YES, cancel()],
        [HELLO, READ, user("I don't need it any more."), *YES, cancel()],
    ),
    "retail.address-as-given": (
        [HELLO, user("To 1 Oak Street, Bergen."), move("1 Oak Street", "Bergen", "5003")],
        [HELLO, user("To 1 Oak Street, 5003 Bergen."), move("1 Oak Street", "Bergen", "5003")],
    ),
    "retail.new-item-of-same-product": (
        [HELLO, READ, LAMPS, SHOES, swap(["1"], ["12"])],
        [HELLO, READ, LAMPS, SHOES, swap(["1", "2"], ["11", "12"])],
    ),
    "retail.new-item-available": (
        [HELLO, READ, LAMPS, swap(["1"], ["111"])],
        [HELLO, READ, LAMPS, swap(["1"], ["11"])],
    ),
    "retail.gift-card-covers-difference": (
        [HELLO, PROFILE, READ, product("9", "11", price=56), swap(["1"], ["11"])],
        [HELLO, PROFILE, READ, product("9", "11", price=55), swap(["1"], ["11"])],
    ),
    "retail.gift-card-covers-order": (
        [HELLO, PROFILE, READ, pay("gift_card_1")],
        [HELLO, PROFILE, read(payment_history=[CHEAP]), pay("gift_card_1")],
    ),
    "retail.cancelled-where-due": (
        [user("Cancel #W1, I no longer need it."), READ, says("I cannot.")],
        [user("Cancel #W1, I no longer need it."), READ, cancel(), says("Done.")],
    ),
    "retail.hand-over-with-cause": ([HELLO, HAND_OVER], [HELLO, KNOWN, HAND_OVER]),
    "retail.nothing-after-hand-over": ([HELLO, HAND_OVER, cancel()], [HELLO, cancel(), HAND_OVER]),
}


def judged(control_id: str, *turns: Turn) -> Verdict:
    """The verdict of one control on a conversation."""
    control = LIBRARY.get(control_id)
    assert control is not None
    return evaluate(control, readings(chat(*turns))).verdict


def test_every_control_has_its_cases() -> None:
    """A new control comes with a conversation that breaks it and one that keeps it."""
    assert {control.control_id for control in LIBRARY.controls} == set(CASES)


@pytest.mark.parametrize("control_id", CASES)
def test_a_breach_fails_and_the_rest_passes(control_id: str) -> None:
    """The two conversations differ in little but the breach."""
    broken, kept = CASES[control_id]
    assert judged(control_id, *broken) is Verdict.FAIL
    assert judged(control_id, *kept) is Verdict.PASS


def test_an_order_that_was_changed_is_pending_no_longer() -> None:
    """The latest state counts, also where a change gave it."""
    changed = ORDER | {"status": "pending (item modified)"}
    swapped = call(SWAP, changed, order_id="#W1", item_ids=["1"], new_item_ids=["11"])
    assert judged("retail.pending-only", HELLO, READ, swapped, cancel()) is Verdict.FAIL


def test_a_lookup_that_found_nobody_authenticates_nobody() -> None:
    """It has to succeed."""
    unknown = call("find_user_id_by_email", "Error: user not found", email="x@example.com")
    assert judged("retail.authenticated-first", HELLO, unknown, READ) is Verdict.FAIL


def test_an_order_that_was_not_read_cannot_be_judged() -> None:
    """Its status is not known; nothing is guessed."""
    verdict = judged("retail.pending-only", HELLO, cancel())
    assert verdict is Verdict.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([user("Cancel #W1, it's too expensive."), READ, says("I cannot.")], Verdict.PASS),
        ([user("Cancel #W1, ordered by mistake."), DELIVERED, says("No.")], Verdict.PASS),
        ([user("Cancel #W2, ordered by mistake."), READ, says("No.")], Verdict.PASS),
        ([user("Cancel #W1, ordered by mistake."), READ, HAND_OVER, says("No.")], Verdict.FAIL),
    ],
)
def test_a_cancellation_is_due_for_the_known_reasons(turns: list[Turn], expected: Verdict) -> None:
    """Of a pending order that the user named; a hand-over is no answer to it."""
    assert judged("retail.cancelled-where-due", *turns) is expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([LAMPS, swap(["1"], ["1"])], Verdict.FAIL),
        ([LAMPS, SHOES, swap(["1", "2"], ["12", "11"])], Verdict.FAIL),
        ([LAMPS, LAMPS, swap(["1"], ["11"])], Verdict.PASS),
        ([swap(["1"], ["11"])], Verdict.INSUFFICIENT_EVIDENCE),
    ],
)
def test_old_and_new_belong_together(turns: list[Turn], expected: Verdict) -> None:
    """Each with its own; of a product that nobody read nothing is known."""
    assert judged("retail.new-item-of-same-product", HELLO, READ, *turns) is expected


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (
            [PROFILE, READ, product("9", "11", price=56), swap(["1"], ["11"], "paypal_1")],
            Verdict.PASS,
        ),
        ([PROFILE, READ, *[product("9", "11", price=55)] * 2, swap(["1"], ["11"])], Verdict.PASS),
        ([READ, product("9", "11", price=55), swap(["1"], ["11"])], Verdict.INSUFFICIENT_EVIDENCE),
        ([PROFILE, READ, swap(["1"], ["11"])], Verdict.INSUFFICIENT_EVIDENCE),
    ],
)
def test_a_difference_is_recomputed_from_what_was_read(
    turns: list[Turn], expected: Verdict
) -> None:
    """Another method may pay any; what was read twice counts once; what was not read is unknown."""
    assert judged("retail.gift-card-covers-difference", HELLO, *turns) is expected
