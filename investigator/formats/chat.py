"""A chat transcript is a flat trace: entry `i` of its list is the span `step-<i>`.

An entry that holds tool results (Anthropic's blocks, …) is several spans, in the order of its
parts: each result a TOOL, what stands between them a turn of its own; later steps count on from
there. What is no entry gives no span, but keeps its number.

Kinds follow from roles alone: `tool` is a TOOL; an entry with a `name`, or with a role that is
no chat role, is the turn of an AGENT; `assistant` is an LLM; the others are UNKNOWN. A span
carries its own message, as output where an agent or a model spoke, as input otherwise. There
are no times, so none are given, and no parents. Other fields of the transcript stand under
`source.` on its first span, other fields of an entry under `source.` on its own. A result that
its source marks as failed ends with status ERROR.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from investigator.formats.fields import first, leftovers, make_span, text
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.chat_messages import (
    is_part,
    is_result_part,
    is_tool_role,
    message_attributes,
    read_messages,
    read_tool_call,
)
from investigator.traces.model import Message, Span, SpanKind, StatusCode, ToolCall

_LISTS = ("messages", "history")
_IDS = ("run_id", "trace_id", "id")
_CONVERSATIONS = ("conversation_id", "session_id", "thread_id", "trace_id", "run_id", "sample_id")
_EPOCH = "epoch"
_CHAT_ROLES = {"system", "user", "human", "assistant", "tool", "developer"}
_SAID = ("content", "parts", "tool_calls", "function_call", "refusal")
_ENTRY_KEYS = ("role", "name", "content", "tool_calls", "tool_call_id", "tool_call", "error")
_CALL_IDS = ("tool_call_id", "toolCallId")
_SPEAKERS = (SpanKind.AGENT, SpanKind.LLM)


class _Turn(NamedTuple):
    """What one span of an entry says; `call` is the one that a tool's answer is to."""

    entry: Record
    messages: tuple[Message, ...]
    kind: SpanKind
    call: ToolCall | None = None

    @property
    def content(self) -> str | None:
        return next((m.content for m in self.messages if m.content is not None), None)


def is_chat(value: Record) -> bool:
    """Whether an object is a transcript: a list of entries under `messages` or `history`."""
    return any(is_chat_list(value.get(key)) for key in _LISTS)


def is_chat_list(value: JsonValue) -> bool:
    """Whether a value is a list of chat entries: all of it, or most of it by roles of chats.

    One odd entry does not make a transcript unreadable, and a few messages among other things do
    not make them a transcript.
    """
    if not isinstance(value, list) or not any(map(_says_something, value)):
        return False
    if all(map(_is_entry, value)):
        return True
    return 2 * sum(map(_has_chat_role, value)) > len(value)


def is_chat_line(value: JsonValue) -> bool:
    """Whether a value is one message, of a role that only messages have."""
    return _has_chat_role(value) and _says_something(value)


def epoch_of(transcript: Record) -> str:
    """Which repetition of its sample a transcript is; empty where it does not say."""
    return text(transcript.get(_EPOCH))


def transcripts(lines: Sequence[Record], *, stem: str) -> list[dict[str, JsonValue]]:
    """Messages that came one a line as transcripts, each in order of its lines.

    A line belongs to the conversation (and the epoch of it) that it names, else to the one called
    `stem`. Lines of one role only are no conversation: nothing is made of them.
    """
    found: dict[tuple[str, str], list[JsonValue]] = {}
    for line in lines:
        named = text(first(line, *_CONVERSATIONS)) or stem
        found.setdefault((named, epoch_of(line)), []).append(dict(line))
    if len({text(line.get("role")) for line in lines}) < 2:
        return []
    return [
        {"id": name, "messages": entries, **({_EPOCH: epoch} if epoch else {})}
        for (name, epoch), entries in found.items()
    ]


def decode_chat(transcript: Record, *, stem: str) -> Iterator[Span]:
    """The spans of a transcript; see `read_chat`."""
    return (span for span in read_chat(transcript, stem=stem) if span is not None)


def read_chat(transcript: Record, *, stem: str) -> Iterator[Span | None]:
    """The spans of a transcript, and None for each item of its list that is no entry.

    `stem` is the trace id where the transcript has none.
    """
    key = next(key for key in _LISTS if is_chat_list(transcript.get(key)))
    listed = transcript[key]
    assert isinstance(listed, list), "is_chat_list"
    trace_id = text(first(transcript, *_IDS)) or stem
    system = _system_entries(transcript, listed)
    known = (key, *_IDS, *(("system",) if system else ()))
    about: dict[str, object] = dict(leftovers(transcript, known))
    model = transcript.get("model")
    calls = _Calls()
    number = 0
    for item in (*system, *listed):
        if not isinstance(item, dict) or not _is_entry(item):
            yield None
            number += 1
            continue
        turns = _turns(item, calls)
        for turn in turns:
            yield _span(turn, trace_id=trace_id, number=number, about=about, model=model)
            about = {}
            number += 1
        number += not turns


def agent_name(entry: Record) -> str:
    """Who speaks: the entry's `name`, else its `role`, up to a remark in parentheses.

    A call that stands as an entry of its own has a name too: its tool's.
    """
    if is_part(entry):
        return "assistant"
    return text(first(entry, "name", "role")).partition(" (")[0]


def _is_entry(value: JsonValue) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("role"), str):
        return _has_chat_role(value) or _says_something(value)
    if isinstance(value.get("name"), str) and "content" in value:
        return True
    return is_part(value)


def _has_chat_role(value: JsonValue) -> bool:
    role = value.get("role") if isinstance(value, dict) else None
    return isinstance(role, str) and (role in _CHAT_ROLES or is_tool_role(role))


def _says_something(value: JsonValue) -> bool:
    if not isinstance(value, dict) or not any(key in value for key in _SAID):
        return False
    return isinstance(value.get("role"), str) or isinstance(value.get("name"), str)


def _system_entries(transcript: Record, listed: list[JsonValue]) -> list[JsonValue]:
    """The system prompt that a request has beside its messages, as the first of them."""
    system = transcript.get("system")
    blocks = isinstance(system, list) and all(map(is_part, system))
    said = any(isinstance(item, dict) and item.get("role") == "system" for item in listed)
    if not system or said or not (blocks or isinstance(system, str)):
        return []
    return [{"role": "system", "content": system}]


class _Calls:
    """The calls that were asked for so far, to be matched with their answers.

    An answer belongs to the call of its id. Only one without an id is taken in turn: an id that
    matches nothing answers nothing.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, ToolCall] = {}
        self._in_turn: list[ToolCall] = []

    def asked(self, calls: Sequence[ToolCall]) -> None:
        self._by_id |= {call.call_id: call for call in calls if call.call_id}
        self._in_turn = list(calls) or self._in_turn

    def answered(self, call_id: str) -> ToolCall | None:
        queued = self._in_turn.pop(0) if self._in_turn else None
        return self._by_id.get(call_id) if call_id else queued


def _turns(entry: dict[str, JsonValue], calls: _Calls) -> list[_Turn]:
    """The spans of an entry: one, or where it holds tool results one for each message."""
    role = text(entry.get("role")) or ("assistant" if is_part(entry) else "")
    messages = read_messages(entry, role=role)
    content = entry.get("parts", entry.get("content"))
    parts = content if isinstance(content, list) else [entry]
    if not messages and is_part(entry):
        return []
    if not any(map(is_result_part, parts)):
        return [_turn(entry, messages, _kind(entry, role), calls)]
    spoken = SpanKind.LLM if role == "tool" else _kind(entry, role)
    return [
        _turn(entry, (message,), SpanKind.TOOL if message.role == "tool" else spoken, calls)
        for message in messages
    ]


def _turn(entry: Record, messages: tuple[Message, ...], kind: SpanKind, calls: _Calls) -> _Turn:
    if kind is not SpanKind.TOOL:
        calls.asked([call for message in messages for call in message.tool_calls])
        return _Turn(entry, messages, kind)
    named = next((m.tool_call_id for m in messages if m.tool_call_id), None)
    matched = calls.answered(named or text(first(entry, *_CALL_IDS)))
    return _Turn(entry, messages, kind, read_tool_call(entry.get("tool_call")) or matched)


def _kind(entry: Record, role: str) -> SpanKind:
    if is_tool_role(role):
        return SpanKind.TOOL
    if entry.get("name") or role not in _CHAT_ROLES:
        return SpanKind.LLM if is_part(entry) else SpanKind.AGENT
    return SpanKind.LLM if role == "assistant" else SpanKind.UNKNOWN


def _span(
    turn: _Turn, *, trace_id: str, number: int, about: dict[str, object], model: JsonValue
) -> Span:
    error = turn.entry.get("error")
    failed = turn.kind is SpanKind.TOOL and any(message.is_error for message in turn.messages)
    return make_span(
        trace_id=trace_id,
        span_id=f"step-{number}",
        parent_id=None,
        name=_name(turn),
        attributes={
            **about,
            **({"llm.model_name": model} if turn.kind is SpanKind.LLM else {}),
            **_attributes(turn),
        },
        status=StatusCode.UNSET if error is None and not failed else StatusCode.ERROR,
        status_message=(text(error) or turn.content or "") if failed else text(error),
        kind=None if turn.kind is SpanKind.UNKNOWN else turn.kind,
    )


def _name(turn: _Turn) -> str:
    if turn.call is not None:
        return turn.call.name
    return _tool_name(turn) or "tool" if _is_block(turn) else agent_name(turn.entry)


def _is_block(turn: _Turn) -> bool:
    """Whether a tool's answer stands in an entry that is not the tool's own."""
    return turn.kind is SpanKind.TOOL and not is_tool_role(text(turn.entry.get("role")))


def _tool_name(turn: _Turn) -> str | None:
    return next((message.name for message in turn.messages if message.name), None)


def _attributes(turn: _Turn) -> dict[str, object]:
    entry, call, content = turn.entry, turn.call, turn.content
    spoken = turn.kind in _SPEAKERS
    side = "output" if spoken else "input"
    found: dict[str, object] = {
        **message_attributes(f"llm.{side}_messages", turn.messages),
        **({"agent.name": agent_name(entry)} if spoken else {f"{side}.value": content}),
        **({"source.thinking": thought} if (thought := _thinking(entry)) else {}),
        **leftovers(entry, _ENTRY_KEYS),
    }
    if spoken:
        found["output.value"] = content
    if turn.kind is SpanKind.TOOL:
        named = next((m.tool_call_id for m in turn.messages if m.tool_call_id), None)
        found["tool.name"] = call.name if call is not None else _tool_name(turn)
        found["tool.id"] = call.call_id if call is not None else named or entry.get("tool_call_id")
        found["input.value"] = call.arguments if call is not None else None
        found["output.value"] = content
    return found


def _thinking(entry: Record) -> str:
    """What a model thought before it spoke, which is no part of what it said."""
    content = entry.get("content")
    parts = content if isinstance(content, list) else []
    thoughts = [part.get("thinking") for part in parts if isinstance(part, dict)]
    return "\n".join(thought for thought in thoughts if isinstance(thought, str))


FORMAT = Format(
    name="chat transcript",
    reads="chat transcripts with `messages` or `history`, or one message a line",
    looks_like=is_chat,
    decode=lambda record, stem: read_chat(record, stem=stem),
    transcript=True,
)
