"""What a model is sent as the schema of a turn: the actions, in the dialect of its endpoint.

Every schema that can be emitted is in the strict subset of the large providers, and says what
the union of actions says. One for a grammar is the same with bounds, narrowed to what a scope
knows and can afford, and takes nothing that the union does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.ground.canonical_json import JsonValue
from investigator.ground.redaction import Redactor
from investigator.inspection.trace_tools import inspection_tools
from investigator.model_planner.known_ids import known_in
from investigator.rca.case import RCACase
from investigator.rca.engine import RCAStrategy
from investigator.rca.taxonomy import load_taxonomy
from investigator.runtime.actions import ActionKind, ActionSpace, Draft, Invalid, NotAllowed
from investigator.runtime.budget import UNLIMITED
from investigator.runtime.events import Shown
from investigator.runtime.planner import StepSeen, View
from investigator.runtime.tools import ToolRegistry
from investigator.runtime.turn_schema import (
    EVIDENCE,
    KNOWN,
    MAX_KNOWN,
    NARROWED,
    SPAN,
    TRACE,
    KnownIds,
    Schema,
    Sizes,
    narrowed,
    strict,
)
from investigator.snapshots import open_snapshots
from investigator.store.memory import MemoryInspectionAPI
from investigator.testing.strict_subset import MAX_PROPERTIES, problems
from investigator.testing.toy import CellAnswer, CellFinding, Cells, cell_tool
from tests.builders import span, trace
from tests.compliance.running import compliance_run
from tests.incident.running import incident_run
from tests.rca.running import DEFAULT

OFFERS = [offer for n in range(1, 5) for offer in combinations(ActionKind, n)]
"""Every set of actions that can be offered, so those of every depth, mode and limit too."""

SIZES = Sizes.of(700)
SPAN_ID = "00000000000000a1"
SEEN: KnownIds = {EVIDENCE: ["e1", "e2"], SPAN: [SPAN_ID], TRACE: ["t"]}
NOTHING_SEEN: KnownIds = {EVIDENCE: [], SPAN: []}
NOTHING_LISTED: KnownIds = {}
STRING: dict[str, JsonValue] = {"type": "string"}
MANY = [str(n) for n in range(MAX_KNOWN + 1)]
SPACES = [
    *("rca", "rca with trail", "compliance", "incident", "incident with snapshots"),
    *("toy", "toy with two tools"),
]


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest, tmp_path: Path) -> ActionSpace[Any, Any]:
    """The actions of one engine."""
    one = trace(span())
    match request.param:
        case "rca":
            return rca_space()
        case "rca with trail":
            return rca_space("trail")
        case "compliance":
            return compliance_run(one).strategy.space
        case "incident":
            return incident_run([one]).strategy.space
        case "incident with snapshots":
            (tmp_path / "v1").mkdir()
            (tmp_path / "v1" / "prompt.txt").write_text("Be kind.")
            return incident_run([one], snapshots=open_snapshots(tmp_path)).strategy.space
        case toy:
            cell = cell_tool(Cells())
            tools = [cell, replace(cell, name="search")][: 2 if "two" in toy else 1]
            return ActionSpace({t.name: t for t in tools}, Draft[CellFinding], CellAnswer)


def rca_space(taxonomy: str | None = None) -> ActionSpace[Any, Any]:
    one = trace(span())
    reads = inspection_tools(MemoryInspectionAPI([one]), Redactor(), trace_id=one.trace_id)
    case = RCACase.of(one, load_taxonomy(taxonomy) if taxonomy else DEFAULT, Redactor())
    return RCAStrategy(case, ToolRegistry(reads)).space


def closed(**properties: JsonValue) -> Schema:
    """A closed object."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


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


def said_by(schema: Any) -> Iterator[str]:
    """The types of the actions that a schema takes, each as often as it can be said."""
    waiting = [schema["properties"]["action"]]
    while waiting:
        node = waiting.pop()
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
        if "anyOf" in node:
            waiting += node["anyOf"]
        elif node["type"] == "array":
            waiting.append(node["items"])
        else:
            yield from node["properties"]["type"]["enum"]


def longest(node: Any, schema: Any, pick: int = 0) -> Any:
    """A reply that a schema takes, with as much in it as it bounds; `pick` chooses a branch."""
    if "$ref" in node:
        return longest(schema["$defs"][node["$ref"].removeprefix("#/$defs/")], schema, pick)
    if "anyOf" in node:
        return longest(node["anyOf"][pick % len(node["anyOf"])], schema, pick)
    if "enum" in node:
        return node["enum"][pick % len(node["enum"])]
    match node["type"]:
        case "object":
            return {name: longest(part, schema, pick) for name, part in node["properties"].items()}
        case "array":
            return [longest(node["items"], schema, pick) for _ in range(node["maxItems"])]
        case "string":
            return "x" * node["maxLength"]
        case "integer":
            return node.get("minimum", 0)
        case "boolean":
            return bool(pick % 2)
        case "null":
            return None
        case kind:
            raise ValueError(f"no example of {kind}")


# Every engine, whatever is offered


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_a_strict_schema_is_in_the_subset(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """For each engine and each set of offered actions."""
    assert problems(strict(space.schema(offered))) == []


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_a_grammar_without_its_bounds_is_in_the_subset(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """Whatever a scope has seen."""
    for known in (NOTHING_LISTED, NOTHING_SEEN, SEEN):
        made = narrowed(space.schema(offered), SIZES, {**space.known, **known})
        assert problems(strict(made)) == []


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_what_is_offered_can_be_said_and_nothing_else(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """In both dialects, and as JSON."""
    schema = space.schema(offered)
    for made in (strict(schema), narrowed(schema, SIZES, {**space.known, **SEEN})):
        assert set(said_by(made)) == set(offered)
        assert json.loads(json.dumps(made)) == made


def test_a_strict_schema_takes_the_same_fields(space: ActionSpace[Any, Any]) -> None:
    """Every property of every action, and no other, is in the strict form."""
    before = space.schema(list(ActionKind))
    assert _properties(strict(before)) == _properties(before)


def _properties(schema: Any) -> list[list[str]]:
    """The sorted property names of all objects, sorted."""
    found, waiting = [], [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("properties"), dict):
                found.append(sorted(node["properties"]))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return sorted(found)


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_what_a_grammar_takes_is_an_action(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """The longest reply of each of its branches is parsed by the union that it was made from."""
    schema: Any = narrowed(space.schema(offered), SIZES, {**space.known, **SEEN})
    for pick in range(12):
        reply = json.dumps(longest(schema, schema, pick))
        assert not isinstance(space.parse(reply, offered), Invalid | NotAllowed), reply


def test_before_any_span_is_known_an_rca_lists_or_concludes_without_one() -> None:
    """No tool that needs a span, no finding that names one."""
    schema: Any = narrowed(rca_space().schema(list(ActionKind)), SIZES, known_in(view()))
    replies = [longest(schema, schema, pick)["action"] for pick in range(12)]
    tools = {reply["tool_name"] for reply in replies if "tool_name" in reply}
    assert tools == {"list_spans", "read_steps", "search_trace"}
    outputs = [reply["output"] for reply in replies if "output" in reply]
    assert outputs
    assert not any(output["findings"] for output in outputs)


# What both dialects have in common


def test_strict_is_at_rest() -> None:
    """What is in the subset stays as it is."""
    schema = closed(a=STRING, b={"anyOf": [{"type": "integer"}, {"type": "null"}]})
    assert problems(schema) == []
    assert strict(schema) == schema


def test_bounds_go_and_constants_stay() -> None:
    """Lengths, bounds and defaults are dropped, a constant is an enum of one, unions are flat."""
    schema = closed(
        a={"type": "string", "minLength": 1, "pattern": "x", "default": "x", "title": "A"},
        b={"const": "only", "type": "string", "description": "said in the prompt"},
        c={"oneOf": [STRING, {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}]},
    )
    assert strict(schema) == closed(
        a=STRING,
        b={"enum": ["only"], "type": "string"},
        c={"anyOf": [STRING, {"type": "integer"}, {"type": "null"}]},
    )


def test_members_of_a_union_begin_differently() -> None:
    """Two calls with the same `type` begin with the name that tells them apart."""

    def a_call(name: str) -> Schema:
        return closed(type={"const": "call", "type": "string"}, name={"const": name}, args=STRING)

    union = closed(action={"anyOf": [a_call("f"), a_call("g"), closed(other=STRING)]})
    assert any("begin with type" in problem for problem in problems(union))
    made: Any = strict(union)
    assert problems(made) == []
    members = made["properties"]["action"]["anyOf"]
    assert [next(iter(member["properties"])) for member in members] == ["name", "name", "other"]


# What a grammar is narrowed to


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


# The subset


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"anyOf": [closed(a=STRING)]}, "root: is not an object"),
        ({**closed(a=STRING), "anyOf": []}, "root: anyOf"),
        ({**closed(a=STRING), "required": []}, "root: not every property is required"),
        ({"type": "object", "properties": {}, "required": []}, "additionalProperties"),
        (closed(a={"type": "object"}), "root.a: additionalProperties is not false"),
        (closed(a={"type": "string", "maxLength": 3}), "root.a: unsupported: maxLength"),
        (closed(a={"oneOf": [STRING]}), "root.a: unsupported: oneOf"),
        (closed(a={"const": 1}), "root.a: unsupported: const"),
        (closed(a={"type": ["string", "null"]}), 'root.a: type ["string","null"]'),
        (closed(a={"type": "array"}), "root.a: an array without items"),
        (closed(a={"type": "array", "items": {"format": "date"}}), "root.a[]: unsupported"),
        (closed(a={"$ref": "#/$defs/B"}), "refers to #/$defs/B, which is not there"),
        (
            {**closed(a={"$ref": "#/$defs/B", "description": "b"}), "$defs": {"B": STRING}},
            "root.a: has more than its $ref",
        ),
        (
            {
                **closed(a={"$ref": "#/$defs/B"}),
                "$defs": {"B": closed(b={"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]})},
            },
            "root: refers to itself",
        ),
        (closed(a=closed(b=closed(c=closed(d=closed(e=closed()))))), "root: 6 levels of objects"),
        (closed(**{f"p{n}": STRING for n in range(MAX_PROPERTIES + 1)}), "root: 101 properties"),
        (closed(a={"enum": [str(n) for n in range(251)]}), "root.a: 251 values"),
        (closed(**{"a" * 65: STRING}), "root: a name of 65 characters"),
        (closed(a={"description": "anything"}), "root.a: says no type"),
    ],
)
def test_what_is_not_in_the_subset_is_named_with_its_place(schema: Schema, problem: str) -> None:
    """Each rule of the subset, broken once."""
    assert any(problem in found for found in problems(schema)), problems(schema)
