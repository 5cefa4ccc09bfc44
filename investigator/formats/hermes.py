"""Sessions of Hermes: one document of messages in OpenAI's form, with what the session ran on."""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import headed, tools_offered
from investigator.formats.entries import entries_of
from investigator.formats.fields import first, leftovers, record, text, time_ns
from investigator.formats.format import Format, Record
from investigator.traces.model import Span

_MARKS = ("session_start", "platform", "model_config", "message_count")
_KNOWN = ("messages", "session_id", "model", "system_prompt", "tools")
_META = "session_meta"
_THOUGHTS = ("reasoning", "reasoning_content", "codex_reasoning_items", "reasoning_details")


def is_hermes(value: Record) -> bool:
    """Whether an object is a session."""
    named = isinstance(value.get("session_id"), str) and isinstance(value.get("messages"), list)
    return named and sum(key in value for key in _MARKS) > 1


def decode_hermes(session: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a session, and None for each of its messages that is none."""
    entries: list[DialogueEntry | None] = []
    system = text(session.get("system_prompt"))
    if system:
        entries.append(DialogueEntry(said={"role": "system", "content": system}))
    held = session["messages"]
    model = text(session.get("model"))
    for item in held if isinstance(held, list) else []:
        message = record(item)
        if message.get("role") != _META:
            entries += list(_entries(message, model)) or [None]
    about: dict[str, object] = {
        "session.id": session.get("session_id"),
        **tools_offered(session.get("tools")),
        **leftovers(session, _KNOWN),
    }
    trace_id = text(session.get("session_id")) or stem
    yield from turn_spans(headed(entries, about), Numbering(trace_id))


def _entries(message: Record, model: str) -> Iterator[DialogueEntry]:
    plain = {key: at for key, at in message.items() if key not in _THOUGHTS}
    thought = first(message, *_THOUGHTS)
    for entry in entries_of(plain):
        is_model = entry.said.get("role") == "assistant"
        yield DialogueEntry(
            said=entry.said,
            at_ns=time_ns(message.get("timestamp")),
            model=entry.model or (model if is_model else ""),
            usage=entry.usage,
            about={"source.thinking": thought},
        )


FORMAT = Format(
    name="Hermes session",
    reads="sessions of Hermes",
    looks_like=is_hermes,
    decode=decode_hermes,
)
