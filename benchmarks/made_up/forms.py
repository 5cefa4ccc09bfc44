"""A script in the forms in which sources record a run, each read back by its decoder.

`openai`, `anthropic` and `langchain` are transcripts; `genai` and `openinference` are spans in
OTLP, with a span for each tool in the second only. A message of index n stands on the span
`place(form, n)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.made_up.case import Case, Said
from investigator.formats.chat import decode_chat
from investigator.formats.otlp import decode_otlp
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Trace

_TRACE = f"{7:032x}"
_ROOT = f"{9999:016x}"
TRANSCRIPTS = ("openai", "anthropic", "langchain")
SPANS = ("genai", "openinference")


def written(case: Case, form: str) -> Trace:
    """The run as a source of that form would have recorded it."""
    if case.spans is not None:
        return case.spans(form)
    return FORMS[form](case)


def place(form: str, index: int) -> str:
    """The span on which a message of the script stands."""
    return f"step-{index}" if form in TRANSCRIPTS else f"{index + 1:016x}"


def _calls(message: Said) -> list[tuple[str, str, dict[str, JsonValue]]]:
    listed = message.get("calls")
    found: list[tuple[str, str, dict[str, JsonValue]]] = []
    for call in listed if isinstance(listed, list) else ():
        assert isinstance(call, dict)
        arguments = call["arguments"]
        assert isinstance(arguments, dict)
        found.append((str(call["id"]), str(call["name"]), arguments))
    return found


def _transcript(messages: list[JsonValue], **beside: JsonValue) -> Trace:
    return Trace("t", list(decode_chat({"id": "t", "messages": messages, **beside}, stem="t")))


def _openai(case: Case) -> Trace:
    tools: list[JsonValue] = [_function(name) for name in case.tools]
    return _transcript([_openai_message(m) for m in case.script], tools=tools)


def _function(name: str) -> JsonValue:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def _openai_message(message: Said) -> JsonValue:
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": message["call_id"], "content": message["content"]}
    asked: list[JsonValue] = [
        {"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(given)}}
        for i, n, given in _calls(message)
    ]
    more: Said = {"tool_calls": asked} if asked else {}
    return {"role": message["role"], "content": message["content"], **more}


def _anthropic(case: Case) -> Trace:
    messages: list[JsonValue] = []
    for message in case.script:
        if message["role"] == "system":
            continue
        if message["role"] == "tool":
            block: JsonValue = {
                "type": "tool_result",
                "tool_use_id": message["call_id"],
                "content": [{"type": "text", "text": message["content"]}],
            }
            messages.append({"role": "user", "content": [block]})
            continue
        said: list[JsonValue] = []
        if message["content"]:
            said.append({"type": "text", "text": message["content"]})
        said += [
            {"type": "tool_use", "id": i, "name": n, "input": given}
            for i, n, given in _calls(message)
        ]
        messages.append({"role": message["role"], "content": said})
    head = case.script[0]
    told: dict[str, JsonValue] = {"system": head["content"]} if head["role"] == "system" else {}
    tools: list[JsonValue] = [
        {"name": name, "description": "", "input_schema": {"type": "object"}} for name in case.tools
    ]
    return _transcript(messages, tools=tools, max_tokens=1024, **told)


def _langchain(case: Case) -> Trace:
    types = {"system": "system", "user": "human", "assistant": "ai", "tool": "tool"}
    messages: list[JsonValue] = []
    for message in case.script:
        found: dict[str, JsonValue] = {
            "type": types[str(message["role"])],
            "content": message["content"],
        }
        if message["role"] == "tool":
            found["tool_call_id"] = message["call_id"]
        if message["role"] == "assistant":
            found["tool_calls"] = [
                {"type": "tool_call", "id": i, "name": n, "args": given}
                for i, n, given in _calls(message)
            ]
        messages.append(found)
    return _transcript(messages)


def _otlp(rows: Sequence[JsonValue]) -> Trace:
    scoped: JsonValue = [{"scope": {"name": "made"}, "spans": list(rows)}]
    resources: JsonValue = [{"resource": {"attributes": []}, "scopeSpans": scoped}]
    return Trace(_TRACE, list(decode_otlp({"resourceSpans": resources})))


def otlp_span(
    number: int,
    name: str,
    attributes: Mapping[str, JsonValue],
    *,
    parent: str | None = _ROOT,
    error: str = "",
) -> JsonValue:
    """A span that started at its number, in milliseconds."""
    values: list[JsonValue] = [{"key": k, "value": _any(v)} for k, v in attributes.items()]
    row: dict[str, JsonValue] = {
        "traceId": _TRACE,
        "spanId": f"{number + 1:016x}",
        "name": name,
        "startTimeUnixNano": str(1_000_000 * (number + 2)),
        "endTimeUnixNano": str(1_000_000 * (number + 3)),
        "attributes": values,
    }
    if parent is not None:
        row["parentSpanId"] = parent
    if error:
        row["status"] = {"code": 2, "message": error}
    return row


def otlp_trace(*rows: JsonValue, asked: str = "", said: str = "") -> Trace:
    """Spans below one agent."""
    root = {"openinference.span.kind": "AGENT", "input.value": asked, "output.value": said}
    return _otlp([{**_row(otlp_span(9998, "agent", root, parent=None)), **_OUTER}, *rows])


_OUTER: dict[str, JsonValue] = {
    "startTimeUnixNano": "1000000",
    "endTimeUnixNano": "99000000000",
}


def _row(value: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(value, dict)
    return value


def _any(value: JsonValue) -> JsonValue:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(item) for item in value]}}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}


def _genai(case: Case) -> Trace:
    tools = json.dumps([{"type": "function", "name": name} for name in case.tools])
    rows: list[JsonValue] = []
    for index, message in enumerate(case.script):
        if message["role"] != "assistant":
            continue
        told: dict[str, JsonValue] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": json.dumps([parts(m) for m in case.script[:index]]),
            "gen_ai.output.messages": json.dumps([parts(message)]),
            "gen_ai.tool.definitions": tools,
        }
        if index in case.ended:
            told["gen_ai.response.finish_reasons"] = [case.ended[index]]
        rows.append(otlp_span(index, "chat", told))
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}
    root = {**_row(otlp_span(9998, "invoke_agent", agent, parent=None)), **_OUTER}
    return _otlp([root, *rows])


def parts(message: Said) -> JsonValue:
    if message["role"] == "tool":
        answer: JsonValue = {
            "type": "tool_call_response",
            "id": message["call_id"],
            "response": message["content"],
        }
        return {"role": "tool", "parts": [answer]}
    parts: list[JsonValue] = []
    if message["content"]:
        parts.append({"type": "text", "content": message["content"]})
    parts += [
        {"type": "tool_call", "id": i, "name": n, "arguments": given}
        for i, n, given in _calls(message)
    ]
    return {"role": message["role"], "parts": parts}


def _openinference(case: Case) -> Trace:
    asked = {call[0]: call for message in case.script for call in _calls(message)}
    rows: list[JsonValue] = []
    for index, message in enumerate(case.script):
        if message["role"] == "assistant":
            rows.append(otlp_span(index, "model", _model_attributes(case, index)))
        elif message["role"] == "tool":
            call_id = str(message["call_id"])
            _, name, given = asked.get(call_id, (call_id, "unknown", {}))
            rows.append(
                otlp_span(
                    index,
                    name,
                    {
                        "openinference.span.kind": "TOOL",
                        "tool.name": name,
                        "tool.id": call_id,
                        "input.value": json.dumps(given),
                        "output.value": message["content"],
                    },
                )
            )
    first = next((m["content"] for m in case.script if m["role"] == "user"), "")
    last = case.script[-1]
    said = last["content"] if last["role"] == "assistant" else ""
    return otlp_trace(*rows, asked=str(first), said=str(said))


def _model_attributes(case: Case, index: int) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"openinference.span.kind": "LLM"}
    for number, message in enumerate(case.script[:index]):
        found |= dict(flat(f"llm.input_messages.{number}.message.", message))
    found |= dict(flat("llm.output_messages.0.message.", case.script[index]))
    for number, name in enumerate(case.tools):
        found[f"llm.tools.{number}.tool.json_schema"] = json.dumps(_function(name))
    if index in case.ended:
        found["llm.finish_reason"] = case.ended[index]
    return found


def flat(key: str, message: Said) -> Iterator[tuple[str, JsonValue]]:
    yield f"{key}role", message["role"]
    yield f"{key}content", message["content"]
    if message["role"] == "tool":
        yield f"{key}tool_call_id", message["call_id"]
    for number, (call_id, name, given) in enumerate(_calls(message)):
        call = f"{key}tool_calls.{number}.tool_call."
        yield f"{call}id", call_id
        yield f"{call}function.name", name
        yield f"{call}function.arguments", json.dumps(given)


FORMS: Mapping[str, Callable[[Case], Trace]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "langchain": _langchain,
    "genai": _genai,
    "openinference": _openinference,
}
