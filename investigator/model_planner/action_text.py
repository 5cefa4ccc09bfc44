"""The actions as a model reads them: tools by signature, outputs by form.

Both are read off the schema of a turn, so a prompt cannot name what the union does not take.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from investigator.runtime.actions import ActionKind

_Schema = dict[str, Any]


def tool_lines(schema: _Schema) -> str:
    """One line a tool: its name, its arguments with their types, what it reads.

    What an argument is and means is said once, with the first tool that takes it so.
    """
    typed: set[tuple[str, str]] = set()
    told: set[tuple[str, str]] = set()
    lines = []
    for action in _actions(schema):
        properties = action["properties"]
        if properties["type"].get("const") != ActionKind.TOOL_CALL:
            continue
        arguments = _resolved(properties["args"], schema)["properties"]
        types = {name: _type(value, schema) for name, value in arguments.items()}
        signature = ", ".join(
            name if (name, kind) in typed else f"{name}: {kind}" for name, kind in types.items()
        )
        typed |= set(types.items())
        new = {
            (name, meaning)
            for name, value in arguments.items()
            if (meaning := value.get("description")) and (name, meaning) not in told
        }
        meanings = "".join(f" {n}: {m}." for n, m in sorted(new))
        told |= new
        name = properties["tool_name"]["const"]
        lines.append(f"- {name}({signature}): {action.get('description', '')}{meanings}")
    return "\n".join(lines) or "There are none."


def output_lines(schema: _Schema) -> str:
    """The form of what `synthesize` and `finalize` take, with what the fields mean."""
    forms: dict[str, list[str]] = {}
    for action in _actions(schema):
        kind = action["properties"]["type"].get("const")
        if kind in (ActionKind.SYNTHESIZE, ActionKind.FINALIZE):
            form = _type(action["properties"]["output"], schema)
            forms.setdefault(form, []).append(kind)
    return "\n".join(f"OUTPUT of {' and '.join(kinds)}: {form}" for form, kinds in forms.items())


def _actions(schema: _Schema) -> Iterator[_Schema]:
    """The variants of an action, each once; lists of delegations are not among them."""
    waiting = [schema["properties"]["action"]]
    while waiting:
        node = _resolved(waiting.pop(0), schema)
        if members := _members(node):
            waiting = [*members, *waiting]
        elif "properties" in node:
            yield node


def _type(node: _Schema, schema: _Schema) -> str:
    """A type as one would write it down: `string|null`, `["…"]`, `{"field": type}`."""
    node = _resolved(node, schema)
    if "const" in node or "enum" in node:
        values = node.get("enum", [node.get("const")])
        return "|".join(json.dumps(value) for value in values)
    if members := _members(node):
        return "|".join(_type(member, schema) for member in members)
    match node.get("type"):
        case "array":
            return f"[{_type(node['items'], schema)}]"
        case "object":
            fields = (
                f'"{name}": {_type(value, schema)}{_meaning(value)}'
                for name, value in node["properties"].items()
            )
            return f"{{{', '.join(fields)}}}"
        case "number" if "minimum" in node and "maximum" in node:
            return f"number from {node['minimum']:g} to {node['maximum']:g}"
        case kind:
            return str(kind)


def _members(node: _Schema) -> list[_Schema]:
    """The members of a union, whether pydantic tells them apart or not; none of what is none."""
    members: list[_Schema] = node.get("oneOf") or node.get("anyOf") or []
    return members


def _meaning(value: _Schema) -> str:
    meaning = value.get("description")
    return f" ({meaning})" if meaning else ""


def _resolved(node: _Schema, schema: _Schema) -> _Schema:
    if "$ref" not in node:
        return node
    target: _Schema = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return target
