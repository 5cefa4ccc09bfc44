"""Each kind of policy check: a breach, a run that keeps the rule, and what cannot be told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from investigator.controls.checks import known_checks
from investigator.traces.model import REDACTED
from tests.builders import span, trace
from tests.controls.policy_chat import call, chat, look, raw_call, says, summaries, user, verdict

READ_FIRST = {
    "calls": ["close", "update_*"],
    "earlier": {"tools": ["read"], "match": {"id": "call.id"}},
}


def test_a_call_needs_the_earlier_one_for_the_same_record() -> None:
    """Another record's reading is no reading of this one."""
    assert verdict("call_before", READ_FIRST, call("read", id=1), call("close", id=1)) == "pass"
    assert verdict("call_before", READ_FIRST, call("read", id=2), call("close", id=1)) == "fail"
    assert verdict("call_before", READ_FIRST, call("update_name", id=1)) == "fail"


def test_an_earlier_call_that_failed_or_came_later_does_not_count() -> None:
    """Only success before the call is enough."""
    failed = call("read", "Error: not found", id=1)
    assert verdict("call_before", READ_FIRST, failed, call("close", id=1)) == "fail"
    assert verdict("call_before", READ_FIRST, call("close", id=1), call("read", id=1)) == "fail"


def test_a_reading_in_the_same_turn_comes_too_late() -> None:
    """Its result was not known when the call was asked for."""
    both = says("", call("read", id=1), call("close", id=1))
    assert verdict("call_before", READ_FIRST, both) == "fail"


@pytest.mark.parametrize("gave", [None, REDACTED])
def test_an_earlier_call_without_a_visible_result_leaves_it_open(gave: str | None) -> None:
    """It may have succeeded, or not."""
    assert (
        verdict("call_before", READ_FIRST, call("read", gave, id=1), call("close", id=1))
        == "unseen"
    )


def test_hidden_arguments_leave_open_which_record_was_read() -> None:
    """The reading may have been of this record."""
    hidden = call("read", {"name": "x"}, id=REDACTED)
    assert verdict("call_before", READ_FIRST, hidden, call("close", id=1)) == "unseen"


def test_the_key_may_stand_in_the_result() -> None:
    """A call that made the record is as good as one that read it."""
    params = {"calls": ["close"], "earlier": {"tools": ["open"], "match": {"id": "call.id"}}}
    assert verdict("call_before", params, call("open", {"id": 7}), call("close", id="7")) == "pass"
    assert verdict("call_before", params, call("open", {"id": 8}), call("close", id="7")) == "fail"


def test_no_calls_at_all_is_a_pass_only_where_the_talk_can_be_seen() -> None:
    """A trace without anything in it shows nothing."""
    assert verdict("call_before", READ_FIRST, user("hello"), says("hello")) == "pass"
    empty = look("call_before", READ_FIRST, trace(span("root")))
    assert empty.missing == ("the trace shows no messages and no tool calls",)


def test_calls_beyond_the_limit_are_breaches() -> None:
    """The first ones are within it."""
    twice = [call("pay", id=1), call("pay", id=1)]
    limit = {"calls": ["pay"], "at_most": 1}
    assert len(summaries("call_limit", limit, twice)) == 1
    assert verdict("call_limit", limit, twice[0]) == "pass"
    assert verdict("call_limit", {"calls": ["pay"], "at_most": 0}, twice[0]) == "fail"


def test_a_limit_may_hold_for_each_value() -> None:
    """Two orders may be paid once each."""
    limit = {"calls": ["pay"], "at_most": 1, "per": ["id"]}
    assert verdict("call_limit", limit, call("pay", id=1), call("pay", id=2)) == "pass"
    assert verdict("call_limit", limit, call("pay", id=1), call("pay", id=1)) == "fail"
    hidden = raw_call("pay", "id is 1")
    assert verdict("call_limit", limit, call("pay", id=1), hidden) == "unseen"


def test_a_limit_on_successes_leaves_failures_out() -> None:
    """A refused call may be tried again; one without a result may have gone through."""
    limit = {"calls": {"tools": ["pay"], "outcome": "success"}, "at_most": 1}
    refused = call("pay", "Error: card declined")
    assert verdict("call_limit", limit, refused, call("pay")) == "pass"
    assert verdict("call_limit", limit, call("pay"), call("pay", None)) == "unseen"


def test_one_turn_may_make_one_call() -> None:
    """Calls in turns of their own are fine."""
    together = says("", call("a"), call("b"))
    assert verdict("calls_per_turn", {}, together) == "fail"
    assert verdict("calls_per_turn", {"at_most": 2}, together) == "pass"
    assert verdict("calls_per_turn", {}, call("a"), call("b")) == "pass"


def test_calls_split_over_output_messages_are_one_turn() -> None:
    """Some providers write each call as a message of its own."""
    out = "llm.output_messages."
    name = "message.tool_calls.0.tool_call.function.name"
    split = trace(
        span("m", kind="LLM", attributes={f"{out}0.{name}": "a", f"{out}1.{name}": "b"}),
    )
    assert look("calls_per_turn", {}, split).violations


def test_a_call_known_only_from_its_tool_span_has_no_turn() -> None:
    """Which turn asked for it cannot be told, so nothing is said of turns."""
    lone = trace(span("t", kind="TOOL", attributes={"tool.name": "a", "output.value": "x"}))
    for name in ("calls_per_turn", "no_reply_with_call"):
        assert look(name, {}, lone).missing == ("which turn asked for a is not recorded",)


def test_a_turn_speaks_or_calls() -> None:
    """Words beside a call are a reply; white space is none."""
    assert verdict("no_reply_with_call", {}, says("One moment.", call("a"))) == "fail"
    assert verdict("no_reply_with_call", {}, says("One moment."), call("a")) == "pass"
    assert verdict("no_reply_with_call", {}, says("  ", call("a"))) == "pass"
    only_b = {"calls": ["b"]}
    assert verdict("no_reply_with_call", only_b, says("One moment.", call("a"))) == "pass"


CONFIRM = {"calls": ["close"]}


def test_a_change_follows_a_plain_yes_to_a_proposal() -> None:
    """Reading something in between is no matter."""
    plan = says("I will close account 1. Shall I go ahead?")
    assert verdict("confirmation_before", CONFIRM, plan, user("Yes."), call("close")) == "pass"
    between = [plan, user("Yes."), call("read"), call("close"), call("close")]
    assert verdict("confirmation_before", CONFIRM, *between) == "pass"


@pytest.mark.parametrize("answer", ["Close it.", "Yes, but not today.", "Which one?", "No."])
def test_anything_but_a_plain_yes_is_no_confirmation(answer: str) -> None:
    """A wish, a condition, a question, a refusal."""
    plan = says("I will close account 1. Shall I go ahead?")
    assert verdict("confirmation_before", CONFIRM, plan, user(answer), call("close")) == "fail"


def test_a_yes_needs_something_that_it_answers() -> None:
    """A first message confirms nothing, nor a yes to a statement, nor one before the last words."""
    assert verdict("confirmation_before", CONFIRM, user("Please proceed."), call("close")) == "fail"
    told = says("Accounts can be closed.")
    assert verdict("confirmation_before", CONFIRM, told, user("Sure."), call("close")) == "fail"
    plan = says("Shall I close it?")
    later = [plan, user("Yes."), says("Why?"), user("It is old."), call("close")]
    assert verdict("confirmation_before", CONFIRM, *later) == "fail"
    wider = {**CONFIRM, "within_messages": 2}
    assert verdict("confirmation_before", wider, *later) == "pass"


def test_a_control_may_ask_what_the_proposal_says() -> None:
    """Here it has to name a price."""
    priced = {**CONFIRM, "proposal": r"\$\d+"}
    yes = [user("Yes."), call("close")]
    assert verdict("confirmation_before", priced, says("Close it for $5?"), *yes) == "pass"
    assert verdict("confirmation_before", priced, says("Close it?"), *yes) == "fail"


def test_hidden_words_are_neither_a_yes_nor_a_no() -> None:
    """Of the user, of the assistant, or no words at all."""
    plan = says("Shall I close it?")
    assert verdict("confirmation_before", CONFIRM, plan, user(REDACTED), call("close")) == "unseen"
    hidden = says(REDACTED)
    assert verdict("confirmation_before", CONFIRM, hidden, user("Yes."), call("close")) == "unseen"
    assert verdict("confirmation_before", CONFIRM, call("close")) == "unseen"


def test_a_redaction_long_before_does_not_matter() -> None:
    """Only the words that could hold the yes, or what it answered."""
    early = [user(REDACTED), says("And now?"), user("Close it."), call("close")]
    assert verdict("confirmation_before", CONFIRM, *early) == "fail"


FORBID = {"forbid": "(?i)voucher", "unless_said_by_user": "(?i)voucher|compensat"}


def test_forbidden_words_are_allowed_once_the_user_said_theirs() -> None:
    """Not before."""
    offer = says("Here is a voucher.")
    assert verdict("statement_rule", FORBID, user("I am late."), offer) == "fail"
    assert verdict("statement_rule", FORBID, user("Compensate me!"), offer) == "pass"
    assert verdict("statement_rule", FORBID, user("Late."), offer, user("Voucher?")) == "fail"


def test_forbidden_words_are_allowed_after_a_call() -> None:
    """Once the tool was called, they may be said."""
    params = {"forbid": "refunded", "unless_called": ["refund"]}
    assert verdict("statement_rule", params, says("You are refunded.")) == "fail"
    assert verdict("statement_rule", params, call("refund"), says("You are refunded.")) == "pass"


def test_required_words_are_said_somewhere() -> None:
    """Once is enough."""
    params = {"require": "(?i)recorded"}
    assert verdict("statement_rule", params, says("Calls are recorded."), says("Hello")) == "pass"
    assert verdict("statement_rule", params, user("recorded?"), says("Hello")) == "fail"


def test_statements_that_cannot_be_seen_prove_nothing() -> None:
    """Hidden words of the assistant, hidden words of the user that might allow it, none at all."""
    params = {"require": "recorded"}
    assert verdict("statement_rule", params, says(REDACTED), says("Hello")) == "unseen"
    assert verdict("statement_rule", params, user("Hello")) == "unseen"
    assert verdict("statement_rule", FORBID, user(REDACTED), says("A voucher!")) == "unseen"
    assert verdict("statement_rule", FORBID, says("A voucher!")) == "unseen"


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("statement_rule", {}),
        ("statement_rule", {"forbid": "a", "require": "b"}),
        ("statement_rule", {"require": "a", "unless_said_by_user": "b"}),
        ("statement_rule", {"forbid": "(unclosed"}),
        ("call_before", {"calls": ["a"], "earlier": {"tools": ["b"], "match": {"id": "x.id"}}}),
        ("call_before", {"calls": [], "earlier": ["b"]}),
        ("call_limit", {"calls": ["a"], "at_most": -1}),
        ("call_rule", {"calls": ["a"], "require": {"value": "order.id", "equals": 1}}),
        ("call_rule", {"calls": ["a"], "require": {"value": "call..id", "equals": 1}}),
        ("call_rule", {"calls": ["a"], "require": {"value": "call.id"}}),
        ("call_rule", {"calls": ["a"], "require": {"given": "call.id", "called": ["b"]}}),
        ("call_rule", {"calls": ["a"], "require": {"given": "call.id"}, "now": "soon"}),
        ("call_rule", {"calls": ["a"], "require": {"given": "call.id"}, "now": 5}),
        (
            "call_rule",
            {"calls": ["a"], "require": {"given": "call.id"}, "records": {"call": ["b"]}},
        ),
    ],
)
def test_parameters_that_make_no_sense_are_refused(name: str, params: dict[str, object]) -> None:
    """When a control is read, not when it is used."""
    with pytest.raises(ValidationError):
        known_checks()[name].params.model_validate(params)


def test_summaries_are_short_and_hold_no_secrets() -> None:
    """What a trace says goes into a report only so."""
    key = "sk-" + "a1B2" * 12
    turns = [user("x"), says(f"key {key} " + "long " * 200, call("a", key=key))]
    rule = {"calls": ["a"], "require": {"value": "call.key", "equals": "other"}}
    for name, params in (("no_reply_with_call", {}), ("call_rule", rule)):
        (told,) = summaries(name, params, turns)
        assert key not in told
        assert len(told) <= 200
        assert "\n" not in told


def test_what_was_scanned_is_said() -> None:
    """A pass over absence says where it looked."""
    result = look("call_before", READ_FIRST, chat(user("hi"), call("read", id=1)))
    assert result.scanned == "1 tool call, 0 of them close, update_*"
