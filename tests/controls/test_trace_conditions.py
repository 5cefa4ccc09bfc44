"""A control does not apply only where that was looked at; what cannot be known applies."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from investigator.controls.applicability import applies
from investigator.controls.conditions.answers import Condition
from investigator.controls.conditions.any_condition import AnyCondition
from investigator.controls.conditions.call_facts import CallFacts
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings, span, trace
from tests.controls.policy_chat import IN, OUT, call, chat, says, user

_CONDITION: TypeAdapter[Condition] = TypeAdapter(AnyCondition)
YES: dict[str, JsonValue] = {"always": True}
NO: dict[str, JsonValue] = {"not": YES}
UNKNOWN: dict[str, JsonValue] = {"app_type": ["chat"]}
"""Nobody can know this of a trace that declares nothing."""

TALK = chat(user("hello"), says("hello to you"))
CALLS = chat(user("find it"), call("search", q="it"), says("found"))
FOUND = trace(span("a", kind="RETRIEVER", attributes={"output.value": "a page"}))
SILENT = trace(span("a", kind="LLM"))
HIDDEN = trace(
    span("a", kind="LLM", attributes={f"{OUT}role": "assistant", f"{OUT}content": REDACTED})
)
DELEGATED = trace(span("a", kind="AGENT"), span("b", parent="a", kind="AGENT", start_ms=1))


def with_attributes(*values: dict[str, JsonValue]) -> Trace:
    """A trace whose spans have these attributes, and words that all can see."""
    said: dict[str, JsonValue] = {f"{IN}role": "user", f"{IN}content": "hello"}
    return trace(*(span(f"s{i}", attributes={**said, **v}) for i, v in enumerate(values)))


class Asked(NamedTuple):
    """Whether a condition holds, and what was seen."""

    holds: bool | None
    seen: str


def ask(written: dict[str, Any], found: Trace) -> Asked:
    """What the condition, as a library writes it, says of the trace."""
    answer = _CONDITION.validate_python(written).ask(CallFacts(readings(found), None))
    assert (answer.holds is None) == bool(answer.missing)
    return Asked(answer.holds, answer.seen)


class Told(NamedTuple):
    """Whether a control applies, and why."""

    yes: bool
    reason: str


def told(written: dict[str, Any], found: Trace) -> Told:
    """Whether a control with this condition applies, and why."""
    answer = applies(_CONDITION.validate_python(written), readings(found))
    assert answer.not_configured == ()
    return Told(answer.yes, answer.reason)


@pytest.mark.parametrize(
    ("written", "found", "reason"),
    [
        (YES, SILENT, "it applies to every trace"),
        ({"span_kind": ["LLM", "AGENT"]}, TALK, "1 LLM/AGENT span in 2 spans"),
        ({"tool_calls": True}, CALLS, "1 tool call in 4 spans"),
        ({"tool_name": "sea.*"}, CALLS, "1 call of a tool like 'sea.*' in 4 spans"),
        ({"message_role": ["USER", "ASSISTANT"]}, TALK, "2 user/assistant messages in 2 spans"),
        ({"retrieval": True}, FOUND, "1 retrieval in 1 span"),
        ({"delegation": True}, DELEGATED, "1 delegated agent in 2 spans"),
        ({"app_type": ["Chat"]}, with_attributes({"app_type": "chat"}), "app_type is chat"),
    ],
)
def test_a_condition_is_met_with_what_was_counted(
    written: dict[str, Any], found: Trace, reason: str
) -> None:
    """And its opposite is then not met, for the same reason."""
    assert ask(written, found) == (True, reason)
    assert told({"not": written}, found) == (False, reason)


@pytest.mark.parametrize(
    ("written", "found", "reason"),
    [
        ({"span_kind": ["RETRIEVER"]}, TALK, "no RETRIEVER span in 2 spans"),
        ({"tool_calls": True}, TALK, "no tool call in 2 spans"),
        ({"tool_name": "^pay$"}, CALLS, "no call of a tool like '^pay$' in 4 spans"),
        ({"message_role": ["SYSTEM"]}, TALK, "no system message in 2 spans"),
        ({"retrieval": True}, CALLS, "no retrieval in 4 spans"),
        ({"delegation": True}, TALK, "no delegated agent in 2 spans"),
        ({"attribute": {"key": "x"}}, TALK, "no span whose x is as asked in 2 spans"),
        (
            {"app_type": ["rag"]},
            with_attributes({"app_type": "chat"}),
            "app_type is chat, not rag",
        ),
    ],
)
def test_a_condition_that_is_not_met_says_what_was_counted(
    written: dict[str, Any], found: Trace, reason: str
) -> None:
    """So "not applicable" is something that was looked at; its opposite applies."""
    assert told(written, found) == (False, reason)
    assert told({"not": written}, found) == (True, reason)


CONTENT: list[dict[str, Any]] = [
    {"tool_calls": True},
    {"tool_name": "search"},
    {"message_role": ["SYSTEM"]},
    {"retrieval": True},
]
DECLARED: list[dict[str, Any]] = [{"app_type": ["chat"]}, {"data_domains": ["health"]}]


@pytest.mark.parametrize("written", [*CONTENT, *DECLARED])
@pytest.mark.parametrize("found", [SILENT, HIDDEN, trace()], ids=["silent", "hidden", "empty"])
def test_what_hidden_content_may_hold_applies(written: dict[str, Any], found: Trace) -> None:
    """Neither a condition nor its opposite makes a control inapplicable there."""
    assert ask(written, found).holds is None
    assert told(written, found).yes
    assert told({"not": written}, found).yes


def test_one_silent_step_among_others_is_enough() -> None:
    """A model call without a word may have asked for anything."""
    silent = span("z", kind="LLM", start_ms=None, end_ms=None)
    assert ask({"tool_calls": True}, trace(*TALK.spans, silent)).holds is None
    assert ask({"tool_calls": True}, trace(*CALLS.spans, silent)).holds is True


def test_a_redacted_list_is_hidden_content() -> None:
    """The marker may stand in a list of values."""
    assert ask({"tool_calls": True}, with_attributes({"x": ["a", REDACTED]})).holds is None


def test_kinds_are_known_unless_the_source_names_none() -> None:
    """An empty trace and one of spans of no kind tell nothing of kinds."""
    for found in (trace(), trace(span(kind="UNKNOWN"))):
        assert ask({"span_kind": ["TOOL"]}, found).holds is None
    assert ask({"span_kind": ["TOOL"]}, HIDDEN).holds is False


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({}, "anything", True),
        ({}, REDACTED, True),
        ({"equals": "prod"}, "prod", True),
        ({"equals": "prod"}, "production", False),
        ({"equals": "prod"}, REDACTED, None),
        ({"equals": 1}, 1, True),
        ({"equals": 1}, True, False),
        ({"equals": True}, 1, False),
        ({"equals": False}, False, True),
        ({"matches": "^pro"}, "prod", True),
        ({"matches": "^pro"}, "a pro", False),
        ({"matches": "[A-Z]"}, REDACTED, None),
        ({"matches": "a"}, f"a {REDACTED}", None),
        ({"matches": "b"}, ["a", "b"], True),
        ({"matches": "b"}, ["a", REDACTED], None),
        ({"matches": "12"}, 123, True),
    ],
)
def test_an_attribute_is_there_or_a_value_or_matches(
    test: dict[str, JsonValue], value: JsonValue, holds: bool | None
) -> None:
    """A redacted value may be any value; that it is there is known all the same."""
    found = with_attributes({"env": value})
    assert ask({"attribute": {"key": "env", **test}}, found).holds is holds


@pytest.mark.parametrize(
    "attributes",
    [
        {"data_domains": "Finance, hr"},
        {"data.domain": ["finance"]},
        {"metadata.data_domain": "finance"},
        {"metadata": '{"data_domains": ["hr", "finance"]}'},
        {"tag.tags": ["blue", "data_domain: finance"]},
    ],
)
def test_a_domain_is_declared_as_an_attribute_in_metadata_or_as_a_tag(
    attributes: dict[str, JsonValue],
) -> None:
    """Upper and lower case are the same."""
    found = with_attributes({"x": 1}, attributes)
    assert ask({"data_domains": ["FINANCE"]}, found) == (True, "data_domains is finance")
    assert ask({"data_domains": ["health"]}, found).holds is False


@pytest.mark.parametrize(
    "hidden",
    [{"data_domains": REDACTED}, {"metadata": REDACTED}, {"tag.tags": [REDACTED]}],
)
def test_a_hidden_declaration_may_be_any(hidden: dict[str, JsonValue]) -> None:
    """Also beside one that can be seen."""
    found = with_attributes({"data_domains": "hr"}, hidden)
    assert ask({"data_domains": ["health"]}, found).holds is None
    assert ask({"data_domains": ["hr"]}, found).holds is True


@pytest.mark.parametrize("odd", ["{", "[1]", "null", 3, True, None, "NaN", '{"app_type": {}}'])
def test_odd_metadata_declares_nothing(odd: JsonValue) -> None:
    """And is no reason to stop."""
    assert ask({"app_type": ["chat"]}, with_attributes({"metadata": odd})).holds is None


@given(st.lists(st.sampled_from([YES, NO, UNKNOWN]), min_size=1, max_size=4))
def test_combinations_follow_three_valued_logic(parts: list[dict[str, JsonValue]]) -> None:
    """One no makes an all-of a no, one yes an any-of a yes; else the unknown decides."""
    found = TALK
    holds = [ask(part, found).holds for part in parts]
    every = False if False in holds else None if None in holds else True
    some = True if True in holds else None if None in holds else False
    assert ask({"all_of": parts}, found).holds is every
    assert ask({"any_of": parts}, found).holds is some
    assert ask({"not": {"not": {"all_of": parts}}}, found).holds is every
    assert ask({"not": {"any_of": parts}}, found).holds == (None if some is None else not some)


def test_a_combination_tells_what_decided_it() -> None:
    """Not what made no difference."""
    calls, kinds = {"tool_calls": True}, {"span_kind": ["TOOL"]}
    both = "no tool call in 2 spans; no TOOL span in 2 spans"
    assert told({"all_of": [YES, calls, kinds]}, TALK) == (False, both)
    assert told({"any_of": [calls, kinds]}, TALK) == (False, both)
    assert told({"any_of": [calls, YES]}, TALK) == (True, "it applies to every trace")


def test_a_reason_is_one_bounded_line_without_secrets() -> None:
    """Whatever a trace declares of itself."""
    key = "sk-" + "a1B2c3D4" * 6
    declared: dict[str, JsonValue] = {"app_type": f"{key}\n" + "very long \ud800 " * 200}
    yes, reason = told({"app_type": ["chat"]}, with_attributes(declared))
    assert not yes
    assert key not in reason
    assert "\n" not in reason
    assert len(reason) <= 300
