"""Which values are the entries of a dialogue, and what each says, in every dialect of messages.

Read are OpenAI's messages and the items of its Responses, Anthropic's, Gemini's and Bedrock's
messages, LangChain's and LangGraph's, AutoGen's (messages and events), and the messages of Vercel's
UI, whose parts hold calls with their results. Most are one message as it stands; the others are
written as the messages that they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from investigator.formats.dialogue_turns import CHAT_ROLES, DialogueEntry
from investigator.formats.fields import first, leftovers, listed, record, text, time_ns
from investigator.formats.format import Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.chat_messages import ROLE_OF_TYPE
from investigator.traces.langchain import unwrapped
from investigator.traces.message_parts import is_part, is_tool_role

_Fields = dict[str, JsonValue]

_SAID = ("content", "parts", "tool_calls", "function_call", "refusal", "toolInvocations")
_USAGES = ("usage", "usage_metadata", "models_usage", "usageMetadata", "token_usage")
_OF_LANGCHAIN = (
    *("type", "name", "additional_kwargs", "response_metadata", "usage_metadata", "example"),
    *("invalid_tool_calls", "tool_call_chunks"),
)
_AUTOGEN_MODEL = {"SystemMessage": "system", "UserMessage": "user", "AssistantMessage": "assistant"}
_AUTOGEN_RESULTS = ("FunctionExecutionResultMessage", "ToolCallExecutionEvent")
_AUTOGEN_CHAT = frozenset(
    {"TextMessage", "MultiModalMessage", "StopMessage", "HandoffMessage", "ToolCallSummaryMessage"}
    | {"StructuredMessage", "ThoughtEvent", "UserInputRequestedEvent", "MemoryQueryEvent"}
)
_AUTOGEN_CALLS = "ToolCallRequestEvent"
_UI_RESULTS = ("output-available", "output-error", "result")


def is_entry(value: JsonValue) -> bool:
    """Whether a value is an entry of a dialogue."""
    value = unwrapped(value)
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("role"), str):
        return has_chat_role(value) or holds_words(value)
    if isinstance(value.get("name"), str) and "content" in value:
        return True
    return is_part(value) or _is_langchain(value) or _is_autogen(value)


def has_chat_role(value: JsonValue) -> bool:
    """Whether a value has a role that only messages have, or a type that says such a role."""
    value = unwrapped(value)
    if not isinstance(value, dict):
        return False
    role = value.get("role")
    if isinstance(role, str):
        return role in CHAT_ROLES or is_tool_role(role)
    return _is_langchain(value) or _is_autogen(value)


def holds_words(value: JsonValue) -> bool:
    """Whether a value holds what somebody said, or asked a tool for."""
    value = unwrapped(value)
    if not isinstance(value, dict) or not any(key in value for key in _SAID):
        return False
    named = isinstance(value.get("role"), str) or isinstance(value.get("name"), str)
    return named or _is_langchain(value) or _is_autogen(value)


def entries_of(value: JsonValue) -> list[DialogueEntry]:
    """What an entry says, as messages with a role; empty where the value is no entry."""
    value = unwrapped(value)
    if not isinstance(value, dict) or not is_entry(value):
        return []
    if _is_langchain(value):
        return [_langchain(value)]
    if _is_autogen(value):
        return [_autogen(value)]
    if any(_is_ui_call(part) for part in _ui_parts(value)):
        return list(_ui_message(value))
    # An item of OpenAI's Responses says that it was cut off; why, its response alone says.
    cut = value.get("role") == "assistant" and value.get("status") == "incomplete"
    about = {"llm.finish_reason": "incomplete"} if cut else {}
    model = text(value.get("model"))
    return [DialogueEntry(said=value, model=model, usage=_usage(value), about=about)]


def _usage(value: Record) -> JsonValue:
    return next((value[key] for key in _USAGES if isinstance(value.get(key), dict)), None)


def _is_langchain(value: Record) -> bool:
    kind = value.get("type")
    return (
        "role" not in value
        and "content" in value
        and isinstance(kind, str)
        and (kind in ROLE_OF_TYPE)
    )


def _langchain(value: _Fields) -> DialogueEntry:
    """A message of LangChain, whose model's turns may have the name of their agent."""
    role = ROLE_OF_TYPE[text(value.get("type"))]
    answer = record(value.get("response_metadata"))
    name = value.get("name")
    said: _Fields = {
        "role": role,
        "content": value.get("content"),
        "tool_calls": _langchain_calls(value),
        **({"name": name} if name and role != "assistant" else {}),
        **{k: at for k, at in value.items() if k not in (*_OF_LANGCHAIN, "content", "tool_calls")},
    }
    return DialogueEntry(
        said={key: at for key, at in said.items() if at is not None},
        agent=text(name) if role == "assistant" else "",
        model=text(first(answer, "model_name", "model")),
        usage=_usage(value) or first(answer, "token_usage", "tokenUsage", "usage"),
        about=leftovers(answer, ("model_name", "model", "token_usage", "tokenUsage", "usage")),
    )


def _langchain_calls(value: _Fields) -> JsonValue:
    """The calls of a message, once: valid ones, else those that the provider's answer had."""
    valid = [
        call for key in ("tool_calls", "invalid_tool_calls") for call in listed(value.get(key))
    ]
    extra = record(value.get("additional_kwargs"))
    found: list[JsonValue] = list(valid or listed(extra.get("tool_calls")))
    legacy = extra.get("function_call")
    return found or ([legacy] if isinstance(legacy, dict) else None)


def _is_autogen(value: Record) -> bool:
    kind = value.get("type")
    if "role" in value or not isinstance(kind, str) or "content" not in value:
        return False
    known = kind in _AUTOGEN_MODEL or kind in _AUTOGEN_RESULTS or kind in _AUTOGEN_CHAT
    return known or kind == _AUTOGEN_CALLS


def _autogen(value: _Fields) -> DialogueEntry:
    """A message of AutoGen: of its models, or of its agents to each other."""
    kind, source, content = text(value.get("type")), text(value.get("source")), value["content"]
    calls = (
        content
        if isinstance(content, list) and kind in ("AssistantMessage", _AUTOGEN_CALLS)
        else None
    )
    said: _Fields
    if kind in _AUTOGEN_RESULTS:
        said = {
            "role": "tool",
            "content": [item and _autogen_result(item) for item in listed(content)],
        }
    elif calls is not None:
        said = {"role": "assistant", "content": value.get("thought"), "tool_calls": calls}
    elif kind in _AUTOGEN_MODEL:
        said = {"role": _AUTOGEN_MODEL[kind], "content": content}
    else:
        is_user = source.lower() == "user"
        said = {"role": "user" if is_user else "assistant", "content": content}
    return DialogueEntry(
        said=said,
        at_ns=time_ns(value.get("created_at")),
        agent=source,
        usage=_usage(value),
        about=leftovers(
            value, ("type", "source", "content", "created_at", "models_usage", "thought")
        ),
    )


def _autogen_result(item: _Fields) -> JsonValue:
    return {"type": "tool_result", "tool_use_id": item.get("call_id"), **item}


def _ui_parts(value: Record) -> list[_Fields | None]:
    """The parts of a message of Vercel's UI; in its fourth version, calls beside the text."""
    parts = listed(value.get("parts"))
    if parts or not isinstance(value.get("toolInvocations"), list):
        return parts
    calls: list[_Fields | None] = [
        call and {"type": "tool-invocation", "toolInvocation": call}
        for call in listed(value["toolInvocations"])
    ]
    said = value.get("content")
    return [*calls, {"type": "text", "text": said}] if said else calls


def _is_ui_call(part: Record | None) -> TypeGuard[_Fields]:
    if part is None:
        return False
    kind = text(part.get("type"))
    named = kind.startswith("tool-") or kind == "dynamic-tool"
    return (
        named
        and ("toolCallId" in part or isinstance(part.get("toolInvocation"), dict))
        and ("state" in part or "toolInvocation" in part)
    )


def _ui_message(value: _Fields) -> Iterator[DialogueEntry]:
    """An answer of Vercel's UI as the turns it was made of: what was said, called and returned."""
    about = {key: at for key, at in value.items() if key not in (*_SAID, "role")}
    said: list[JsonValue] = []
    results: list[JsonValue] = []
    for part in _ui_parts(value):
        if not _is_ui_call(part):
            if results:
                yield from _ui_turn(said, results, about)
                said, results, about = [], [], {}
            said += [] if part and part.get("type") == "step-start" else [part]
            continue
        kind = text(part.get("type"))
        call = {**part, **record(part.get("toolInvocation"))}
        name = text(call.get("toolName")) or kind.removeprefix("tool-")
        given = first(call, "input", "args", "rawInput")
        call_id = call.get("toolCallId")
        said.append({"type": "tool-call", "toolCallId": call_id, "toolName": name, "args": given})
        if call.get("state") in _UI_RESULTS:
            failed = call.get("state") == "output-error"
            answer = call.get("errorText") if failed else first(call, "output", "result")
            results.append(
                {"type": "tool-result", "toolCallId": call_id, "toolName": name}
                | {"result": answer, "is_error": failed}
            )
    yield from _ui_turn(said, results, about)


def _ui_turn(
    said: list[JsonValue], results: list[JsonValue], about: _Fields
) -> Iterator[DialogueEntry]:
    if said:
        yield DialogueEntry(said={"role": "assistant", "content": said, **about})
    for result in results:
        yield DialogueEntry(said={"role": "tool", "content": [result]})
