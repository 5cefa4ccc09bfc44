"""What a JSON Schema says of a value: what breaks it, and what of it cannot be told.

Schemas come from traces, so nobody vouches for them: nothing is ever fetched, patterns run in
linear time, and schemas, values and the work of holding one against the other are bounded. What
is no schema, or cannot be checked within these bounds, is said to be so: it is never a fit.

Read are drafts 4 to 2020-12 and what model vendors make of them: types in capitals (`STRING`),
counts as text (`"3"`), `nullable`, the type `any`. A `format` counts where its syntax is plain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from investigator.ground.canonical_json import JsonValue, canonical_json

if TYPE_CHECKING:
    from investigator.readings.schema_keywords import Checker

_SIZE = 10_000
"""Objects, lists and plain values of a schema; large tools in the wild have some hundreds."""

_VALUE_SIZE = 50_000
_DEPTH = 60
"""Levels of nesting. Holding a schema against its own rules takes Python ten frames a level."""

_MAPS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
)
"""Keywords whose fields are names, each with a schema."""

_DATA = frozenset({"enum", "const", "default", "example", "examples", "required"})
_ADDRESSES = frozenset({"$schema", "$id", "id"})
"""Left out: a part that states a draft or an address of its own would be read by other rules."""

_COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_COMBINED = frozenset({"$ref", "anyOf", "oneOf", "allOf", "const"})

_WORDS: Mapping[str, str] = {
    "const": "is not the one value allowed",
    "contains": "holds too few or too many items of the kind asked for",
    "exclusiveMaximum": "is not below {0}",
    "exclusiveMinimum": "is not above {0}",
    "maxItems": "has more than {0} items",
    "maxLength": "is longer than {0} characters",
    "maxProperties": "has more than {0} fields",
    "maximum": "breaks its maximum of {0}",
    "minItems": "has fewer than {0} items",
    "minLength": "is shorter than {0} characters",
    "minProperties": "has fewer than {0} fields",
    "minimum": "breaks its minimum of {0}",
    "multipleOf": "is no multiple of {0}",
    "not": "is of a form that is forbidden",
    "oneOf": "does not fit exactly one of the {1} forms allowed",
    "anyOf": "fits none of the {1} forms allowed",
    "enum": "is none of the {1} values allowed",
    "uniqueItems": "holds an item twice",
}
"""What to say of a broken keyword, by what it says (`{0}`) or how much of it there is (`{1}`)."""

_IN_WORDS_OF_ITS_OWN = frozenset({"additionalProperties", "format", "pattern", "required"})


class Problem(NamedTuple):
    """One thing that is wrong with a value: the keyword that it breaks, and where."""

    keyword: str
    path: tuple[str, ...]
    words: str

    def told(self, whole: str) -> str:
        """The problem as a phrase; `whole` is what a value without a path is called."""
        return f"{'.'.join(self.path) or whole} {self.words}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a schema says of a value; with nothing wrong and nothing untold, the value fits."""

    problems: tuple[Problem, ...] = ()
    untold: tuple[str, ...] = ()
    """Why some of the schema could not be held against the value."""


def judged_by(schema: Mapping[str, JsonValue], value: JsonValue) -> Judged:
    """A value against a schema."""
    if not _is_within(value, _VALUE_SIZE):
        return Judged(untold=("the value is too large to be held against its schema",))
    if not _is_within(dict(schema), _SIZE):
        return Judged(untold=("its schema is too large, or is nested too deeply",))
    try:
        checker = _checker(canonical_json(dict(schema)))
    except ValueError:
        checker = "its schema holds a number that JSON does not know"
    if isinstance(checker, str):
        return Judged(untold=(checker,))
    errors, untold = checker.ask(value)
    return Judged(tuple(map(_problem, errors)), tuple(untold))


@lru_cache(maxsize=256)
def _checker(text: str) -> Checker | str:
    """The schema that a text is, ready to be asked, or why it cannot be."""
    from investigator.readings.schema_keywords import Checker, Untold

    schema = json.loads(text)
    try:
        return Checker(_plain(schema), stated=schema.get("$schema"))
    except Untold as reason:
        return str(reason)


def _is_within(value: JsonValue, size: int) -> bool:
    """Whether a value has at most so many parts, and is not nested too deeply."""
    parts, pending = 0, [(value, 0)]
    while pending:
        one, depth = pending.pop()
        parts += 1
        if parts > size or depth > _DEPTH:
            return False
        below = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        pending += ((part, depth + 1) for part in below)
    return True


def _plain(schema: Any) -> Any:
    """A schema in the words of the standard, whatever vendor's words it came in."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        name: _plain_keyword(name, said)
        for name, said in schema.items()
        if name != "nullable" and not (name in _ADDRESSES and isinstance(said, str))
    }
    if found.get("type") == "any":
        del found["type"]
    return _or_null(found) if schema.get("nullable") is True else found


def _plain_keyword(name: str, said: Any) -> Any:
    if name in _MAPS and isinstance(said, dict):
        # `jsonschema` does not say which field a bare `false` forbids.
        forbidden: Any = {"not": {}}
        return {n: forbidden if part is False else _plain(part) for n, part in said.items()}
    if name == "type":
        return [_type(one) for one in said] if isinstance(said, list) else _type(said)
    if name in _COUNTS and isinstance(said, str) and said.isascii() and said.isdecimal():
        return int(said[:9])
    return said if name in _DATA else _plain(said)


def _type(said: Any) -> Any:
    if not isinstance(said, str):
        return said
    lower = said.lower()
    return lower if lower in _TYPES or lower == "any" else said


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if _COMBINED.isdisjoint(schema) and isinstance(kind, str | list):
        kinds = [kind] if isinstance(kind, str) else kind
        enum = schema.get("enum")
        more = {"enum": [*enum, None]} if isinstance(enum, list) and None not in enum else {}
        return {**schema, "type": [*kinds, *(["null"] if "null" not in kinds else [])], **more}
    return {"anyOf": [schema, {"type": "null"}]}


def _problem(error: Any) -> Problem:
    keyword, said = str(error.validator or "false"), error.validator_value
    path = tuple(map(str, error.absolute_path))
    if keyword == "type":
        kinds = " or ".join(map(str, said)) if isinstance(said, list) else str(said)
        return Problem(keyword, path, f"is {_kind_of(error.instance)}, not {kinds}")
    if keyword in _IN_WORDS_OF_ITS_OWN:
        return Problem(keyword, path, error.message)
    words = _WORDS.get(keyword, f"breaks {keyword}")
    amount = len(said) if isinstance(said, list) else said
    return Problem(keyword, path, words.format(said, amount))


def _kind_of(value: JsonValue) -> str:
    names = {bool: "a boolean", str: "a string", dict: "an object", list: "an array"}
    return "null" if value is None else names.get(type(value), "a number")


def argument_names(schema: str) -> list[str]:
    """What a tool takes, by its definition in any provider's form."""
    try:
        waiting: list[JsonValue] = [json.loads(schema)]
    except (ValueError, RecursionError):
        return []
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, dict):
            properties = node.get("properties")
            if isinstance(properties, dict):
                return list(properties)
            forms = ("function", "parameters", "input_schema", "inputSchema", "args_schema")
            waiting += [node[form] for form in forms if form in node]
    return []
