"""The tools of a request: two of one name, or one that it should have had and had not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.signals.detect import detect
from investigator.traces.model import Trace
from tests.builders import readings, trace
from tests.signals.runs import CHAT, FORMS, Called, Run
from tests.signals.steps import agent, llm, tool

OFFERING_FORMS = pytest.mark.parametrize("form", [form for form in FORMS if form != CHAT])
LACKING = "I'm sorry, I don't have access to a tool that could search flights."


def _definition(name: str, *arguments: str, about: str = "") -> str:
    properties: JsonValue = {one: {"type": "string"} for one in arguments}
    return json.dumps({
        "type": "function",
        "function": {"name": name, "description": about,
                     "parameters": {"type": "object", "properties": properties}},
    })  # fmt: skip


def _offering(*definitions: str) -> Mapping[str, JsonValue]:
    return {f"llm.tools.{i}.tool.json_schema": text for i, text in enumerate(definitions)}


def _otlp(*definitions: str) -> Trace:
    """One request of OTLP with these tools, in which `search` is called."""
    held = {
        "gen_ai.operation.name": "chat",
        "gen_ai.tool.definitions": f"[{', '.join(definitions)}]",
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c", "name": "search", "arguments": {}}]}]),
    }  # fmt: skip
    attributes: list[JsonValue] = [
        {"key": key, "value": {"stringValue": value}} for key, value in held.items()
    ]
    one: JsonValue = {
        "traceId": "0" * 31 + "1",
        "spanId": "0" * 15 + "2",
        "name": "chat",
        "startTimeUnixNano": "1767225600000000000",
        "endTimeUnixNano": "1767225601000000000",
        "attributes": attributes,
    }
    spans = decode({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}, stem="t")
    return Trace(spans[0].trace_id, spans)


def _openinference(*definitions: str) -> Trace:
    asking = llm("ask", at=1, calls=[("search", "{}")], attributes=_offering(*definitions))
    return trace(agent(), asking, tool("t", at=2))


@pytest.mark.parametrize("written", [_otlp, _openinference])
@pytest.mark.parametrize(
    ("definitions", "ambiguous"),
    [
        ([_definition("search", "q"), _definition("search", "text", "top")], True),
        ([_definition("search", about="the web"), _definition("search", about="mail")], True),
        ([_definition("search", "q"), _definition("search", "q")], False),
        ([_definition("search", "q"), _definition("find", "q")], False),
        ([_definition("search"), _definition("find", "q"), _definition("find", "x")], False),
    ],
    ids=["arguments", "descriptions", "the same twice", "two names", "not called"],
)
def test_two_tools_of_one_name_are_ambiguous(
    written: Callable[..., Trace], definitions: Sequence[str], ambiguous: bool
) -> None:
    """If they differ and one was called: nobody can tell which of them ran."""
    found = [s.fault.value for s in detect(readings(written(*definitions))) if s.strength >= 0.5]
    assert ("ambiguous_tool" in found) is ambiguous


@OFFERING_FORMS
def test_a_request_that_lacks_the_tool_which_its_prompt_names(form: str) -> None:
    """The model says so; with the tool, or for another reason, nothing is missing."""
    told = "Find flights with search_flights and answer in one line."
    without = Run("A flight to Oslo?", [], LACKING, system=told, tools={"get_time": []})
    assert "missing_tool" in without.open(form)
    offered = dataclasses.replace(without, tools={"search_flights": ["to"]})
    assert "missing_tool" not in offered.open(form)
    answered = dataclasses.replace(without, answer="There is one at nine.")
    assert "missing_tool" not in answered.open(form)
    unnamed = dataclasses.replace(without, system="Be brief.")
    assert "missing_tool" not in unnamed.open(form)


@pytest.mark.parametrize("harmed", [True, False])
def test_a_later_request_of_the_loop_without_its_tools(harmed: bool) -> None:
    """A last request without tools, for an answer, misses nothing."""
    first = llm("a", at=1, calls=[("search", "{}")], attributes=_offering(_definition("search")))
    last = llm("b", LACKING if harmed else "There are two flights.", at=3)
    found = trace(agent(), first, tool("t", at=2), last)
    faults = [(s.fault.value, s.origin_id) for s in detect(readings(found))]
    assert faults == ([("missing_tool", "b")] if harmed else [])


def test_a_call_of_a_tool_that_only_the_request_before_offered() -> None:
    """The model did not make the tool up; elsewhere in no request, it did."""
    first = llm("a", at=1, calls=[("search", "{}")], attributes=_offering(_definition("search")))
    again = llm("b", at=3, calls=[("search", "{}")], attributes=_offering(_definition("find")))
    other = llm("b", at=3, calls=[("seek", "{}")], attributes=_offering(_definition("find")))
    ran = tool("t", at=2)
    signals = detect(readings(trace(agent(), first, ran, again)))
    assert [s.fault.value for s in signals] == ["missing_tool"]
    signals = detect(readings(trace(agent(), first, ran, other)))
    assert [s.fault.value for s in signals] == ["unknown_tool"]


@OFFERING_FORMS
def test_an_answer_that_cannot_for_another_reason_misses_no_tool(form: str) -> None:
    """The tool was there, and failed."""
    failed = Called("search_flights", {"to": "Oslo"}, "Error: internal server error")
    run = Run("A flight to Oslo?", [[failed]], "I cannot search flights right now (an error).",
              system="Use search_flights.", tools={"search_flights": ["to"]})  # fmt: skip
    assert "missing_tool" not in run.open(form)
