"""Rollouts of Codex: JSON lines of `{"timestamp", "type", "payload"}`.

The items of a model's response (`response_item`) are messages, calls and their outputs; those of
one response are one turn. Events (`event_msg`) tell the same for people: they are read where no
item says it (calls of MCP servers, commands, patches; all that was said, in files without items),
for token counts, and for errors. A call belongs to its output by `call_id`; the `id` of an item is
its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.fields import first, leftovers, record, records, text, time_ns
from investigator.formats.format import Format, Record, Session
from investigator.formats.session_lines import grouped, is_grouped, lines_in, texts
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json
from investigator.traces.model import Span
from investigator.traces.subagent_files import STARTED_BY, SUBAGENT_TRACE

_Fields = dict[str, JsonValue]

_TYPES = frozenset(
    {"session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state"}
    | {"inter_agent_communication_metadata"}
)
_CALLS = {
    "local_shell_call": "local_shell",
    "web_search_call": "web_search",
    "tool_search_call": "tool_search",
    "image_generation_call": "image_generation",
}
"""Calls that are known by their type; others have a name."""
_SILENT = ("reasoning", "ghost_snapshot", "compaction", "compaction_trigger", "other")
"""Items that say nothing that a reader could read: thoughts are encrypted."""
_STARTS, _STARTED_EVENT = "spawn_agent", "collab_agent_spawn_end"
"""The tool that starts a subagent, and the event that tells of it."""
_NAMED_CALLS = ("function_call", "custom_tool_call", "mcp_tool_call")
_GIVEN = ("arguments", "input", "action")
_OUTPUTS = ("function_call_output", "custom_tool_call_output", "tool_search_output")
_ENDED = {
    "mcp_tool_call_end": "",
    "exec_command_end": "exec_command",
    "patch_apply_end": "apply_patch",
    "web_search_end": "web_search",
    "dynamic_tool_call_response": "",
}
"""Events of a call that ended, and its tool's name where the event has none."""
_ASKED = ("command", "changes", "action", "query")
"""Where an event has what a call was given, if it has no arguments."""
_ABOUT = ("cwd", "originator", "cli_version", "source", "git", "model_provider", "parent_thread_id")


def _is_line(value: Record) -> bool:
    """Whether a record is a line of a rollout."""
    return text(value.get("type")) in _TYPES and isinstance(value.get("payload"), dict)


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The lines of a file as one session: a rollout is a file, whatever sessions it came from."""
    named = [text(record(line.get("payload")).get("id")) for line in lines if _is_meta(line)]
    return list(grouped(lines, lambda _: next(filter(None, named), ""), stem))


def decode_rollout(rollout: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a rollout, and None for each item of it that says nothing that is known."""
    lines = lines_in(rollout, _is_line)
    meta = next((record(line.get("payload")) for line in lines if _is_meta(line)), {})
    named = text(first(meta, "id", "session_id"))
    reading = _Reading(lines)
    reading.read()
    system = text(record(meta.get("base_instructions")).get("text")) or text(
        meta.get("instructions")
    )
    about: dict[str, object] = {
        STARTED_BY: _started_by(meta),
        "session.id": text(meta.get("session_id")) or named or None,
        **leftovers({key: meta.get(key) for key in _ABOUT}, ()),
    }
    entries = reading.entries
    if system:
        at_ns = time_ns(meta.get("timestamp"))
        entries = [DialogueEntry(said={"role": "system", "content": system}, at_ns=at_ns), *entries]
    place = next((n for n, entry in enumerate(entries) if entry is not None), None)
    if place is not None and (head := entries[place]) is not None:
        entries[place] = replace(head, about={**about, **head.about})
    trace_id = text(rollout.get("session")) or named or stem
    yield from turn_spans(entries, Numbering(trace_id))


def _started_by(meta: Record) -> str | None:
    """The thread that started this one, where this is a subagent's."""
    spawn = record(record(record(meta.get("source")).get("subagent")).get("thread_spawn"))
    found = text(first(meta, "parent_thread_id") or spawn.get("parent_thread_id"))
    return found or None


def _is_meta(line: Record) -> bool:
    return line.get("type") == "session_meta"


class _Reading:
    """One pass over the lines; the entries so far, and the model that was set."""

    def __init__(self, lines: Sequence[_Fields]) -> None:
        self._lines = lines
        self.entries: list[DialogueEntry | None] = []
        self._model = ""
        items = [record(line["payload"]) for line in lines if line.get("type") == "response_item"]
        self._has_items = any(item.get("type") == "message" for item in items)
        self._known = {text(first(item, "call_id", "id")) for item in items}
        self._started = dict(_subagents(record(line["payload"]) for line in lines))
        self._open = False

    def read(self) -> None:
        for line in self._lines:
            payload, at_ns = record(line.get("payload")), time_ns(line.get("timestamp"))
            match line.get("type"):
                case "response_item":
                    self._item(payload, at_ns)
                case "event_msg":
                    self._event(payload, at_ns)
                case "turn_context":
                    self._model = text(payload.get("model")) or self._model
                case "compacted":
                    self._open = False
                    said = text(payload.get("message"))
                    if said:
                        self._add({"role": "system", "content": said}, at_ns)
                case _:
                    pass

    def _item(self, item: _Fields, at_ns: int | None) -> None:
        kind = text(item.get("type"))
        if kind == "message":
            said = {"role": text(item.get("role")), "content": item.get("content")}
            self._spoke(said, at_ns) if said["role"] == "assistant" else self._add(said, at_ns)
        elif kind in _NAMED_CALLS or kind in _CALLS:
            call = {
                "type": "function_call",
                "id": first(item, "call_id", "id"),
                "name": text(item.get("name")) or _CALLS.get(kind, kind),
                "arguments": first(item, *_GIVEN) or "",
            }
            self._spoke({"role": "assistant", "content": [call]}, at_ns)
            result = first(item, "result", "output")
            if result is not None:
                self._result(text(call["id"]), result, at_ns, failed=item.get("status") == "failed")
        elif kind in _OUTPUTS:
            output = first(item, "output", "tools")
            self._result(text(item.get("call_id")), output, at_ns, failed=_failed(output))
        elif kind == "agent_message":
            author = text(item.get("author"))
            self._add({"role": author or "agent", "content": item.get("content")}, at_ns)
        elif kind not in _SILENT:
            self.entries.append(None)
            self._open = False

    def _event(self, event: _Fields, at_ns: int | None) -> None:
        kind = text(event.get("type"))
        if kind in _ENDED:
            self._ended(event, at_ns)
        elif kind == "token_count":
            usage = record(record(event.get("info")).get("last_token_usage"))
            self._count(usage)
        elif kind == "turn.completed":
            self._completed(record(event.get("usage")), at_ns)
        elif kind in ("error", "stream_error"):
            said = text(event.get("message"))
            self.entries.append(
                DialogueEntry(
                    said={"role": "system", "content": said}, at_ns=at_ns, error=said or kind
                )
            )
            self._open = False
        elif not self._has_items and kind in ("user_message", "agent_message"):
            said_by = {"user_message": "user", "agent_message": "assistant"}[kind]
            self._add({"role": said_by, "content": text(event.get("message"))}, at_ns)

    def _ended(self, event: _Fields, at_ns: int | None) -> None:
        """A call that only an event tells of: what was asked and what came back."""
        call_id = text(first(event, "call_id", "callId"))
        if not call_id or call_id in self._known:
            return
        self._known.add(call_id)
        invocation = record(event.get("invocation"))
        name = text(first(invocation, "tool") or event.get("tool")) or _ENDED[text(event["type"])]
        if name == "web_search" and self._has_search():
            return
        given = first({**event, **invocation}, "arguments", *_ASKED)
        call: _Fields = {"type": "function_call", "id": call_id, "name": name, "arguments": given}
        self._spoke({"role": "assistant", "content": [call]}, at_ns)
        answer, failed = _answer(event)
        self._result(call_id, answer, at_ns, failed=failed)

    def _has_search(self) -> bool:
        types = (record(line.get("payload")).get("type") for line in self._lines)
        return "web_search_call" in types

    def _spoke(self, said: _Fields, at_ns: int | None) -> None:
        """A part of a response: it joins the turn that is open, else it opens one."""
        before = self.entries[-1] if self.entries and self._open else None
        if before is None:
            self._add(said, at_ns)
            self._open = True
            return
        parts = [*_parts(before.said.get("content")), *_parts(said.get("content"))]
        self.entries[-1] = replace(before, said={**before.said, "content": parts}, at_ns=at_ns)

    def _add(self, said: _Fields, at_ns: int | None, *, started: str | None = None) -> None:
        self._open = False
        model = self._model if said.get("role") == "assistant" else ""
        about = {SUBAGENT_TRACE: started} if started else {}
        self.entries.append(DialogueEntry(said=said, at_ns=at_ns, model=model, about=about))

    def _result(self, call_id: str, output: JsonValue, at_ns: int | None, *, failed: bool) -> None:
        inner = (
            output if not isinstance(output, dict) else first(output, "content", "text") or output
        )
        said: _Fields = {
            "role": "tool",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": call_id,
                    "content": inner,
                    "is_error": failed,
                }
            ],
        }
        self._add(said, at_ns, started=self._started.get(call_id))

    def _completed(self, usage: _Fields, at_ns: int | None) -> None:
        """A turn whose words were not written down is still a call of the model."""
        last = self.entries[-1] if self.entries else None
        if usage and (last is None or last.said.get("role") != "assistant" or last.usage):
            self._add({"role": "assistant", "content": None}, at_ns)
        self._count(usage)

    def _count(self, usage: _Fields) -> None:
        """The tokens of the last response; one that is told twice is counted once."""
        for place in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[place]
            if entry is not None and entry.said.get("role") == "assistant":
                if usage:
                    self.entries[place] = replace(entry, usage=usage)
                return


def _subagents(payloads: Iterable[_Fields]) -> Iterator[tuple[str, str]]:
    """The calls that started a subagent, each with its thread: by their results or events."""
    starting: set[str] = set()
    for payload in payloads:
        call_id, kind = text(payload.get("call_id")), text(payload.get("type"))
        if payload.get("name") == _STARTS:
            starting.add(call_id)
        told = payload if kind == _STARTED_EVENT else {}
        if kind in _OUTPUTS and call_id in starting:
            told = record(embedded_json(text(payload.get("output"))))
        if thread := text(first(told, "new_thread_id", "agent_id", "thread_id")):
            yield call_id, thread


def _parts(content: JsonValue) -> list[JsonValue]:
    if content is None:
        return []
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content} if isinstance(content, str) else content]


def _failed(output: JsonValue) -> bool:
    return isinstance(output, dict) and output.get("success") is False


def _answer(event: _Fields) -> tuple[JsonValue, bool]:
    """What an event says that came back of a call, and whether it marks it as failed."""
    result = event.get("result")
    if isinstance(result, dict) and ("Ok" in result or "Err" in result):
        came = first(result, "Ok", "Err")
        inner = record(came)
        failed = "Err" in result or inner.get("isError") is True
        return (first(inner, "content") if inner.get("content") else came), failed
    exit_code = event.get("exit_code")
    failed = event.get("success") is False or (isinstance(exit_code, int) and exit_code != 0)
    shown = texts((event.get("stdout"), event.get("stderr"))) or texts(
        text(item.get("text")) for item in records(event.get("content_items"))
    )
    return first(event, "aggregated_output", "formatted_output") or shown or first(
        event, "results", "result"
    ), failed


FORMAT = Format(
    name="Codex rollout",
    reads="rollouts of Codex",
    looks_like=lambda record: is_grouped(record, _is_line),
    decode=decode_rollout,
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
