"""The tools that a model was offered in a request, in the shapes of several vendors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue, json_object
from investigator.traces.model import REDACTED, Span
from investigator.traces.openinference import ToolDefinition, tool_definitions_of

_SCHEMAS = (
    "parameters", "input_schema", "inputSchema", "args_schema", "parametersJsonSchema",
    "parameters_json_schema", "tool.parameters", "tool.input_schema",
)  # fmt: skip
_WRAPPERS = ("function", "toolSpec")


class OfferedTool(NamedTuple):
    """A tool by its definition; `schema` is that of its arguments, None where it is not shown."""

    name: str
    schema: Mapping[str, JsonValue] | None

    @property
    def properties(self) -> Mapping[str, JsonValue]:
        """The schema of each argument that has one."""
        found = (self.schema or {}).get("properties")
        return found if isinstance(found, dict) else {}


def offered_tools(span: Span) -> dict[str, OfferedTool]:
    """The tools of a request by name; empty unless every one of them could be read.

    Of two tools of one name with different schemas only the name is known: nobody can tell which
    of them a call is of.
    """
    offered: dict[str, OfferedTool] = {}
    for definition in tool_definitions_of(span):
        tool = read_definition(definition)
        if tool is None:
            return {}
        twin = offered.get(tool.name, tool)
        offered[tool.name] = tool if tool.schema == twin.schema else OfferedTool(tool.name, None)
    return offered


# The requests of a run offer the same tools again and again.
@lru_cache(maxsize=256)
def read_definition(definition: ToolDefinition) -> OfferedTool | None:
    """A tool by the text of its definition; None where not even its name can be read."""
    value = json_object(definition.json_schema) or {}
    inner = next((found for key in _WRAPPERS if isinstance(found := value.get(key), dict)), value)
    named = inner.get("name")
    name = named if isinstance(named, str) else definition.name
    if not name or REDACTED in name:
        return None
    schemas = (_schema(one) for one in _candidates(inner))
    return OfferedTool(name, next((schema for schema in schemas if schema is not None), None))


def _candidates(definition: dict[str, JsonValue]) -> list[JsonValue]:
    """What may be the schema: a field of the definition, or all of it."""
    fields = [definition.get(key) for key in _SCHEMAS]
    is_schema = "name" not in definition and definition.get("type") == "object"
    return [*fields, definition] if is_schema else fields


def _schema(found: JsonValue) -> Mapping[str, JsonValue] | None:
    value = json_object(found) if isinstance(found, str) else found
    if not isinstance(value, dict):
        return None
    inner = value.get("json")
    return inner if isinstance(inner, dict) and len(value) == 1 else value
