"""The tools that a model was offered in a request, in the shapes of several vendors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, json_object
from investigator.readings.view import TraceView
from investigator.traces.model import REDACTED, Span
from investigator.traces.openinference import ToolDefinition

_SCHEMAS = (
    "parameters", "input_schema", "inputSchema", "args_schema", "parametersJsonSchema",
    "parameters_json_schema", "tool.parameters", "tool.input_schema",
)  # fmt: skip
_WRAPPERS = ("function", "toolSpec")
_WINDOW = 30_000
_LISTED = re2.compile(r"(?m)^\s*(?:[-*•]\s+|def )[`*\"']{0,2}([a-z]\w*_\w+)[`*\"']{0,2}\s*[:(]")
"""A line of a list of tools in a prompt; only names that no prose would use (`snake_case`)."""


class OfferedTool(NamedTuple):
    """A tool by its definition; `schema` is that of its arguments, None where it is not shown."""

    name: str
    schema: Mapping[str, JsonValue] | None

    @property
    def properties(self) -> Mapping[str, JsonValue]:
        """The schema of each argument that has one."""
        found = (self.schema or {}).get("properties")
        return found if isinstance(found, dict) else {}


def offered_tools(view: TraceView, span: Span) -> dict[str, OfferedTool]:
    """The tools of a request by name; empty unless every one of them could be read.

    Of two tools of one name with different schemas only the name is known: nobody can tell which
    of them a call is of.
    """
    offered: dict[str, OfferedTool] = {}
    for definition in view.tools_offered(span):
        tool = read_definition(definition)
        if tool is None:
            return {}
        twin = offered.get(tool.name, tool)
        offered[tool.name] = tool if tool.schema == twin.schema else OfferedTool(tool.name, None)
    return offered


def tools_told(view: TraceView, call: Span) -> set[str]:
    """The names of the tools that a request offers, by definition or in a list in its prompt."""
    names = {tool.name for tool in view.tools_offered(call) if tool.name is not None}
    if not names:
        for message in view.inputs(call)[:2]:
            names |= _listed((message.content or "")[:_WINDOW])
    return names


@lru_cache(maxsize=64)
def _listed(text: str) -> frozenset[str]:
    """The calls of a loop have one prompt, and a trace few loops."""
    return frozenset(listed.group(1) for listed in _LISTED.finditer(text))


def names(text: str, name: str) -> bool:
    """Whether the name stands in the text as a word of its own."""
    at = text.find(name)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
        if not any(char.isalnum() or char == "_" for char in around):
            return True
        at = text.find(name, at + 1)
    return False


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
