"""What schema tests share: the offers of a turn, and replies that a schema takes."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from investigator.runtime.actions import ActionKind

OFFERS = [offer for n in range(1, 5) for offer in combinations(ActionKind, n)]
"""Every set of actions that can be offered, so those of every depth, mode and limit too."""


def longest(node: Any, schema: Any, pick: int = 0) -> Any:
    """A reply that a schema takes, with as much in it as it bounds; `pick` chooses a branch."""
    if "$ref" in node:
        return longest(schema["$defs"][node["$ref"].removeprefix("#/$defs/")], schema, pick)
    if "anyOf" in node:
        return longest(node["anyOf"][pick % len(node["anyOf"])], schema, pick)
    if "enum" in node:
        return node["enum"][pick % len(node["enum"])]
    match node["type"]:
        case "object":
            return {name: longest(part, schema, pick) for name, part in node["properties"].items()}
        case "array":
            return [longest(node["items"], schema, pick) for _ in range(node["maxItems"])]
        case "string":
            return "x" * node["maxLength"]
        case "integer":
            return node.get("minimum", 0)
        case "boolean":
            return bool(pick % 2)
        case "null":
            return None
        case kind:
            raise ValueError(f"no example of {kind}")
