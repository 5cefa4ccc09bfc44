"""The entries of a dialogue become the turns of a flat trace: turn `n` is the span `step-<n>`.

An entry that holds tool results (Anthropic's blocks, …) is several turns, in the order of its
parts: each result a TOOL, what stands between them a turn of its own; later turns count on from
there. What is no entry gives no span, but keeps its number.

Kinds follow from roles alone: `tool` is a TOOL; an entry with a `name`, or with a role that is
no chat role, is the turn of an AGENT; `assistant` is an LLM; the others are UNKNOWN. A span
carries its own message, as output where an agent or a model spoke, as input otherwise. Other fields
of an entry stand under `source.` on its span. A result that its source marks as failed ends with
status ERROR.

An entry is dated when it was written down: a model's turn has a start and no end, so that nobody
takes the moment of its writing for its latency; a tool's runs from the turn that asked for it to
its answer. Turns that have times or stand below another span carry their number, so that a
transcript is known as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from investigator.formats.fields import first, leftovers, make_span, text
from investigator.formats.format import Record
from investigator.formats.model_calls import usage_attributes
from investigator.ground.canonical_json import JsonValue
from investigator.traces.chat_messages import (
    message_attributes,
    read_messages,
    read_tool_call,
    unread_items,
)
from investigator.traces.message_parts import is_part, is_result_part, is_tool_role
from investigator.traces.model import TURN_NUMBER, Message, Span, SpanKind, StatusCode, ToolCall

CHAT_ROLES = frozenset({"system", "user", "human", "assistant", "tool", "developer", "model"})
"""Roles that are no agent's name."""

_MODEL_ROLES = ("assistant", "model")
_ENTRY_KEYS = ("role", "name", "content", "tool_calls", "tool_call_id", "tool_call", "error")
_CALL_IDS = ("tool_call_id", "toolCallId")
_SPEAKERS = (SpanKind.AGENT, SpanKind.LLM)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueEntry:
    """A message in any dialect, and what its source says of it besides."""

    said: Record
    at_ns: int | None = None
    """When it was written down."""
    start_ns: int | None = None
    end_ns: int | None = None
    """When it began and ended, where the source says so itself."""
    agent: str = ""
    """Who speaks, where the message does not say."""
    model: str = ""
    usage: JsonValue = None
    """Used tokens, in any spelling."""
    about: Mapping[str, object] = field(default_factory=dict)
    """Attributes of its first span."""
    error: str = ""
    span_id: str = ""
    """The id of its span where another file refers to it."""


class _Turn(NamedTuple):
    """What one span of an entry says; `call` is the one that a tool's answer is to."""

    entry: DialogueEntry
    messages: tuple[Message, ...]
    kind: SpanKind
    call: ToolCall | None = None
    asked_ns: int | None = None

    @property
    def content(self) -> str | None:
        return next((m.content for m in self.messages if m.content is not None), None)


class Numbering(NamedTuple):
    """Which trace turns stand in, and what their ids begin with."""

    trace_id: str
    prefix: str = "step-"
    parent_id: str | None = None


def turn_spans(
    entries: Sequence[DialogueEntry | None], numbering: Numbering
) -> Iterator[Span | None]:
    """The spans of a dialogue, and None for each of its entries, parts and calls that is none."""
    calls = _Calls()
    dated = any(entry is not None and _began(entry) is not None for entry in entries)
    is_marked = dated or numbering.parent_id is not None
    number = 0
    for entry in _in_order(entries):
        if entry is None:
            yield None
            number += 1
            continue
        turns = _turns(entry, calls)
        about = {**entry.about, **(usage_attributes(entry.usage) if entry.usage else {})}
        yield from (None,) * unread_items(entry.said)
        for turn in turns:
            marked = {TURN_NUMBER: number, **about} if is_marked else about
            yield _span(turn, numbering, number=number, about=marked)
            about = {}
            number += 1
        number += not turns


def _in_order(entries: Iterable[DialogueEntry | None]) -> Iterator[DialogueEntry | None]:
    """The entries, each with a time where any has one.

    One without a time has that of the entry before it, so that the order of the lines holds; those
    before the first time have that.
    """
    listed = list(entries)
    at = next((began for entry in listed if entry is not None and (began := _began(entry))), None)
    for entry in listed:
        if entry is None:
            yield None
            continue
        began = _began(entry)
        yield entry if began is not None or at is None else replace(entry, at_ns=at)
        at = entry.end_ns or entry.at_ns or began or at


def _began(entry: DialogueEntry) -> int | None:
    return entry.start_ns if entry.start_ns is not None else entry.at_ns


def agent_name(entry: Record) -> str:
    """Who speaks: the entry's `name`, else its `role`, up to a remark in parentheses.

    A call that stands as an entry of its own has a name too: its tool's.
    """
    if is_part(dict(entry)):
        return "assistant"
    named = text(first(entry, "name", "role")).partition(" (")[0]
    return "assistant" if named in _MODEL_ROLES else named


class _Calls:
    """The calls that were asked for so far, to be matched with their answers.

    An answer belongs to the call of its id. Only one without an id is taken in turn: an id that
    matches nothing answers nothing.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[ToolCall, int | None]] = {}
        self._in_turn: list[tuple[ToolCall, int | None]] = []

    def asked(self, calls: Sequence[ToolCall], at_ns: int | None) -> None:
        dated = [(call, at_ns) for call in calls]
        self._by_id |= {call.call_id: (call, at) for call, at in dated if call.call_id}
        self._in_turn = dated or self._in_turn

    def answered(self, call_id: str) -> tuple[ToolCall | None, int | None]:
        queued = self._in_turn.pop(0) if self._in_turn else (None, None)
        return self._by_id.get(call_id, (None, None)) if call_id else queued


def _turns(entry: DialogueEntry, calls: _Calls) -> list[_Turn]:
    """The spans of an entry: one, or where it holds tool results one for each message."""
    said = dict(entry.said)
    role = text(said.get("role")) or ("assistant" if is_part(said) else "")
    messages = read_messages(said, role=role)
    content = said.get("parts", said.get("content"))
    parts = content if isinstance(content, list) else [said]
    if not messages and is_part(said):
        return []
    if not any(map(is_result_part, parts)):
        return [_turn(entry, messages, _kind(entry, role), calls)]
    spoken = SpanKind.LLM if role == "tool" else _kind(entry, role)
    return [
        _turn(entry, (message,), SpanKind.TOOL if message.role == "tool" else spoken, calls)
        for message in messages
    ]


def _turn(
    entry: DialogueEntry, messages: tuple[Message, ...], kind: SpanKind, calls: _Calls
) -> _Turn:
    said = entry.said
    if kind is not SpanKind.TOOL:
        asked = [call for message in messages for call in message.tool_calls]
        calls.asked(asked, entry.end_ns or entry.at_ns)
        return _Turn(entry, messages, kind)
    named = next((m.tool_call_id for m in messages if m.tool_call_id), None)
    matched, asked_ns = calls.answered(named or text(first(said, *_CALL_IDS)))
    return _Turn(entry, messages, kind, read_tool_call(said.get("tool_call")) or matched, asked_ns)


def _kind(entry: DialogueEntry, role: str) -> SpanKind:
    if is_tool_role(role):
        return SpanKind.TOOL
    if entry.said.get("name") or role not in CHAT_ROLES:
        return SpanKind.LLM if is_part(dict(entry.said)) else SpanKind.AGENT
    return SpanKind.LLM if role in _MODEL_ROLES else SpanKind.UNKNOWN


def _span(turn: _Turn, numbering: Numbering, *, number: int, about: dict[str, object]) -> Span:
    entry = turn.entry
    error = entry.said.get("error") if not entry.error else entry.error
    failed = turn.kind is SpanKind.TOOL and any(message.is_error for message in turn.messages)
    start_ns, end_ns = _times(turn)
    return make_span(
        trace_id=numbering.trace_id,
        span_id=entry.span_id or f"{numbering.prefix}{number}",
        parent_id=numbering.parent_id,
        name=_name(turn),
        attributes={
            **about,
            **({"llm.model_name": entry.model or None} if turn.kind in _SPEAKERS else {}),
            **_attributes(turn),
        },
        start_ns=start_ns,
        end_ns=end_ns,
        status=StatusCode.UNSET if error is None and not failed else StatusCode.ERROR,
        status_message=(text(error) or turn.content or "") if failed else text(error),
        kind=None if turn.kind is SpanKind.UNKNOWN else turn.kind,
    )


def _times(turn: _Turn) -> tuple[int | None, int | None]:
    entry = turn.entry
    if entry.start_ns is not None or entry.end_ns is not None:
        start = entry.start_ns if entry.start_ns is not None else turn.asked_ns
        return start, entry.end_ns
    asked, at = turn.asked_ns, entry.at_ns
    if turn.kind is SpanKind.TOOL and asked is not None and at is not None and asked <= at:
        return asked, at
    return at, None


def _name(turn: _Turn) -> str:
    if turn.call is not None:
        return turn.call.name
    if _is_block(turn):
        return _tool_name(turn) or "tool"
    return _speaker(turn)


def _speaker(turn: _Turn) -> str:
    said = turn.entry.said
    named = turn.kind in _SPEAKERS and turn.entry.agent and not said.get("name")
    return turn.entry.agent if named else agent_name(said)


def _is_block(turn: _Turn) -> bool:
    """Whether a tool's answer stands in an entry that is not the tool's own."""
    return turn.kind is SpanKind.TOOL and not is_tool_role(text(turn.entry.said.get("role")))


def _tool_name(turn: _Turn) -> str | None:
    return next((message.name for message in turn.messages if message.name), None)


def _attributes(turn: _Turn) -> dict[str, object]:
    said, call, content = turn.entry.said, turn.call, turn.content
    spoken = turn.kind in _SPEAKERS
    side = "output" if spoken else "input"
    found: dict[str, object] = {
        **message_attributes(f"llm.{side}_messages", turn.messages),
        **({"agent.name": _speaker(turn)} if spoken else {f"{side}.value": content}),
        **({"source.thinking": thought} if (thought := _thinking(said)) else {}),
        **leftovers(said, _ENTRY_KEYS),
    }
    if spoken:
        found["output.value"] = content
    if turn.kind is SpanKind.TOOL:
        named = next((m.tool_call_id for m in turn.messages if m.tool_call_id), None)
        found["tool.name"] = call.name if call is not None else _tool_name(turn)
        found["tool.id"] = call.call_id if call is not None else named or said.get("tool_call_id")
        found["input.value"] = call.arguments if call is not None else None
        found["output.value"] = content
    return found


def _thinking(said: Record) -> str:
    """What a model thought before it spoke, which is no part of what it said."""
    content = said.get("parts", said.get("content"))
    parts = content if isinstance(content, list) else []
    thoughts = [_thought(part) for part in parts if isinstance(part, dict)]
    return "\n".join(thought for thought in thoughts if isinstance(thought, str))


def _thought(part: Record) -> JsonValue:
    return part.get("text") if part.get("thought") is True else part.get("thinking")
