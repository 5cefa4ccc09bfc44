"""A chat transcript is a flat trace: entry `i` of its list is the span `step-<i>`.

Kinds follow from roles alone: `tool` is a TOOL; an entry with a `name`, or with a role that is
no chat role, is the turn of an AGENT; `assistant` is an LLM; the others are UNKNOWN. A span
carries its own message, as output where an agent or a model spoke, as input otherwise. There
are no times, so none are given, and no parents. Other fields of the transcript stand under
`source.` on its first span, other fields of an entry under `source.` on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.canonical import JsonValue
from investigator.traces.chat_messages import message_attributes, read_messages, read_tool_call
from investigator.traces.decode.fields import Record, first, leftovers, make_span, records, text
from investigator.traces.model import Span, SpanKind, StatusCode, ToolCall

_LISTS = ("messages", "history")
_IDS = ("run_id", "trace_id", "id")
_CONVERSATIONS = ("conversation_id", "session_id", "thread_id", "trace_id", "run_id")
_TOOL_ROLES = ("tool", "function")
_CHAT_ROLES = {"system", "user", "human", "assistant", "tool", "developer"}
_ENTRY_KEYS = ("role", "name", "content", "tool_calls", "tool_call_id", "tool_call", "error")
_SPEAKERS = (SpanKind.AGENT, SpanKind.LLM)


def is_chat(value: Record) -> bool:
    """Whether an object is a transcript: a list of entries under `messages` or `history`."""
    return any(is_chat_list(value.get(key)) for key in _LISTS)


def is_chat_list(value: JsonValue) -> bool:
    """Whether a value is a non-empty list of chat entries."""
    return isinstance(value, list) and bool(value) and all(map(_is_entry, value))


def is_chat_line(value: JsonValue) -> bool:
    """Whether a value is one message, of a role that only messages have."""
    known = {*_CHAT_ROLES, *_TOOL_ROLES}
    return isinstance(value, dict) and _is_entry(value) and value.get("role") in known


def transcripts(lines: Sequence[Record], *, stem: str) -> dict[str, Record]:
    """Messages that came one a line as transcripts by their id, each in order of its lines.

    A line belongs to the conversation that it names, else to the one called `stem`. Lines of
    one role only are no conversation: nothing is made of them.
    """
    found: dict[str, list[JsonValue]] = {}
    for line in lines:
        found.setdefault(text(first(line, *_CONVERSATIONS)) or stem, []).append(dict(line))
    if len({text(line.get("role")) for line in lines}) < 2:
        return {}
    return {name: {"id": name, "messages": entries} for name, entries in found.items()}


def decode_chat(transcript: Record, *, stem: str) -> Iterator[Span]:
    """The spans of a transcript; `stem` is the trace id where the transcript has none."""
    key = next(key for key in _LISTS if is_chat_list(transcript.get(key)))
    entries = records(transcript[key])
    trace_id = text(first(transcript, *_IDS)) or stem
    about_run = leftovers(transcript, (key, *_IDS))
    model = transcript.get("model")
    for index, (entry, call) in enumerate(zip(entries, _answered_calls(entries), strict=True)):
        kind = _kind(entry)
        error = entry.get("error")
        yield make_span(
            trace_id=trace_id,
            span_id=f"step-{index}",
            parent_id=None,
            name=_name(entry, call),
            attributes={
                **(about_run if index == 0 else {}),
                **({"llm.model_name": model} if kind is SpanKind.LLM else {}),
                **_attributes(entry, kind=kind, call=call),
            },
            status=StatusCode.UNSET if error is None else StatusCode.ERROR,
            status_message=text(error),
            kind=None if kind is SpanKind.UNKNOWN else kind,
        )


def agent_name(entry: Record) -> str:
    """Who speaks: the entry's `name`, else its `role`, up to a remark in parentheses."""
    return text(first(entry, "name", "role")).partition(" (")[0]


def _is_entry(value: JsonValue) -> bool:
    if not isinstance(value, dict) or "content" not in value:
        return False
    return isinstance(value.get("role"), str) or isinstance(value.get("name"), str)


def _kind(entry: Record) -> SpanKind:
    role = text(entry.get("role"))
    if role in _TOOL_ROLES:
        return SpanKind.TOOL
    if entry.get("name") or role not in _CHAT_ROLES:
        return SpanKind.AGENT
    return SpanKind.LLM if role == "assistant" else SpanKind.UNKNOWN


def _name(entry: Record, call: ToolCall | None) -> str:
    return call.name if call is not None else agent_name(entry)


def _attributes(entry: Record, *, kind: SpanKind, call: ToolCall | None) -> dict[str, object]:
    messages = read_messages(dict(entry), role=text(entry.get("role")))
    content = next((m.content for m in messages if m.content is not None), None)
    spoken = kind in _SPEAKERS
    side = "output" if spoken else "input"
    found: dict[str, object] = {
        **message_attributes(f"llm.{side}_messages", messages),
        **({"agent.name": agent_name(entry)} if spoken else {f"{side}.value": content}),
        **leftovers(entry, _ENTRY_KEYS),
    }
    if spoken:
        found["output.value"] = content
    if kind is SpanKind.TOOL:
        found["tool.name"] = call.name if call is not None else entry.get("name")
        found["tool.id"] = call.call_id if call is not None else entry.get("tool_call_id")
        found["input.value"] = call.arguments if call is not None else None
        found["output.value"] = content
    return found


def _answered_calls(entries: list[dict[str, JsonValue]]) -> list[ToolCall | None]:
    """For each entry the call that it answers: its own record of it, else by id, else in turn.

    Only a call without an id is taken in turn: an id that matches nothing answers nothing.
    """
    by_id: dict[str, ToolCall] = {}
    in_turn: list[ToolCall] = []
    answered: list[ToolCall | None] = []
    for entry in entries:
        if entry.get("role") in _TOOL_ROLES:
            queued = in_turn.pop(0) if in_turn else None
            call_id = text(entry.get("tool_call_id"))
            matched = by_id.get(call_id) if call_id else queued
            answered.append(read_tool_call(entry.get("tool_call")) or matched)
            continue
        calls = _calls_of(entry)
        by_id |= {call.call_id: call for call in calls if call.call_id}
        in_turn = calls or in_turn
        answered.append(None)
    return answered


def _calls_of(entry: Record) -> list[ToolCall]:
    messages = read_messages(dict(entry), role="assistant")
    return [call for message in messages for call in message.tool_calls]
