"""Sessions of opencode, as `opencode export` writes them: messages of parts.

A part of type `tool` is a call with its result. opencode's own storage is a file a part; it is
named with the way out.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, is_one_of, spoken
from investigator.formats.fields import first, leftovers, listed, record, text, time_ns
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_ENDED = ("completed", "error")
_PARTS = frozenset(
    {"text", "reasoning", "tool", "step-start", "step-finish", "file", "snapshot", "patch"}
    | {"agent", "subtask", "compaction", "retry"}
)
_ABOUT = ("title", "version", "directory", "parentID", "projectID", "slug")


def is_opencode(value: Record) -> bool:
    """Whether an object is an exported session."""
    messages = value.get("messages")
    info = value.get("info")
    return (
        isinstance(info, dict)
        and "id" in info
        and isinstance(messages, list)
        and any(_is_message(message) for message in messages)
    )


def _is_message(value: JsonValue) -> bool:
    held = record(value)
    return isinstance(held.get("parts"), list) and "role" in record(held.get("info"))


def decode_opencode(session: Record) -> Iterator[Span | None]:
    """The turns of a session, and None for each of its messages that is none."""
    info = record(session.get("info"))
    entries: list[DialogueEntry | None] = []
    messages = session.get("messages")
    for message in messages if isinstance(messages, list) else []:
        entries += list(_entries(record(message))) if _is_message(message) else [None]
    named = text(info.get("id"))
    about: dict[str, object] = {
        "session.id": named,
        **leftovers({key: info.get(key) for key in _ABOUT}, ()),
    }
    yield from turn_spans(headed(entries, about), Numbering(named))


def _entries(message: _Fields) -> Iterator[DialogueEntry]:
    """What was said and called, step by step; each step's answers follow it."""
    info = record(message.get("info"))
    times = record(info.get("time"))
    if info.get("role") == "user":
        parts = listed(message["parts"])
        said = [_text(part) for part in parts if part and part.get("type") == "text"]
        user = spoken("\n".join(said), [None for part in parts if not _is_known(part)])
        user["role"] = "user"
        yield DialogueEntry(said=user, at_ns=_milliseconds(times.get("created")))
        return
    error = record(info.get("error"))
    failure = text(record(error.get("data")).get("message")) or text(error.get("name"))
    about: dict[str, object] = {"llm.provider": info.get("providerID")}
    about |= leftovers({"cost": info.get("cost")}, ())
    usage: JsonValue = info.get("tokens")
    for parts in _steps(listed(message["parts"])):
        step = [part for part in parts if part is not None]
        calls = [part for part in step if part.get("type") == "tool"]
        asked: list[JsonValue] = [
            asking(c.get("callID"), c.get("tool"), record(c.get("state")).get("input"))
            for c in calls
        ]
        asked += [None for part in parts if not _is_known(part)]
        told = "\n".join(_text(part) for part in step if part.get("type") == "text")
        thought = "\n".join(_text(part) for part in step if part.get("type") == "reasoning")
        ends = [p.get("reason") for p in step if p.get("type") == "step-finish"]
        counted = next((p["tokens"] for p in step if isinstance(p.get("tokens"), dict)), usage)
        yield DialogueEntry(
            said=spoken(told, asked),
            at_ns=_milliseconds(times.get("created")),
            model=text(info.get("modelID")),
            agent=text(first(info, "agent", "mode")),
            usage=counted,
            error=failure,
            about={
                **about,
                "source.thinking": thought or None,
                "llm.finish_reason": next(iter(ends), None),
            },
        )
        about, usage, failure = {}, None, ""
        yield from (_answer(call) for call in calls if _has_ended(call))


def _is_known(part: _Fields | None) -> bool:
    return part is not None and is_one_of(part, "type", _PARTS)


def _steps(parts: list[_Fields | None]) -> list[list[_Fields | None]]:
    """The parts between the starts of steps; an answer without any is one step."""
    steps: list[list[_Fields | None]] = [[]]
    for part in parts:
        if part and part.get("type") == "step-start":
            steps.append([])
        else:
            steps[-1].append(part)
    return [step for step in steps if step] or [[]]


def _has_ended(call: _Fields) -> bool:
    return text(record(call.get("state")).get("status")) in _ENDED


def _answer(call: _Fields) -> DialogueEntry:
    state = record(call.get("state"))
    failed = state.get("status") == "error"
    times = record(state.get("time"))
    answer = state.get("error") if failed else state.get("output")
    return DialogueEntry(
        said=answering(call.get("callID"), answer, failed=failed, name=call.get("tool")),
        start_ns=_milliseconds(times.get("start")),
        end_ns=_milliseconds(times.get("end")),
        at_ns=_milliseconds(times.get("start")),
    )


def _text(part: _Fields) -> str:
    return text(part.get("text"))


def _milliseconds(value: JsonValue) -> int | None:
    return time_ns(value * 1_000_000) if isinstance(value, int) else None


FORMAT = Format(
    name="opencode session",
    reads="sessions of opencode, exported by `opencode export`",
    looks_like=is_opencode,
    decode=lambda record, _: decode_opencode(record),
)
