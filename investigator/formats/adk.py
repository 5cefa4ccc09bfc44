"""Sessions and evaluation sets of Google's ADK.

An event has an author and a content of Gemini's parts. A case of an evaluation set lists for each
turn what the user said, which tools were to be used and what was answered; it has no results unless
they are listed too. Each case is a trace.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import headed, spoken
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
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_APPS = ("appName", "app_name")
_USERS = ("userId", "user_id")
_KNOWN = ("id", "events", *_APPS, *_USERS)
_INVOCATIONS = ("invocationId", "invocation_id")
_USAGES = ("usageMetadata", "usage_metadata")
_ERRORS = ("errorMessage", "error_message", "errorCode", "error_code")


def is_adk(value: Record) -> bool:
    """Whether an object is a session or an evaluation set."""
    if any(_is_event(event) for event in records(value.get("events"))):
        return True
    return any("conversation" in case for case in records(value.get("eval_cases")))


def _is_event(event: Record) -> bool:
    return "author" in event and first(event, *_INVOCATIONS) is not None


def decode_adk(document: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a session, or of each case of a set."""
    if "eval_cases" in document:
        yield from nothings(document["eval_cases"])
        for case in records(document["eval_cases"]):
            yield from _case(case, document)
        return
    entries: list[DialogueEntry | None] = []
    for item in listed(document.get("events")):
        event = record(item)
        if event.get("partial") is not True:
            entries.append(_event(event) if _is_event(event) else None)
    about: dict[str, object] = {
        "session.id": document.get("id"),
        "user.id": first(document, *_USERS),
        "source.app": first(document, *_APPS),
        **leftovers(document, _KNOWN),
    }
    trace_id = text(document.get("id")) or stem
    yield from turn_spans(headed(entries, about), Numbering(trace_id))


def _event(event: _Fields) -> DialogueEntry | None:
    content = record(event.get("content"))
    author, error = text(event.get("author")), text(first(event, *_ERRORS))
    parts = content.get("parts")
    if not isinstance(parts, list) and not error:
        return (
            DialogueEntry(said={"role": "system", "content": None})
            if event.get("actions")
            else None
        )
    role = "user" if author == "user" else "assistant"
    return DialogueEntry(
        said={"role": role, "content": _parts(parts)},
        at_ns=_seconds(event.get("timestamp")),
        agent=author if role == "assistant" else "",
        model=text(first(event, "modelVersion", "model_version")),
        usage=first(event, *_USAGES),
        error=error,
        about=leftovers(event, ("content", "author", "timestamp", *_USAGES, *_ERRORS)),
    )


def _parts(parts: JsonValue) -> list[JsonValue]:
    """The parts without the fields that a dump leaves empty."""
    return [
        part and {key: value for key, value in part.items() if value is not None}
        for part in listed(parts)
    ]


def _case(case: _Fields, eval_set: Record) -> Iterator[Span | None]:
    entries: list[DialogueEntry | None] = []
    for turn in listed(case.get("conversation")):
        if turn is None:
            entries.append(None)
            continue
        at_ns = _seconds(turn.get("creation_timestamp"))
        entries += [replace_time(entry, at_ns) for entry in _turn(turn)]
    name = text(case.get("eval_id"))
    session = record(case.get("session_input"))
    about: dict[str, object] = {
        "source.eval_set": eval_set.get("eval_set_id"),
        "user.id": first(session, *_USERS),
        "source.app": first(session, *_APPS),
    }
    yield from turn_spans(headed(entries, about), Numbering(name))


def replace_time(entry: DialogueEntry, at_ns: int | None) -> DialogueEntry:
    """The entry of a turn that was written down as a whole."""
    return DialogueEntry(said=entry.said, agent=entry.agent, at_ns=at_ns)


def _turn(turn: _Fields) -> Iterator[DialogueEntry]:
    asked = record(turn.get("user_content"))
    yield DialogueEntry(said={"role": "user", "content": _parts(asked.get("parts"))})
    between = record(turn.get("intermediate_data"))
    calls: list[JsonValue] = [
        call and {"functionCall": call} for call in listed(between.get("tool_uses"))
    ]
    if calls:
        yield DialogueEntry(said=spoken("", calls))
    answers: list[JsonValue] = [
        answer and {"functionResponse": answer} for answer in listed(between.get("tool_responses"))
    ]
    if answers:
        yield DialogueEntry(said={"role": "tool", "content": answers})
    answered = record(turn.get("final_response"))
    if answered:
        yield DialogueEntry(said={"role": "assistant", "content": _parts(answered.get("parts"))})


def _seconds(value: JsonValue) -> int | None:
    """Nanoseconds of the seconds since the epoch that ADK's clock gives."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**10:
        return time_ns(round(value * 1_000_000) * 1_000)
    return time_ns(value)


FORMAT = Format(
    name="ADK session",
    reads="sessions and evaluation sets of Google's ADK",
    looks_like=is_adk,
    decode=decode_adk,
)
