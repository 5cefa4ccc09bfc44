"""What OpenLLMetry says of a workflow's own steps under `traceloop.entity.*`.

It stores a step's arguments and return value as JSON text in a wrapper of its own. A tool's
arguments are taken out of `{"args": [], "kwargs": {…}}` (a decorated function) and `{"input_str":
…, "inputs": {…}}` (LangChain), its result out of `{"output": …}`; other steps keep the wrapper.
"""

from __future__ import annotations

from investigator.errors import UnreadableInput
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import json_text, parse_json_text
from investigator.traces.chat_messages import MARKED_FAILED
from investigator.traces.langchain import unwrapped
from investigator.traces.message_parts import says_error
from investigator.traces.model import Attributes

_NAME = "traceloop.entity.name"
_INPUT, _OUTPUT = "traceloop.entity.input", "traceloop.entity.output"


def openinference_from_entity(said: Attributes, *, is_tool: bool) -> dict[str, JsonValue]:
    """A step's input and output, and the name of a tool; often empty."""
    added: dict[str, JsonValue] = {}
    if is_tool and isinstance(said.get(_NAME), str):
        added["tool.name"] = said[_NAME]
    if is_tool and _is_marked(said.get(_OUTPUT)):
        added[MARKED_FAILED] = True
    for target, source, inner in (
        ("input.value", _INPUT, _arguments),
        ("output.value", _OUTPUT, _result),
    ):
        value = said.get(source)
        if value is not None:
            added[target] = _text(inner(value) if is_tool else value)
    return added


def _arguments(value: JsonValue) -> JsonValue:
    wrapper = _read(value)
    if not isinstance(wrapper, dict):
        return value
    inputs = wrapper.get("inputs")
    if "input_str" in wrapper:
        return inputs if isinstance(inputs, dict) else wrapper["input_str"]
    named = isinstance(wrapper.get("kwargs"), dict) and wrapper.get("args") == []
    return wrapper["kwargs"] if named and len(wrapper) == 2 else value


def _result(value: JsonValue) -> JsonValue:
    wrapper = _read(value)
    if not isinstance(wrapper, dict) or not wrapper.keys() <= {"output", "kwargs"}:
        return value
    returned = unwrapped(wrapper.get("output"))
    if isinstance(returned, dict) and "tool_call_id" in returned:
        return returned.get("content")
    return value if returned is None else returned


def _is_marked(value: JsonValue) -> bool:
    """Whether a step returned a tool's message that is marked as failed."""
    wrapper = _read(value)
    returned = unwrapped(wrapper.get("output")) if isinstance(wrapper, dict) else None
    return isinstance(returned, dict) and "tool_call_id" in returned and says_error(returned)


def _text(value: JsonValue) -> JsonValue:
    """A text as it is, also where it was stored as the JSON of a text."""
    inner = _read(value)
    return inner if isinstance(inner, str) else json_text(value)


def _read(value: JsonValue) -> JsonValue:
    if not isinstance(value, str) or not value.startswith(('"', "{")):
        return value
    try:
        return parse_json_text(value)
    except UnreadableInput:
        return value
