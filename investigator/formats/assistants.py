"""Threads of OpenAI's Assistants: messages, runs and the steps of runs, by thread.

The API lists the newest first; turns are in the order of their times. A step of tool calls holds
each call with its output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, is_one_of, spoken
from investigator.formats.fields import first, leftovers, listed, record, text, time_ns
from investigator.formats.format import Format, Record, Session
from investigator.formats.session_lines import grouped, is_grouped, lines_in
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_OBJECTS = frozenset({"thread", "thread.message", "thread.run", "thread.run.step"})
_ABOUT_RUN = ("assistant_id", "status", "instructions", "last_error", "incomplete_details")


def _is_line(value: Record) -> bool:
    """Whether a record is an object of a thread."""
    return is_one_of(value, "object", _OBJECTS) and "id" in value


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The objects of a file by thread."""
    return list(grouped(lines, _thread_of, stem))


def _thread_of(line: Record) -> str:
    return text(line.get("id") if line.get("object") == "thread" else line.get("thread_id"))


def decode_thread(thread: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a thread."""
    lines = lines_in(thread, _is_line)
    models = {text(o.get("id")): text(o.get("model")) for o in lines if o["object"] == "thread.run"}
    about: dict[str, object] = {}
    for line in lines:
        if line["object"] == "thread.run":
            about |= leftovers({key: line.get(key) for key in _ABOUT_RUN}, (), prefix="source.run.")
    entries: list[DialogueEntry | None] = []
    for line in sorted(lines, key=_created):
        entries += _entries(line, models)
    named = next((name for line in lines if (name := _thread_of(line))), "")
    about["session.id"] = named or None
    trace_id = text(thread.get("session")) or named or stem
    yield from turn_spans(headed(entries, about), Numbering(trace_id))


def _created(line: _Fields) -> int:
    at = line.get("created_at")
    return at if isinstance(at, int) else 0


def _entries(line: _Fields, models: dict[str, str]) -> Iterator[DialogueEntry]:
    at_ns = _seconds(line.get("created_at"))
    model = models.get(text(line.get("run_id")), "")
    if line["object"] == "thread.message":
        said: _Fields = {"role": line.get("role"), "content": _text(line.get("content"))}
        is_answer = line.get("role") == "assistant"
        yield DialogueEntry(said=said, at_ns=at_ns, model=model if is_answer else "")
        return
    given = listed(record(line.get("step_details")).get("tool_calls"))
    calls = [call for call in given if call is not None]
    if line["object"] != "thread.run.step" or not given:
        return
    error = text(record(line.get("last_error")).get("message"))
    asked: list[JsonValue] = [c and asking(c.get("id"), _name(c), _given(c)) for c in given]
    yield DialogueEntry(said=spoken("", asked), at_ns=at_ns, model=model, usage=line.get("usage"))
    for call in calls:
        answer = _answer(call)
        if answer is None and not error:
            continue
        shown = answer if answer is not None else error
        said = answering(call.get("id"), shown, failed=bool(error), name=_name(call))
        ended = _seconds(first(line, "completed_at", "failed_at"))
        yield DialogueEntry(said=said, at_ns=at_ns, start_ns=at_ns, end_ns=ended)


def _text(content: JsonValue) -> JsonValue:
    """The texts of a message, which stand below `value`."""
    if not isinstance(content, list):
        return content
    shown: list[JsonValue] = []
    for part in listed(content):
        value = record(record(part).get("text")).get("value")
        shown.append({"type": "text", "text": value} if value is not None else part)
    return shown


def _own(call: _Fields) -> _Fields:
    return record(call.get(text(call.get("type"))))


def _name(call: _Fields) -> JsonValue:
    return _own(call).get("name") or call.get("type")


def _given(call: _Fields) -> JsonValue:
    return first(_own(call), "arguments", "input")


def _answer(call: _Fields) -> JsonValue:
    return first(_own(call), "output", "outputs", "results")


def _seconds(value: JsonValue) -> int | None:
    return time_ns(value * 10**9) if isinstance(value, int) and value < 10**11 else None


FORMAT = Format(
    name="Assistants thread",
    reads="threads of OpenAI's Assistants (messages, runs, run steps)",
    looks_like=lambda record: is_grouped(record, _is_line),
    decode=decode_thread,
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
