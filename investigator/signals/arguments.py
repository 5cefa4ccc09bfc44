"""Whether a failed call was called wrongly: its arguments against the schema that was offered.

Only calls that failed are judged so: much that a schema does not allow works all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import re2

from investigator.canonical import JsonValue, json_object
from investigator.signals.offered_tools import OfferedTool, argument_problem, offered_tools
from investigator.signals.view import TraceView
from investigator.traces.model import Span
from investigator.traces.openinference import tool_io_of

_PLAIN_LENGTH = 200
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Arguments(Enum):
    """What is known of a call's arguments."""

    WRONG = "wrong"
    SOUND = "sound"
    UNKNOWN = "unknown"


def judged_arguments(view: TraceView, span: Span) -> Arguments:
    """The arguments of a TOOL span by what its author was offered.

    Long texts (code, documents) are never sound: what is wrong with them no schema says.
    """
    io = tool_io_of(span)
    author = view.author_of(span, io.call_id) if io is not None else None
    if io is None or author is None or io.name is None or io.arguments is None:
        return Arguments.UNKNOWN
    tool = offered_tools(author).get(io.name)
    if tool is None:
        return Arguments.UNKNOWN
    if argument_problem(io.arguments, tool) is not None:
        return Arguments.WRONG
    return _by_values(io.arguments, tool)


def _by_values(text: str, tool: OfferedTool) -> Arguments:
    held = json_object(text)
    if held is None:
        return Arguments.UNKNOWN
    if any(not _fits(value, tool.schemas.get(name)) for name, value in held.items()):
        return Arguments.WRONG
    plain = all(_is_plain(value) for value in held.values())
    return Arguments.SOUND if plain and tool.schemas else Arguments.UNKNOWN


def _is_plain(value: JsonValue) -> bool:
    return not isinstance(value, str) or (len(value) <= _PLAIN_LENGTH and "\n" not in value)


def _fits(value: JsonValue, schema: JsonValue) -> bool:
    """Whether a value has the type, is one of the choices and matches the pattern of a schema."""
    if not isinstance(schema, dict):
        return True
    kind, choices, pattern = schema.get("type"), schema.get("enum"), schema.get("pattern")
    if isinstance(kind, str) and not _is_of(value, kind):
        return False
    if isinstance(choices, list) and value not in choices:
        return False
    return not (isinstance(pattern, str) and isinstance(value, str)) or _matches(pattern, value)


def _is_of(value: JsonValue, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean" or kind not in _TYPES
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return kind not in _TYPES or isinstance(value, _TYPES[kind])


def _matches(pattern: str, value: str) -> bool:
    """A pattern that RE2 does not know says nothing."""
    try:
        return re2.search(pattern, value) is not None
    except re2.error:
        return True
