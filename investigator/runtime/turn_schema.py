"""The schema that a model is sent: one walk over that of the actions, in the endpoint's dialect.

Strict structured output is a subset of JSON Schema, a different one at each provider. `STRICT`
is what is left when each is taken at its strictest:

- OpenAI and Azure OpenAI: the root is an object without `anyOf`; every property is required and
  `additionalProperties` is false; no `oneOf`, `allOf`, `default`, and nothing beside a `$ref`;
  the objects of an `anyOf` may not begin with the same property and value; 5 levels of objects
  and 100 properties (Azure; OpenAI has since raised its own limits to 10 and 5,000).
- Anthropic: no recursion, no lengths, bounds or patterns.
- Gemini: `enum`, but no `const`.

llama.cpp, vLLM and Ollama build a grammar from the schema, so bounds and enumerations cost
nothing and a small model cannot leave them: lists and texts end before the reply is cut off, and
ids are chosen, not spelled. Their dialect is the subset with bounds, narrowed to what a scope
knows and can afford. The large providers are not sent it: they refuse such keywords, and a
schema that changes with each turn would miss their caches.

Every reply that a grammar takes is one of the action union; what the subset cannot say (lengths,
bounds, patterns) is checked when the reply is parsed. Descriptions are in neither: they stand in
the prompt, once, where a provider that takes no schema shows them too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isqrt
from typing import NamedTuple, TypeAlias

from investigator.ground.canonical_json import JsonValue, canonical_json

KNOWN = "x-known"
"""In a field's `json_schema_extra`: the vocabulary that its values are of."""

NARROWED = "x-narrowed"
"""In a field's `json_schema_extra`: the schema that a grammar has in place of the field's own."""

EVIDENCE, SPAN, TRACE = "evidence", "span", "trace"
"""The vocabularies that a scope is shown."""

MAX_KNOWN = 64
"""Of more known values than these no enumeration is made: any text may be said."""

Schema: TypeAlias = dict[str, JsonValue]

KnownIds: TypeAlias = Mapping[str, Sequence[str]]
"""The values of each vocabulary that a scope has seen, the oldest first.

Of one that is empty no value can be said, nor any object that needs one.
"""

_REF = "#/$defs/"
_BOUNDS = frozenset(("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"))

_CHARS_A_TOKEN = 2.5
_FORM_TOKENS = 80
"""What a finding takes besides its texts."""
_MOST_ITEMS = 8


class Sizes(NamedTuple):
    """The most items of a list and characters of a text."""

    items: int
    chars: int

    @classmethod
    def of(cls, tokens_out: int) -> Sizes:
        """The sizes at which an answer fits: findings of two texts each, gaps and a summary."""
        items = min(max(isqrt(tokens_out // 100), 1), _MOST_ITEMS)
        chars = int(_CHARS_A_TOKEN * (tokens_out - _FORM_TOKENS * items) / (3 * items + 1))
        return cls(items, min(max(chars, 40), 1000))


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an endpoint takes: the keywords `kept` beside the subset's, and what to narrow to.

    `closed` are the vocabularies of a whole run, which are enumerated for every endpoint.
    """

    kept: frozenset[str] = frozenset()
    sizes: Sizes | None = None
    known: KnownIds = field(default_factory=dict)
    closed: KnownIds = field(default_factory=dict)


STRICT = Dialect()


def strict(schema: Schema, closed: KnownIds | None = None) -> Schema:
    """The schema in the subset that every large provider enforces."""
    return _Walk.over(schema, replace(STRICT, closed=closed or {}))


def narrowed(schema: Schema, sizes: Sizes, known: KnownIds) -> Schema:
    """The schema for a grammar: with bounds, and with the values of what is known."""
    return _Walk.over(schema, Dialect(_BOUNDS, sizes, known))


@dataclass(slots=True)
class _Walk:
    """One walk over a schema; `unions` are those it has made."""

    dialect: Dialect
    defs: Mapping[str, Schema]
    names: Mapping[str, str]
    unions: list[list[Schema]] = field(default_factory=list)

    @classmethod
    def over(cls, schema: Schema, dialect: Dialect) -> Schema:
        """The schema and its definitions in a dialect."""
        defs = {name: _node(part) for name, part in _node(schema.get("$defs")).items()}
        walk = cls(dialect, defs, _short_names(defs))
        root = walk.made(schema)
        made = {walk.names[name]: walk.made(part) for name, part in defs.items()}
        for union in walk.unions:
            _tell_apart([made[_target(one)] if "$ref" in one else one for one in union])
        return {**root, "$defs": dict(made)} if made else root

    def made(self, node: Schema) -> Schema:
        """A schema in the dialect; what the dialect does not support is dropped."""
        sizes = self.dialect.sizes
        if sizes is not None and NARROWED in node:
            return dict(_node(node[NARROWED]))
        if "$ref" in node:
            return {"$ref": _REF + self.names[_target(node)]}
        if (values := self.dialect.closed.get(str(node.get(KNOWN)))) is not None:
            return {"type": "string", "enum": list(values)}
        made: Schema = {}
        for key, value in node.items():
            match key, value:
                case "type" | "enum", _:
                    made[key] = value
                case "const", _:
                    made["enum"] = [value]
                case "items", dict():
                    made[key] = self.made(value)
                case "properties", dict():
                    made[key] = {name: self.made(_node(part)) for name, part in value.items()}
                case "anyOf" | "oneOf", list():
                    made["anyOf"] = list(self._members(value))
                case _ if key in self.dialect.kept:
                    made[key] = value
                case _:
                    pass
        if made.get("type") == "object":
            made["required"] = list(_properties(made))
            made["additionalProperties"] = False
        return made if sizes is None else self._narrowed(made, node, sizes)

    def _members(self, members: list[JsonValue]) -> list[Schema]:
        """The members of a union that can be said, those of a union within it among them."""
        sayable = [one for one in map(_node, members) if self._sayable(one)]
        union: list[Schema] = []
        for made in map(self.made, sayable or map(_node, members)):
            inner = made.get("anyOf")
            union += map(_node, inner) if isinstance(inner, list) else [made]
        self.unions.append(union)
        return union

    def _narrowed(self, made: Schema, node: Schema, sizes: Sizes) -> Schema:
        """What was made of a node, as an answer of these sizes can have it."""
        match made:
            case {"type": "string"} if "enum" not in made:
                values = self.dialect.known.get(str(node.get(KNOWN)), ())
                if 0 < len(values) <= MAX_KNOWN:
                    return {"type": "string", "enum": list(values)}
                made["maxLength"] = sizes.chars
            case {"type": "array"}:
                sayable = self._sayable(_node(node.get("items")))
                made["maxItems"] = _most(made, sizes.items) if sayable else 0
            case {"type": "number", "minimum": 0, "maximum": 1}:
                return {"type": "number", "enum": [tenth / 10 for tenth in range(11)]}
            case _:
                pass
        return made

    def _sayable(self, node: Schema) -> bool:
        """Whether there is a value for a schema: all that it needs is known."""
        if not self.dialect.known:
            return True
        if KNOWN in node:
            return len(self.dialect.known.get(str(node[KNOWN]), ("any",))) > 0
        match node:
            case {"$ref": _}:
                return self._sayable(self.defs[_target(node)])
            case {"anyOf": list(members)} | {"oneOf": list(members)}:
                return any(self._sayable(_node(one)) for one in members)
            case {"properties": dict(properties)}:
                return all(self._sayable(_node(one)) for one in properties.values())
            case _:
                return True


def _tell_apart(members: Sequence[Schema]) -> None:
    """Let each object of a union begin with the property that no other object of it shares."""
    firsts = Counter(filter(None, map(_first, members)))
    if len(firsts) == firsts.total():
        return
    values = Counter(
        (name, canonical_json(value))
        for member in members
        for name, value in _properties(member).items()
    )
    for member in members:
        properties = _properties(member)
        if firsts[_first(member) or ""] < 2:
            continue
        own = [n for n, v in properties.items() if values[n, canonical_json(v)] == 1 and _one(v)]
        ordered = {name: properties[name] for name in (*own[:1], *properties)}
        member["properties"] = ordered
        member["required"] = list(ordered)


def _first(node: Schema) -> str | None:
    """How an object begins: its first property and that one's schema; None for no object."""
    first = next(iter(_properties(node).items()), None)
    return None if first is None else f"{first[0]} {canonical_json(first[1])}"


def _one(value: JsonValue) -> bool:
    """Whether a property can have one value only."""
    enum = _node(value).get("enum")
    return isinstance(enum, list) and len(enum) == 1


def _most(array: Schema, items: int) -> int:
    """How many items of an array are let through: no more than it takes, no fewer."""
    least, most = array.get("minItems"), array.get("maxItems")
    bounded = min(most, items) if isinstance(most, int) else items
    return max(least, bounded) if isinstance(least, int) else bounded


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


def _target(node: Schema) -> str:
    return str(node["$ref"]).removeprefix(_REF)


def _properties(node: Schema) -> Schema:
    return _node(node.get("properties"))


def _node(value: JsonValue) -> Schema:
    """A part of a schema; what is no object says nothing."""
    return value if isinstance(value, dict) else {}
