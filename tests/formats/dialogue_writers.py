# ruff: noqa: PERF401 - what is written reads in the order of the file
"""One dialogue, written in every format of messages, as each has it on the disk.

The shapes are the published ones. `NO_MARKS` and `NO_ENDS` are the formats that have no word for
one of the facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue

Record = dict[str, JsonValue]


class Call(NamedTuple):
    """A call and what came back; None where nothing did."""

    call_id: str
    name: str
    given: dict[str, JsonValue]
    result: str | None
    failed: bool


class Said(NamedTuple):
    """A turn of the model: what it said, the tools it asked for, whether it ran out of room."""

    text: str
    calls: tuple[Call, ...] = ()
    cut: bool = False

    @property
    def answered(self) -> tuple[Call, ...]:
        """The calls that something came back of."""
        return tuple(call for call in self.calls if call.result is not None)


class Dialogue(NamedTuple):
    """A question and the turns that answer it; the last has no calls."""

    asked: str
    turns: tuple[Said, ...]


def compact(value: JsonValue) -> str:
    """JSON as providers write arguments."""
    return json.dumps(value)


def second(number: int) -> str:
    """A time, later for each line."""
    return f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"


def numbered(events: Iterator[Record]) -> list[JsonValue]:
    """Events with the time of their place."""
    return [{**event, "timestamp": second(number)} for number, event in enumerate(events)]


def openai(dialogue: Dialogue) -> JsonValue:
    return {"messages": list(_openai(dialogue))}


def _openai(dialogue: Dialogue) -> Iterator[JsonValue]:
    yield {"role": "user", "content": dialogue.asked}
    for turn in dialogue.turns:
        calls: list[JsonValue] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": compact(call.given)},
            }
            for call in turn.calls
        ]
        asked: Record = {"tool_calls": calls} if calls else {}
        yield {"role": "assistant", "content": turn.text or None, **asked}
        for call in turn.answered:
            yield {"role": "tool", "tool_call_id": call.call_id, "content": call.result}


def responses(dialogue: Dialogue) -> JsonValue:
    items: list[JsonValue] = [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": dialogue.asked}],
        }
    ]
    for turn in dialogue.turns:
        if turn.text:
            content: JsonValue = [{"type": "output_text", "text": turn.text}]
            status = "incomplete" if turn.cut else "completed"
            items.append(
                {"type": "message", "role": "assistant", "content": content, "status": status}
            )
        for call in turn.calls:
            items.append(
                {
                    "type": "function_call",
                    "id": f"fc_{call.call_id}",
                    "call_id": call.call_id,
                    "name": call.name,
                    "arguments": compact(call.given),
                }
            )
        for call in turn.answered:
            items.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": call.result}
            )
    return items


def _blocks(turn: Said) -> list[JsonValue]:
    said: list[JsonValue] = [{"type": "text", "text": turn.text}] if turn.text else []
    return said + [
        {"type": "tool_use", "id": call.call_id, "name": call.name, "input": call.given}
        for call in turn.calls
    ]


def _results(turn: Said) -> list[JsonValue]:
    return [
        {
            "type": "tool_result",
            "tool_use_id": call.call_id,
            "content": call.result,
            "is_error": call.failed,
        }
        for call in turn.answered
    ]


def anthropic(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [{"role": "user", "content": dialogue.asked}]
    for turn in dialogue.turns:
        messages.append({"role": "assistant", "content": _blocks(turn)})
        if turn.answered:
            messages.append({"role": "user", "content": _results(turn)})
    return {"messages": messages, "max_tokens": 9}


def claude_code(dialogue: Dialogue) -> JsonValue:
    def events() -> Iterator[Record]:
        yield {"type": "user", "message": {"role": "user", "content": dialogue.asked}}
        for number, turn in enumerate(dialogue.turns):
            for block in _blocks(turn):
                reason = "max_tokens" if turn.cut else "tool_use" if turn.calls else "end_turn"
                message: Record = {
                    "id": f"m{number}",
                    "role": "assistant",
                    "content": [block],
                    "stop_reason": reason,
                }
                yield {"type": "assistant", "message": message}
            for result in _results(turn):
                yield {"type": "user", "message": {"role": "user", "content": [result]}}

    marks: Record = {"sessionId": "s"}
    lines = numbered(events())
    return [
        {**marks, **line, "uuid": f"u{n}"} for n, line in enumerate(lines) if isinstance(line, dict)
    ]


def gemini(dialogue: Dialogue) -> JsonValue:
    return {"contents": [{"role": role, "parts": parts} for role, parts in _gemini(dialogue)]}


def _gemini(dialogue: Dialogue) -> Iterator[tuple[str, list[JsonValue]]]:
    yield "user", [{"text": dialogue.asked}]
    for turn in dialogue.turns:
        said: list[JsonValue] = [{"text": turn.text}] if turn.text else []
        calls: list[JsonValue] = [
            {"functionCall": {"name": call.name, "args": call.given}} for call in turn.calls
        ]
        yield "model", said + calls
        if turn.answered:
            yield (
                "user",
                [
                    {"functionResponse": {"name": call.name, "response": _response(call)}}
                    for call in turn.answered
                ],
            )


def _response(call: Call) -> JsonValue:
    return {"error" if call.failed else "output": call.result}


def adk(dialogue: Dialogue) -> JsonValue:
    events: list[JsonValue] = []
    for number, (role, parts) in enumerate(_gemini(dialogue)):
        content: JsonValue = {"role": role, "parts": parts}
        author = "user" if number == 0 else "helper"
        event: Record = {"author": author, "invocationId": "i", "timestamp": 1e9 + number}
        events.append({**event, "content": content})
    last = events[-1]
    if dialogue.turns[-1].cut and isinstance(last, dict):
        last["finishReason"] = "MAX_TOKENS"
    return {"id": "s", "appName": "a", "userId": "u", "events": events}


def bedrock(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [{"role": "user", "content": [{"text": dialogue.asked}]}]
    for turn in dialogue.turns:
        said: list[JsonValue] = [{"text": turn.text}] if turn.text else []
        for call in turn.calls:
            use: JsonValue = {"toolUseId": call.call_id, "name": call.name, "input": call.given}
            said.append({"toolUse": use})
        messages.append({"role": "assistant", "content": said})
        results: list[JsonValue] = [
            {
                "toolResult": {
                    "toolUseId": call.call_id,
                    "content": [{"text": call.result}],
                    "status": "error" if call.failed else "success",
                }
            }
            for call in turn.answered
        ]
        if results:
            messages.append({"role": "user", "content": results})
    return {"inferenceConfig": {}, "messages": messages}


def langchain(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [{"type": "human", "content": dialogue.asked}]
    for turn in dialogue.turns:
        calls: list[JsonValue] = [
            {"type": "tool_call", "id": call.call_id, "name": call.name, "args": call.given}
            for call in turn.calls
        ]
        reason = "length" if turn.cut else "tool_calls" if turn.calls else "stop"
        messages.append(
            {
                "type": "ai",
                "content": turn.text,
                "tool_calls": calls,
                "response_metadata": {"finish_reason": reason},
            }
        )
        for call in turn.answered:
            status = "error" if call.failed else "success"
            messages.append(
                {
                    "type": "tool",
                    "tool_call_id": call.call_id,
                    "content": call.result,
                    "status": status,
                }
            )
    return {"messages": messages}


def langgraph(dialogue: Dialogue) -> JsonValue:
    return {"values": langchain(dialogue), "next": [], "config": {}}


def autogen(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [
        {"type": "UserMessage", "source": "user", "content": dialogue.asked}
    ]
    for turn in dialogue.turns:
        calls: list[JsonValue] = [
            {"id": call.call_id, "name": call.name, "arguments": compact(call.given)}
            for call in turn.calls
        ]
        content: JsonValue = calls if calls else turn.text
        thought = turn.text if calls else None
        messages.append(
            {"type": "AssistantMessage", "source": "a", "content": content, "thought": thought}
        )
        results: list[JsonValue] = [
            {
                "call_id": call.call_id,
                "name": call.name,
                "content": call.result,
                "is_error": call.failed,
            }
            for call in turn.answered
        ]
        if results:
            messages.append({"type": "FunctionExecutionResultMessage", "content": results})
    return {"messages": messages}


def vercel(dialogue: Dialogue) -> JsonValue:
    parts: list[JsonValue] = []
    for turn in dialogue.turns:
        parts.append({"type": "step-start"})
        parts += [{"type": "text", "text": turn.text}] if turn.text else []
        for call in turn.calls:
            ended: Record = (
                {"state": "output-error", "errorText": call.result}
                if call.failed
                else {"state": "output-available", "output": call.result}
            )
            if call.result is None:
                ended = {"state": "input-available"}
            parts.append(
                {
                    "type": f"tool-{call.name}",
                    "toolCallId": call.call_id,
                    "input": call.given,
                    **ended,
                }
            )
    asked: JsonValue = {"role": "user", "parts": [{"type": "text", "text": dialogue.asked}]}
    return {"messages": [asked, {"role": "assistant", "parts": parts}]}


def codex(dialogue: Dialogue) -> JsonValue:
    def events() -> Iterator[Record]:
        for item in _responses_items(dialogue):
            kept = {key: at for key, at in item.items() if key != "status"}
            yield {"type": "response_item", "payload": kept}

    return numbered(events())


def _responses_items(dialogue: Dialogue) -> list[Record]:
    items = responses(dialogue)
    assert isinstance(items, list)
    return [item for item in items if isinstance(item, dict)]


def copilot(dialogue: Dialogue) -> JsonValue:
    def events() -> Iterator[Record]:
        yield {"type": "user.message", "data": {"content": dialogue.asked}}
        for turn in dialogue.turns:
            requests: list[JsonValue] = [
                {"toolCallId": call.call_id, "name": call.name, "arguments": call.given}
                for call in turn.calls
            ]
            said: Record = {"content": turn.text, "toolRequests": requests}
            yield {"type": "assistant.message", "data": said}
            for call in turn.calls:
                ended: Record = (
                    {"success": False, "error": {"message": call.result}}
                    if call.failed
                    else {"success": True, "result": {"content": call.result}}
                )
                started: Record = {"toolCallId": call.call_id, "toolName": call.name}
                yield {"type": "tool.execution_start", "data": {**started, "arguments": call.given}}
                if call.result is None:
                    continue
                done: Record = {"toolCallId": call.call_id, **ended}
                yield {"type": "tool.execution_complete", "data": done}

    return [
        {**event, "id": f"e{n}"}
        for n, event in enumerate(numbered(events()))
        if isinstance(event, dict)
    ]


def _ended(call: Call) -> Record:
    if call.result is None:
        return {"status": "executing"}
    answer: JsonValue = {"functionResponse": {"name": call.name, "response": _response(call)}}
    return {"status": "error" if call.failed else "success", "result": [answer]}


def gemini_cli(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [
        {"id": "u", "type": "user", "timestamp": second(0), "content": dialogue.asked}
    ]
    for number, turn in enumerate(dialogue.turns, 1):
        calls: list[JsonValue] = [
            {
                "id": call.call_id,
                "name": call.name,
                "args": call.given,
                **_ended(call),
            }
            for call in turn.calls
        ]
        messages.append(
            {
                "id": f"m{number}",
                "type": "gemini",
                "timestamp": second(number),
                "content": turn.text,
                "toolCalls": calls,
            }
        )
    return {"sessionId": "s", "projectHash": "h", "messages": messages}


def openclaw(dialogue: Dialogue) -> JsonValue:
    def events() -> Iterator[Record]:
        yield {"message": {"role": "user", "content": [{"type": "text", "text": dialogue.asked}]}}
        for turn in dialogue.turns:
            said: list[JsonValue] = [{"type": "text", "text": turn.text}] if turn.text else []
            for call in turn.calls:
                said.append(
                    {
                        "type": "toolCall",
                        "id": call.call_id,
                        "name": call.name,
                        "arguments": call.given,
                    }
                )
            reason = "length" if turn.cut else "toolUse" if turn.calls else "stop"
            yield {"message": {"role": "assistant", "content": said, "stopReason": reason}}
            for call in turn.answered:
                yield {
                    "message": {
                        "role": "toolResult",
                        "toolCallId": call.call_id,
                        "toolName": call.name,
                        "content": [{"type": "text", "text": call.result}],
                        "isError": call.failed,
                    }
                }

    return [
        {"type": "message", "id": str(n), "parentId": None, **event}
        for n, event in enumerate(numbered(events()))
        if isinstance(event, dict)
    ]


def opencode(dialogue: Dialogue) -> JsonValue:
    parts: list[JsonValue] = []
    for turn in dialogue.turns:
        parts.append({"type": "step-start"})
        parts += [{"type": "text", "text": turn.text}] if turn.text else []
        for call in turn.calls:
            ended: Record = (
                {"status": "error", "error": call.result}
                if call.failed
                else {"status": "completed", "output": call.result}
            )
            if call.result is None:
                ended = {"status": "running"}
            state: Record = {"input": call.given, **ended}
            parts.append(
                {"type": "tool", "callID": call.call_id, "tool": call.name, "state": state}
            )
        reason = "length" if turn.cut else "tool-calls" if turn.calls else "stop"
        parts.append({"type": "step-finish", "reason": reason})
    asked: JsonValue = [{"type": "text", "text": dialogue.asked}]
    return {
        "info": {"id": "s"},
        "messages": [
            {"info": {"id": "a", "role": "user"}, "parts": asked},
            {"info": {"id": "b", "role": "assistant"}, "parts": parts},
        ],
    }


def atif(dialogue: Dialogue) -> JsonValue:
    steps: list[JsonValue] = [{"step_id": 1, "source": "user", "message": dialogue.asked}]
    for turn in dialogue.turns:
        calls: list[JsonValue] = [
            {"tool_call_id": call.call_id, "function_name": call.name, "arguments": call.given}
            for call in turn.calls
        ]
        results: list[JsonValue] = [
            {"source_call_id": call.call_id, "content": call.result} for call in turn.answered
        ]
        step: Record = {"step_id": len(steps) + 1, "source": "agent", "message": turn.text}
        if calls:
            step |= {"tool_calls": calls, "observation": {"results": results}}
        steps.append(step)
    return {"schema_version": "ATIF-v1.7", "session_id": "s", "agent": {}, "steps": steps}


def inspect(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [{"role": "user", "content": dialogue.asked}]
    for number, turn in enumerate(dialogue.turns):
        calls: list[JsonValue] = [
            {"id": call.call_id, "function": call.name, "arguments": call.given}
            for call in turn.calls
        ]
        said: Record = {"role": "assistant", "content": turn.text, "tool_calls": calls}
        messages.append({**said, "id": f"m{number}"})
        for call in turn.answered:
            error: JsonValue = {"type": "unknown", "message": call.result} if call.failed else None
            messages.append(
                {
                    "role": "tool",
                    "tool_call_id": call.call_id,
                    "function": call.name,
                    "content": "" if call.failed else call.result,
                    "error": error,
                }
            )
    choice: JsonValue = {
        "message": {"id": f"m{len(dialogue.turns) - 1}"},
        "stop_reason": "max_tokens" if dialogue.turns[-1].cut else "stop",
    }
    sample: Record = {"id": 1, "epoch": 1, "messages": messages, "output": {"choices": [choice]}}
    return {"eval": {"task": "t"}, "samples": [sample]}


def openhands(dialogue: Dialogue) -> JsonValue:
    events: list[JsonValue] = [
        {"id": 0, "source": "user", "action": "message", "args": {"content": dialogue.asked}}
    ]
    for number, turn in enumerate(dialogue.turns):
        for place, call in enumerate(turn.calls):
            reason = "length" if turn.cut else "tool_calls"
            choices: JsonValue = [{"finish_reason": reason}]
            response: Record = {"id": f"r{number}", "choices": choices}
            called: Record = {
                "function_name": call.name,
                "tool_call_id": call.call_id,
                "model_response": response,
            }
            thought = turn.text if place == 0 else ""
            events.append(
                {
                    "id": len(events),
                    "source": "agent",
                    "action": "run",
                    "args": {**call.given, "thought": thought},
                    "tool_call_metadata": called,
                }
            )
        for call in turn.answered:
            events.append(
                {
                    "id": len(events),
                    "source": "agent",
                    "observation": "run",
                    "content": call.result,
                    "success": not call.failed,
                    "tool_call_metadata": {"tool_call_id": call.call_id},
                }
            )
        if not turn.calls:
            said: Record = {"content": turn.text}
            events.append({"id": len(events), "source": "agent", "action": "message", "args": said})
    return events


def hermes(dialogue: Dialogue) -> JsonValue:
    marks: Record = {"session_id": "s", "platform": "cli", "session_start": second(0)}
    messages = list(_openai(dialogue))
    last = messages[-1]
    if isinstance(last, dict) and last["role"] == "assistant":
        last["finish_reason"] = "length" if dialogue.turns[-1].cut else "stop"
    return {**marks, "messages": messages}


def tau2(dialogue: Dialogue) -> JsonValue:
    messages: list[JsonValue] = [{"role": "user", "content": dialogue.asked}]
    for turn in dialogue.turns:
        calls: list[JsonValue] = [
            {"id": call.call_id, "name": call.name, "arguments": call.given} for call in turn.calls
        ]
        messages.append(
            {"role": "assistant", "content": turn.text or None, "tool_calls": calls or None}
        )
        for call in turn.answered:
            messages.append(
                {
                    "role": "tool",
                    "id": call.call_id,
                    "content": call.result,
                    "error": call.failed,
                    "requestor": "assistant",
                }
            )
    run: Record = {"id": "s", "task_id": "1", "reward_info": {"reward": 1.0}, "messages": messages}
    return {"info": {}, "tasks": [], "simulations": [run]}


_Shown = Sequence[str | Said | Call]
"""What a model was shown: a user's words, its own turns, answers of tools."""


class _Steps(NamedTuple):
    """A call of a model, what it was shown before, and the number of its span."""

    shown: _Shown
    turn: Said
    first_id: int


def _calls_of(dialogue: Dialogue) -> Iterator[_Steps]:
    shown: list[str | Said | Call] = [dialogue.asked]
    number = 2
    for turn in dialogue.turns:
        yield _Steps(list(shown), turn, number)
        number += 1 + len(turn.answered)
        shown += [turn, *turn.answered]


def _traced(dialogue: Dialogue, of_model: _OfModel, of_tool: _OfTool) -> JsonValue:
    """Spans as OTLP has them: an agent, and below it its model's calls and its tools'."""
    spans = [_otlp(1, "agent", {"openinference.span.kind": "AGENT"})]
    for shown, turn, number in _calls_of(dialogue):
        spans.append(_otlp(number, "chat", of_model(shown, turn)))
        for place, call in enumerate(turn.answered, 1):
            told = of_tool(call)
            failed = call.result if call.failed else None
            spans.append(_otlp(number + place, call.name, told, failed))
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def _otlp(number: int, name: str, told: Record, failed: str | None = None) -> JsonValue:
    at = 1_700_000_000 * 10**9 + number * 10**9
    attributes: list[JsonValue] = [
        {"key": key, "value": {"stringValue": value}} for key, value in told.items()
    ]
    return {
        "traceId": "0" * 31 + "1",
        "spanId": f"{number:016x}",
        "parentSpanId": "" if number == 1 else f"{1:016x}",
        "name": name,
        "startTimeUnixNano": str(1_700_000_000 * 10**9 if number == 1 else at),
        "endTimeUnixNano": str(at + (999 * 10**9 if number == 1 else 10**6)),
        "attributes": attributes,
        "status": {} if failed is None else {"code": 2, "message": failed},
    }


_OfModel = Callable[[_Shown, Said], Record]
_OfTool = Callable[[Call], Record]


def _reason(turn: Said) -> str:
    return "length" if turn.cut else "tool_calls" if turn.calls else "stop"


def openinference(dialogue: Dialogue) -> JsonValue:
    def message(prefix: str, one: str | Said | Call) -> Record:
        match one:
            case str():
                return {f"{prefix}.role": "user", f"{prefix}.content": one}
            case Call():
                told: Record = {f"{prefix}.role": "tool", f"{prefix}.content": one.result}
                return {**told, f"{prefix}.tool_call_id": one.call_id}
            case Said():
                said: Record = {f"{prefix}.role": "assistant", f"{prefix}.content": one.text}
                for place, call in enumerate(one.calls):
                    at = f"{prefix}.tool_calls.{place}.tool_call"
                    said[f"{at}.id"] = call.call_id
                    said[f"{at}.function.name"] = call.name
                    said[f"{at}.function.arguments"] = compact(call.given)
                return said

    def of_model(shown: _Shown, turn: Said) -> Record:
        found: Record = {"openinference.span.kind": "LLM", "llm.finish_reason": _reason(turn)}
        for place, one in enumerate(shown):
            found |= message(f"llm.input_messages.{place}.message", one)
        found |= message("llm.output_messages.0.message", turn)
        return {**found, "output.value": turn.text}

    def of_tool(call: Call) -> Record:
        return {
            "openinference.span.kind": "TOOL",
            "tool.name": call.name,
            "tool.id": call.call_id,
            "input.value": compact(call.given),
            "output.value": call.result,
        }

    return _traced(dialogue, of_model, of_tool)


def genai(dialogue: Dialogue) -> JsonValue:
    def message(one: str | Said | Call) -> Record:
        match one:
            case str():
                return {"role": "user", "parts": [{"type": "text", "content": one}]}
            case Call():
                part: Record = {"type": "tool_call_response", "id": one.call_id}
                return {"role": "tool", "parts": [{**part, "response": one.result}]}
            case Said():
                parts: list[JsonValue] = [{"type": "text", "content": one.text}] if one.text else []
                for call in one.calls:
                    asked: Record = {"id": call.call_id, "name": call.name, "arguments": call.given}
                    parts.append({"type": "tool_call", **asked})
                return {"role": "assistant", "parts": parts}

    def of_model(shown: _Shown, turn: Said) -> Record:
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": compact([message(one) for one in shown]),
            "gen_ai.output.messages": compact([{**message(turn), "finish_reason": _reason(turn)}]),
            "gen_ai.response.finish_reasons": compact([_reason(turn)]),
        }

    def of_tool(call: Call) -> Record:
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.call.id": call.call_id,
            "gen_ai.tool.call.arguments": compact(call.given),
            "gen_ai.tool.call.result": call.result,
        }

    return _traced(dialogue, of_model, of_tool)


TRACERS: dict[str, Callable[[Dialogue], JsonValue]] = {
    "openinference": openinference,
    "gen_ai": genai,
}
"""The conventions of spans: the same dialogue with its calls traced, below an agent."""

WRITERS: dict[str, Callable[[Dialogue], JsonValue]] = {
    writer.__name__: writer
    for writer in (
        *(responses, anthropic, claude_code, gemini, adk, bedrock, langchain, langgraph, autogen),
        *(vercel, codex, copilot, gemini_cli, openclaw, opencode, atif, inspect, openhands, hermes),
        tau2,
    )
}
"""Every format but OpenAI's messages, with which they are compared."""

NO_MARKS = frozenset({"openai", "responses", "codex", "atif", "hermes"})
"""The formats without a mark of failure."""

NO_ENDS = frozenset(
    {"openai", "anthropic", "gemini", "bedrock", "autogen", "vercel", "codex", "copilot"}
    | {"gemini_cli", "atif", "openhands", "tau2"}
)
"""The formats that do not say why a model stopped."""
