"""A chat message in any of the common dialects is one `Message`, and back as attributes.

Read are OpenAI messages (`content`, `tool_calls`), OTel GenAI and Gemini messages (`parts`),
Vercel, Anthropic and Bedrock content parts (`tool-call`, `tool_use`, `toolUse`, …), LangChain
messages (`type`, `additional_kwargs`, also as constructors), the wrappers `{"messages": …}`,
`{"message": …}`, `{"prompt": …}` and what a model's interface returns (`choices`, `generations`). A
message that holds tool results is several messages: each result is one of role `tool`, marked as
failed where its source marks it (`is_error`, `isError`, `status: error`, a result that is an error
object).
Arguments that were text stay that text; arguments that were objects become JSON text in their
own order. A model's answer that happens to be JSON stays the text that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json, json_text
from investigator.traces.langchain import unwrapped
from investigator.traces.message_parts import (
    IMAGES,
    is_call_part,
    is_part,
    is_result_part,
    is_tool_role,
    is_wordless,
    opened_part,
    says_error,
    squashed,
)
from investigator.traces.model import Message, ToolCall

MARKED_FAILED = "tool.is_error"
"""The attribute of a tool's span whose result its source marks as failed."""

_GEMINI_ROLE = "model"
"""What Gemini calls the assistant; no other dialect has the word."""
ROLE_OF_TYPE = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}
_ANSWERS = ("choices", "generations")
_WRAPPERS = (*_ANSWERS, "messages", "message", "prompt", "text")
_MESSAGE_KEYS = (
    *("role", "parts", "content", "tool_calls", "additional_kwargs", "function_call", "refusal"),
)
_CALL_KEYS = ("toolName", "tool.name")

# OpenAI's items have an id of their own (`id`) beside that of the call (`call_id`).
_IDS = ("call_id", "toolCallId", "tool_call_id", "tool_use_id", "toolUseId", "id")
_NAMES = ("name", "toolName", "tool.name", "tool_name", "function_name")
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
    entry = unwrapped(value)
    return _from_object(entry, role) if isinstance(entry, dict) else ()


def messages_in_text(value: str, *, role: str) -> tuple[Message, ...]:
    """The messages of a text that is messages written as JSON; none of any other text."""
    inner = embedded_json(value)
    spoken = _is_message(inner) or _is_wrapper(inner) or _is_message_list(inner)
    return read_messages(inner, role=role) if spoken else ()


def read_tool_call(value: JsonValue) -> ToolCall | None:
    """A tool call in any dialect; None where the value names no tool."""
    value = opened_part(value)
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


def unread_items(entry: Mapping[str, JsonValue]) -> int:
    """How many parts and calls of a message are nothing that is read, in any dialect."""
    content = entry.get("parts", entry.get("content"))
    odd = sum(not _is_read(part) for part in content) if isinstance(content, list) else 0
    calls = entry.get("tool_calls")
    if isinstance(calls, list):
        return odd + sum(read_tool_call(call) is None for call in calls)
    return odd + (calls is not None)


def _is_read(part: JsonValue) -> bool:
    """Whether a part is text, a call, a result, or known to hold no words."""
    if not isinstance(part, dict) or not part:
        return isinstance(part, str)
    if is_call_part(part):
        return read_tool_call(part) is not None
    return is_result_part(part) or is_wordless(part) or _part_text(part) is not None


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
        if message.is_error:
            flat[f"{base}.is_error"] = True
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
    if values and all(is_part(value) for value in values):
        return _from_object({"role": role, "content": values}, role)
    return tuple(message for value in values for message in read_messages(value, role=role))


def _from_object(entry: dict[str, JsonValue], role: str) -> tuple[Message, ...]:
    if _is_wrapper(entry):
        system = read_messages(entry.get("system"), role="system")
        inner = next(entry[key] for key in _WRAPPERS if entry.get(key) is not None)
        return system + read_messages(inner, role=role)
    asks_or_answers = is_part(entry) and (is_call_part(entry) or is_result_part(entry))
    if not asks_or_answers and any(key in entry for key in _MESSAGE_KEYS):
        return _read_message(entry, role)
    if is_part(entry):
        return tuple(
            m
            for m in _read_message({"content": [entry]}, role)
            if m.content is not None or m.tool_calls
        )
    return (Message(role, json_text(entry)),)


def _read_message(entry: dict[str, JsonValue], default_role: str) -> tuple[Message, ...]:
    """One message for each tool result in an entry, and one for each run of parts between them."""
    role = _role(entry, default_role)
    content = entry.get("parts", entry.get("content"))
    if content is None:
        content = entry.get("refusal")
    parts = content if isinstance(content, list) else []
    runs = [(is_result, list(run)) for is_result, run in groupby(parts, key=is_result_part)]
    beside = _calls_beside(parts, entry)
    if not any(is_result for is_result, _ in runs):
        return (_one_message(entry, role, content, beside),)
    found: list[Message] = []
    for is_result, run in runs:
        if is_result:
            found += [_result_message(part) for part in run]
            continue
        message = _one_message(entry, role, run, beside)
        if message.content is not None or message.tool_calls:
            found.append(message)
            beside = ()
    return (*found, Message(role, None, tool_calls=beside)) if beside else tuple(found)


def _one_message(
    entry: dict[str, JsonValue], role: str, content: JsonValue, beside: tuple[ToolCall, ...]
) -> Message:
    """A message without tool results; `beside` are the calls that do not stand in its parts."""
    parts = content if isinstance(content, list) else []
    return Message(
        role=role,
        content=_content_text(content),
        name=_text(entry.get("name")),
        tool_calls=_calls(part for part in parts if is_call_part(part)) + beside,
        tool_call_id=_text(entry.get("tool_call_id")) or None,
        is_error=is_tool_role(role) and says_error(entry),
    )


def _calls_beside(parts: list[JsonValue], entry: dict[str, JsonValue]) -> tuple[ToolCall, ...]:
    """The calls listed beside the parts, without those that stand among the parts too."""
    spoken = _calls(part for part in parts if is_call_part(part))
    known = {call.call_id for call in spoken if call.call_id}
    listed = _calls(_listed_calls(entry))
    return tuple(call for call in listed if call.call_id not in known)


def _role(entry: dict[str, JsonValue], default: str) -> str:
    role = entry.get("role")
    if isinstance(role, str):
        return "assistant" if role == _GEMINI_ROLE else role
    kind = entry.get("type")
    return ROLE_OF_TYPE.get(kind, default) if isinstance(kind, str) else default


def _content_text(content: JsonValue) -> str | None:
    if not isinstance(content, list):
        return None if content is None else json_text(content)
    texts = [text for part in content if (text := _part_text(part)) is not None]
    return "\n".join(texts) if texts else None


def _part_text(part: JsonValue) -> str | None:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or is_call_part(part) or is_result_part(part):
        return None
    if part.get("thought") is True:
        return None
    text = _first(part, ("text", "content", "refusal"))
    return text if isinstance(text, str) else None


def _result_message(part: JsonValue) -> Message:
    part = opened_part(part)
    assert isinstance(part, dict)
    result = _first(part, _RESULTS)
    kind = _type(result)
    failed = says_error(part) or (kind is not None and "error" in squashed(kind))
    if isinstance(result, dict) and "value" in result and kind is not None:
        result = result["value"]
    return Message(
        role="tool",
        content=_result_text(result),
        name=_text(_first(part, _NAMES)),
        tool_call_id=_text(_first(part, _IDS)),
        is_error=failed,
    )


def _result_text(result: JsonValue) -> str | None:
    """A result as text: its text parts, a word for each image, other parts as their JSON."""
    if not isinstance(result, list) or not result:
        return _content_text(result)
    if not all(isinstance(part, str) or _type(part) is not None for part in result):
        return json_text(result)
    return "\n".join(map(_result_part_text, result))


def _result_part_text(part: JsonValue) -> str:
    text = _part_text(part)
    if text is not None:
        return text
    # An image is megabytes of base64, which no reader of the result can use.
    return "[image]" if squashed(_type(part) or "") in IMAGES else json_text(part)


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
    value = unwrapped(value)
    if not isinstance(value, dict):
        return False
    return (
        "role" in value or "parts" in value or ("content" in value and _type(value) in ROLE_OF_TYPE)
    )


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
    kinds = (_is_message, _is_wrapper, _is_call, is_part)
    return any(all(map(is_kind, value)) for is_kind in kinds)


def _is_call(value: JsonValue) -> bool:
    return isinstance(value, dict) and any(key in value for key in _CALL_KEYS)


def _type(part: JsonValue) -> str | None:
    return _text(part.get("type")) if isinstance(part, dict) else None


def _first(entry: dict[str, JsonValue], keys: Iterable[str]) -> JsonValue:
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
