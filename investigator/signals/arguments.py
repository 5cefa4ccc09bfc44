"""The arguments of a call: read in one way, and held against the schema that was offered.

Arguments are a JSON object. Recorders also write it as JSON within JSON, and by position
(`args`, `kwargs`); a call without any is one with none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum

from investigator.ground.canonical_json import JsonValue
from investigator.readings.json_schema import Judged, Problem, judged_by
from investigator.readings.view import TraceView
from investigator.signals.offered_tools import OfferedTool, offered_tools
from investigator.traces.model import REDACTED, Span
from investigator.traces.openinference import tool_io_of

THE_ARGUMENTS = "the arguments"
WHOLE = "the arguments object"
"""What is wrong with no argument of its own is wrong with the object."""

_PLAIN_LENGTH = 200
_OPEN = frozenset(
    {"additionalProperties", "patternProperties", "unevaluatedProperties", "$ref", "allOf",
     "anyOf", "oneOf", "if", "dependentSchemas"}
)  # fmt: skip
"""Keywords by which an object may have more fields than `properties` names."""


class Arguments(Enum):
    """What is known of a call's arguments."""

    WRONG = "wrong"
    SOUND = "sound"
    UNKNOWN = "unknown"


class NoArguments(Exception):
    """A text that shows no arguments; `problem` says what is wrong with it, if anything is."""

    def __init__(self, words: str, *, wrong: bool) -> None:
        super().__init__(words)
        self.judged = (
            Judged(problems=(Problem("json", (THE_ARGUMENTS,), words),))
            if wrong
            else Judged(untold=(f"{THE_ARGUMENTS} {words}",))
        )


def read_arguments(text: str) -> dict[str, JsonValue]:
    """The arguments that a text holds.

    Raises:
        NoArguments: they are hidden, cannot be read, or are no JSON object.
    """
    if REDACTED in text:
        raise NoArguments("are hidden", wrong=False)
    value = _parsed(text.strip() or "{}")
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _parsed(value)
    if not isinstance(value, dict):
        raise NoArguments("are not a JSON object", wrong=True)
    return value


def _parsed(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise NoArguments("are not JSON", wrong=True) from error
    except (ValueError, RecursionError) as error:
        raise NoArguments(
            "are nested too deeply, or hold too long a number", wrong=False
        ) from error
    return value


def _no_number(name: str) -> JsonValue:
    """NaN and infinities, which Python reads and JSON does not know."""
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)


def judged_call(arguments: str, schema: Mapping[str, JsonValue]) -> Judged:
    """The arguments of a call by the schema of its tool."""
    try:
        value = read_arguments(arguments)
    except NoArguments as reason:
        return reason.judged
    return judged_by({"type": "object", **schema}, _by_name(value, schema.get("properties")))


def _by_name(value: dict[str, JsonValue], properties: JsonValue) -> dict[str, JsonValue]:
    """Arguments by name, also where a call was recorded as positions (`args`) and names."""
    by_place, by_name = value.get("args"), value.get("kwargs")
    known = isinstance(properties, dict) and not {"args", "kwargs"} & properties.keys()
    if not known or not isinstance(by_place, list) or not isinstance(by_name, dict):
        return value
    assert isinstance(properties, dict)
    return {**dict(zip(properties, by_place, strict=False)), **by_name}


def misnamed(arguments: str, tool: OfferedTool | None) -> str | None:
    """What is wrong with the text of a call or the names in it; None where nothing is known to be.

    A name that the definition does not know is wrong unless the definition says that there may
    be more: few are strict enough to forbid it, and no tool knows what to do with it.
    """
    if REDACTED in arguments or not arguments.strip():
        return None
    try:
        value = read_arguments(arguments)
    except NoArguments as reason:
        return next((f"arguments that {p.words}" for p in reason.judged.problems), None)
    if tool is None or tool.schema is None:
        return None
    named = _by_name(value, tool.schema.get("properties"))
    required = tool.schema.get("required")
    missing = [str(n) for n in (required if isinstance(required, list) else ()) if n not in named]
    if missing:
        return f"no {', '.join(missing)}"
    extra = sorted(named.keys() - tool.properties.keys()) if _is_closed(tool.schema) else []
    return f"unknown argument {', '.join(map(repr, extra))}" if extra else None


def _is_closed(schema: Mapping[str, JsonValue]) -> bool:
    others = {key for key in _OPEN & schema.keys() if schema[key] not in (None, False)}
    return isinstance(schema.get("properties"), dict) and not others


def judged_arguments(view: TraceView, span: Span) -> Arguments:
    """The arguments of a TOOL span that failed, by what its author was offered.

    Only calls that failed are judged so: much that a schema does not allow works all the same.
    Long texts (code, documents) are never sound: what is wrong with them no schema says.
    """
    io = tool_io_of(span)
    author = view.author_of(span, io.call_id) if io is not None else None
    if io is None or author is None or io.name is None or io.arguments is None:
        return Arguments.UNKNOWN
    tool = offered_tools(view, author).get(io.name)
    if tool is None:
        return Arguments.UNKNOWN
    if misnamed(io.arguments, tool) is not None:
        return Arguments.WRONG
    judged = judged_call(io.arguments, tool.schema or {})
    if judged.problems:
        return Arguments.WRONG
    plain = not judged.untold and all(map(_is_plain, read_arguments(io.arguments).values()))
    return Arguments.SOUND if plain and tool.properties else Arguments.UNKNOWN


def _is_plain(value: JsonValue) -> bool:
    return not isinstance(value, str) or (len(value) <= _PLAIN_LENGTH and "\n" not in value)
