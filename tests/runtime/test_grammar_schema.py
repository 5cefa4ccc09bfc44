"""What a grammar is built from: the strict schema, narrowed to what a turn can say and afford."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.inspection.memory import MemoryInspectionAPI
from investigator.inspection.redaction import Redactor
from investigator.inspection.tools import inspection_tools
from investigator.rca.case import RCACase
from investigator.rca.engine import RCAStrategy
from investigator.rca.taxonomy import load_taxonomy
from investigator.runtime.actions import ActionKind, ActionSpace, Invalid, Refusal
from investigator.runtime.budget import UNLIMITED
from investigator.runtime.events import Shown
from investigator.runtime.grammar_schema import MAX_KNOWN, Sizes, known_in, narrowed
from investigator.runtime.planner import StepSeen, View
from investigator.runtime.schema_hints import EVIDENCE, KNOWN, NARROWED, SPAN, TRACE
from investigator.runtime.strict_schema import problems, strict
from investigator.runtime.tools import ToolRegistry
from tests.builders import span, trace
from tests.compliance.running import compliance_run
from tests.incident.running import incident_run
from tests.rca.running import DEFAULT
from tests.runtime.schemas import OFFERS, longest

SIZES = Sizes.of(700)
SPAN_ID = "00000000000000a1"


@pytest.fixture(params=["rca", "rca with trail", "compliance", "incident"])
def space(request: pytest.FixtureRequest) -> ActionSpace[Any, Any]:
    """The actions of one engine."""
    one = trace(span())
    if request.param == "compliance":
        return compliance_run(one).strategy.space
    if request.param == "incident":
        return incident_run([one]).strategy.space
    reads = inspection_tools(MemoryInspectionAPI([one]), Redactor(), trace_id=one.trace_id)
    taxonomy = load_taxonomy("trail") if request.param == "rca with trail" else DEFAULT
    return RCAStrategy(RCACase.of(one, taxonomy), ToolRegistry(reads)).space


def view(**fields: Any) -> View:
    """The first view of a scope, with what a test is about."""
    plain = View(
        scope_id="0", depth=0, objective="Why?", context="", step=0, offered=tuple(ActionKind),
        draft=None, recent=(), cited={}, shown=Shown(left=UNLIMITED, time_left=None),
    )  # fmt: skip
    return plain._replace(**fields)


def node(**fields: Any) -> dict[str, Any]:
    """A closed object of one property `a`, narrowed."""
    schema: dict[str, Any] = {"type": "object", "properties": {"a": fields}}
    made: Any = narrowed(schema, Sizes(3, 100), {"few": ["x", "y"], "none": [], "many": MANY})
    return dict(made["properties"]["a"])


MANY = [str(n) for n in range(MAX_KNOWN + 1)]


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_without_its_bounds_it_is_in_the_strict_subset(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """For each engine and each set of offered actions, with ids known and without."""
    for known in ({}, {EVIDENCE: ["e1"], SPAN: [SPAN_ID], TRACE: ["t"]}):
        made = narrowed(space.schema(offered), SIZES, {**space.known, **known})
        assert problems(strict(made)) == []


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_what_it_takes_is_an_action(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """The longest reply of each of its branches is parsed by the union that it was made from."""
    known = {**space.known, EVIDENCE: ["e1", "e2"], SPAN: [SPAN_ID], TRACE: ["t"]}
    schema: Any = narrowed(space.schema(offered), SIZES, known)
    for pick in range(12):
        reply = json.dumps(longest(schema, schema, pick))
        assert not isinstance(space.parse(reply, offered), Invalid | Refusal), reply


@given(st.integers(300, 20_000))
def test_an_answer_of_the_longest_fits_the_output(tokens_out: int) -> None:
    """Findings of two texts, gaps and a summary: at two and a half characters a token."""
    items, chars = Sizes.of(tokens_out)
    texts = items * 3 + 1
    assert texts * chars / 2.5 + items * 80 <= tokens_out
    assert items >= 1
    assert chars >= 40


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "string"}, {"type": "string", "maxLength": 100}),
        ({"type": "string", KNOWN: "few"}, {"type": "string", "enum": ["x", "y"]}),
        ({"type": "string", KNOWN: "none"}, {"type": "string", "maxLength": 100}),
        ({"type": "string", KNOWN: "many"}, {"type": "string", "maxLength": 100}),
        ({"type": "string", KNOWN: "other"}, {"type": "string", "maxLength": 100}),
        ({"type": "string", NARROWED: {"type": "null"}}, {"type": "null"}),
        ({"const": "only", "type": "string"}, {"enum": ["only"], "type": "string"}),
        (
            {"type": "integer", "minimum": 0, "maximum": 9},
            {"type": "integer", "minimum": 0, "maximum": 9},
        ),
        (
            {"type": "number", "minimum": 0.0, "maximum": 1.0},
            {"type": "number", "enum": [n / 10 for n in range(11)]},
        ),
    ],
)
def test_a_value_is_bounded_or_chosen(given: dict[str, Any], made: dict[str, Any]) -> None:
    """Texts by length, or by the few values that are known; numbers by steps."""
    assert node(**given) == made


@pytest.mark.parametrize(
    ("given", "most"),
    [({}, 3), ({"maxItems": 2}, 2), ({"maxItems": 8, "minItems": 2}, 3), ({"minItems": 4}, 4)],
)
def test_a_list_is_bounded_by_both(given: dict[str, Any], most: int) -> None:
    """By what is let through and by what the action takes."""
    made = node(type="array", items={"type": "boolean"}, **given)
    assert made["maxItems"] == most


def test_what_needs_a_value_of_which_none_is_known_cannot_be_said() -> None:
    """Lists of it stay empty, and a choice goes on without it."""
    unknown = {"type": "string", KNOWN: "none"}
    needs = {"type": "object", "properties": {"id": unknown, "other": {"type": "string"}}}
    assert node(type="array", items=unknown)["maxItems"] == 0
    assert node(type="array", items=needs)["maxItems"] == 0
    assert node(anyOf=[needs, unknown, {"type": "null"}]) == {"anyOf": [{"type": "null"}]}


def test_before_any_span_is_known_an_rca_lists_or_concludes_without_one() -> None:
    """No tool that needs a span, no finding that names one."""
    one = trace(span())
    reads = inspection_tools(MemoryInspectionAPI([one]), Redactor(), trace_id=one.trace_id)
    space = RCAStrategy(RCACase.of(one, DEFAULT), ToolRegistry(reads)).space
    schema: Any = narrowed(space.schema(list(ActionKind)), SIZES, known_in(view()))
    replies = [longest(schema, schema, pick)["action"] for pick in range(12)]
    tools = {reply["tool_name"] for reply in replies if "tool_name" in reply}
    assert tools == {"list_spans", "search_trace"}
    outputs = [reply["output"] for reply in replies if "output" in reply]
    assert outputs
    assert not any(output["findings"] for output in outputs)


def test_known_is_what_the_scope_was_shown() -> None:
    """Ids of its references, and those that its objective and context name."""
    ref = {"kind": "SPAN", "ref": "span:b", "span_id": "b", "trace_id": "f" * 32}
    diff = {"kind": "CONFIG_DIFF", "ref": "configdiff:1", "span_id": None, "trace_id": None}
    shown = view(
        recent=(StepSeen(0, ActionKind.TOOL_CALL, "", f'{{"rows":[{{"id":"{"9" * 32}"}}]}}'),),
        gathered=({"span_id": "00000000000000a3"},),
        objective=f"What broke at {SPAN_ID}?",
        context=json.dumps({"span_ids": ["00000000000000a2", SPAN_ID], "trace_id": "f" * 32}),
        cited={"e1": json.dumps(ref), "e2": json.dumps(diff)},
    )
    known = known_in(shown)
    assert known[EVIDENCE] == ["e1", "e2"]
    assert known[SPAN] == [SPAN_ID, "00000000000000a2", "00000000000000a3", "b"]
    assert known[TRACE] == ["f" * 32, "9" * 32]
    assert known_in(view()) == {EVIDENCE: [], SPAN: []}
