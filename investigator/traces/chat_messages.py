"""A chat message in any of the common dialects is one `Message`, and back as attributes.

Read are OpenAI messages (`content`, `tool_calls`), OTel GenAI messages (`parts`), Vercel and
Anthropic content parts (`tool-call`, `tool_use`, …), LangChain messages (`type`,
`additional_kwargs`, also as constructors), the wrappers `{"messages": …}`, `{"message": …}`,
`{"prompt": …}` and what a model's interface returns (`choices`, `generations`).
Arguments that were text stay that text; arguments that were objects become JSON text in their
own order. A model's answer that happens to be JSON stays the text that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterable

from investigator.canonical import JsonValue
from investigator.traces.jsontext import embedded_json, json_text
from investigator.traces.langchain import plain
from investigator.traces.model import Message, ToolCall

_TYPES = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}
_OTHER_PARTS = {"text", "input_text", "output_text", "reasoning", "image", "image_url", "file"}
_CALL_PARTS = {"tool_call", "tool-call", "tool_use", "function_call"}
_RESULT_PARTS = {"tool_call_response", "tool-result", "tool_result", "function_call_output"}
_PARTS = _CALL_PARTS | _RESULT_PARTS | _OTHER_PARTS
_ANSWERS = ("choices", "generations")
_WRAPPERS = (*_ANSWERS, "messages", "message", "prompt", "text")
_MESSAGE_KEYS = ("role", "parts", "content", "tool_calls", "additional_kwargs", "function_call")
_CALL_KEYS = ("toolName", "tool.name")

_IDS = ("id", "toolCallId", "call_id", "tool_call_id", "tool_use_id")
_NAMES = ("name", "toolName", "tool.name")
_ARGUMENTS = ("arguments", "args", "input", "tool.args")
_RESULTS = ("response", "result", "output", "content")


def read_messages(value: JsonValue, *, role: str) -> tuple[Message, ...]:
    """The messages that a value holds, in order; `role` is used where a message names none.

    A text is read as JSON where that JSON is messages, else it is one message itself (a
    serialised message that was cut off too). An object that is no message in any dialect is one
    message whose content is its JSON text.
    """
    if isinstance(value, str):
        return messages_in_text(value, role=role) or (Message(role, value),)
    if isinstance(value, list):
        return _from_list(value, role)
    entry = plain(value)
    return _from_object(entry, role) if isinstance(entry, dict) else ()


def messages_in_text(value: str, *, role: str) -> tuple[Message, ...]:
    """The messages of a text that is messages written as JSON; none of any other text."""
    inner = embedded_json(value)
    spoken = _is_message(inner) or _is_wrapper(inner) or _is_message_list(inner)
    return read_messages(inner, role=role) if spoken else ()


def read_tool_call(value: JsonValue) -> ToolCall | None:
    """A tool call in any dialect; None where the value names no tool."""
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    name = function if isinstance(function, str) else _first(inner, _NAMES)
    if not isinstance(name, str):
        return None
    arguments = _first(inner, _ARGUMENTS)
    if arguments is None and inner is not value:
        arguments = _first(value, _ARGUMENTS)
    return ToolCall(
        call_id=_text(_first(value, _IDS)) or None,
        name=name,
        arguments="" if arguments is None else json_text(arguments),
    )


def message_attributes(prefix: str, messages: Iterable[Message]) -> dict[str, JsonValue]:
    """Messages as flat OpenInference keys below `prefix` (`llm.input_messages`)."""
    flat: dict[str, JsonValue] = {}
    for index, message in enumerate(messages):
        base = f"{prefix}.{index}.message"
        flat[f"{base}.role"] = message.role
        if message.content is not None:
            flat[f"{base}.content"] = message.content
        if message.name is not None:
            flat[f"{base}.name"] = message.name
        if message.tool_call_id is not None:
            flat[f"{base}.tool_call_id"] = message.tool_call_id
        for number, call in enumerate(message.tool_calls):
            call_base = f"{base}.tool_calls.{number}.tool_call"
            if call.call_id is not None:
                flat[f"{call_base}.id"] = call.call_id
            flat[f"{call_base}.function.name"] = call.name
            flat[f"{call_base}.function.arguments"] = call.arguments
    return flat


def _from_list(values: list[JsonValue], role: str) -> tuple[Message, ...]:
    if values and all(_is_call(value) for value in values):
        return (Message(role, None, tool_calls=_calls(values)),)
    if values and all(_is_part(value) for value in values):
        return _from_object({"role": role, "content": values}, role)
    return tuple(message for value in values for message in read_messages(value, role=role))


def _from_object(entry: dict[str, JsonValue], role: str) -> tuple[Message, ...]:
    if _is_wrapper(entry):
        system = read_messages(entry.get("system"), role="system")
        inner = next(entry[key] for key in _WRAPPERS if entry.get(key) is not None)
        return system + read_messages(inner, role=role)
    if any(key in entry for key in _MESSAGE_KEYS):
        return _read_message(entry, role)
    if _is_part(entry):
        return tuple(
            m
            for m in _read_message({"content": [entry]}, role)
            if m.content is not None or m.tool_calls
        )
    return (Message(role, json_text(entry)),)


def _read_message(entry: dict[str, JsonValue], default_role: str) -> tuple[Message, ...]:
    role = _role(entry, default_role)
    content = entry.get("parts", entry.get("content"))
    parts = content if isinstance(content, list) else []
    results = tuple(_result_message(part) for part in parts if _type(part) in _RESULT_PARTS)
    message = Message(
        role=role,
        content=_content_text(content),
        name=_text(entry.get("name")),
        tool_calls=_all_calls(parts, entry),
        tool_call_id=_text(entry.get("tool_call_id")) or None,
    )
    if results and message.content is None and not message.tool_calls:
        return results
    return (message, *results)


def _all_calls(parts: list[JsonValue], entry: dict[str, JsonValue]) -> tuple[ToolCall, ...]:
    """The calls among the parts and those listed beside them; one that is both is said once."""
    spoken = _calls(part for part in parts if _type(part) in _CALL_PARTS)
    listed = _calls(_listed_calls(entry))
    known = {call.call_id for call in spoken if call.call_id}
    return spoken + tuple(call for call in listed if call.call_id not in known)


def _role(entry: dict[str, JsonValue], default: str) -> str:
    role = entry.get("role")
    if isinstance(role, str):
        return role
    kind = entry.get("type")
    return _TYPES.get(kind, default) if isinstance(kind, str) else default


def _content_text(content: JsonValue) -> str | None:
    if not isinstance(content, list):
        return None if content is None else json_text(content)
    texts = [text for part in content if (text := _part_text(part)) is not None]
    return "\n".join(texts) if texts else None


def _part_text(part: JsonValue) -> str | None:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or _type(part) in _CALL_PARTS | _RESULT_PARTS:
        return None
    text = _first(part, ("text", "content"))
    return text if isinstance(text, str) else None


def _result_message(part: JsonValue) -> Message:
    assert isinstance(part, dict)
    result = _first(part, _RESULTS)
    if isinstance(result, dict) and "value" in result and "type" in result:
        result = result["value"]
    return Message(
        role="tool",
        content=_content_text(result),
        name=_text(_first(part, _NAMES)),
        tool_call_id=_text(_first(part, _IDS)),
    )


def _listed_calls(entry: dict[str, JsonValue]) -> list[JsonValue]:
    extra = entry.get("additional_kwargs")
    for holder in (entry, extra if isinstance(extra, dict) else {}):
        lists = (holder.get("tool_calls"), holder.get("invalid_tool_calls"))
        calls = [call for listed in lists if isinstance(listed, list) for call in listed]
        if calls:
            return calls
        if isinstance(holder.get("function_call"), dict):
            return [holder["function_call"]]
    return []


def _calls(values: Iterable[JsonValue]) -> tuple[ToolCall, ...]:
    return tuple(call for value in values if (call := read_tool_call(value)) is not None)


def _is_message(value: JsonValue) -> bool:
    value = plain(value)
    if not isinstance(value, dict):
        return False
    return "role" in value or "parts" in value or ("content" in value and _type(value) in _TYPES)


def _is_wrapper(value: JsonValue) -> bool:
    """`{"messages": […]}`, `{"prompt": …}`, … or an answer with the reason of its end."""
    if not isinstance(value, dict) or "role" in value:
        return False
    return (
        isinstance(value.get("messages"), list)
        or isinstance(value.get("message"), dict)
        or ("prompt" in value and value.keys() <= {"prompt", "system"})
        or ("text" in value and ("finish_reason" in value or "generation_info" in value))
        or any(_is_answers(value.get(key)) for key in _ANSWERS)
    )


def _is_answers(value: JsonValue) -> bool:
    """Whether a value lists what a model answered, once or (in lists of lists) per prompt."""
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        return all(map(_is_answers, value))
    return isinstance(value, list) and bool(value) and all(map(_is_wrapper, value))


def _is_message_list(value: JsonValue) -> bool:
    if not isinstance(value, list) or not value:
        return False
    kinds = (_is_message, _is_wrapper, _is_call, _is_part)
    return any(all(map(is_kind, value)) for is_kind in kinds)


def _is_call(value: JsonValue) -> bool:
    return isinstance(value, dict) and any(key in value for key in _CALL_KEYS)


def _is_part(value: JsonValue) -> bool:
    return isinstance(value, dict) and "role" not in value and _type(value) in _PARTS


def _type(part: JsonValue) -> str | None:
    return _text(part.get("type")) if isinstance(part, dict) else None


def _first(entry: dict[str, JsonValue], keys: Iterable[str]) -> JsonValue:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
