"""An object that LangChain serialised is read as the plain fields that it was made of.

Two spellings are known: the constructor form `{"lc": 1, "type": "constructor", "id": [… class],
"kwargs": {…}}` and the stored form `{"type": "human", "data": {…}}`. In both a message keeps the
short name of its class (`human`, `ai`, `system`, `tool`, `function`) as its `type`.
"""

from __future__ import annotations

from investigator.ground.canonical_json import JsonValue

_TYPE_OF_CLASS = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
}
_STORED = frozenset(_TYPE_OF_CLASS.values()) | {"chat"}


def unwrapped(value: JsonValue) -> JsonValue:
    """The fields of a serialised object; any other value as it is."""
    if not isinstance(value, dict):
        return value
    fields = value.get("kwargs")
    if "lc" in value and isinstance(fields, dict):
        named = {"type": kind} if (kind := _type_of(value.get("id"))) is not None else {}
        return {**fields, **named}
    fields = value.get("data")
    if isinstance(fields, dict) and value.get("type") in _STORED:
        return {**fields, "type": value["type"]}
    return value


def _type_of(path: JsonValue) -> str | None:
    """The short name of the class that ends a path; a chunk of a message is that message."""
    name = path[-1] if isinstance(path, list) and path else None
    return _TYPE_OF_CLASS.get(name.removesuffix("Chunk")) if isinstance(name, str) else None
