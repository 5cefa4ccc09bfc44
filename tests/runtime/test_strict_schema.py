"""Every schema that a model can be given is in the strict subset, and says what it said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from investigator.canonical import JsonValue
from investigator.inspection.memory import MemoryInspectionAPI
from investigator.inspection.redaction import Redactor
from investigator.inspection.tools import inspection_tools
from investigator.rca.case import RCACase
from investigator.rca.engine import RCAStrategy
from investigator.runtime.actions import ActionKind, ActionSpace
from investigator.runtime.strict_schema import MAX_PROPERTIES, Schema, problems, strict
from investigator.runtime.tools import ToolRegistry
from investigator.snapshots import open_snapshots
from tests.builders import span, trace
from tests.compliance.running import compliance_run
from tests.incident.running import incident_run
from tests.rca.running import DEFAULT
from tests.runtime.schemas import OFFERS

STRING: dict[str, JsonValue] = {"type": "string"}


def closed(**properties: JsonValue) -> Schema:
    """A closed object."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.fixture(params=["rca", "compliance", "incident", "incident with snapshots"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> ActionSpace[Any, Any]:
    """The actions of one engine."""
    one = trace(span())
    if request.param == "compliance":
        return compliance_run(one).strategy.space
    if request.param == "incident":
        return incident_run([one]).strategy.space
    if request.param == "incident with snapshots":
        (tmp_path / "v1").mkdir()
        (tmp_path / "v1" / "prompt.txt").write_text("Be kind.")
        return incident_run([one], snapshots=open_snapshots(tmp_path)).strategy.space
    reads = inspection_tools(MemoryInspectionAPI([one]), Redactor(), trace_id=one.trace_id)
    tools = ToolRegistry(reads)
    return RCAStrategy(RCACase.of(one, DEFAULT), tools).space


@pytest.mark.parametrize("offered", OFFERS, ids="+".join)
def test_every_schema_that_is_emitted_is_in_the_subset(
    space: ActionSpace[Any, Any], offered: tuple[ActionKind, ...]
) -> None:
    """For each engine and each set of offered actions."""
    assert problems(strict(space.schema(offered))) == []


def test_a_strict_schema_takes_the_same_fields(space: ActionSpace[Any, Any]) -> None:
    """Every property of every action, and no other, is in the strict form."""
    before = json.dumps(space.schema(list(ActionKind)))
    after = json.dumps(strict(space.schema(list(ActionKind))))
    assert _properties(json.loads(after)) == _properties(json.loads(before))


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
