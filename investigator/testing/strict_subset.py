"""Checks that a schema is in the subset that every large provider enforces (`turn_schema.py`).

For tests of engines, a plug-in's among them; it shares no code with what emits schemas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeAlias

from investigator.ground.canonical_json import canonical_json
from investigator.ground.wording import counted

MAX_LEVELS = 5
MAX_PROPERTIES = 100
MAX_ENUM_VALUES = 250
MAX_NAME_CHARS = 64

_Schema: TypeAlias = dict[str, Any]

_SUPPORTED = frozenset(
    (
        *("$ref", "$defs", "type", "properties", "required", "additionalProperties"),
        *("items", "anyOf", "enum", "description"),
    )
)
_TYPES = frozenset(("object", "array", "string", "integer", "number", "boolean", "null"))


def problems(schema: _Schema) -> list[str]:
    """What keeps a schema out of the subset, each with its place; empty if it is in it."""
    found = []
    if schema.get("type") != "object":
        found.append("root: is not an object")
    if "anyOf" in schema:
        found.append("root: anyOf")
    defs = schema.get("$defs", {})
    nodes = list(_nodes(schema, "root"))
    for place, node in nodes:
        found += [f"{place}: {problem}" for problem in _of_node(node, defs)]
    levels = _levels(schema, defs, ())
    if levels is None:
        found.append("root: refers to itself")
    elif levels > MAX_LEVELS:
        found.append(f"root: {levels} levels of objects, at most {MAX_LEVELS}")
    count = sum(len(node.get("properties", {})) for _, node in nodes)
    if count > MAX_PROPERTIES:
        found.append(f"root: {counted(count, 'property', 'properties')}, at most {MAX_PROPERTIES}")
    return found


def _of_node(node: _Schema, defs: _Schema) -> Iterator[str]:
    if unsupported := sorted(set(node) - _SUPPORTED):
        yield f"unsupported: {', '.join(unsupported)}"
    if "$ref" in node:
        if len(node) > 1:
            yield "has more than its $ref"
        if _target(node) not in defs:
            yield f"refers to {node['$ref']}, which is not there"
        return
    if not {"type", "anyOf", "enum"} & set(node):
        yield "says no type"
    if "type" in node and str(node["type"]) not in _TYPES:
        yield f"type {canonical_json(node['type'])}"
    if node.get("type") == "array" and "items" not in node:
        yield "an array without items"
    if len(node.get("enum", ())) > MAX_ENUM_VALUES:
        yield f"{counted(len(node['enum']), 'value')}, at most {MAX_ENUM_VALUES}"
    if node.get("type") == "object":
        if node.get("additionalProperties") is not False:
            yield "additionalProperties is not false"
        if node.get("required") != list(node.get("properties", {})):
            yield "not every property is required"
    for name in (*node.get("properties", {}), *node.get("$defs", {})):
        if len(name) > MAX_NAME_CHARS:
            yield f"a name of {counted(len(name), 'character')}, at most {MAX_NAME_CHARS}"
    firsts = Counter(first for one in node.get("anyOf", ()) if (first := _first(one, defs)))
    yield from (
        f"{counted(n, 'member')} of anyOf begin with {f}" for f, n in firsts.items() if n > 1
    )


def _nodes(node: _Schema, place: str) -> Iterator[tuple[str, _Schema]]:
    """A schema and all in it, those it defines included, with their places."""
    yield place, node
    for name, part in (*node.get("properties", {}).items(), *node.get("$defs", {}).items()):
        yield from _nodes(part, f"{place}.{name}")
    if "items" in node:
        yield from _nodes(node["items"], f"{place}[]")
    for number, member in enumerate(node.get("anyOf", ())):
        yield from _nodes(member, f"{place}|{number}")


def _levels(node: _Schema, defs: _Schema, within: tuple[str, ...]) -> int | None:
    """How many objects are inside each other at most; None where a schema holds itself."""
    if "$ref" in node:
        name = _target(node)
        if name in within:
            return None
        return _levels(defs.get(name, {}), defs, (*within, name))
    inner = [*node.get("properties", {}).values(), *node.get("anyOf", ())]
    if "items" in node:
        inner.append(node["items"])
    deepest = 0
    for part in inner:
        levels = _levels(part, defs, within)
        if levels is None:
            return None
        deepest = max(deepest, levels)
    return deepest + (node.get("type") == "object")


def _first(node: _Schema, defs: _Schema) -> str | None:
    """How an object begins: its first property and that one's schema; None for no object."""
    if "$ref" in node:
        node = defs.get(_target(node), {})
    for name, value in node.get("properties", {}).items():
        return f"{name} {canonical_json(value)}"
    return None


def _target(node: _Schema) -> str:
    return str(node["$ref"]).removeprefix("#/$defs/")
