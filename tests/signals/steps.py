"""Steps of agents in one line each, in the three ways in which frameworks write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from investigator.ground.canonical_json import JsonValue
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.model import Span, Trace
from tests.builders import readings, span, trace

Attributes = Mapping[str, JsonValue]


def agent(span_id: str = "agent", *, parent: str | None = None, **more: JsonValue) -> Span:
    """An agent's loop, from 0 to 1 s."""
    return span(span_id, parent=parent, kind="AGENT", end_ms=1000, attributes=more)


def answering(question: str = "Is all well?", answer: str = "All is fine.") -> Span:
    """An agent's loop that shows what it was asked and what it answered."""
    return agent(**{"input.value": question, "output.value": answer})


def llm(
    span_id: str,
    said: str = "",
    *,
    at: int = 0,
    parent: str | None = "agent",
    prompt: str = "Be useful.",
    calls: Sequence[tuple[str, str]] = (),
    attributes: Attributes | None = None,
) -> Span:
    """A model call: what it was told, what it said, the calls that it asked for."""
    out = "llm.output_messages.0.message."
    found: dict[str, JsonValue] = {
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": prompt,
        f"{out}role": "assistant",
        f"{out}content": said,
    }
    for index, (name, arguments) in enumerate(calls):
        found[f"{out}tool_calls.{index}.tool_call.function.name"] = name
        found[f"{out}tool_calls.{index}.tool_call.function.arguments"] = arguments
    return span(
        span_id,
        parent=parent,
        kind="LLM",
        start_ms=at,
        end_ms=at + 1,
        attributes=found | dict(attributes or {}),
    )


def tool(
    span_id: str,
    result: str | None = "fine",
    *,
    at: int = 0,
    parent: str | None = "agent",
    name: str = "search",
    arguments: str = "{}",
    error: str | None = None,
) -> Span:
    """A tool call that answered, or raised `error`."""
    found: dict[str, JsonValue] = {"tool.name": name, "input.value": arguments}
    if result is not None and error is None:
        found["output.value"] = result
    return span(
        span_id,
        parent=parent,
        kind="TOOL",
        start_ms=at,
        end_ms=at + 1,
        status="ERROR" if error is not None else "UNSET",
        message=error or "",
        attributes=found,
    )


def chat(*turns: tuple[str, str]) -> Trace:
    """A group chat without times: (agent, what it says) for each turn."""
    return trace(*(_turn(i, name, said) for i, (name, said) in enumerate(turns)))


def _turn(index: int, name: str, said: str) -> Span:
    base = "llm.output_messages.0.message."
    return span(
        f"step-{index}",
        kind="AGENT",
        name=name,
        start_ms=None,
        end_ms=None,
        attributes={
            "agent.name": name,
            f"{base}role": "user",
            f"{base}content": said,
            "output.value": said,
        },
    )


def only(found: Trace) -> Signal:
    """The one signal of the trace."""
    signals = detect(readings(found))
    assert len(signals) == 1, [s.summary for s in signals]
    return signals[0]


def faults(found: Trace) -> list[str]:
    """The faults of the trace's signals, in order."""
    return [signal.fault.value for signal in detect(readings(found))]
