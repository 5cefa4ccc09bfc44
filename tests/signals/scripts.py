"""One run, written once as chat messages, in the forms in which sources record it.

`FORMS` are a chat transcript, a tree of spans with tools, requests without tool spans, and OTLP
with `gen_ai.*`. In each, the message of index 3 stands on the span `place(form, 3)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from investigator.formats.chat import decode_chat
from investigator.formats.otlp import decode_otlp
from investigator.ground.canonical_json import JsonValue
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.model import Span, Trace
from tests.builders import readings, span

Said = dict[str, JsonValue]
Form = Callable[[Sequence[Said], Sequence[str]], Trace]


def system(text: str) -> Said:
    """The instructions."""
    return {"role": "system", "content": text}


def user(text: str) -> Said:
    """What a person says."""
    return {"role": "user", "content": text}


def says(text: str = "", *calls: tuple[str, str, Mapping[str, JsonValue]]) -> Said:
    """What the model says; its calls are (id, tool, arguments)."""
    asked: list[JsonValue] = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(dict(arguments))},
        }
        for call_id, name, arguments in calls
    ]
    return {"role": "assistant", "content": text, **({"tool_calls": asked} if asked else {})}


def gives(call_id: str, text: str) -> Said:
    """What came back of a call."""
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def place(form: str, index: int) -> str:
    """The span on which a message of the script stands."""
    return {"chat": f"step-{index}", "genai": f"{index + 1:016x}"}.get(form, f"m{index}")


def _calls(message: Said) -> list[tuple[str, str, str]]:
    found = message.get("tool_calls", [])
    assert isinstance(found, list)
    calls: list[tuple[str, str, str]] = []
    for call in found:
        assert isinstance(call, dict)
        function = call["function"]
        assert isinstance(function, dict)
        calls.append((str(call["id"]), str(function["name"]), str(function["arguments"])))
    return calls


def _as_chat(script: Sequence[Said], tools: Sequence[str]) -> Trace:
    record: Said = {"id": "t", "messages": list(script), "tools": [_schema(t) for t in tools]}
    return Trace("t", list(decode_chat(record, stem="t")))


def _schema(tool: str) -> JsonValue:
    return {"type": "function", "function": {"name": tool, "parameters": {"type": "object"}}}


def _message(key: str, message: Said) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {
        f"{key}role": message["role"],
        f"{key}content": message["content"],
    }
    if "tool_call_id" in message:
        found[f"{key}tool_call_id"] = message["tool_call_id"]
    for index, (call_id, name, arguments) in enumerate(_calls(message)):
        call = f"{key}tool_calls.{index}.tool_call."
        found |= {f"{call}id": call_id, f"{call}function.name": name}
        found[f"{call}function.arguments"] = arguments
    return found


def _request(script: Sequence[Said], index: int, tools: Sequence[str]) -> Span:
    found = _message("llm.output_messages.0.message.", script[index])
    for place_, message in enumerate(script[:index]):
        found |= _message(f"llm.input_messages.{place_}.message.", message)
    for place_, tool in enumerate(tools):
        found[f"llm.tools.{place_}.tool.json_schema"] = json.dumps(_schema(tool))
    return span(
        f"m{index}",
        parent="agent",
        kind="LLM",
        name="model",
        start_ms=index,
        end_ms=index + 1,
        attributes=found,
    )


def _root(script: Sequence[Said]) -> Span:
    asked = next((m["content"] for m in script if m["role"] == "user"), "")
    said = script[-1]["content"] if script[-1]["role"] == "assistant" else ""
    found = {"input.value": asked, "output.value": said}
    return span("agent", kind="AGENT", end_ms=len(script) + 1, attributes=found)


def _as_requests(script: Sequence[Said], tools: Sequence[str]) -> Trace:
    models = [i for i, message in enumerate(script) if message["role"] == "assistant"]
    return Trace("t", [_root(script), *(_request(script, index, tools) for index in models)])


def _as_tree(script: Sequence[Said], tools: Sequence[str]) -> Trace:
    asked = {call[0]: call for message in script for call in _calls(message)}
    spans = list(_as_requests(script, tools).spans)
    for index, message in enumerate(script):
        if message["role"] == "tool":
            call_id, name, arguments = asked.get(str(message["tool_call_id"]), ("x", "gone", "{}"))
            found = {"tool.name": name, "tool.id": call_id, "input.value": arguments}
            found["output.value"] = str(message["content"])
            spans.append(
                span(f"m{index}", parent="agent", kind="TOOL", start_ms=index, end_ms=index + 1,
                     attributes=found)
            )  # fmt: skip
    return Trace("t", spans)


def _part(message: Said) -> JsonValue:
    if message["role"] == "tool":
        part: JsonValue = {
            "type": "tool_call_response",
            "id": message["tool_call_id"],
            "response": message["content"],
        }
        return {"role": "tool", "parts": [part]}
    text: list[JsonValue] = [{"type": "text", "content": message["content"]}]
    calls: list[JsonValue] = [
        {"type": "tool_call", "id": call_id, "name": name, "arguments": json.loads(arguments)}
        for call_id, name, arguments in _calls(message)
    ]
    return {"role": message["role"], "parts": (text if message["content"] else []) + calls}


def _as_genai(script: Sequence[Said], tools: Sequence[str]) -> Trace:
    rows: list[JsonValue] = []
    named: JsonValue = [_schema(tool) for tool in tools]
    for index, message in enumerate(script):
        if message["role"] != "assistant":
            continue
        told = {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": json.dumps([_part(one) for one in script[:index]]),
            "gen_ai.output.messages": json.dumps([_part(message)]),
            "gen_ai.tool.definitions": json.dumps(named),
        }
        rows.append(
            {
                "traceId": f"{7:032x}",
                "spanId": f"{index + 1:016x}",
                "parentSpanId": f"{999:016x}",
                "name": "chat",
                "startTimeUnixNano": str(1_000_000 * (index + 1)),
                "endTimeUnixNano": str(1_000_000 * (index + 2)),
                "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in told.items()],
            }
        )
    agent: JsonValue = {
        "traceId": f"{7:032x}",
        "spanId": f"{999:016x}",
        "name": "invoke_agent",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": str(1_000_000_000),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}},
            {"key": "gen_ai.agent.name", "value": {"stringValue": "helper"}},
        ],
    }
    scoped: JsonValue = [{"scope": {"name": "genai"}, "spans": [agent, *rows]}]
    document: Said = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": scoped}]}
    spans = list(decode_otlp(document))
    return Trace(spans[0].trace_id, spans)


FORMS: Mapping[str, Form] = {
    "chat": _as_chat,
    "tree": _as_tree,
    "requests": _as_requests,
    "genai": _as_genai,
}


def seen(form: str, *script: Said, tools: Sequence[str] = ()) -> list[Signal]:
    """The open signals of a script in a form that are strong enough to make a run a failure."""
    found = detect(readings(FORMS[form](script, tools)))
    return [signal for signal in found if signal.open and signal.strength >= 0.5]


def told(form: str, *script: Said, tools: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The fault of each of them and where it began."""
    found = seen(form, *script, tools=tools)
    return [(signal.fault.value, signal.origin_id) for signal in found]
