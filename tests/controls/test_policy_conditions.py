"""Each condition of `call_rule` holds, does not hold, or cannot be told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import REDACTED
from tests.builders import span, trace
from tests.controls.policy_chat import Turn, call, look, raw_call, says, user, verdict

Condition = Mapping[str, object]

ORDER: dict[str, JsonValue] = {
    "id": 7,
    "status": "open",
    "paid": 40.0,
    "made": "2026-03-01T10:00:00",
    "items": [{"sku": "a", "size": 1}, {"sku": "b"}],
    "secret": REDACTED,
}
RECORDS = {"order": {"tools": ["read"], "match": {"id": "call.id"}}}


def judged(condition: Condition, *turns: Turn, **more: object) -> str:
    """The rule's verdict on calls of `act`."""
    return verdict("call_rule", {"calls": ["act"], "require": condition, **more}, *turns)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"value": "call.n", "equals": 5}, "pass"),
        ({"value": "call.n", "equals": "5"}, "pass"),
        ({"value": "call.n", "equals": 6}, "fail"),
        ({"value": "call.yes", "equals": True}, "pass"),
        ({"value": "call.yes", "equals": 1}, "fail"),
        ({"value": "call.absent", "equals": 5}, "fail"),
        ({"value": "call.tags.*", "one_of": ["x", "y"]}, "pass"),
        ({"value": "call.tags.*", "equals": "x"}, "fail"),
        ({"value": "call.tags.*", "equals": "x", "of_many": "some"}, "pass"),
        ({"value": "call.tags.*", "equals": "z", "of_many": "none"}, "pass"),
        ({"value": "call.none.*", "equals": "z", "of_many": "none"}, "pass"),
        ({"value": "call.none.*", "equals": "z"}, "fail"),
        ({"value": "call.tags.0", "matches": "^x$"}, "pass"),
        ({"value": "call.tags.-1", "matches": "^x$"}, "fail"),
        ({"value": "call.map.*.k", "one_of": [1, 2]}, "pass"),
        ({"value": "call.tags.*", "among": "call.more.*"}, "pass"),
        ({"value": "call.more.*", "among": "call.tags.*"}, "fail"),
        ({"value": "call.n", "at_most": 5}, "pass"),
        ({"value": "call.n", "at_most": "call.small"}, "fail"),
        ({"value": "call.n", "at_least": "call.small"}, "pass"),
        ({"value": "call.tags.0", "at_least": 3}, "unseen"),
        ({"value": "call.n", "at_most": "call.tags.*"}, "unseen"),
        ({"value": "call.tags.*", "same_as": "call.gats.*"}, "pass"),
        ({"value": "call.tags.*", "same_as": "call.more.*"}, "fail"),
        ({"value": "call.tags.*", "count_same_as": "call.gats.*"}, "pass"),
        ({"value": "call.tags.*", "count_same_as": "call.more.*"}, "fail"),
        ({"value": "call.tags.*", "count_at_most": 2}, "pass"),
        ({"value": "call.tags.*", "count_at_most": 1}, "fail"),
        ({"value": "call.tags.*", "count_at_most": 1, "matching": "x"}, "pass"),
        ({"given": "call.n"}, "pass"),
        ({"given": "call.absent"}, "fail"),
        ({"value": "call.hidden", "equals": 5}, "unseen"),
        ({"given": "call.hidden.below"}, "unseen"),
        ({"value": "call.tags.*", "among": "call.hidden"}, "unseen"),
        ({"value": "call.hidden", "count_at_most": 1}, "unseen"),
        ({"value": "call.hidden", "same_as": "call.n"}, "unseen"),
        ({"not": {"value": "call.n", "equals": 6}}, "pass"),
        ({"not": {"value": "call.hidden", "equals": 6}}, "unseen"),
        ({"any_of": [{"given": "call.hidden"}, {"given": "call.n"}]}, "pass"),
        ({"any_of": [{"given": "call.hidden"}, {"given": "call.absent"}]}, "unseen"),
        ({"all_of": [{"given": "call.hidden"}, {"given": "call.absent"}]}, "fail"),
        ({"all_of": [{"given": "call.hidden"}, {"given": "call.n"}]}, "unseen"),
    ],
)
def test_conditions_on_arguments(condition: Condition, expected: str) -> None:
    """Absent arguments are no values; hidden ones cannot be told."""
    act = call(
        "act",
        n=5,
        yes=True,
        small=4.5,
        tags=["x", "y"],
        gats=["y", "x"],
        more=["x", "y", "z"],
        none=[],
        map={"a": {"k": 1}, "b": {"k": "2"}},
        hidden=REDACTED,
    )
    assert judged(condition, act) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"value": "order.status", "equals": "open"}, "pass"),
        ({"value": "order.status", "equals": "closed"}, "fail"),
        ({"value": "order.items.*.sku", "among": "call.skus.*"}, "pass"),
        ({"value": "order.items.*.size", "equals": 1}, "pass"),
        ({"value": "order.state", "equals": "open"}, "unseen"),
        ({"value": "order.secret", "equals": "open"}, "unseen"),
        ({"value": "order.made", "within_hours": 2}, "pass"),
        ({"value": "order.made", "within_hours": 0.5}, "fail"),
        ({"value": "order.status", "within_hours": 2}, "unseen"),
    ],
)
def test_conditions_on_a_record(condition: Condition, expected: str) -> None:
    """A key that a record does not have is evidence missing, but below a star."""
    turns = [call("read", ORDER, id=7), call("act", id=7, skus=["a", "b"])]
    assert judged(condition, *turns, records=RECORDS, now="2026-03-01T11:00:00") == expected


OPEN = {"value": "order.status", "equals": "open"}


def test_the_latest_record_of_the_same_key_counts() -> None:
    """Not another order's, and not one that was read after the call."""
    closed = ORDER | {"status": "closed"}
    act = call("act", id=7)
    read, later = call("read", ORDER, id=7), call("read", closed, id=7)
    assert judged(OPEN, later, read, act, records=RECORDS) == "pass"
    assert judged(OPEN, read, later, act, records=RECORDS) == "fail"
    assert judged(OPEN, read, call("read", closed, id=8), act, records=RECORDS) == "pass"
    assert judged(OPEN, read, act, later, records=RECORDS) == "pass"


@pytest.mark.parametrize("gave", [None, REDACTED, '{"status": "op', "Error: no such order"])
def test_a_record_that_cannot_be_read_is_missing(gave: JsonValue) -> None:
    """Not recorded, hidden, cut off, or an error: never a pass and never a fail."""
    turns = [call("read", gave, id=7), call("act", id=7)]
    assert judged(OPEN, *turns, records=RECORDS) == "unseen"


def test_a_failed_reading_does_not_hide_the_one_before() -> None:
    """What was read then still holds."""
    turns = [call("read", ORDER, id=7), call("read", "Error: timeout", id=7), call("act", id=7)]
    assert judged(OPEN, *turns, records=RECORDS) == "pass"


def test_every_record_may_be_taken_together() -> None:
    """For "one of the orders that were read"."""
    records = {"orders": {"tools": ["read"], "take": "every"}}
    turns = [call("read", ORDER, id=7), call("read", ORDER | {"status": "shut"}, id=8)]
    some = {"value": "orders.status", "equals": "open", "of_many": "some"}
    every = {"value": "orders.status", "equals": "open"}
    assert judged(some, *turns, call("act"), records=records) == "pass"
    assert judged(every, *turns, call("act"), records=records) == "fail"
    assert judged(some, call("act"), records=records) == "unseen"


def test_a_record_may_be_found_by_another() -> None:
    """The customer of the order of the call."""
    records = {**RECORDS, "customer": {"tools": ["who"], "match": {"name": "order.customer"}}}
    turns = [
        call("read", {"id": 7, "customer": "Ada"}, id=7),
        call("who", {"tier": "gold"}, name="Ada"),
        call("who", {"tier": "none"}, name="Bob"),
        call("act", id=7),
    ]
    gold = {"value": "customer.tier", "equals": "gold"}
    assert judged(gold, *turns, records=records) == "pass"
    assert judged(gold, *turns[1:], records=records) == "unseen"


def test_a_result_that_is_plain_text_is_one_value() -> None:
    """Such as the id that a lookup gives."""
    records = {"user": ["lookup"]}
    mine = {"value": "call.user", "same_as": "user"}
    found = call("lookup", "ada_1")
    assert judged(mine, found, call("act", user="ada_1"), records=records) == "pass"
    assert judged(mine, found, call("act", user="bob_2"), records=records) == "fail"


def test_the_result_of_the_call_itself_can_be_asked() -> None:
    """What it gave back, where it gave something."""
    params = {"value": "result.total", "at_most": 10}
    assert judged(params, call("act", {"total": 9})) == "pass"
    assert judged(params, call("act", {"total": 11})) == "fail"
    assert judged(params, call("act", None)) == "unseen"
    assert judged(params, call("act", "Error: declined")) == "unseen"


def test_a_rule_may_be_for_some_of_the_calls() -> None:
    """Where `when` cannot be told, the rule cannot be either, unless the call meets it anyway."""
    when = {"value": "call.kind", "equals": "big"}
    need = {"given": "call.reason"}
    assert judged(need, call("act", kind="small"), when=when) == "pass"
    assert judged(need, call("act", kind="big"), when=when) == "fail"
    assert judged(need, call("act", kind=REDACTED), when=when) == "unseen"
    assert judged(need, call("act", kind=REDACTED, reason="x"), when=when) == "pass"


def test_a_rule_for_successes_leaves_failed_calls_alone() -> None:
    """And cannot judge a call whose outcome is not recorded."""
    params = {
        "calls": {"tools": ["act"], "outcome": "success"},
        "require": {"given": "call.reason"},
    }
    assert verdict("call_rule", params, call("act", "Error: not found")) == "pass"
    assert verdict("call_rule", params, call("act", "fine")) == "fail"
    assert verdict("call_rule", params, call("act", None)) == "unseen"


def test_values_are_looked_for_in_what_was_said_before() -> None:
    """By those who may say it; an argument that nobody gave was made up."""
    by_user = {"value": "call.id", "seen_in": ["user"]}
    by_tool = {"value": "call.id", "seen_in": ["user", "tool"]}
    act = call("act", id="AB7")
    assert judged(by_user, user("It is ab7."), act) == "pass"
    assert judged(by_user, user("It is mine."), act, user("AB7")) == "fail"
    assert judged(by_tool, user("Mine."), call("read", {"id": "AB7"}), act) == "pass"
    assert judged(by_user, user(REDACTED), act) == "unseen"
    assert judged(by_user, act) == "unseen"


def test_what_was_said_or_called_before_can_be_asked() -> None:
    """What comes after the call is too late."""
    asked = {"said_by_user": "(?i)refund"}
    told = {"said_by_assistant": "(?i)terms"}
    act = call("act")
    assert judged(asked, user("A refund!"), act) == "pass"
    assert judged(asked, user("Hi"), act, user("A refund!")) == "fail"
    assert judged(asked, user(REDACTED), act) == "unseen"
    assert judged(told, says("Our terms are …"), act) == "pass"
    assert judged(told, user("terms?"), says("Yes"), act) == "fail"
    done = {"called": ["read*"]}
    assert judged(done, call("read_all"), act) == "pass"
    assert judged(done, act, call("read_all")) == "fail"
    went_well = {"called": {"tools": ["read"], "outcome": "success"}}
    assert judged(went_well, call("read", "Error: not found"), act) == "fail"
    assert judged(went_well, call("read", None), act) == "unseen"


@pytest.mark.parametrize("arguments", ["id=7", "[7]", '{"id": 7', "{" * 5_000, "\ud800", "NaN"])
def test_arguments_that_are_no_object_cannot_be_told(arguments: str) -> None:
    """Whatever they are, nothing crashes."""
    assert judged({"given": "call.id"}, raw_call("act", arguments)) == "unseen"


def test_odd_values_can_be_compared() -> None:
    """NaN, infinities, nulls, nested things, lone surrogates."""
    odd = raw_call("act", '{"a": NaN, "b": 1e999, "c": null, "d": {"e": [1]}, "f": "\\ud800"}')
    for key in "abcdf":
        assert judged({"value": f"call.{key}", "equals": "x"}, odd) == "fail"
        assert judged({"value": f"call.{key}", "same_as": f"call.{key}"}, odd) == "pass"


def test_times_come_from_the_span_where_now_is_not_given() -> None:
    """A trace with times needs no `now`; a transcript without cannot be told."""
    hour = 3_600_000
    made = {"value": "call.made", "within_hours": 1}
    act = span(
        "act",
        kind="TOOL",
        start_ms=hour,
        end_ms=hour,
        attributes={"tool.name": "act", "input.value": '{"made": "1970-01-01T00:30:00Z"}'},
    )
    params = {"calls": ["act"], "require": made}
    assert not look("call_rule", params, trace(act)).missing
    assert judged(made, call("act", made="1970-01-01T00:30:00Z")) == "unseen"
