"""One conversation in two formats: as a transcript, and as an agent's tree of spans."""

from __future__ import annotations

import json
from collections.abc import Mapping

from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, Trace
from tests.builders import readings, span, trace
from tests.controls.policy_chat import Call, Turn, chat

_V1 = {control.control_id: control for control in load_library("controls-v1").controls}


def tree(*turns: Turn, system: str = "You help.") -> Trace:
    """Each message of the assistant is a model call that was given all that came before."""
    spans: list[Span] = [span("agent", kind="AGENT", start_ms=0, end_ms=9_999)]
    history: list[dict[str, JsonValue]] = [{"role": "system", "content": system}]
    for number, turn in enumerate(turns):
        if turn.role == "user":
            history.append({"role": "user", "content": turn.text})
            continue
        said = _message(turn, number)
        spans.append(_model(number, history, said))
        history.append(said)
        for index, made in enumerate(turn.calls):
            spans.append(_tool(number, index, made))
            if made.gave is not None:
                call_id = f"c{number}.{index}"
                history.append(
                    {"role": "tool", "content": _text(made.gave), "tool_call_id": call_id}
                )
    return trace(*spans)


def _message(turn: Turn, number: int) -> dict[str, JsonValue]:
    calls: list[JsonValue] = [
        {"id": f"c{number}.{index}", "name": made.tool, "arguments": _text(made.arguments)}
        for index, made in enumerate(turn.calls)
    ]
    return {"role": "assistant", "content": turn.text, "calls": calls}


def _model(number: int, history: list[dict[str, JsonValue]], said: Mapping[str, JsonValue]) -> Span:
    found: dict[str, JsonValue] = {"llm.model_name": "m-2025-01-01"}
    for index, message in enumerate(history):
        found |= _flat(f"llm.input_messages.{index}.message", message)
    found |= _flat("llm.output_messages.0.message", said)
    at = 10 * number + 1
    return span(
        f"model-{number}", parent="agent", kind="LLM", start_ms=at, end_ms=at + 2, attributes=found
    )


def _flat(prefix: str, message: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        f"{prefix}.{key}": value for key, value in message.items() if key != "calls" and value
    }
    calls = message.get("calls")
    for index, call in enumerate(calls if isinstance(calls, list) else []):
        assert isinstance(call, dict)
        base = f"{prefix}.tool_calls.{index}.tool_call"
        found |= {
            f"{base}.id": call["id"],
            f"{base}.function.name": call["name"],
            f"{base}.function.arguments": call["arguments"],
        }
    return found


def _tool(number: int, index: int, made: Call) -> Span:
    found: dict[str, JsonValue] = {
        "tool.name": made.tool,
        "tool_call.id": f"c{number}.{index}",
        "input.value": _text(made.arguments),
    }
    if made.gave is not None:
        found["output.value"] = _text(made.gave)
    at = 10 * number + 4 + index
    return span(
        f"tool-{number}-{index}",
        parent="agent",
        kind="TOOL",
        start_ms=at,
        end_ms=at,
        attributes=found,
    )


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def verdicts(control: str, *turns: Turn) -> set[str]:
    """What a control of `controls-v1` says of a conversation, in either format."""
    traces = (chat(*turns), tree(*turns))
    return {evaluate(_V1[control], readings(one)).verdict.value for one in traces}


def breaches(control: str, found: Trace) -> dict[str, list[str]]:
    """The summaries of the breaches of a control by the step that they stand at."""
    told: dict[str, list[str]] = {}
    for breach in evaluate(_V1[control], readings(found)).violations:
        told.setdefault(breach.span_id, []).append(breach.summary)
    return told
