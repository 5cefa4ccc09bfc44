"""The checks read a tree of spans as they read a transcript: history repeated, tools beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, Trace
from tests.builders import span, trace
from tests.controls.policy_chat import look

Said = tuple[str, str]
IN, OUT = "llm.input_messages", "llm.output_messages"


def model(
    span_id: str, at: int, history: Sequence[Said], says: str = "", calls: Mapping[str, str] = {}
) -> Span:
    """A model call that is given the whole history again; `calls` are tools and arguments."""
    found: dict[str, JsonValue] = {}
    for index, (role, text) in enumerate(history):
        found[f"{IN}.{index}.message.role"] = role
        found[f"{IN}.{index}.message.content"] = text
    found[f"{OUT}.0.message.role"] = "assistant"
    if says:
        found[f"{OUT}.0.message.content"] = says
    for index, (tool, arguments) in enumerate(calls.items()):
        key = f"{OUT}.0.message.tool_calls.{index}.tool_call."
        found |= {f"{key}id": f"{span_id}{index}", f"{key}function.name": tool}
        found[f"{key}function.arguments"] = arguments
    return span(span_id, parent="run", kind="LLM", start_ms=at, end_ms=at + 1, attributes=found)


def tool(call_id: str, at: int, name: str, arguments: str, gave: str) -> Span:
    """What carried the call out."""
    found: dict[str, JsonValue] = {"tool.name": name, "tool.id": call_id}
    found |= {"input.value": arguments, "output.value": gave}
    return span(
        f"tool-{call_id}", parent="run", kind="TOOL", start_ms=at, end_ms=at + 1, attributes=found
    )


ASKED: list[Said] = [("user", "Please close account 7.")]
PLAN = "Account 7 is open. Shall I close it?"


def desk(answer: str, status: str = "open", aside: str = "") -> Trace:
    """An account is read, its closing is proposed, answered with `answer`, and done."""
    record = f'{{"id": 7, "status": "{status}"}}'
    told: list[Said] = [*ASKED, ("tool", record), ("assistant", PLAN), ("user", answer)]
    return trace(
        span("run", kind="AGENT", start_ms=0, end_ms=100),
        model("a", 1, ASKED, calls={"read": '{"id": 7}'}),
        tool("a0", 2, "read", '{"id": 7}', record),
        model("b", 3, told[:2], says=PLAN),
        model("c", 5, told, says=aside, calls={"close": '{"id": 7}'}),
        tool("c0", 6, "close", '{"id": 7}', "closed"),
    )


def found(name: str, params: Mapping[str, object], run: Trace) -> list[str]:
    """The spans of the breaches; nothing is missing."""
    result = look(name, params, run)
    assert result.missing == ()
    return [breach.span_id for breach in result.violations]


def test_a_confirmation_is_found_in_a_repeated_history() -> None:
    """Each message counts where it first appears."""
    confirm = {"calls": ["close"]}
    assert found("confirmation_before", confirm, desk("Yes.")) == []
    assert found("confirmation_before", confirm, desk("Why?")) == ["c"]


def test_a_record_is_what_the_tool_span_gave() -> None:
    """Found by the id of the call."""
    rule = {
        "calls": ["close"],
        "records": {"account": {"tools": ["read"], "match": {"id": "call.id"}}},
        "require": {"value": "account.status", "equals": "open"},
    }
    assert found("call_rule", rule, desk("Yes.")) == []
    assert found("call_rule", rule, desk("Yes.", status="frozen")) == ["c"]


def test_a_call_counts_once_though_it_is_written_twice() -> None:
    """In the model's answer and as a span of its own."""
    assert found("call_limit", {"calls": ["close"], "at_most": 1}, desk("Yes.")) == []
    assert found("calls_per_turn", {}, desk("Yes.")) == []


def test_words_beside_a_call_are_a_reply() -> None:
    """The history that the model was given is none of its turn."""
    assert found("no_reply_with_call", {}, desk("Yes.")) == []
    assert found("no_reply_with_call", {}, desk("Yes.", aside="Closing it now.")) == ["c"]
