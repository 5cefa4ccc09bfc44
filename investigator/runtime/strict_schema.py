"""The part of JSON Schema that every large provider enforces, and schemas brought into it.

Strict structured output is a subset of JSON Schema, a different one at each provider. This is
what is left when each is taken at its strictest:

- OpenAI and Azure OpenAI: the root is an object without `anyOf`; every property is required and
  `additionalProperties` is false; no `oneOf`, `allOf`, `default`, and nothing beside a `$ref`;
  the objects of an `anyOf` may not begin with the same property and value; 5 levels of objects
  and 100 properties (Azure; OpenAI has since raised its own limits to 10 and 5,000).
- Anthropic: no recursion, no lengths, bounds or patterns.
- Gemini: `enum`, but no `const`.

What a schema loses here (lengths, bounds, patterns) the action union still checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from investigator.canonical import JsonValue, canonical_json

MAX_LEVELS = 5
MAX_PROPERTIES = 100
MAX_ENUM_VALUES = 250
MAX_NAME_CHARS = 64

Schema: TypeAlias = dict[str, JsonValue]

_REF = "#/$defs/"
_KEPT = frozenset(
    ("$ref", "$defs", "type", "properties", "required", "additionalProperties", "items", "anyOf")
)
BOUNDS = frozenset(("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"))
"""What a grammar enforces and the subset leaves out."""
_SUPPORTED = _KEPT | {"enum", "description"}
_TYPES = frozenset(("object", "array", "string", "integer", "number", "boolean", "null"))


def problems(schema: Schema) -> list[str]:
    """What keeps a schema out of the subset, each with its place; empty if it is in it."""
    found = []
    if schema.get("type") != "object":
        found.append("root: is not an object")
    if "anyOf" in schema:
        found.append("root: anyOf")
    defs = _defs(schema)
    for place, node in _nodes(schema, "root"):
        found += [f"{place}: {problem}" for problem in _of_node(node, defs)]
    levels = _levels(schema, defs, ())
    if levels is None:
        found.append("root: refers to itself")
    elif levels > MAX_LEVELS:
        found.append(f"root: {levels} levels of objects, at most {MAX_LEVELS}")
    count = sum(len(_properties(node)) for _, node in _nodes(schema, "root"))
    if count > MAX_PROPERTIES:
        found.append(f"root: {count} properties, at most {MAX_PROPERTIES}")
    return found


def strict(schema: Schema, *, keeps: frozenset[str] = frozenset()) -> Schema:
    """The schema in the subset: what it does not support is dropped, and so are descriptions.

    Keywords that it `keeps` stay, for endpoints that take more than the subset.

    Descriptions stand in the prompt, once, where a provider that takes no schema shows them too.
    """
    defs = _defs(schema)
    names = _short_names(defs)
    made = {names[name]: _strict(node, names, keeps) for name, node in defs.items()}
    root = _strict({key: value for key, value in schema.items() if key != "$defs"}, names, keeps)
    for _, node in (*_nodes(root, "root"), *_nodes({"$defs": dict(made)}, "root")):
        _tell_apart(node, made)
    return {**root, "$defs": dict(made)} if made else root


def _strict(node: Schema, names: Mapping[str, str], keeps: frozenset[str]) -> Schema:
    if "$ref" in node:
        return {"$ref": _REF + names[_target(node)]}
    kept: Schema = {}
    for key, value in node.items():
        match key, value:
            case "const", _:
                kept["enum"] = [value]
            case "enum" | "type", _:
                kept[key] = value
            case "items", dict():
                kept[key] = _strict(value, names, keeps)
            case "anyOf" | "oneOf", list():
                kept["anyOf"] = list(_members(value, names, keeps))
            case "properties", dict():
                kept[key] = {n: _strict(_node(v), names, keeps) for n, v in value.items()}
            case _ if key in keeps:
                kept[key] = value
            case _:
                pass
    if kept.get("type") == "object":
        kept["required"] = list(_properties(kept))
        kept["additionalProperties"] = False
    return kept


def _members(
    members: list[JsonValue], names: Mapping[str, str], keeps: frozenset[str]
) -> Iterator[Schema]:
    """The members of a union, those of a union within it among them."""
    for member in members:
        made = _strict(_node(member), names, keeps)
        inner = made.get("anyOf")
        if isinstance(inner, list):
            yield from map(_node, inner)
        else:
            yield made


def _tell_apart(node: Schema, defs: Mapping[str, Schema]) -> None:
    """Let each object of a union begin with the property that no other object of it shares."""
    members = [_resolved(member, defs) for member in _any_of(node)]
    single = Counter(
        (name, canonical_json(value))
        for member in members
        for name, value in _properties(member).items()
    )
    firsts = Counter(_first(member) for member in members)
    for member in members:
        properties = _properties(member)
        if not properties or firsts[_first(member)] == 1:
            continue
        own = [n for n, v in properties.items() if single[n, canonical_json(v)] == 1 and _one(v)]
        ordered = {name: properties[name] for name in (*own[:1], *properties)}
        member["properties"] = ordered
        member["required"] = list(ordered)


def _of_node(node: Schema, defs: Mapping[str, Schema]) -> Iterator[str]:
    unsupported = sorted(set(node) - _SUPPORTED)
    if unsupported:
        yield f"unsupported: {', '.join(unsupported)}"
    if "$ref" in node:
        if len(node) > 1:
            yield "has more than its $ref"
        if _target(node) not in defs:
            yield f"refers to {node['$ref']}, which is not there"
        return
    if "type" not in node and "anyOf" not in node and "enum" not in node:
        yield "says no type"
    if "type" in node and str(node["type"]) not in _TYPES:
        yield f"type {canonical_json(node['type'])}"
    if node.get("type") == "array" and "items" not in node:
        yield "an array without items"
    enum = node.get("enum")
    if isinstance(enum, list) and len(enum) > MAX_ENUM_VALUES:
        yield f"{len(enum)} values, at most {MAX_ENUM_VALUES}"
    if node.get("type") == "object":
        if node.get("additionalProperties") is not False:
            yield "additionalProperties is not false"
        if node.get("required") != list(_properties(node)):
            yield "not every property is required"
    long = [name for name in (*_properties(node), *_defs(node)) if len(name) > MAX_NAME_CHARS]
    if long:
        yield f"a name of {len(long[0])} characters, at most {MAX_NAME_CHARS}"
    firsts = Counter(filter(None, (_first(_resolved(m, defs)) for m in _any_of(node))))
    yield from (f"{n} members of anyOf begin with {f}" for f, n in firsts.items() if n > 1)


def _nodes(node: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    """A schema and all in it, those it defines included, with their places."""
    yield place, node
    for name, value in (*_properties(node).items(), *_defs(node).items()):
        yield from _nodes(_node(value), f"{place}.{name}")
    if isinstance(node.get("items"), dict):
        yield from _nodes(_node(node["items"]), f"{place}[]")
    for number, member in enumerate(_any_of(node)):
        yield from _nodes(member, f"{place}|{number}")


def _levels(node: Schema, defs: Mapping[str, Schema], within: tuple[str, ...]) -> int | None:
    """How many objects are inside each other at most; None where a schema holds itself."""
    if "$ref" in node:
        name = _target(node)
        if name in within:
            return None
        return _levels(defs.get(name, {}), defs, (*within, name))
    inner = [*_properties(node).values(), *_any_of(node)]
    if "items" in node:
        inner.append(node["items"])
    deepest = 0
    for part in inner:
        levels = _levels(_node(part), defs, within)
        if levels is None:
            return None
        deepest = max(deepest, levels)
    return deepest + (node.get("type") == "object")


def _short_names(defs: Mapping[str, Schema]) -> dict[str, str]:
    """Names of definitions without the types that a generic model was made with."""
    names: dict[str, str] = {}
    for name in defs:
        short = name.split("_")[0] or "Part"
        taken = set(names.values())
        names[name] = next(
            n for n in (short, *(f"{short}{i}" for i in range(2, len(defs) + 2))) if n not in taken
        )
    return names


def _first(node: Schema) -> str | None:
    """How an object begins: its first property and that one's schema; None for no object."""
    first = next(iter(_properties(node).items()), None)
    return None if first is None else f"{first[0]} {canonical_json(first[1])}"


def _one(value: JsonValue) -> bool:
    """Whether a property can have one value only."""
    enum = _node(value).get("enum")
    return isinstance(enum, list) and len(enum) == 1


def _resolved(node: Schema, defs: Mapping[str, Schema]) -> Schema:
    return defs.get(_target(node), {}) if "$ref" in node else node


def _target(node: Schema) -> str:
    return str(node["$ref"]).removeprefix(_REF)


def _properties(node: Schema) -> Schema:
    return _node(node.get("properties", {}))


def _defs(node: Schema) -> dict[str, Schema]:
    return {name: _node(value) for name, value in _node(node.get("$defs", {})).items()}


def _any_of(node: Schema) -> list[Schema]:
    members = node.get("anyOf", [])
    return [_node(member) for member in members] if isinstance(members, list) else []


def _node(value: JsonValue) -> Schema:
    """A part of a schema; what is no object says nothing."""
    return value if isinstance(value, dict) else {}
