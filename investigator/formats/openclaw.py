"""Sessions of OpenClaw and of Pi, on which it is built, and the telemetry of OpenClaw's plug-in.

A session file is a header and messages (`{"type": "message", "message": {…}}`), whose roles are
`user`, `assistant` and `toolResult`. Telemetry is events with a `sessionKey`: the messages that an
agent ended with are the dialogue; where there are none, its prompt and its tool events are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, is_one_of, spoken
from investigator.formats.fields import first, leftovers, listed, record, records, text, time_ns
from investigator.formats.format import Format, Record, Session
from investigator.formats.session_lines import grouped, is_grouped, lines_in
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json
from investigator.traces.model import Span
from investigator.traces.subagent_files import STARTED_BY, SUBAGENT_TRACE

_Fields = dict[str, JsonValue]

_OF_SESSION = frozenset(
    {"session", "message", "model_change", "thinking_level_change", "compaction", "session_info"}
    | {"branch_summary", "custom", "custom_message", "label"}
)
_TELEMETRY = frozenset(
    {"message.in", "message.out", "agent.start", "agent.end", "tool.start", "tool.end", "llm.usage"}
)
_STARTS = "sessions_spawn"
"""The tool that starts a subagent."""
_ABOUT = ("cwd", "version", "channel", "from", "agentId", "title", "name")


def _is_line(value: Record) -> bool:
    """Whether a record is an entry of a session file, or an event of the telemetry."""
    if is_one_of(value, "type", _TELEMETRY):
        return "ts" in value or "seq" in value
    if not is_one_of(value, "type", _OF_SESSION) or "id" not in value or "timestamp" not in value:
        return False
    if value["type"] == "message":
        return isinstance(record(value.get("message")).get("role"), str)
    return "parentId" in value or value["type"] == "session"


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The lines of a file by session."""
    return list(grouped(lines, _session_of, stem))


def _session_of(line: Record) -> str:
    if line.get("type") == "session":
        return text(line.get("id"))
    return text(line.get("sessionKey"))


def decode_openclaw(session: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a session."""
    lines = lines_in(session, _is_line)
    is_telemetry = any(is_one_of(line, "type", _TELEMETRY) for line in lines)
    entries = _told(lines) if is_telemetry else _written(lines)
    named = next((name for line in lines if (name := _session_of(line))), "")
    spawned = next((text(at) for line in lines if (at := line.get("spawnedBy"))), None)
    about: dict[str, object] = {"session.id": named or None, STARTED_BY: spawned}
    for line in lines:
        about |= leftovers({key: line.get(key) for key in _ABOUT}, ())
    trace_id = text(session.get("session")) or named or stem
    yield from turn_spans(headed(entries, about), Numbering(trace_id))


def _written(lines: Sequence[_Fields]) -> list[DialogueEntry | None]:
    entries: list[DialogueEntry | None] = []
    model = ""
    for line in lines:
        at_ns = time_ns(line.get("timestamp"))
        match line.get("type"):
            case "message":
                entries += _message(record(line.get("message")), at_ns, model)
            case "model_change":
                model = text(first(line, "modelId", "model"))
            case "compaction" | "branch_summary":
                said: _Fields = {"role": "system", "content": text(line.get("summary"))}
                entries.append(DialogueEntry(said=said, at_ns=at_ns))
            case _:
                pass
    return entries


def _message(message: _Fields, at_ns: int | None, model: str) -> list[DialogueEntry | None]:
    role, content = text(message.get("role")), message.get("content")
    if role in ("toolResult", "tool"):
        said = answering(
            first(message, "toolCallId", "tool_call_id"),
            content,
            failed=message.get("isError") is True,
            name=message.get("toolName"),
        )
        about = _started(message.get("toolName"), content)
        return [DialogueEntry(said=said, at_ns=at_ns, about=about)]
    if role == "bashExecution":
        call_id = f"bash-{text(message.get('timestamp'))}"
        asked = spoken("", [asking(call_id, "bash", {"command": message.get("command")})])
        failed = message.get("exitCode") not in (0, None)
        answer = answering(call_id, message.get("output"), failed=failed)
        return [
            DialogueEntry(said={**asked, "role": "user"}, at_ns=at_ns),
            DialogueEntry(said=answer, at_ns=at_ns),
        ]
    if content is None:
        return [None]
    failure = text(message.get("errorMessage"))
    return [
        DialogueEntry(
            said={"role": role, "content": content},
            at_ns=at_ns,
            model=text(message.get("model")) or (model if role == "assistant" else ""),
            usage=message.get("usage"),
            error=failure if message.get("stopReason") == "error" else "",
            about={"llm.finish_reason": message.get("stopReason")},
        )
    ]


def _told(lines: Sequence[_Fields]) -> list[DialogueEntry | None]:
    """The dialogue that telemetry tells of: the agents' own messages, else their events."""
    told: list[_Fields | None] = []
    for line in lines:
        held = listed(line.get("messages")) if line.get("type") == "agent.end" else []
        # An agent ends with its whole history; a shorter one, after compaction, goes on from it.
        told = held if held[: len(told)] == told else [*told, *held]
    if told:
        return [
            entry
            for message in told
            for entry in (
                [None]
                if message is None
                else _message(message, _milliseconds(message.get("timestamp")), "")
            )
        ]
    entries: list[DialogueEntry | None] = []
    for number, line in enumerate(lines):
        entries += _event(line, number)
    return entries


def _event(line: _Fields, number: int) -> Iterator[DialogueEntry]:
    at_ns = _milliseconds(line.get("ts"))
    name = line.get("toolName")
    call_id = text(first(line, "toolCallId", "callId"))
    match line.get("type"):
        case "message.in" | "agent.start":
            said = text(first(line, "content", "prompt"))
            yield DialogueEntry(said={"role": "user", "content": said}, at_ns=at_ns)
        case "message.out":
            said = text(line.get("content"))
            yield DialogueEntry(said={"role": "assistant", "content": said}, at_ns=at_ns)
        case "tool.start":
            call = asking(call_id or f"{text(name)}-{number}", name, line.get("params"))
            yield DialogueEntry(said=spoken("", [call]), at_ns=at_ns)
        case "tool.end":
            failed = line.get("success") is False
            answer = first(line, "result", "error")
            shown = answering(call_id, answer, failed=failed, name=name)
            yield DialogueEntry(said=shown, at_ns=at_ns, about=_started(name, answer))
        case _:
            pass


def _started(tool: JsonValue, answer: JsonValue) -> dict[str, object]:
    """The session of the subagent that a call started, by the key that came back."""
    if tool != _STARTS:
        return {}
    parts = records(answer) or [{"text": answer}]
    told = [record(embedded_json(text(part.get("text")))) for part in parts]
    found = next((text(at) for one in told if (at := one.get("childSessionKey"))), None)
    return {SUBAGENT_TRACE: found} if found else {}


def _milliseconds(value: JsonValue) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return time_ns(value * 1_000_000)
    return time_ns(value)


FORMAT = Format(
    name="OpenClaw session",
    reads="sessions of OpenClaw and Pi, and OpenClaw's telemetry",
    looks_like=lambda record: is_grouped(record, _is_line),
    decode=decode_openclaw,
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
