"""Sessions of GitHub Copilot's command line: events of `{"type", "data", "id", "timestamp"}`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, spoken
from investigator.formats.fields import first, leftovers, listed, record, text, time_ns
from investigator.formats.format import Format, Record, Session
from investigator.formats.session_lines import grouped, is_grouped, lines_in
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span

_Fields = dict[str, JsonValue]

_ABOUT = ("producer", "copilotVersion", "version", "context")
_KINDS = ("session.", "user.", "assistant.", "tool.", "system.", "hook.", "subagent.", "skill.")


def _is_line(value: Record) -> bool:
    """Whether a record is an event of a session."""
    kind = value.get("type")
    told = isinstance(value.get("data"), dict) and "id" in value and "timestamp" in value
    return told and isinstance(kind, str) and kind.startswith(_KINDS)


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The events of a file by session; the first of a session names it."""
    return list(grouped(lines, lambda line: text(record(line.get("data")).get("sessionId")), stem))


def decode_events(session: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a session."""
    lines = lines_in(session, _is_line)
    reading = _Reading()
    for line in lines:
        reading.hear(text(line["type"]), record(line.get("data")), time_ns(line.get("timestamp")))
    started = next((record(o["data"]) for o in lines if o.get("type") == "session.start"), {})
    named = text(started.get("sessionId"))
    about: dict[str, object] = {
        "session.id": named or None,
        **leftovers({key: started.get(key) for key in _ABOUT}, ()),
    }
    trace_id = text(session.get("session")) or named or stem
    yield from turn_spans(headed(reading.entries, about), Numbering(trace_id))


class _Reading:
    """One pass over the events; the entries so far, the model, and the calls that are known."""

    def __init__(self) -> None:
        self.entries: list[DialogueEntry | None] = []
        self._model = ""
        self._known: set[str] = set()

    def hear(self, kind: str, told: _Fields, at_ns: int | None) -> None:
        match kind:
            case "session.model_change":
                self._model = text(told.get("newModel"))
            case "session.error":
                said = text(told.get("message"))
                system: _Fields = {"role": "system", "content": said}
                self.entries.append(DialogueEntry(said=system, at_ns=at_ns, error=said or kind))
            case "system.message" | "user.message":
                role = kind.partition(".")[0]
                self._add({"role": role, "content": text(told.get("content"))}, at_ns)
            case "assistant.message":
                self._answer(told, at_ns)
            case "assistant.usage":
                self._count(told)
            case "tool.execution_start" if text(told.get("toolCallId")) not in self._known:
                self._ask([self._asked(told, "toolName")], "", told, at_ns)
            case "tool.execution_complete":
                self._result(told, at_ns)
            case _:
                pass

    def _answer(self, told: _Fields, at_ns: int | None) -> None:
        given = listed(told.get("toolRequests"))
        calls = [call and self._asked(call, "name") for call in given]
        self._ask(calls, text(told.get("content")), told, at_ns)

    def _asked(self, call: _Fields, name: str) -> JsonValue:
        self._known.add(text(call.get("toolCallId")))
        return asking(call.get("toolCallId"), first(call, name, "name"), call.get("arguments"))

    def _ask(self, calls: list[JsonValue], said: str, told: _Fields, at_ns: int | None) -> None:
        thought = told.get("reasoningText")
        entry = DialogueEntry(
            said=spoken(said, calls),
            at_ns=at_ns,
            model=text(told.get("model")) or self._model,
            about={"source.thinking": thought} if thought else {},
        )
        self.entries.append(entry)

    def _result(self, told: _Fields, at_ns: int | None) -> None:
        failed = told.get("success") is False
        error = record(told.get("error"))
        answer = first(record(told.get("result")), "content", "detailedContent")
        shown = answer if answer is not None else first(error, "message")
        self._add(answering(told.get("toolCallId"), shown, failed=failed), at_ns)

    def _add(self, said: _Fields, at_ns: int | None) -> None:
        self.entries.append(DialogueEntry(said=said, at_ns=at_ns))

    def _count(self, told: _Fields) -> None:
        """Token counts come as an event of their own, behind the answer that they are of."""
        for place in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[place]
            if entry is not None and entry.said.get("role") == "assistant":
                model = text(told.get("model")) or entry.model
                self.entries[place] = replace(entry, usage=told, model=model)
                return


FORMAT = Format(
    name="Copilot session",
    reads="sessions of GitHub Copilot's command line",
    looks_like=lambda record: is_grouped(record, _is_line),
    decode=decode_events,
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
