"""What decoders of dialogues share: calls with their results as entries, and what heads a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from investigator.formats.dialogue_turns import DialogueEntry
from investigator.formats.format import Record
from investigator.ground.canonical_json import JsonValue, canonical_json


def asking(call_id: JsonValue, name: JsonValue, given: JsonValue) -> dict[str, JsonValue]:
    """A part of a message that asks for a tool."""
    arguments: JsonValue = "" if given is None else given
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def answering(
    call_id: JsonValue, answer: JsonValue, *, failed: bool = False, name: JsonValue = None
) -> dict[str, JsonValue]:
    """A message of a tool with what it answered."""
    part: dict[str, JsonValue] = {
        "type": "tool_result",
        "tool_use_id": call_id,
        "name": name,
        "content": "" if answer is None else answer,
        "is_error": failed,
    }
    return {"role": "tool", "content": [part]}


def spoken(said: JsonValue, calls: Sequence[JsonValue]) -> dict[str, JsonValue]:
    """A message of a model that said something, asked for tools, or both."""
    texts = said if isinstance(said, list) else [{"type": "text", "text": said}] if said else []
    return {"role": "assistant", "content": [*texts, *calls] if calls else said}


def headed(
    entries: Sequence[DialogueEntry | None], about: Mapping[str, object]
) -> list[DialogueEntry | None]:
    """The entries, the first of them with what is said of the whole trace."""
    found = list(entries)
    place = next((n for n, entry in enumerate(found) if entry is not None), None)
    if place is not None and (head := found[place]) is not None:
        found[place] = replace(head, about={**about, **head.about})
    return found


def tools_offered(names_or_schemas: JsonValue) -> dict[str, object]:
    """Tools that were offered, given as names or as definitions."""
    found: dict[str, object] = {}
    listed = names_or_schemas if isinstance(names_or_schemas, list) else []
    for number, tool in enumerate(listed):
        if isinstance(tool, str):
            found[f"llm.tools.{number}.tool.name"] = tool
        elif isinstance(tool, dict):
            found[f"llm.tools.{number}.tool.json_schema"] = canonical_json(tool)
    return found


def is_one_of(record: Record, key: str, known: frozenset[str]) -> bool:
    """Whether a field is one of some words."""
    value = record.get(key)
    return isinstance(value, str) and value in known
