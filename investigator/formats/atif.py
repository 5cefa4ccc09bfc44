"""ATIF trajectories: one document of steps; subagents below the result that refers to them.

A step of an agent holds what it said, its calls and what was observed of each. A trajectory that
is embedded stands below the TOOL span that refers to it; one in a file of its own is joined with it
when both are written, by the id that the result names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from investigator.formats.dialogue_turns import DialogueEntry, Numbering, turn_spans
from investigator.formats.dialogues import answering, asking, headed, spoken, tools_offered
from investigator.formats.fields import (
    first,
    leftovers,
    listed,
    make_span,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import TURN_NUMBER, Span, SpanKind
from investigator.traces.subagent_files import SUBAGENT_TRACE

_Fields = dict[str, JsonValue]

_ROLES = {"system": "system", "user": "user", "agent": "assistant"}
_KNOWN = (
    "schema_version",
    "session_id",
    "trajectory_id",
    "agent",
    "steps",
    "subagent_trajectories",
)
_STEP_KNOWN = (
    *("step_id", "source", "message", "timestamp", "model_name", "reasoning_content"),
    *("tool_calls", "observation", "metrics"),
)
_REFS = ("subagent_trajectory_ref", "subagent_trajectory_refs")


def is_atif(value: Record) -> bool:
    """Whether an object is a trajectory."""
    version = value.get("schema_version")
    return (
        isinstance(version, str)
        and version.upper().startswith("ATIF")
        and isinstance(value.get("steps"), list)
    )


def decode_atif(trajectory: Record, stem: str) -> Iterator[Span | None]:
    """The turns of a trajectory and of those that are embedded in it."""
    # From 1.7 on a session is a whole run, and its subagents' trajectories have ids of their own.
    trace_id = text(first(trajectory, "trajectory_id", "session_id")) or stem
    yield from _turns(trajectory, Numbering(trace_id))


def _turns(trajectory: Record, numbering: Numbering) -> Iterator[Span | None]:
    agent = record(trajectory.get("agent"))
    name, model = text(agent.get("name")), text(agent.get("model_name"))
    steps = listed(trajectory.get("steps"))
    entries: list[DialogueEntry | None] = []
    inner = records(trajectory.get("subagent_trajectories"))
    embedded = {text(first(one, "trajectory_id", "session_id")) for one in inner}
    for step in steps:
        entries += [_but_embedded(entry, embedded) for entry in _entries(record(step), name, model)]
    about: dict[str, object] = {
        "session.id": trajectory.get("session_id"),
        **tools_offered(agent.get("tool_definitions")),
        **leftovers(agent, ("name", "model_name", "tool_definitions"), prefix="source.agent."),
        **leftovers(trajectory, _KNOWN),
    }
    spans = list(turn_spans(headed(entries, about), numbering))
    yield from spans
    called = {span.text("tool.id"): span for span in spans if span is not None}
    refs = _references(step for step in steps if step is not None)
    yield from nothings(trajectory.get("subagent_trajectories"))
    for one in inner:
        named = text(first(one, "trajectory_id", "session_id"))
        call = called.get(refs.get(named))
        yield from _subagent(one, named, call, numbering)


def _but_embedded(entry: DialogueEntry | None, embedded: set[str]) -> DialogueEntry | None:
    """An entry, which names no other trace where its subagent stands in this one."""
    if entry is None or entry.about.get(SUBAGENT_TRACE) not in embedded:
        return entry
    return replace(entry, about={k: at for k, at in entry.about.items() if k != SUBAGENT_TRACE})


def _references(steps: Iterator[_Fields]) -> dict[str, str]:
    """The id of the call whose result refers to a trajectory, by the trajectory's id."""
    found: dict[str, str] = {}
    for step in steps:
        for result in records(record(step.get("observation")).get("results")):
            listed = first(result, *_REFS)
            for ref in records(listed if isinstance(listed, list) else [listed]):
                for key in ("trajectory_id", "session_id"):
                    found.setdefault(text(ref.get(key)), text(result.get("source_call_id")))
    return found


def _subagent(
    trajectory: Record, named: str, call: Span | None, outer: Numbering
) -> Iterator[Span | None]:
    span_id = f"agent-{named}"
    name = text(record(trajectory.get("agent")).get("name")) or named
    inner = Numbering(outer.trace_id, f"{span_id}/step-", span_id)
    turns = list(_turns(trajectory, inner))
    times = [at for t in turns if t is not None for at in (t.start_ns, t.end_ns) if at is not None]
    yield make_span(
        trace_id=outer.trace_id,
        span_id=span_id,
        parent_id=call.span_id if call is not None else outer.parent_id,
        name=name,
        attributes={TURN_NUMBER: 0, "agent.name": name},
        start_ns=min(times, default=None),
        end_ns=max(times, default=None),
        kind=SpanKind.AGENT,
    )
    yield from turns


def _entries(step: _Fields, agent: str, model: str) -> Iterator[DialogueEntry | None]:
    role = _ROLES.get(text(step.get("source")))
    if role is None or "message" not in step:
        yield None
        return
    at_ns = time_ns(step.get("timestamp"))
    asked: list[JsonValue] = [
        c and asking(c.get("tool_call_id"), c.get("function_name"), c.get("arguments"))
        for c in listed(step.get("tool_calls"))
    ]
    is_agent = role == "assistant"
    said = (
        spoken(step["message"], asked) if is_agent else {"role": role, "content": step["message"]}
    )
    metrics = record(step.get("metrics"))
    yield DialogueEntry(
        said=said,
        at_ns=at_ns,
        agent=agent if is_agent else "",
        model=text(step.get("model_name")) or (model if is_agent else ""),
        usage=metrics or None,
        about={
            "source.thinking": step.get("reasoning_content"),
            **leftovers({"cost_usd": metrics.get("cost_usd")}, ()),
            **leftovers(step, _STEP_KNOWN),
        },
    )
    yield from _observed(listed(record(step.get("observation")).get("results")), at_ns)


def _observed(
    results: Sequence[_Fields | None], at_ns: int | None
) -> Iterator[DialogueEntry | None]:
    for result in results:
        if result is None:
            yield None
            continue
        extra = record(result.get("extra"))
        failed = any(extra.get(key) is True for key in ("is_error", "error"))
        said = answering(result.get("source_call_id"), result.get("content"), failed=failed)
        refs = {key: result[key] for key in _REFS if result.get(key)}
        about = {**leftovers(refs, ()), SUBAGENT_TRACE: _referred(result)}
        yield DialogueEntry(said=said, at_ns=at_ns, about=about)


def _referred(result: _Fields) -> str | None:
    """The trace of the subagent whose result this is: by its id, else by its file's name."""
    given = first(result, *_REFS)
    ref = record(given[0] if isinstance(given, list) and given else given)
    named = text(first(ref, "trajectory_id", "session_id"))
    return named or Path(text(ref.get("trajectory_path"))).stem or None


FORMAT = Format(
    name="ATIF trajectory",
    reads="ATIF trajectories",
    looks_like=is_atif,
    decode=decode_atif,
)
