"""Amounts recomputed from what tools answered, times compared, and what was left undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.controls.conditions.spellings import spelled_in
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import REDACTED
from tests.controls.policy_chat import Turn, call, chat, look, says, user, verdict

ORDER: dict[str, JsonValue] = {
    "order_id": "O1",
    "tier": "plus",
    "status": "pending",
    "placed": "2026-03-01",
    "items": [{"price": 10}, {"price": 2.5}],
}
READ = call("get_order", ORDER, order_id="O1")
ASKED = user("Please cancel O1.")
LAST = says("Anything else?")


def rule(require: object) -> dict[str, object]:
    """A rule on `refund`, which may look into the order."""
    records = {"order": {"tools": ["get_order"], "match": {"order_id": "call.order_id"}}}
    return {"calls": ["refund"], "records": records, "require": require, "now": "2026-03-05"}


def refund(require: object, amount: JsonValue, read: Turn = READ) -> str:
    """The verdict on a refund of so much."""
    return verdict("call_rule", rule(require), read, call("refund", order_id="O1", amount=amount))


@pytest.mark.parametrize(
    ("amount", "comes_to"),
    [
        (7, 7),
        ("12.50", {"total": "order.items.*.price"}),
        (2, {"count": "order.items.*"}),
        (20, {"product": [10, {"count": "order.items.*"}]}),
        (9.5, {"difference": [{"total": "order.items.*.price"}, 3]}),
        (13.5, {"sum": [{"total": "order.items.*.price"}, 1]}),
        (0, {"largest": [0, {"difference": [1, 2]}]}),
        (-1, {"smallest": [0, {"difference": [1, 2]}]}),
        (10, "order.items.0.price"),
        (4, {"choose": "order.tier", "cases": {"plus": 4, "basic": 5}}),
        (5, {"choose": "order.tier", "cases": {"plus": {"sum": [4, 1]}}}),
    ],
)
def test_an_amount_is_recomputed(amount: JsonValue, comes_to: object) -> None:
    """The right one passes, one that is off by a cent does not."""
    require = {"value": "call.amount", "comes_to": comes_to}
    assert refund(require, amount) == "pass"
    assert refund(require, float(str(amount)) + 0.01) == "fail"


@pytest.mark.parametrize(
    "read",
    [
        call("get_order", ORDER | {"items": REDACTED}, order_id="O1"),
        call("get_order", ORDER | {"items": [{"price": "ten"}]}, order_id="O1"),
        call("get_order", "oops", order_id="O1"),
        user("no read at all"),
    ],
)
def test_a_part_that_is_not_seen_is_not_taken_for_zero(read: Turn) -> None:
    """Neither kept nor broken."""
    require = {"value": "call.amount", "comes_to": {"total": "order.items.*.price"}}
    assert refund(require, 0, read) == "unseen"


def test_an_amount_that_is_too_large_is_not_known() -> None:
    """It is neither an error nor a breach."""
    huge: JsonValue = [{"price": 1e308}, {"price": 1e308}]
    read = call("get_order", ORDER | {"items": huge}, order_id="O1")
    assert (
        refund({"value": "call.amount", "comes_to": {"total": "order.items.*.price"}}, 1, read)
        == "unseen"
    )
    product = {"product": ["order.items.0.price", 10]}
    assert refund({"value": "call.amount", "at_most": product}, 1, read) == "unseen"


def test_a_case_that_is_not_listed_is_not_known() -> None:
    """The library says nothing of that tier."""
    require = {"value": "call.amount", "comes_to": {"choose": "order.tier", "cases": {"basic": 5}}}
    assert refund(require, 5) == "unseen"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"before": "2026-03-02"}, "pass"),
        ({"before": "2026-03-01"}, "fail"),
        ({"after": "2026-02-28T23:59:59"}, "pass"),
        ({"after": "2026-03-01"}, "fail"),
        ({"before": "now"}, "pass"),
        ({"after": "now"}, "fail"),
        ({"before": "call.amount"}, "pass"),
        ({"before": "order.tier"}, "unseen"),
    ],
)
def test_times_are_compared(condition: dict[str, str], expected: str) -> None:
    """With a time, with the time of the call, and with a value at a path."""
    assert refund({"value": "order.placed", **condition}, "2026-03-03") == expected


DUE = {
    "calls": {"tools": ["get_order"], "outcome": "success"},
    "when": {
        "all_of": [
            {"said_by_user": "(?i)cancel", "naming": "result.order_id"},
            {"value": "result.status", "equals": "pending"},
        ]
    },
    "later": {"tools": ["cancel_order"], "match": {"order_id": "result.order_id"}},
}
CANCEL = call("cancel_order", order_id="O1")


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([ASKED, READ, LAST], "fail"),
        ([READ, LAST, ASKED, LAST], "fail"),
        ([ASKED, READ, CANCEL, LAST], "pass"),
        ([ASKED, READ, call("cancel_order", {"error": "no"}, order_id="O1"), LAST], "pass"),
        ([ASKED, READ, call("cancel_order", order_id="O2"), LAST], "fail"),
        ([user("Cancel it."), READ, LAST], "pass"),
        ([user("What is O1? Do not worry."), READ, LAST], "pass"),
        ([ASKED, call("get_order", ORDER | {"status": "sent"}, order_id="O1"), LAST], "pass"),
        ([ASKED, call("get_order", ORDER | {"status": REDACTED}, order_id="O1"), LAST], "unseen"),
        ([ASKED, call("get_order", {"error": "no such order"}, order_id="O1"), LAST], "pass"),
    ],
)
def test_an_act_that_is_due_is_done(turns: list[Turn], expected: str) -> None:
    """Due is what the user named and the record allows, whenever it was said."""
    assert verdict("call_after", DUE, *turns) == expected


def test_what_was_not_done_stands_at_the_last_words() -> None:
    """There it could still have been done; the record shows that it was due."""
    (breach,) = look("call_after", DUE, chat(ASKED, READ, LAST)).violations
    assert breach.span_id == "step-3"
    assert {ref.span_id for ref in breach.evidence} >= {"step-0", "step-2", "step-3"}


LOOKED = {
    "when": {"said_by_user": "(?i)my order"},
    "require": {"called": {"tools": ["get_order"], "outcome": "success"}},
}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([user("Where is my order?"), LAST], "fail"),
        ([user("Where is my order?"), READ, LAST], "pass"),
        ([READ, user("Where is my order?"), LAST], "pass"),
        ([user("Where is my order?"), call("get_order", None, order_id="O1"), LAST], "unseen"),
        ([user("Where are you?"), LAST], "pass"),
    ],
)
def test_a_read_that_the_task_needed_came(turns: list[Turn], expected: str) -> None:
    """At any time before the end."""
    assert verdict("conversation_rule", LOOKED, *turns) == expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [({"order_id": "call.order_id"}, "pass"), ({"order_id": "call.amount"}, "fail")],
)
def test_an_earlier_call_is_told_by_its_arguments(match: dict[str, str], expected: str) -> None:
    """The same tool with another argument is another call."""
    require = {"called": ["get_order"], "match": match}
    assert refund(require, "O2") == expected


def test_a_record_may_be_what_a_call_was_asked_with() -> None:
    """What was sent stands in the arguments, whatever came back."""
    records = {
        "sent": {"tools": ["set_tier"], "match": {"order_id": "call.order_id"}, "part": "arguments"}
    }
    params = {
        "calls": ["refund"],
        "records": records,
        "require": {"value": "sent.tier", "equals": "plus"},
    }
    for tier, expected in (("plus", "pass"), ("basic", "fail")):
        turns = call("set_tier", order_id="O1", tier=tier), call("refund", order_id="O1")
        assert verdict("call_rule", params, *turns) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-17",
        "May 17",
        "may 17th",
        "on 17 May",
        "the 17th of May",
        "5/17",
        "05/17/2024",
        "17.05.2024",
    ],
)
def test_a_date_is_seen_as_people_write_it(text: str) -> None:
    """And not another day of the month."""
    assert spelled_in(f"I fly {text}, please", "2024-05-17")
    assert not spelled_in(f"I fly {text}, please", "2024-05-18")
    assert not spelled_in(f"I fly {text}, please", "2024-06-17")


@given(st.integers(min_value=1000, max_value=10**9))
def test_a_large_number_is_seen_with_its_separators(amount: int) -> None:
    """1,700 is 1700, and no part of 21,700."""
    assert spelled_in(f"It costs ${amount:,}.", str(amount))
    assert not spelled_in(f"It costs $9,{amount:,}.", str(amount))
