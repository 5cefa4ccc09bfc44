"""A value is held to all of a schema; what of it cannot be checked is said, and is never a fit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.ground.canonical_json import JsonValue
from investigator.readings.json_schema import judged_by

Schema = dict[str, Any]


def told(value: JsonValue, schema: Schema) -> list[str]:
    """What is wrong with a value, with nothing left untold."""
    judged = judged_by(schema, value)
    assert judged.untold == ()
    return [problem.told("it") for problem in judged.problems]


def untold(value: JsonValue, schema: Schema) -> str:
    """Why nothing can be told of a value in which nothing is known to be wrong."""
    judged = judged_by(schema, value)
    assert judged.problems == ()
    assert len(judged.untold) == 1
    return judged.untold[0]


def field(schema: Any) -> Schema:
    """The schema of an object with one field, `a`."""
    return {"type": "object", "properties": {"a": schema}}


BROKEN: list[tuple[Any, JsonValue, str]] = [
    ({"type": "string"}, 7, "a is a number, not string"),
    ({"type": "integer"}, True, "a is a boolean, not integer"),
    ({"type": "integer"}, 2.5, "a is a number, not integer"),
    ({"type": ["number", "null"]}, "1", "a is a string, not number or null"),
    ({"enum": ["new", "used"]}, "old", "a is none of the 2 values allowed"),
    ({"const": 1}, 2, "a is not the one value allowed"),
    ({"maximum": 100}, 1e9, "a breaks its maximum of 100"),
    ({"minimum": 1}, 0, "a breaks its minimum of 1"),
    ({"exclusiveMaximum": 3}, 3, "a is not below 3"),
    ({"exclusiveMinimum": 3}, 3, "a is not above 3"),
    ({"maximum": 3, "exclusiveMaximum": True}, 3, "a breaks its maximum of 3"),
    ({"multipleOf": 0.01}, 19.999, "a is no multiple of 0.01"),
    ({"pattern": "^[A-Z]{3}$"}, "abc", "a does not match its pattern"),
    ({"minLength": 2}, "b", "a is shorter than 2 characters"),
    ({"maxLength": 2}, "bcd", "a is longer than 2 characters"),
    ({"minItems": 2}, [1], "a has fewer than 2 items"),
    ({"maxItems": 1}, [1, 2], "a has more than 1 items"),
    ({"uniqueItems": True}, [1, 1.0], "a holds an item twice"),
    ({"items": {"type": "string"}}, ["x", 3], "a.1 is a number, not string"),
    ({"items": [{"type": "string"}, {"type": "integer"}]}, ["x", "y"],
     "a.1 is a string, not integer"),
    ({"prefixItems": [{"type": "integer"}]}, ["x"], "a.0 is a string, not integer"),
    ({"contains": {"const": 1}}, [2], "a holds too few or too many items of the kind asked for"),
    ({"minProperties": 1}, {}, "a has fewer than 1 fields"),
    ({"required": ["b"]}, {}, "a.b is required and absent"),
    ({"additionalProperties": False}, {"b": 1}, "a.b is no field of it"),
    ({"additionalProperties": {"type": "string"}}, {"b": 1}, "a.b is a number, not string"),
    ({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False},
     {"x-b": "", "c": 1}, "a.c is no field of it"),
    ({"propertyNames": {"maxLength": 1}}, {"bc": 1}, "a is longer than 1 characters"),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 3, "a fits none of the 2 forms allowed"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 3,
     "a does not fit exactly one of the 2 forms allowed"),
    ({"allOf": [{"type": "integer"}, {"maximum": 2}]}, 3, "a breaks its maximum of 2"),
    ({"not": {"type": "string"}}, "b", "a is of a form that is forbidden"),
    ({"if": {"required": ["b"]}, "then": {"required": ["c"]}}, {"b": 1},
     "a.c is required and absent"),
    ({"dependentRequired": {"b": ["c"]}}, {"b": 1}, "a breaks dependentRequired"),
    ({"dependencies": {"b": ["c"]}}, {"b": 1}, "a breaks dependencies"),
    (False, 1, "a is of a form that is forbidden"),
    ({"format": "date"}, "tomorrow", "a is no date"),
    ({"format": "date"}, "2024-02-30", "a is no date"),
    ({"format": "date-time"}, "2024-05-01", "a is no date-time"),
    ({"format": "time"}, "9 o'clock", "a is no time"),
    ({"format": "email"}, "me at home", "a is no email"),
    ({"format": "uuid"}, "123", "a is no uuid"),
    ({"format": "uri"}, "home page", "a is no uri"),
    ({"format": "ipv4"}, "10.0.0.256", "a is no ipv4"),
    ({"type": "STRING"}, 7, "a is a number, not string"),
    ({"type": "STRING", "nullable": True, "minLength": "3"}, "ab",
     "a is shorter than 3 characters"),
]  # fmt: skip

FITS: list[tuple[Any, JsonValue]] = [
    ({"type": "integer"}, 2.0),
    ({"maximum": 100}, 100),
    ({"maximum": 100}, "1e9"),
    ({"multipleOf": 0.01}, 19.99),
    ({"pattern": "b"}, "abc"),
    ({"pattern": "^b"}, 7),
    ({"format": "date-time"}, "2024-05-01T10:00:00"),
    ({"format": "date-time"}, "2024-05-01T10:00:60Z"),
    ({"format": "ipv6"}, "::1"),
    ({"format": "time"}, "10:00"),
    ({"format": "colour"}, "anything"),
    ({"type": "STRING", "nullable": True}, None),
    ({"type": "STRING", "enum": ["x"], "nullable": True}, None),
    ({"anyOf": [{"type": "string"}], "nullable": True}, None),
    ({"type": "any"}, {"b": 1}),
    ({"uniqueItems": True}, [1, True, "1"]),
    ({"properties": {"type": {"type": "string"}, "nullable": {}, "enum": {}}}, {"type": "x"}),
    ({"default": {"$ref": "nowhere"}, "enum": [{"$ref": "nowhere"}]}, {"$ref": "nowhere"}),
    ({"x-vendor": {"anything": 1}}, 1),
]


@pytest.mark.parametrize(("schema", "value", "words"), BROKEN)
def test_what_breaks_a_keyword_is_told_with_its_path(
    schema: Any, value: JsonValue, words: str
) -> None:
    """In the words of the keyword, never with the value itself."""
    assert told({"a": value}, field(schema)) == [words]


@pytest.mark.parametrize(("schema", "value"), FITS)
def test_what_fits_has_no_problem(schema: Any, value: JsonValue) -> None:
    """Also where it looks as if it had one."""
    assert told({"a": value}, field(schema)) == []


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "date"}, "its schema is not valid JSON Schema"),
        ({"type": "string", "required": True}, "its schema is not valid JSON Schema"),
        ({"maximum": "3"}, "its schema is not valid JSON Schema"),
        ({"pattern": "(?=a)b"}, "its schema has the pattern '(?=a)b', which RE2 cannot run"),
        ({"pattern": r"(a)\1"}, r"its schema has the pattern '(a)\\1', which RE2 cannot run"),
        ({"not": {"pattern": "(?=a)b"}}, "its schema has the pattern '(?=a)b', which RE2"),
        ({"$ref": "https://example.com/s.json"}, "its schema refers to 'https://example.com/s"),
        ({"$ref": "file:///etc/hosts"}, "its schema refers to 'file:///etc/hosts', which is out"),
        ({"$ref": "other.json#/a"}, "its schema refers to 'other.json#/a', which is outside"),
        ({"$ref": "#/nowhere"}, "its schema refers to '#/nowhere', which is not in it"),
        ({"$ref": "#/properties/a/title", "title": "x"}, "its schema refers to '#/properties/a/t"),
        ({"$dynamicRef": "#node"}, "its schema refers to '#node' by a dynamic reference"),
        ({"$ref": "#/properties/a"}, "the schema refers to itself too many times"),
    ],
)
def test_what_cannot_be_checked_is_said_to_be_so(schema: Any, reason: str) -> None:
    """Nothing is fetched, and nothing passes for want of a check."""
    assert untold({"a": "x"}, field(schema)).startswith(reason)


def test_what_is_broken_is_told_beside_what_cannot_be_checked() -> None:
    """But no choice is called wrong of which a part is not known."""
    unknown: Schema = {"pattern": "(?=a)b"}
    for schema in (unknown, {"anyOf": [unknown, {"type": "integer"}]}, {"not": unknown}):
        both: Schema = {"properties": {"a": schema, "b": {"maximum": 3}}}
        judged = judged_by(both, {"a": "x", "b": 4})
        assert [problem.keyword for problem in judged.problems] == ["maximum"]
        assert len(judged.untold) == 1


def test_a_part_that_states_a_draft_of_its_own_is_read_by_the_same_rules() -> None:
    """Another draft would run its patterns by backtracking."""
    inner = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}
    assert told({"a": "a" * 20_000 + "b"}, field(inner)) == ["a does not match its pattern"]


def _nested(depth: int) -> JsonValue:
    value: JsonValue = {}
    for _ in range(depth):
        value = {"a": value}
    return value


AGAIN = {"$ref": "#"}
HOSTILE: list[tuple[Schema, JsonValue]] = [
    ({"allOf": [AGAIN] * 8, "anyOf": [AGAIN] * 8}, _nested(2)),
    ({"properties": {"a": {"anyOf": [AGAIN] * 8}}, "required": ["b"]}, _nested(12)),
    ({"properties": {"a": {"oneOf": [AGAIN] * 3}}}, _nested(30)),
    ({"properties": {"a": AGAIN}}, _nested(500)),
    (json.loads('{"properties":{"a":' * 400 + "{}" + "}}" * 400), {}),
    ({"uniqueItems": True}, [{"b": i} for i in range(5_000)]),
    ({"items": {"type": "integer"}}, [1] * 100_000),
    ({"enum": list(range(20_000))}, 1),
    ({"pattern": "(a{1,1000}){1,1000}"}, "a"),
]


@pytest.mark.parametrize(("schema", "value"), HOSTILE)
def test_what_takes_too_much_is_given_up(schema: Schema, value: JsonValue) -> None:
    """Schemas that lead in circles, deep and large ones, and values that are."""
    assert judged_by(schema, value).untold


SCHEMAS = st.recursive(
    st.one_of(
        st.booleans(), st.none(), st.integers(-2, 3), st.sampled_from(["#", "#/a", "string", "x"])
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["a", "type", "$ref", "properties", "items", "anyOf", "not", "enum", "required",
             "$defs", "dependencies", "additionalProperties", "patternProperties", "contains",
             "multipleOf", "unevaluatedProperties", "nullable", "$id", "$schema", "if", "then",
             "minContains", "prefixItems", "const", "uniqueItems", "pattern", "$anchor"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


FIELDS = st.sampled_from(
    ["a", "properties", "anyOf", "$ref", "items", "not", "unevaluatedProperties", "dependencies"]
)


@pytest.mark.slow
@settings(max_examples=200)
@given(schema=st.dictionaries(FIELDS, SCHEMAS), value=SCHEMAS)
def test_no_schema_and_no_value_raises(schema: Schema, value: Any) -> None:
    """Whatever a trace holds in the place of a schema; and the same is said twice."""
    assert judged_by(schema, value) == judged_by(schema, value)
