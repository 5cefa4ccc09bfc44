"""Trajectories of OpenHands: actions and the observations that they caused.

Read are event streams (a list, or under `history` or `events`), with or without ids, lists of
pairs, and the events of the SDK (`kind`). An action that calls a tool and what the model said with
it are one turn; the actions of one response share that response's id. Changes of state are no
turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, spoken
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
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_LISTS = ("history", "events", "trajectory")
_IDS = ("instance_id", "session_id", "conversation_id", "id")
_SILENT = frozenset(
    {"change_agent_state", "null", "agent_state_changed", "loop_recovery", "recall"}
)
_KINDS = frozenset(
    {"ActionEvent", "ObservationEvent", "MessageEvent", "SystemPromptEvent", "AgentErrorEvent"}
    | {"UserRejectObservation", "PauseEvent", "ConversationStateUpdateEvent", "Condensation"}
)
_OF_EVENT = (
    *("id", "timestamp", "source", "message", "action", "observation", "tool_call_metadata"),
    *("timeout", "cause", "args", "thought", "content", "is_confirmed", "action_risk"),
    *("keep_prompt", "llm_metrics", "confirmation_state", "blocking", "hidden", "is_static"),
)


def is_openhands(value: Record) -> bool:
    """Whether an object holds the events of a run, or is one."""
    return is_event(value) or any(is_event(one) for one in _events(value) if one)


def is_event(value: Record) -> bool:
    """Whether an object is an action or an observation."""
    if text(value.get("kind")) in _KINDS and "source" in value:
        return True
    marks = ("args", "extras", "cause", "source", "thought", "exit_code", "command_id")
    named = isinstance(value.get("action"), str) or isinstance(value.get("observation"), str)
    both = isinstance(value.get("action"), str) and isinstance(value.get("observation"), str)
    return named and not both and "role" not in value and any(key in value for key in marks)


def _sessions(lines: Sequence[Record], _: str) -> list[Record]:
    """The events of a file as one run."""
    return [{"history": [dict(line) for line in lines]}]


def decode_openhands(document: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a run, and None for each item that is no event."""
    reading = _Reading()
    items = [document] if is_event(document) else _events(document)
    for number, item in enumerate(items):
        reading.hear(dict(item or {}), number)
    about: dict[str, object] = dict(leftovers(document, (*_LISTS, *_IDS)))
    if is_event(document):
        about = {}
    trace_id = "" if is_event(document) else text(first(document, *_IDS))
    entries = _of_one_model(reading.entries)
    yield from turn_spans(headed(entries, about), Numbering(trace_id or stem))


def _of_one_model(entries: list[DialogueEntry | None]) -> list[DialogueEntry | None]:
    """The entries, each answer with the model of the run where all that name one name the same.

    Only an event that asks for a tool has the response that it came from; a run has one model, so
    what the same agent says without a call is not of an unknown one.
    """
    models = {entry.model for entry in entries if entry is not None and entry.model}
    if len(models) != 1:
        return entries
    (model,) = models
    return [
        replace(entry, model=model) if entry and entry.said.get("role") == "assistant" else entry
        for entry in entries
    ]


def _events(document: Record) -> list[_Fields | None]:
    """The events of a document, also where it lists pairs of them."""
    held = next((at for key in _LISTS if isinstance(at := document.get(key), list)), None)
    flat: list[_Fields | None] = []
    for item in held if isinstance(held, list) else []:
        flat += listed(item if isinstance(item, list) and item else [item])
    return flat


class _Reading:
    """One pass over the events; entries so far, and where each response of the model stands."""

    def __init__(self) -> None:
        self.entries: list[DialogueEntry | None] = []
        self._responses: dict[str, int] = {}
        self._asked: list[str] = []

    def hear(self, event: _Fields, number: int) -> None:
        at_ns = time_ns(event.get("timestamp"))
        if text(event.get("kind")) in _KINDS:
            self._of_sdk(event, at_ns)
        elif isinstance(event.get("action"), str):
            self._action(event, at_ns, number)
        elif isinstance(event.get("observation"), str):
            self._observation(event, at_ns)
        else:
            self.entries.append(None)

    def _action(self, event: _Fields, at_ns: int | None, number: int) -> None:
        kind = text(event["action"])
        given = record(event.get("args")) or {
            key: at for key, at in event.items() if key not in _OF_EVENT
        }
        thought = first(record(event.get("args")) or event, "thought", "final_thought")
        if kind in _SILENT:
            return
        if kind in ("message", "system"):
            role = "system" if kind == "system" else "user"
            role = "assistant" if event.get("source") == "agent" and kind == "message" else role
            said = first(given, "content") or first(event, "content", "message")
            self.entries.append(DialogueEntry(said={"role": role, "content": said}, at_ns=at_ns))
            return
        called = record(event.get("tool_call_metadata"))
        call_id = text(called.get("tool_call_id")) or f"event-{text(event.get('id')) or number}"
        response = record(called.get("model_response"))
        exact = _as_asked(response, call_id)
        told: JsonValue = {
            key: at for key, at in given.items() if key != "thought" and at is not None
        }
        arguments = told if exact is None else exact
        name = text(called.get("function_name")) or kind
        self._ask(asking(call_id, name, arguments), text(thought), response, at_ns)
        self._asked.append(call_id)

    def _ask(self, call: JsonValue, thought: str, response: _Fields, at_ns: int | None) -> None:
        calls = [call, *nothings(response.get("choices"))]
        named = text(response.get("id"))
        place = self._responses.get(named) if named else None
        before = self.entries[place] if place is not None else None
        if place is not None and before is not None:
            parts = before.said["content"]
            assert isinstance(parts, list), "an entry that asks"
            self.entries[place] = replace(before, said={**before.said, "content": [*parts, *calls]})
            return
        self._responses[named] = len(self.entries)
        self.entries.append(
            DialogueEntry(
                said=spoken(thought, calls),
                at_ns=at_ns,
                model=text(response.get("model")),
                usage=response.get("usage"),
                about={"llm.finish_reason": _ended(response)},
            )
        )

    def _observation(self, event: _Fields, at_ns: int | None) -> None:
        kind, content = text(event["observation"]), event.get("content")
        called = record(event.get("tool_call_metadata"))
        cause = text(event.get("cause"))
        if kind in _SILENT:
            return
        named = text(called.get("tool_call_id")) or (f"event-{cause}" if cause else "")
        if not named and "id" not in event and self._asked:
            named = self._asked[-1]
        if named not in self._asked:
            if content:
                said: _Fields = {"role": "system", "content": content}
                error = text(content) if kind == "error" else ""
                self.entries.append(DialogueEntry(said=said, at_ns=at_ns, error=error))
            return
        failed = kind == "error" or event.get("success") is False
        extras = record(event.get("extras"))
        code = record(extras.get("metadata")).get("exit_code", event.get("exit_code"))
        self.entries.append(
            DialogueEntry(
                said=answering(named, content, failed=failed),
                at_ns=at_ns,
                about=leftovers({"exit_code": code}, ()),
            )
        )

    def _of_sdk(self, event: _Fields, at_ns: int | None) -> None:
        kind = event["kind"]
        call_id = text(event.get("tool_call_id"))
        if kind == "ActionEvent":
            call = record(event.get("tool_call"))
            given = (
                first(record(call.get("function")), "arguments")
                or first(call, "arguments")
                or event.get("action")
            )
            asked = asking(call_id, event.get("tool_name"), given)
            response: _Fields = {"id": event.get("llm_response_id")}
            self._ask(asked, _texts(event.get("thought")), response, at_ns)
            self._asked.append(call_id)
        elif kind in ("ObservationEvent", "AgentErrorEvent", "UserRejectObservation"):
            seen = record(event.get("observation"))
            answer = first(seen, "content", "output") or first(event, "error", "rejection_reason")
            failed = kind != "ObservationEvent" or seen.get("is_error") is True
            self.entries.append(
                DialogueEntry(said=answering(call_id, answer, failed=failed), at_ns=at_ns)
            )
        elif kind in ("MessageEvent", "SystemPromptEvent"):
            told = record(first(event, "llm_message", "system_prompt"))
            role = text(told.get("role")) or ("system" if kind == "SystemPromptEvent" else "user")
            said = first(told, "content", "text")
            self.entries.append(DialogueEntry(said={"role": role, "content": said}, at_ns=at_ns))


def _ended(response: _Fields) -> JsonValue:
    choices = records(response.get("choices"))
    return choices[0].get("finish_reason") if choices else None


def _as_asked(response: _Fields, call_id: str) -> JsonValue:
    """The arguments as the model wrote them, which the action may have changed."""
    for choice in records(response.get("choices")):
        for call in records(record(choice.get("message")).get("tool_calls")):
            if call.get("id") == call_id:
                return record(call.get("function")).get("arguments")
    return None


def _texts(parts: JsonValue) -> str:
    return "\n".join(text(part.get("text")) for part in records(parts))


FORMAT = Format(
    name="OpenHands trajectory",
    reads="trajectories of OpenHands",
    looks_like=is_openhands,
    decode=decode_openhands,
)
SESSION = Session(format=FORMAT, is_line=is_event, records=_sessions)
