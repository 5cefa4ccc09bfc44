"""Agents keep to the tools they were given; where nobody wrote these down, nobody can tell."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from investigator.controls.checking import Checked
from investigator.controls.checks.tool_use import (
    AllowedTools,
    ArgumentSchema,
    DelegationScope,
    allowed_tools,
    delegation_scope,
    tool_arguments_schema,
)
from investigator.traces.model import REDACTED, Trace
from tests.builders import readings, span
from tests.controls.runs import Attributes, answers, asks, helper, model, offering, run, tool


def listed(trace: Trace, *allowed: str) -> Checked:
    """What the allow-list says of a run."""
    return allowed_tools(readings(trace), AllowedTools(allowed=allowed))


def fitting(trace: Trace) -> Checked:
    """What the schemas of a run say of its calls."""
    return tool_arguments_schema(readings(trace), ArgumentSchema())


def told(found: Checked) -> list[str]:
    """The summaries of the breaches."""
    return [violation.summary for violation in found.violations]


def test_a_list_of_ones_own_is_asked_first() -> None:
    """Names may hold `*`; the tools that were offered make no difference then."""
    trace = run(asks(("c1", "search", "{}"), ("c2", "get_price", "{}"), ("c3", "pay", "{}")))
    found = listed(trace, "search", "get_*")
    assert told(found) == ["pay was called, which is not on the list of allowed tools"]
    assert listed(trace, "*").violations == ()
    assert found.scanned == "3 tool calls"


def test_a_tool_that_was_not_offered_is_a_breach() -> None:
    """The request that offered the others is part of the evidence."""
    found = listed(run(asks(("c1", "pay", "{}"))))
    assert told(found) == [
        "pay was called, which was not among the 1 tool that its agent was given"
    ]
    assert "span:ask" in {ref.ref for ref in found.violations[0].evidence}


def test_an_offer_of_another_agent_lets_no_one_else_call() -> None:
    """Each agent has its own tools; what an agent was given is asked where it is recorded."""
    inner = model("inner", "", at=50, parent="helper", tools=("pay",), calls=[("c1", "pay", "{}")])
    outer = asks(("c2", "pay", "{}"))
    assert told(listed(run(helper(), inner))) == []
    assert [v.span_id for v in listed(run(outer, helper(), inner)).violations] == ["ask"]


def test_without_an_offer_nobody_can_tell() -> None:
    """Hidden, or a span that does not say which tool it is."""
    hidden = run(
        asks(("c1", "pay", "{}"), tools=(), more={"llm.tools.0.tool.json_schema": REDACTED})
    )
    nameless = run(asks(), span("pay", parent="desk", kind="TOOL", start_ms=30))
    for trace in (hidden, nameless):
        found = listed(trace)
        assert not found.violations
        assert found.missing


def test_where_no_offer_is_recorded_the_allowed_tools_are_to_be_configured() -> None:
    """Nothing was looked at, so nothing is said to have been."""
    found = listed(run(asks(("c1", "pay", "{}"), tools=())))
    assert found == Checked(unconfigured=("allowed",))


def test_arguments_are_held_against_the_schema_that_was_offered() -> None:
    """Wrong types, absent fields, unknown ones, and what is no JSON at all."""
    wrong = ['{"query":7}', "{}", '{"query":"x","colour":1}', "{query: x}"]
    for arguments in wrong:
        found = fitting(run(asks(("c1", "search", arguments))))
        assert len(found.violations) == 1, arguments
        assert found.violations[0].summary.startswith("search was called wrongly: ")
    assert not fitting(run(asks(("c1", "search", '{"query":"x","limit":3}')))).violations


def test_a_call_recorded_by_position_is_read_by_name() -> None:
    """As tracers of Python functions write it."""
    call = tool("found", "ok", at=30, arguments='{"args":["x"],"kwargs":{"limit":2}}')
    wrong = tool("found", "ok", at=30, arguments='{"args":[4],"kwargs":{}}')
    assert not fitting(run(asks(), call)).violations
    assert told(fitting(run(asks(), wrong))) == [
        "search was called wrongly: query is a number, not string"
    ]


def test_schemas_are_read_in_the_shapes_of_several_vendors() -> None:
    """A function, a bare definition, an input schema."""
    schema = {"type": "object", "required": ["q"]}
    for definition in (
        {"type": "function", "function": {"name": "find", "parameters": schema}},
        {"name": "find", "parameters": schema},
        {"name": "find", "input_schema": schema},
        {"name": "find", "inputSchema": schema},
    ):
        offered = {"llm.tools.0.tool.json_schema": json.dumps(definition)}
        trace = run(asks(("c1", "find", "{}"), tools=(), more=offered))
        assert told(fitting(trace)) == ["find was called wrongly: q is required and absent"]

    bedrock = {"toolSpec": {"name": "find", "inputSchema": {"json": schema}}}
    bare = {"llm.tools.0.tool.name": "find", "llm.tools.0.tool.json_schema": json.dumps(schema)}
    for offered in ({"llm.tools.0.tool.json_schema": json.dumps(bedrock)}, bare):
        trace = run(asks(("c1", "find", "{}"), tools=(), more=offered))
        assert told(fitting(trace)) == ["find was called wrongly: q is required and absent"]


PAY: Attributes = {"properties": {"amount": {"type": "number", "maximum": 100}}}


@pytest.mark.parametrize(
    ("schema", "arguments", "summary"),
    [
        (PAY, '{"amount":1e9}', "amount breaks its maximum of 100"),
        (PAY, '"{\\"amount\\":1e9}"', "amount breaks its maximum of 100"),
        (PAY, '{"amount":NaN}', "the arguments are not JSON"),
        (PAY, "[1]", "the arguments are not a JSON object"),
        ({"minProperties": 1}, "", "the arguments object has fewer than 1 fields"),
        ({"properties": {"to": {"pattern": "^[A-Z]{2}$"}}}, '{"to":"Bob"}',
         "to does not match its pattern"),
    ],
)  # fmt: skip
def test_arguments_are_held_to_the_whole_schema(
    schema: Attributes, arguments: str, summary: str
) -> None:
    """Also where the arguments were written as JSON twice over."""
    trace = run(asks(("c1", "pay", arguments), tools=(), more=offering("pay", schema=schema)))
    assert told(fitting(trace)) == [f"pay was called wrongly: {summary}"]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"properties": {"to": {"pattern": "(?=a)b"}}}, "its schema has the pattern"),
        ({"$ref": "https://example.com/pay.json"}, "its schema refers to 'https://example.com/pay"),
        ({"properties": {"to": {"type": "date"}}}, "its schema is not valid JSON Schema"),
    ],
)
def test_what_cannot_be_held_to_the_schema_is_missing(schema: Attributes, reason: str) -> None:
    """And so never a pass."""
    call = asks(("c1", "pay", '{"to":"Bob"}'), tools=(), more=offering("pay", schema=schema))
    found = fitting(run(call))
    assert not found.violations
    assert found.missing[0].startswith(f"a call of pay: {reason}")


def test_a_call_is_held_to_the_definition_of_its_own_request() -> None:
    """A tool may change between two requests; of two with one name, nobody knows which is meant."""
    strict: Attributes = {"required": ["to"]}
    first = model("first", "", at=15, tools=(), more=offering("pay", schema=strict))
    second = asks(("c1", "pay", "{}"), tools=(), more=offering("pay", schema=PAY))
    assert not fitting(run(first, second)).violations
    twice = {
        "llm.tools.0.tool.json_schema": json.dumps({"name": "pay", "parameters": strict}),
        "llm.tools.1.tool.json_schema": json.dumps({"name": "pay", "parameters": PAY}),
    }
    found = fitting(run(asks(("c1", "pay", "{}"), tools=(), more=twice)))
    assert found.missing == ("a call of pay: it was offered with several schemas",)
    wrong = fitting(run(asks(("c1", "pay", '{"amount":1e9}'), tools=(), more=twice)))
    assert told(wrong) == ["pay was called wrongly: to is required and absent"]


def test_what_a_recorder_wrote_in_its_own_words_is_no_breach() -> None:
    """What the model wrote is not known then."""
    found = fitting(run(asks(), tool("found", "ok", at=30, arguments="SKU-1042")))
    assert not found.violations
    assert found.missing == ("a call of search: the arguments were not recorded as JSON",)


def test_a_definition_without_a_schema_is_missing() -> None:
    """The name alone says nothing of arguments."""
    offered = {"llm.tools.0.tool.json_schema": '{"name":"find"}'}
    found = fitting(run(asks(("c1", "find", "{}"), tools=(), more=offered)))
    assert found.missing == ("the schema of find is not recorded",)


def helped(name: str, **offered: bool) -> Trace:
    """A run whose helper calls a tool."""
    mine = offering("mine") if offered.get("own", True) else {}
    call = model(
        "inner", "", at=50, parent="helper", tools=(), calls=[("c1", name, "{}")], more=mine
    )
    return run(asks(), helper(), call, answers())


def test_a_delegate_may_use_the_tools_that_it_was_given() -> None:
    """What the agent above it has is no leave."""
    for name, broken in (("mine", 0), ("search", 1), ("pay", 1)):
        found = delegation_scope(readings(helped(name)), DelegationScope())
        assert len(found.violations) == broken
        assert found.scanned == "1 tool call of 1 delegated agent"


def test_terms_for_an_agent_come_first() -> None:
    """By its name, in which `*` stands for any text."""
    terms = DelegationScope(agents={"help*": ("pay",)})
    assert not delegation_scope(readings(helped("pay")), terms).violations
    assert told(delegation_scope(readings(helped("mine")), terms)) == [
        "mine was called, which is outside what helper was given"
    ]


@pytest.mark.parametrize(("name", "broken"), [("mine", 0), ("search", 0), ("pay", 1)])
def test_a_call_that_opens_an_agent_may_list_its_tools(name: str, broken: int) -> None:
    """Its list is what the agent was allowed."""
    opened = tool(
        "spawn", "ok", at=38, name="spawn", arguments='{"task":"look","tools":["search","mine"]}'
    )
    call = model("inner", "", at=50, parent="helper", calls=[("c1", name, "{}")], tools=(name,))
    found = delegation_scope(
        readings(run(asks(), opened, helper(parent="spawn"), call)), DelegationScope()
    )
    assert len(found.violations) == broken


def test_tools_on_the_span_of_an_agent_are_its_own() -> None:
    """Not those of the agent above it."""
    own = replace(helper(), attributes={**helper().attributes, **offering("mine")})
    for name, broken in (("mine", 0), ("search", 1)):
        call = model("inner", "", at=50, parent="helper", calls=[("c1", name, "{}")], tools=())
        found = delegation_scope(readings(run(asks(), own, call)), DelegationScope())
        assert len(found.violations) == broken


def test_a_delegate_that_nobody_gave_anything_is_unknown() -> None:
    """Neither it nor the agent above it has a list."""
    call = model("inner", "", at=50, parent="helper", tools=(), calls=[("c1", "pay", "{}")])
    found = delegation_scope(readings(run(helper(), call)), DelegationScope())
    assert (found.violations, found.missing) == ((), ("whether pay was given is not recorded",))
