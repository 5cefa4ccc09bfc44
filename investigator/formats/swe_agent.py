"""Trajectories of SWE-agent and mini-swe-agent, whose observations are results of tools.

Without function calling an agent writes its action into its answer, and what came back is the next
message of the user. The action is read as a call of `bash`, the observation as its result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, spoken
from investigator.formats.entries import entries_of
from investigator.formats.fields import first, leftovers, listed, record, records, text
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_TOOL = "bash"
_BLOCK = re.compile(r"```(?:mswea_bash_command|bash|sh)\s*\n(.*?)\n?```", re.DOTALL)
_OBSERVED = "<returncode>"
_LISTS = ("history", "messages")
_KNOWN = (*_LISTS, "trajectory", "run_id", "trace_id", "id", "instance_id")
_IDS = ("run_id", "trace_id", "id", "instance_id")
_MESSAGE_KNOWN = ("role", "content", "tool_calls", "tool_call_ids", "action", "thought")


def is_swe(value: Record) -> bool:
    """Whether an object is a trajectory: by its actions, or by what came back of a command."""
    if any(_is_action_step(step) for step in records(value.get("trajectory"))):
        return True
    listed = _listed(value)
    if any("message_type" in m and "agent" in m for m in listed):
        return True
    return any(_command(one) is not None and _is_observation(two) for one, two in pairwise(listed))


def _is_action_step(step: Record) -> bool:
    return "action" in step and "observation" in step


def decode_swe(document: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a trajectory; without a history they are made of its steps."""
    items = next((at for key in _LISTS if isinstance(at := document.get(key), list)), None)
    entries = _of_history(items) if items else _of_steps(listed(document.get("trajectory")))
    trace_id = text(first(document, *_IDS)) or stem
    yield from turn_spans(headed(entries, leftovers(document, _KNOWN)), Numbering(trace_id))


def _listed(value: Record) -> list[_Fields]:
    return next((listed for key in _LISTS if (listed := records(value.get(key)))), [])


def _command(message: _Fields) -> str | None:
    """The command that an answer holds without a call of a tool."""
    if message.get("role") != "assistant" or message.get("tool_calls"):
        return None
    action = message.get("action")
    if isinstance(action, str):
        return action.strip() or None
    blocks = _BLOCK.findall(text(message.get("content")))
    return blocks[0].strip() if len(blocks) == 1 else None


def _is_observation(message: _Fields) -> bool:
    if message.get("role") != "user":
        return False
    marked = message.get("message_type") == "observation"
    return marked or text(message.get("content")).lstrip().startswith(_OBSERVED)


def _of_history(items: list[JsonValue]) -> list[DialogueEntry | None]:
    entries: list[DialogueEntry | None] = []
    for number, item in enumerate(items):
        message = record(item)
        following = record(items[number + 1]) if number + 1 < len(items) else {}
        before = record(items[number - 1]) if number else {}
        call_id = f"action-{number}"
        about = leftovers(message, _MESSAGE_KNOWN)
        answers = "action" in before and message.get("role") == "user"
        if (command := _command(message)) is not None and (
            _is_observation(following) or "action" in message
        ):
            call = asking(call_id, _TOOL, {"command": command})
            entries.append(DialogueEntry(said=spoken(message.get("content"), [call]), about=about))
        elif _command(before) is not None and (answers or _is_observation(message)):
            said = answering(f"action-{number - 1}", message.get("content"))
            entries.append(DialogueEntry(said=said, about=about))
        elif message.get("role") == "tool" and isinstance(message.get("tool_call_ids"), list):
            entries.append(DialogueEntry(said=_answered(message), about=about))
        else:
            plain = {key: at for key, at in message.items() if key not in ("action", "thought")}
            entries += entries_of(plain) or [None]
    return entries


def _answered(message: _Fields) -> Record:
    named = message["tool_call_ids"]
    return answering(
        named[0] if isinstance(named, list) and named else None, message.get("content")
    )


def _of_steps(steps: list[_Fields | None]) -> list[DialogueEntry | None]:
    entries: list[DialogueEntry | None] = []
    for number, step in enumerate(steps):
        if step is None or ("action" not in step and "observation" not in step):
            entries.append(None)
            continue
        said = first(step, "response", "thought")
        call = asking(f"action-{number}", _TOOL, {"command": text(step.get("action")).strip()})
        about = leftovers({"state": step.get("state")}, ())
        entries.append(DialogueEntry(said=spoken(said, [call]), about=about))
        if "observation" not in step:
            entries.append(None)
        elif step["observation"] is not None:
            entries.append(DialogueEntry(said=answering(f"action-{number}", step["observation"])))
    return entries


FORMAT = Format(
    name="SWE-agent trajectory",
    reads="trajectories of SWE-agent and mini-swe-agent",
    looks_like=is_swe,
    decode=decode_swe,
)
