"""How the model calls of a run were set up: model, system prompt, tools offered, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from investigator.ground.canonical_json import JsonValue, canonical_json, json_object
from investigator.readings.languages import word_set
from investigator.readings.reading import Readings
from investigator.readings.same_values import Alike, SameValues
from investigator.readings.steps import StepKind
from investigator.traces.model import Span
from investigator.traces.openinference import tool_definitions_of

_SYSTEM_ROLES = frozenset({"system", "developer"})
_OF_A_CALL = word_set(
    "model messages tools functions input prompt user seed metadata stream system contents "
    "request_id session_id extra_headers extra_body"
)
"""Parameters that hold the content of a call, or that are compared apart."""


@dataclass(frozen=True, slots=True)
class Setup:
    """That of one model call; None where the trace doesn't say."""

    span: Span
    model: str | None
    prompt: str | None
    tools: frozenset[str] | None
    parameters: str | None


def setups_of(readings: Readings) -> Iterator[tuple[str, Setup]]:
    """Every setup that differs from that of the agent's call before it, with the agent."""
    if readings.view.is_transcript:
        yield from _of_transcript(readings)
        return
    last: dict[str, Setup] = {}
    for span in readings.view.model_calls:
        agent = readings.trace.agent_of(span) or ""
        found = _setup(readings, span)
        before = last.get(agent)
        if before is None or _key(before) != _key(found):
            last[agent] = found
            yield agent, found


def _of_transcript(readings: Readings) -> Iterator[tuple[str, Setup]]:
    """A chat log has one setup: that of its first turn of a model."""
    steps = readings.steps
    first = next((s for s in steps if s.kind in (StepKind.MODEL, StepKind.ANSWER)), None)
    told = next((step.text for step in steps if step.kind is StepKind.SYSTEM), None)
    span = None if first is None else readings.trace.get(first.span_id)
    if span is not None:
        yield "", replace(_setup(readings, span), prompt=told)


def _setup(readings: Readings, span: Span) -> Setup:
    said = [m.full_text for m in readings.view.inputs(span) if m.role in _SYSTEM_ROLES]
    offered = tool_definitions_of(span)
    told = json_object(span.text("llm.invocation_parameters"))
    kept: dict[str, JsonValue] = {k: v for k, v in (told or {}).items() if k not in _OF_A_CALL}
    return Setup(
        span=span,
        model=span.text("llm.model_name"),
        prompt=said[0] if said else None,
        tools=frozenset(t.name for t in offered if t.name) if offered else None,
        parameters=canonical_json(kept) if told is not None else None,
    )


def _key(setup: Setup) -> tuple[object, ...]:
    return (setup.model, setup.prompt, setup.tools, setup.parameters)


def change_of(failed: Setup, good: Setup, same: SameValues) -> str | None:
    """What is set up otherwise, in words; None where nothing is."""
    if failed.tools is not None and good.tools is not None and failed.tools != good.tools:
        lacks, has = sorted(good.tools - failed.tools), sorted(failed.tools - good.tools)
        told = [f"is not offered {', '.join(lacks)}"] if lacks else []
        return " and ".join([*told, *([f"is offered {', '.join(has)} as well"] if has else [])])
    if failed.prompt is not None and good.prompt is not None:
        words = prompt_change(failed.prompt, good.prompt, same)
        if words is not None:
            return words
    if None not in (failed.model, good.model) and failed.model != good.model:
        return f"asks the model {failed.model}, the good run {good.model}"
    if None not in (failed.parameters, good.parameters) and failed.parameters != good.parameters:
        return f"has the parameters {failed.parameters}, the good run {good.parameters}"
    return None


def prompt_change(failed: str, good: str, same: SameValues) -> str | None:
    """What a system prompt says otherwise, by its first line that only one of them has."""
    if same.texts(failed, good).alike is Alike.SAME:
        return None
    ours, theirs = _lines(failed), _lines(good)
    lost = next((line for line in theirs if not _has(line, ours, same, failed=False)), None)
    new = next((line for line in ours if not _has(line, theirs, same, failed=True)), None)
    if lost is None and new is None:
        return None
    if lost is None:
        return f"has a system prompt that adds “{new}”"
    if new is None:
        return f"has a system prompt without “{lost}”"
    return f"has a system prompt with “{new}” in place of “{lost}”"


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line for raw in text.splitlines() if (line := raw.strip())))


def _has(line: str, others: list[str], same: SameValues, *, failed: bool) -> bool:
    """Whether the other prompt has the line, apart from what every run has of its own."""
    if line in others:
        return True
    pairs = ((line, other) if failed else (other, line) for other in others)
    return any(same.texts(*pair).alike is Alike.SAME for pair in pairs)
