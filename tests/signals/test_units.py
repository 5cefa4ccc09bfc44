"""A number that came in one unit and is used in another."""

from __future__ import annotations

import json

import pytest

from investigator.readings.faults import Fault
from investigator.traces.model import Trace
from tests.builders import trace
from tests.signals.steps import agent, faults, llm, only, tool

WEIGHED = '{"weight": 52.5, "weight_unit": "lb"}'


def _offered(parameter: str, description: str) -> dict[str, str]:
    properties = {parameter: {"type": "number", "description": description}}
    schema = {"name": "rate", "parameters": {"properties": properties}}
    held = json.dumps({"type": "function", "function": schema})
    return {"llm.tools.0.tool.json_schema": held}


def _handed_on(
    result: str, *, number: float = 52.5, parameter: str = "weight", says: str = "Weight in kg"
) -> Trace:
    """One tool's number is handed to another, whose parameter says its unit."""
    arguments = json.dumps({parameter: number})
    offered = _offered(parameter, says)
    ask = llm("ask", calls=[("rate", arguments)], at=2, attributes=offered)
    used = tool("used", name="rate", arguments=arguments, at=3)
    return trace(agent(), tool("weigh", result, name="weigh", at=1), ask, used)


def test_a_number_handed_on_in_another_unit_began_where_it_came_from() -> None:
    """The summary names both units."""
    signal = only(_handed_on(WEIGHED))
    assert (signal.fault, signal.origin_id) == (Fault.SCHEMA_MISMATCH, "weigh")
    assert "weigh answered in lb, and weight of rate takes kg" in signal.summary


def test_a_parameter_can_say_its_unit_by_its_name() -> None:
    """`weight_kg` needs no description."""
    assert faults(_handed_on(WEIGHED, parameter="weight_kg", says="")) == ["schema_mismatch"]


@pytest.mark.parametrize(
    "found",
    [
        _handed_on('{"weight": 52.5, "weight_unit": "kg"}'),
        _handed_on('{"weight": 52.5, "weight_unit": "kilograms"}'),
        _handed_on('{"price": 52.5, "currency": "EUR"}'),
        _handed_on('{"weight": 52.5}'),
        _handed_on(WEIGHED, number=23.8),
        _handed_on(WEIGHED, says="Weight in lb"),
        _handed_on(WEIGHED, says="Weight in kg or in lb"),
        _handed_on('{"pieces": 3, "weight_unit": "lb"}', number=3),
    ],
    ids=[
        "same unit",
        "same unit by another name",
        "another dimension",
        "no unit named",
        "converted",
        "the parameter agrees",
        "the parameter takes either",
        "a number that may be there by chance",
    ],
)
def test_a_number_used_as_it_came_is_no_mismatch(found: Trace) -> None:
    """Nor is one of which nothing is known."""
    assert not faults(found)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("It weighs 52.5 kg.", ["schema_mismatch"]),
        ("It weighs 52.50 kilograms.", ["schema_mismatch"]),
        ("It weighs 52.5 lb.", []),
        ("It weighs 52.5 pounds, or 23.8 kg.", []),
        ("It weighs 52.5 of them.", []),
    ],
)
def test_an_answer_says_a_number_in_the_unit_that_it_came_in(answer: str, told: list[str]) -> None:
    """Units of one dimension are compared, whatever they are called."""
    weighed = tool("weigh", WEIGHED, name="weigh", at=1)
    assert faults(trace(agent(), weighed, llm("end", answer, at=2))) == told
