"""Schemas for endpoints that hold a reply to the whole of JSON Schema by a grammar.

llama.cpp, vLLM and Ollama build a grammar from the schema, so bounds and enumerations cost
nothing and a small model cannot leave them: lists and texts end before the reply is cut off, and
ids are chosen, not spelled. What is emitted is the strict schema, narrowed: every reply that it
takes is one of the action union. The large providers' subsets know no such bounds, and a schema
that changes with each turn would miss their caches, so they are sent the strict one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import isqrt
from typing import NamedTuple, TypeAlias

import re2

from investigator.canonical import JsonValue, compact_json
from investigator.runtime.planner import View
from investigator.runtime.schema_hints import EVIDENCE, KNOWN, NARROWED, SPAN, TRACE
from investigator.runtime.strict_schema import BOUNDS, Schema, strict

MAX_KNOWN = 64
"""Of more known values than these no enumeration is made: any text may be said."""

Known: TypeAlias = Mapping[str, Sequence[str]]
"""The values of each vocabulary that a scope has seen, the oldest first.

Of one that is empty no value can be said, nor any object that needs one.
"""

_CHARS_A_TOKEN = 2.5
_FORM_TOKENS = 80
"""What a finding takes besides its texts."""
_MOST_ITEMS = 8

_SPAN_ID = re2.compile(r"\b[0-9a-f]{16}\b")
_TRACE_ID = re2.compile(r"\b[0-9a-f]{32}\b")


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


def known_in(view: View) -> Known:
    """The ids that a scope was shown: those of its references, and those in what it reads.

    Spans are always listed with references, so without one there is none to name; traces are not.
    """
    refs = [ref for text in view.cited.values() if isinstance(ref := json.loads(text), dict)]
    pages = (step.result for step in view.recent)
    told = "\n".join((view.objective, view.context, *map(compact_json, view.gathered), *pages))
    spans = _distinct(_SPAN_ID.findall(told), (ref.get("span_id") for ref in refs))
    traces = _distinct(_TRACE_ID.findall(told), (ref.get("trace_id") for ref in refs))
    known = {EVIDENCE: list(view.cited), SPAN: spans}
    return {**known, TRACE: traces} if traces else known


def narrowed(schema: Schema, sizes: Sizes, known: Known) -> Schema:
    """The strict schema with bounds, and with the values of what is known."""
    made = _narrowed(schema, _Turn(sizes, known, schema.get("$defs", {})))
    assert isinstance(made, dict)
    return strict(made, keeps=BOUNDS)


class _Turn(NamedTuple):
    """What a schema is narrowed to."""

    sizes: Sizes
    known: Known
    defs: JsonValue

    def sayable(self, node: JsonValue) -> bool:
        """Whether there is a value for a schema: all that it needs is known."""
        if not isinstance(node, dict):
            return True
        if "$ref" in node and isinstance(self.defs, dict):
            return self.sayable(self.defs[str(node["$ref"]).removeprefix("#/$defs/")])
        if KNOWN in node:
            return self.known.get(str(node[KNOWN])) != []
        match node:
            case {"anyOf": list(members)}:
                return any(map(self.sayable, members))
            case {"properties": dict(properties)}:
                return all(map(self.sayable, properties.values()))
            case _:
                return True


def _narrowed(node: JsonValue, turn: _Turn) -> JsonValue:
    if isinstance(node, list):
        return [_narrowed(item, turn) for item in node]
    if not isinstance(node, dict):
        return node
    if NARROWED in node:
        return node[NARROWED]
    made: Schema = {key: _narrowed(value, turn) for key, value in node.items()}
    members = node.get("anyOf")
    if isinstance(members, list) and turn.sayable(node):
        made["anyOf"] = [_narrowed(one, turn) for one in members if turn.sayable(one)]
    match node.get("type"):
        case "string" if "enum" not in node and "const" not in node:
            values = turn.known.get(str(node.get(KNOWN)), ())
            if 0 < len(values) <= MAX_KNOWN:
                return {"type": "string", "enum": list(values)}
            made["maxLength"] = turn.sizes.chars
        case "array":
            sayable = turn.sayable(node.get("items"))
            made["maxItems"] = _most(node, turn.sizes.items) if sayable else 0
        case "number" if node.get("minimum") == 0 and node.get("maximum") == 1:
            return {"type": "number", "enum": [tenth / 10 for tenth in range(11)]}
        case _:
            pass
    return made


def _most(array: Schema, items: int) -> int:
    """How many items of an array are let through: no more than it takes, no fewer."""
    least, most = array.get("minItems"), array.get("maxItems")
    bounded = min(most, items) if isinstance(most, int) else items
    return max(least, bounded) if isinstance(least, int) else bounded


def _distinct(*ids: Iterable[object]) -> list[str]:
    """The texts among them, each once, in order."""
    return list(dict.fromkeys(one for one in chain(*ids) if isinstance(one, str)))
