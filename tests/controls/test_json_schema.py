"""Values are held against a schema, and never called wrong by a rule that is not understood."""

from __future__ import annotations

from time import process_time

import pytest

from investigator.canonical import JsonValue
from investigator.controls.checks.json_schema import schema_problems

Schema = dict[str, JsonValue]

ORDER: Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "count": {"type": "integer"},
        "kind": {"enum": ["new", "used"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "to": {"$ref": "#/$defs/Place"},
        "price": {"type": ["number", "null"]},
    },
    "required": ["id"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "required": ["town"]}},
}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"id": "a"}, []),
        ({"id": "a", "count": 2, "kind": "new", "tags": ["x"], "note": None, "price": 1.5}, []),
        ({"id": "a", "count": 2.0, "to": {"town": "Bern"}, "price": None}, []),
        ({}, ["id is required and absent"]),
        ({"id": 7}, ["id is a number, not string"]),
        ({"id": "a", "count": True}, ["count is a boolean, not integer"]),
        ({"id": "a", "count": 2.5}, ["count is a number, not integer"]),
        ({"id": "a", "price": "1"}, ["price is a string, not number or null"]),
        ({"id": "a", "kind": "old"}, ["kind is none of the 2 values allowed"]),
        ({"id": "a", "tags": ["x", 3]}, ["tags.1 is a number, not string"]),
        ({"id": "a", "note": 3}, ["note fits none of the 2 forms allowed"]),
        ({"id": "a", "to": {}}, ["to.town is required and absent"]),
        ({"id": "a", "colour": "red"}, ["colour is no field of it"]),
        (["id"], ["the arguments is an array, not object"]),
    ],
)
def test_each_problem_is_told_with_its_path(value: JsonValue, told: list[str]) -> None:
    """And what fits has none."""
    assert list(schema_problems(value, ORDER)) == told


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "date"},
        {"type": 7, "enum": "x", "required": "x", "properties": [], "items": 3, "anyOf": {}},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/nowhere/at/all"},
        {"pattern": "^b", "minLength": 900, "format": "date"},
        {"properties": {"a": True}, "patternProperties": {"x": {}}, "additionalProperties": False},
    ],
)
def test_what_is_not_understood_says_nothing(schema: Schema) -> None:
    """Unknown keywords, odd values and references that lead elsewhere."""
    assert list(schema_problems({"a": "b"}, schema)) == []


def test_a_schema_that_leads_in_circles_ends() -> None:
    """In time that does not grow with the number of ways round."""
    again: JsonValue = {"$ref": "#"}
    started = process_time()
    list(schema_problems({"a": {"a": {}}}, {"allOf": [again] * 8, "anyOf": [again] * 8}))
    assert process_time() - started < 2


def test_a_deep_value_ends() -> None:
    """Deeper than anyone nests arguments, nothing more is said."""
    value: JsonValue = {}
    for _ in range(500):
        value = {"a": value}
    schema: Schema = {"properties": {"a": {"$ref": "#"}}, "required": ["b"]}
    assert len(list(schema_problems(value, schema))) < 500
