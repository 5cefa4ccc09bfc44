"""Sessions of Claude Code: its session files, JSON lines, and what it prints as `stream-json`.

A line is an event; those of type `user` and `assistant` hold a message in Anthropic's form. One
answer of the model is written as several lines that share the message's id: they are one turn,
whose token counts are those of its last line. Lines that stand twice (a session that was resumed
copies them) are read once.

A subagent's lines are marked (`isSidechain`, `agentId`, `parent_tool_use_id`) and stand in the same
file or in one of their own. They are turns below an AGENT span, which stands below the TOOL span of
the call that started it: that is found by the agent's id, which the call's result names, by the id
of the call, or by the prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.fields import first, make_span, record, records, text, time_ns
from investigator.formats.format import Format, Record, Session
from investigator.formats.session_lines import grouped, is_grouped, lines_in
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import embedded_json
from investigator.traces.model import TURN_NUMBER, Span, SpanKind

_Line = dict[str, JsonValue]

_SPEAKING = ("user", "assistant")
_OTHERS = frozenset(
    {"system", "summary", "result", "progress", "attachment", "queue-operation", "custom-title"}
    | {"file-history-snapshot", "agent-name", "last-prompt", "permission-mode", "pr-link", "mode"}
    | {"stream_event", "rate_limit_event", "tag", "ai-title", "worktree-state"}
)
_MARKS = ("sessionId", "session_id", "uuid", "leafUuid", "messageId", "parentUuid")
_SESSIONS = ("sessionId", "session_id")
_ABOUT_SESSION = ("cwd", "gitBranch", "version", "entrypoint", "userType", "slug")
_ABOUT_INIT = ("cwd", "permissionMode", "claude_code_version", "mcp_servers", "agents")
_ABOUT_RESULT = ("subtype", "is_error", "duration_ms", "num_turns", "total_cost_usd", "result")
_ABOUT_LINE = ("uuid", "requestId", "isMeta", "isCompactSummary", "stop_reason", "subtype", "level")
_ABOUT_TASK = ("status", "totalDurationMs", "totalTokens", "totalToolUseCount", "interrupted")
_STARTS = ("Task", "Agent")
"""The tools that start a subagent."""


def _is_line(value: Record) -> bool:
    """Whether a record is an event of a session."""
    kind = value.get("type")
    if not isinstance(kind, str) or "role" in value:
        return False
    marked = any(key in value for key in _MARKS)
    if kind in _SPEAKING:
        return isinstance(value.get("message"), dict) or (marked and "message" in value)
    if kind == "result":
        return "duration_ms" in value or "total_cost_usd" in value
    return (kind in _OTHERS and marked and "payload" not in value and "data" not in value) or (
        kind == "progress" and marked
    )


def _sessions(lines: Sequence[Record], stem: str) -> list[Record]:
    """The lines of each session of a file."""
    return list(grouped(lines, lambda line: text(first(line, *_SESSIONS)), stem))


def decode_session(session: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a session and of its subagents, and None for each line that says nothing."""
    lines = _once(lines_in(session, _is_line))
    named = next((text(at) for line in lines if (at := first(line, *_SESSIONS))), "")
    trace_id = text(session.get("session")) or named or stem
    main, below = _by_agent(lines)
    about = {"session.id": named or None, **_about(lines)}
    spans = list(turn_spans(_entries(main, about), Numbering(trace_id)))
    yield from spans
    for agent, inner in below.items():
        yield from _subagent(agent, inner, [s for s in spans if s is not None], trace_id)


def _once(lines: list[_Line]) -> list[_Line]:
    seen: set[str] = set()
    kept = []
    for line in lines:
        uuid = text(line.get("uuid"))
        # Two lines of one uuid that say different things are two lines.
        copy = f"{uuid} {text(line.get('message'))}"
        if uuid and copy in seen:
            continue
        seen.add(copy)
        kept.append(_unwrapped(line))
    return kept


def _unwrapped(line: _Line) -> _Line:
    """The line of a subagent that is told as progress of its call."""
    told = record(line.get("data"))
    inner = record(told.get("message"))
    if told.get("type") != "agent_progress" or not isinstance(inner.get("message"), dict):
        return line
    marks = {
        "isSidechain": True,
        "agentId": told.get("agentId"),
        "timestamp": line.get("timestamp"),
    }
    return {**marks, **{key: at for key, at in inner.items() if at is not None}}


def _by_agent(lines: Sequence[_Line]) -> tuple[list[_Line], dict[str, list[_Line]]]:
    """The lines of the main agent, and those of each subagent by what it is known by."""
    main: list[_Line] = []
    below: dict[str, list[_Line]] = {}
    chains: dict[str, str] = {}
    for line in lines:
        agent = text(first(line, "agentId", "parent_tool_use_id"))
        is_side = line.get("isSidechain") is True or line.get("parent_tool_use_id") is not None
        if not is_side:
            main.append(line)
            continue
        uuid, parent = text(line.get("uuid")), text(line.get("parentUuid"))
        name = agent or chains.get(parent) or uuid or "sidechain"
        chains[uuid] = name
        below.setdefault(name, []).append(line)
    return main, below


def _entries(lines: Sequence[_Line], about: dict[str, object]) -> list[DialogueEntry | None]:
    entries: list[DialogueEntry | None] = []
    answers: dict[str, int] = {}
    for line in lines:
        entry = _entry(line)
        if line.get("type") not in (*_SPEAKING, "system"):
            continue
        if line.get("type") == "system" and entry is None:
            continue
        answer = text(record(line.get("message")).get("id"))
        if entry is not None and line.get("type") == "assistant" and answer in answers:
            place = answers[answer]
            entries[place] = _joined(entries[place], entry)
            continue
        if answer:
            answers[answer] = len(entries)
        entries.append(entry)
    head = next((n for n, entry in enumerate(entries) if entry is not None), None)
    if head is not None and (said := entries[head]) is not None:
        entries[head] = replace(said, about={**about, **said.about})
    return entries


def _joined(before: DialogueEntry | None, after: DialogueEntry) -> DialogueEntry:
    """Two lines of one answer: what both say, with the counts of the later."""
    if before is None:
        return after
    parts = [part for one in (before, after) for part in _parts(one.said.get("content"))]
    usage = after.usage or before.usage
    said = {**before.said, "content": parts}
    return replace(before, said=said, usage=usage, about={**before.about, **after.about})


def _parts(content: JsonValue) -> list[JsonValue]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def _entry(line: _Line) -> DialogueEntry | None:
    message = line.get("message")
    if line.get("type") == "system":
        content = line.get("content")
        message = {"role": "system", "content": content} if isinstance(content, str) else None
    if not isinstance(message, dict) or "content" not in message:
        return None
    role = text(message.get("role")) or text(line.get("type"))
    told = record(line.get("toolUseResult"))
    agent = text(told.get("agentId"))
    is_failure = line.get("isApiErrorMessage") is True
    return DialogueEntry(
        said={"role": role, "content": message["content"]},
        at_ns=time_ns(line.get("timestamp")),
        model=text(message.get("model")),
        usage=message.get("usage"),
        error=text(line.get("error")) or _said(message["content"]) if is_failure else "",
        about={
            **{f"source.{k}": line[k] for k in _ABOUT_LINE if line.get(k) is not None},
            **{f"source.{k}": told[k] for k in _ABOUT_TASK if told.get(k) is not None},
            "llm.finish_reason": message.get("stop_reason"),
        },
        span_id=_call_id(agent) if agent else "",
    )


def _said(content: JsonValue) -> str:
    return "\n".join(text(part.get("text")) for part in records(_parts(content)))


def _about(lines: Sequence[_Line]) -> dict[str, object]:
    """What the lines say of the whole session: where it ran, what it was called, how it ended."""
    found: dict[str, object] = {}
    for line in lines:
        kind = text(line.get("type"))
        if kind in _SPEAKING:
            found |= {f"source.{k}": line[k] for k in _ABOUT_SESSION if line.get(k)}
        elif kind == "summary":
            found["source.summary"] = line.get("summary")
        elif kind == "system" and line.get("subtype") == "init":
            found |= {f"source.{k}": line[k] for k in _ABOUT_INIT if line.get(k)}
            found |= _offered(line.get("tools"))
        elif kind == "result":
            found |= {
                f"source.result.{k}": line[k] for k in _ABOUT_RESULT if line.get(k) is not None
            }
    return found


def _offered(tools: JsonValue) -> dict[str, object]:
    names = [tool for tool in tools if isinstance(tool, str)] if isinstance(tools, list) else []
    return {f"llm.tools.{n}.tool.name": name for n, name in enumerate(names)}


def _call_id(agent: str) -> str:
    """The id of the call that started an agent, which its file can say without the other."""
    return f"agent-{agent}/call"


def _subagent(
    agent: str, lines: Sequence[_Line], spans: Sequence[Span], trace_id: str
) -> Iterator[Span | None]:
    entries = _entries(lines, {})
    call = _call_of(agent, entries, spans)
    span_id = f"agent-{agent}"
    numbering = Numbering(trace_id, f"{span_id}/step-", span_id)
    turns = list(turn_spans(entries, numbering))
    times = [at for t in turns if t is not None for at in (t.start_ns, t.end_ns) if at is not None]
    name = _agent_type(call, spans) or agent
    yield make_span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=call.span_id if call is not None else _call_id(agent),
        name=name,
        attributes={TURN_NUMBER: 0, "agent.name": name, "graph.node.id": agent},
        start_ns=min(times, default=None),
        end_ns=max(times, default=None),
        kind=SpanKind.AGENT,
    )
    yield from (turn and _named(turn, name) for turn in turns)


def _named(turn: Span, agent: str) -> Span:
    """A turn of a subagent, which no message names."""
    if turn.attributes.get("agent.name") != "assistant":
        return turn
    return replace(turn, name=agent, attributes={**turn.attributes, "agent.name": agent})


def _call_of(
    agent: str, entries: Sequence[DialogueEntry | None], spans: Sequence[Span]
) -> Span | None:
    """The TOOL span of the call that started an agent; None where this file does not hold it."""
    calls = [span for span in spans if span.kind is SpanKind.TOOL]
    asked = next((_said(e.said.get("content")) for e in entries if e is not None), "")
    for span in calls:
        if span.span_id == _call_id(agent) or span.text("tool.id") == agent:
            return span
    for span in calls:
        if span.text("tool.name") in _STARTS and asked and asked in _plain(span):
            return span
    return None


def _plain(span: Span) -> str:
    return _prompt(span) or span.text("input.value") or ""


def _prompt(span: Span) -> str:
    return text(_arguments(span).get("prompt"))


def _agent_type(call: Span | None, spans: Sequence[Span]) -> str:
    if call is None or call not in spans:
        return ""
    return text(_arguments(call).get("subagent_type"))


def _arguments(span: Span) -> Record:
    return record(embedded_json(span.text("input.value") or ""))


FORMAT = Format(
    name="Claude Code session",
    reads="sessions of Claude Code (its JSON lines, subagents and `stream-json`)",
    looks_like=lambda record: is_grouped(record, _is_line),
    decode=decode_session,
)
SESSION = Session(format=FORMAT, is_line=_is_line, records=_sessions)
