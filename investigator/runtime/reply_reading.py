"""How a reply is read: a closed set's case and spaces are forgiven, all that is wrong is named.

What is said of a reply that is no turn is for whoever wrote it: fields as they were written and
what they should have been, and nothing of how it is checked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import ValidationError

from investigator.ground.canonical_json import compact_json
from investigator.runtime.turn_schema import KNOWN, Schema

MOST_PROBLEMS = 24
_SHOWN_CHARS = 60

ClosedSets: TypeAlias = Mapping[str, Mapping[str, str]]
"""For each property that takes a closed set, its values by how they are recognized."""

_NO_LETTER = re.compile(r"[\W_]+")
_QUOTED = re.compile("'([^']*)'")
_SHOULD_BE = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "none_required": "null",
}


def plain(text: str) -> str:
    """A value as it is recognized: without case, spaces and marks."""
    return str(_NO_LETTER.sub("", text)).casefold()


def closed_sets(schema: Schema, known: Mapping[str, Sequence[str]]) -> ClosedSets:
    """The properties of a schema that take a closed set wherever they occur."""
    values: dict[str, set[str]] = {}
    free: set[str] = set()
    for name, node in _properties(schema):
        found = _values(node, known)
        if found is None:
            free.add(name)
        else:
            values.setdefault(name, set()).update(found)
    return {
        name: {plain(value): value for value in sorted(found, reverse=True)}
        for name, found in values.items()
        if name not in free
    }


def _properties(node: Any) -> Iterator[tuple[str, Schema]]:
    if isinstance(node, list):
        for one in node:
            yield from _properties(one)
    elif isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from ((name, part) for name, part in properties.items() if isinstance(part, dict))
        for part in node.values():
            yield from _properties(part)


def _values(node: Schema, known: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The values of a string that is one of a closed set, where that stands in the node itself."""
    match node:
        case {"const": str(value)}:
            return [value]
        case {"enum": list(values)}:
            return [value for value in values if isinstance(value, str)]
        case {"anyOf": list(members)}:
            inner = [_values(one, known) for one in members if isinstance(one, dict)]
            told = [one for one in inner if one is not None]
            nulls = sum(one == {"type": "null"} for one in members)
            return told[0] if len(told) == 1 and nulls == len(members) - 1 else None
        case _:
            name = node.get(KNOWN)
            return list(known[name]) if isinstance(name, str) and name in known else None


def forgiven(reply: str, sets: ClosedSets) -> str:
    """The reply with each value of a closed set as it is spelled; what is no JSON stays."""
    try:
        value = json.loads(reply)
        return compact_json(_spelled(value, sets))
    except (ValueError, RecursionError):
        return reply


def _spelled(value: Any, sets: ClosedSets) -> Any:
    if isinstance(value, list):
        return [_spelled(one, sets) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: sets[name].get(plain(inner), inner)
        if name in sets and isinstance(inner, str)
        else _spelled(inner, sets)
        for name, inner in value.items()
    }


def problems_of(error: ValidationError, reply: str) -> str:
    """Everything that is wrong with a reply, each with its place, in words."""
    try:
        value: Any = json.loads(reply)
    except (ValueError, RecursionError):
        value = None
    details = error.errors(include_url=False)
    lines = dict.fromkeys(_line(detail, value) for detail in details)
    told = list(lines)[:MOST_PROBLEMS]
    more = len(lines) - len(told)
    return "; ".join((*told, *([f"and {more} more like these"] if more else ())))


def _line(detail: Any, reply: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    place = _place(detail["loc"], reply, named=kind in ("missing", "extra_forbidden"))
    match kind:
        case "json_invalid":
            return f"the reply is no JSON: {context.get('error', 'it breaks off')}"
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"{place} is no field here"
        case "union_tag_not_found":
            return f"{_below(place, context)} is missing"
        case "union_tag_invalid":
            return f"{_below(place, context)} is '{context.get('tag')}'{_one_of(context)}"
        case "literal_error" | "enum":
            return f"{place} is {_shown(detail['input'])}{_one_of(context)}"
        case "value_error":
            return f"{place}: {context.get('error', detail['msg'])!s}"
        case _ if kind in _SHOULD_BE:
            return f"{place} is {_shown(detail['input'])} and should be {_SHOULD_BE[kind]}"
        case _:
            return f"{place}: {detail['msg'].replace('Input should', 'should')}"


def _one_of(context: Mapping[str, Any]) -> str:
    """The values that there are, as they are written."""
    told = str(context.get("expected_tags") or context.get("expected") or "")
    values = dict.fromkeys(_QUOTED.findall(told))
    return f" and should be one of {', '.join(values)}" if values else ""


def _below(place: str, context: Mapping[str, Any]) -> str:
    name = str(context.get("discriminator", "type")).strip("'")
    name = name if name.isidentifier() else "type"
    return name if place == "the reply" else f"{place}.{name}"


def _place(loc: Sequence[int | str], reply: Any, *, named: bool) -> str:
    """Where it is in what was written: the names of the variants that were tried are left out.

    `named`: the last part is a field's, though it may not be there.
    """
    path: list[str] = []
    at = reply
    for number, part in enumerate(loc):
        inner = _inner(at, part)
        if inner is not None:
            at = inner[0]
        elif not named or number < len(loc) - 1:
            continue
        path.append(str(part))
    return ".".join(path) or "the reply"


def _inner(value: Any, part: int | str) -> tuple[Any] | None:
    """What stands at a part of a value; None where nothing does."""
    try:
        return (value[part],)
    except (KeyError, IndexError, TypeError):
        return None


def _shown(value: Any) -> str:
    text = compact_json(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
