"""Sessions of Gemini CLI: one JSON document, or JSON lines below a header.

A message of type `gemini` holds what the model said, its calls and, in each call, what came back. A
message that is written again, with more in it, is the message of its last writing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, is_one_of, spoken
from investigator.formats.fields import (
    first,
    leftovers,
    listed,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record, Session
from investigator.formats.session_lines import LINES, grouped, is_grouped, lines_in
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_MODEL = ("gemini", "model", "assistant")
_TYPES = frozenset({"user", "info", "error", "warning", *_MODEL})
_KNOWN = ("sessionId", "messages", "projectHash", "session", LINES)
_ABOUT = ("startTime", "lastUpdated", "projectHash", "kind", "directories", "summary", "meta")


def is_session(value: Record) -> bool:
    """Whether a record is a session, or the header of one."""
    return isinstance(value.get("sessionId"), str) and "projectHash" in value


def _is_line(value: Record) -> bool:
    """Whether a record is a line of a session: its header, a message, or a change of the header."""
    if is_session(value):
        return True
    if value.keys() == {"$set"}:
        return True
    told = "content" in value or "parts" in value or "toolCalls" in value
    marks = "id" in value and "timestamp" in value and "role" not in value
    return marks and told and "message" not in value and is_one_of(value, "type", _TYPES)


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The lines of a file by session; each is below its header."""
    return list(grouped(lines, lambda line: text(line.get("sessionId")), stem))


def decode_session_of_gemini(session: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a session, and None for each message that is none."""
    lines = lines_in(session, _is_line)
    header: _Fields = {}
    messages: dict[str, JsonValue] = {}
    for line in lines:
        changed = record(line.get("$set"))
        header |= {k: at for k, at in {**line, **changed}.items() if is_session(line) or changed}
        held = line.get("messages")
        alone = held is None and not (is_session(line) or changed)
        items: list[_Fields | None] = [line] if alone else listed(held)
        for item in items:
            name = text(record(item).get("id")) or f"#{len(messages)}"
            messages[name] = item
    entries = [entry for item in messages.values() for entry in _entries(item)]
    named = text(header.get("sessionId"))
    about: dict[str, object] = {
        "session.id": named or None,
        **leftovers({key: header.get(key) for key in _ABOUT}, ()),
    }
    trace_id = named or text(session.get("session")) or stem
    yield from turn_spans(headed(entries, about), Numbering(trace_id))


def _entries(item: JsonValue) -> Iterator[DialogueEntry | None]:
    message = record(item)
    kind, at_ns = text(message.get("type")), time_ns(message.get("timestamp"))
    said = first(message, "content", "parts")
    if kind not in _TYPES:
        yield None
    elif kind in _MODEL:
        yield from _answer(message, said, at_ns)
    elif kind == "user":
        yield DialogueEntry(said={"role": "user", "content": said}, at_ns=at_ns)
    else:
        told = text(said)
        error = told if kind == "error" else ""
        yield DialogueEntry(said={"role": "system", "content": told}, at_ns=at_ns, error=error)


def _answer(message: _Fields, said: JsonValue, at_ns: int | None) -> Iterator[DialogueEntry]:
    """What the model said and asked for, then what came back."""
    given = listed(message.get("toolCalls"))
    calls = [call for call in given if call is not None]
    asked: list[JsonValue] = [
        c and asking(c.get("id"), c.get("name"), c.get("args")) for c in given
    ]
    asked += nothings(message.get("thoughts"), *(c["result"] for c in calls if _is_list(c)))
    thoughts = [
        text(first(thought, "description", "text", "subject"))
        for thought in records(message.get("thoughts"))
    ]
    yield DialogueEntry(
        said=spoken(said, asked),
        at_ns=at_ns,
        model=text(message.get("model")),
        usage=message.get("tokens"),
        about={"source.thinking": "\n".join(thoughts) or None},
    )
    for call in calls:
        if call.get("result") is not None or call.get("resultDisplay") is not None:
            failed = text(call.get("status")) in ("error", "cancelled")
            shown = answering(call.get("id"), _result(call), failed=failed, name=call.get("name"))
            yield DialogueEntry(said=shown, at_ns=time_ns(call.get("timestamp")) or at_ns)


def _is_list(call: _Fields) -> bool:
    return isinstance(call.get("result"), list)


def _result(call: _Fields) -> JsonValue:
    """What the model was given back; the display is for people."""
    answers = [
        record(record(part).get("functionResponse")).get("response")
        for part in records(call.get("result"))
    ]
    shown = [_shown(answer) for answer in answers if answer is not None]
    return "\n".join(shown) if shown else first(call, "resultDisplay", "result")


def _shown(answer: JsonValue) -> str:
    fields = record(answer)
    only = first(fields, "output", "error") if len(fields) == 1 else None
    return text(answer if only is None else only)


FORMAT = Format(
    name="Gemini CLI session",
    reads="sessions of Gemini CLI",
    looks_like=lambda record: is_session(record) or is_grouped(record, _is_line),
    decode=decode_session_of_gemini,
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
