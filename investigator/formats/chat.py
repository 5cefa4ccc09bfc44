"""A chat transcript is a flat trace of turns: its messages stand in a list, or one a line.

What an entry of the list may be is said in `entries`, what becomes of it in `dialogue_turns`. Other
fields of the transcript stand under `source.` on its first span. Who asks a model keeps the system
prompt beside the messages; it is the first of them. The tools that were offered stand on the first
span.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import tools_offered
from investigator.formats.entries import entries_of, has_chat_role, holds_words, is_entry
from investigator.formats.fields import first, leftovers, record, text
from investigator.formats.format import Format, Record, Session
from investigator.ground.canonical_json import JsonValue
from investigator.traces.langchain import unwrapped
from investigator.traces.message_parts import is_call_part, is_part
from investigator.traces.model import Span

_LISTS = ("messages", "history", "contents")
_HOLDERS = ("values", "channel_values")
"""Where the state of a LangGraph, and a checkpoint of it, has its messages."""
_IDS = ("run_id", "trace_id", "id")
_CONVERSATIONS = ("conversation_id", "session_id", "thread_id", "trace_id", "run_id", "sample_id")
_EPOCH = "epoch"
_JOINED = "is_response"
"""Marks a turn that several items of a response make."""
_SYSTEMS = ("system", "systemInstruction", "system_instruction")
_TOOLS = ("tools", "functions", "tool_definitions", "toolConfig")
_MODELS = ("model", "modelId", "model_name")


def is_chat(value: Record) -> bool:
    """Whether an object is a transcript: a list of entries under `messages` or `history`."""
    return _list_of(value) is not None


def is_chat_list(value: JsonValue) -> bool:
    """Whether a value is a list of chat entries: all of it, or most of it by roles and parts.

    One odd entry does not make a transcript unreadable, and a few messages among other things do
    not make them a transcript.
    """
    if not isinstance(value, list) or not any(map(holds_words, value)):
        return False
    if all(map(is_entry, value)):
        return True
    return 2 * sum(has_chat_role(item) or is_part(item) for item in value) > len(value)


def is_chat_line(value: Record) -> bool:
    """Whether a record is one message, of a role that only messages have."""
    return has_chat_role(dict(value)) and holds_words(dict(value))


def epoch_of(transcript: Record) -> str:
    """Which repetition of its sample a transcript is; empty where it does not say."""
    return text(transcript.get(_EPOCH))


def transcripts(lines: Sequence[Record], stem: str) -> list[Record]:
    """Messages that came one a line as transcripts, each in order of its lines.

    A line belongs to the conversation (and the epoch of it) that it names, else to the one called
    `stem`. Lines of one role only are no conversation: nothing is made of them.
    """
    found: dict[tuple[str, str], list[JsonValue]] = {}
    for line in lines:
        named = text(first(line, *_CONVERSATIONS)) or stem
        found.setdefault((named, epoch_of(line)), []).append(dict(line))
    if len({text(first(record(unwrapped(dict(line))), "role", "type")) for line in lines}) < 2:
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
    key, listed = _list_of(transcript) or ("", [])
    system = _system_entries(transcript, listed)
    known = (key, *_IDS, *(_SYSTEMS if system else ()))
    tools = _tools_of(transcript)
    rest = leftovers(_without_list(transcript, key), (*known, *(_TOOLS if tools else ())))
    about: dict[str, object] = {**tools_offered(tools), **rest}
    model = text(first(transcript, *_MODELS))
    entries: list[DialogueEntry | None] = []
    for item in (*system, *listed):
        found: list[DialogueEntry | None] = list(entries_of(item)) or [None]
        if entries and _is_item_of_answer(item) and _speaks(entries[-1]):
            entries[-1] = _with_call(entries[-1], item)
        else:
            entries += found
    placed = [entry and replace(entry, model=entry.model or model) for entry in entries]
    start = next((n for n, entry in enumerate(placed) if entry is not None), None)
    if start is not None and (head := placed[start]) is not None:
        placed[start] = replace(head, about={**about, **head.about})
    trace_id = text(first(transcript, *_IDS)) or stem
    yield from turn_spans(placed, Numbering(trace_id))


def _tools_of(transcript: Record) -> list[JsonValue]:
    """The definitions of the tools that were offered; empty where what is listed are none."""
    listed = first(transcript, *_TOOLS)
    if isinstance(listed, dict):
        listed = listed.get("tools")
    found: list[JsonValue] = []
    for item in listed if isinstance(listed, list) else ():
        grouped = first(record(item), "functionDeclarations", "function_declarations")
        alone = record(item).get("toolSpec", item)
        found += grouped if isinstance(grouped, list) else [alone]
    return found if all(isinstance(one, str | dict) for one in found) else []


def _is_item_of_answer(item: JsonValue) -> bool:
    """Whether an item of a response asks for a tool; what it said stands in an item before it."""
    return isinstance(item, dict) and "role" not in item and is_call_part(item)


def _speaks(entry: DialogueEntry | None) -> bool:
    """Whether an entry is a part of a response: its message, or a call without one."""
    if entry is None:
        return False
    said = dict(entry.said)
    is_message = said.get("role") == "assistant" and said.get("type") == "message"
    return is_message or ("role" not in said and is_call_part(said)) or _JOINED in said


def _with_call(entry: DialogueEntry | None, item: JsonValue) -> DialogueEntry | None:
    if entry is None:
        return None
    said = entry.said
    held = said.get("content") if "role" in said else [dict(said)]
    parts = held if isinstance(held, list) else [{"type": "output_text", "text": held}]
    whole: dict[str, JsonValue] = {"role": "assistant", _JOINED: True, "content": [*parts, item]}
    return replace(entry, said=whole)


def _list_of(value: Record) -> tuple[str, list[JsonValue]] | None:
    """The key of the list of entries, and the list; below the state of a LangGraph too."""
    for key in _LISTS:
        listed = value.get(key)
        if isinstance(listed, list) and is_chat_list(listed):
            return key, listed
    for holder in _HOLDERS:
        listed = record(value.get(holder)).get("messages")
        if isinstance(listed, list) and is_chat_list(listed):
            return holder, listed
    return None


def _without_list(transcript: Record, key: str) -> Record:
    """The transcript; where its list stands below a state, what else is in the state beside it."""
    if key not in _HOLDERS:
        return transcript
    state = {k: at for k, at in record(transcript[key]).items() if k != "messages"}
    return {**transcript, "state": state or None}


def _system_entries(transcript: Record, listed: list[JsonValue]) -> list[JsonValue]:
    """The system prompt that a request has beside its messages, as the first of them."""
    system = first(transcript, *_SYSTEMS)
    if isinstance(system, dict):
        system = system.get("parts")
    blocks = isinstance(system, list) and all(map(_is_block, system))
    said = any(isinstance(item, dict) and item.get("role") == "system" for item in listed)
    if not system or said or not (blocks or isinstance(system, str)):
        return []
    return [{"role": "system", "content": system}]


def _is_block(value: JsonValue) -> bool:
    return is_part(value) or (isinstance(value, dict) and isinstance(value.get("text"), str))


FORMAT = Format(
    name="chat transcript",
    reads=(
        "chat transcripts with `messages`, `history` or `contents`, or one message a line: OpenAI,"
        " Anthropic, Gemini, Bedrock, LangChain, LangGraph, Vercel, AutoGen"
    ),
    looks_like=is_chat,
    decode=lambda record, stem: read_chat(record, stem=stem),
    transcript=True,
)
SESSION = Session(format=FORMAT, is_line=is_chat_line, records=transcripts, alone=False)
