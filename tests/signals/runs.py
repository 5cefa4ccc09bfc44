"""One run of an agent in the forms in which sources write it, each read by its own decoder.

A mechanism is seen in all of them or in none: spans for tools (OTLP with `gen_ai.*`, a Langfuse
export), results only as messages in the next request (OTLP without tool spans), a chat transcript.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from investigator.claims.confidence import SUPPORTED, independent
from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.model import Trace
from tests.builders import readings

SPANS, MESSAGES, CHAT, LANGFUSE = "spans", "messages", "chat", "langfuse"
FORMS = (SPANS, MESSAGES, CHAT, LANGFUSE)

_TRACE = "0" * 31 + "1"
_START_MS = 1_767_225_600_000
_Fields = dict[str, JsonValue]


@dataclass(frozen=True)
class Called:
    """A call, what came back, and the status text of its span where it raised."""

    tool: str
    arguments: Mapping[str, JsonValue]
    result: str


@dataclass(frozen=True)
class Run:
    """What was asked, the calls of each model turn, and the answer.

    `tools` are the definitions offered by every request: name to the names of its arguments.
    """

    question: str
    turns: Sequence[Sequence[Called]]
    answer: str
    system: str = "You help."
    tools: Mapping[str, Sequence[str]] | None = None

    def trace(self, form: str) -> Trace:
        """The run as a source of that form writes it; span ids are `l0`, `t0.0`, …, `answer`."""
        match form:
            case "spans":
                return _read(self._otlp(with_tools=True))
            case "messages":
                return _read(self._otlp(with_tools=False))
            case "langfuse":
                return _read(self._langfuse())
            case _:
                return _read({"messages": self._messages()})

    def signals(self, form: str) -> tuple[Signal, ...]:
        """The signals of the run in that form."""
        return detect(readings(self.trace(form)))

    def open(self, form: str) -> list[str]:
        """The faults that are left open, speak for a failure, and are borne by two steps."""
        heard = readings(self.trace(form))
        return [
            signal.fault.value
            for signal in detect(heard)
            if signal.open
            and signal.strength >= SUPPORTED
            and independent(signal.evidence, heard.producers.of)
        ]

    def _messages(self) -> list[JsonValue]:
        found: list[JsonValue] = [
            {"role": "system", "content": self.system},
            {"role": "user", "content": self.question},
        ]
        for place, turn in enumerate(self.turns):
            found.append({"role": "assistant", "content": None, "tool_calls": _calls(place, turn)})
            found += [
                {"role": "tool", "tool_call_id": f"c{place}.{i}", "content": one.result}
                for i, one in enumerate(turn)
            ]
        return [*found, {"role": "assistant", "content": self.answer}]

    def _definitions(self) -> list[JsonValue]:
        return [
            {"type": "function", "function": {"name": name, "parameters": {
                "type": "object", "properties": {one: {"type": "string"} for one in names}}}}
            for name, names in (self.tools or {}).items()
        ]  # fmt: skip

    def _otlp(self, *, with_tools: bool) -> _Fields:
        end = 10 * (len(self.turns) + 1)
        spans = [_span("root", None, 0, end, {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "worker",
            "gen_ai.input.messages": _json([_said("user", self.question)]),
            "gen_ai.output.messages": _json([_said("assistant", self.answer)]),
        })]  # fmt: skip
        history = [_said("user", self.question)]
        for place, turn in enumerate(self.turns):
            calls: list[JsonValue] = [
                {"type": "tool_call", "id": f"c{place}.{i}", "name": one.tool,
                 "arguments": dict(one.arguments)}
                for i, one in enumerate(turn)
            ]  # fmt: skip
            asking: _Fields = {"role": "assistant", "parts": calls}
            spans.append(self._model_call(f"l{place}", 10 * place + 1, history, asking))
            if with_tools:
                spans += [_tool_span(place, i, one) for i, one in enumerate(turn)]
            answers: list[JsonValue] = [
                {"type": "tool_call_response", "id": f"c{place}.{i}", "response": one.result}
                for i, one in enumerate(turn)
            ]
            history = [*history, asking, {"role": "tool", "parts": answers}]
        spans.append(self._model_call("answer", end - 5, history, _said("assistant", self.answer)))
        return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}

    def _model_call(
        self, span_id: str, at: int, given: Sequence[JsonValue], said: JsonValue
    ) -> _Fields:
        held: dict[str, str] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.system_instructions": _json([{"type": "text", "content": self.system}]),
            "gen_ai.input.messages": _json(list(given)),
            "gen_ai.output.messages": _json([said]),
        }
        if self.tools is not None:
            held["gen_ai.tool.definitions"] = _json(self._definitions())
        return _span(span_id, "root", at, at + 2, held)

    def _langfuse(self) -> _Fields:
        found = [_observation("root", None, "AGENT", 0, self.question, self.answer)]
        history: list[JsonValue] = [
            {"role": "system", "content": self.system},
            {"role": "user", "content": self.question},
        ]
        for place, turn in enumerate(self.turns):
            asking: _Fields = {
                "role": "assistant",
                "content": "",
                "tool_calls": _calls(place, turn),
            }
            at = 10 * place
            given = self._langfuse_request(history)
            found.append(_observation(f"l{place}", "root", "GENERATION", at + 1, given, asking))
            for i, one in enumerate(turn):
                found.append(
                    _observation(f"t{place}.{i}", "root", "TOOL", at + 4 + i,
                                 dict(one.arguments), one.result, name=one.tool)
                )  # fmt: skip
            answers: list[JsonValue] = [
                {"role": "tool", "tool_call_id": f"c{place}.{i}", "content": one.result}
                for i, one in enumerate(turn)
            ]
            history = [*history, asking, *answers]
        said: _Fields = {"role": "assistant", "content": self.answer}
        last = self._langfuse_request(history)
        at = 10 * len(self.turns) + 5
        found.append(_observation("answer", "root", "GENERATION", at, last, said))
        return {"id": "run", "name": "run", "observations": list(found)}

    def _langfuse_request(self, history: list[JsonValue]) -> JsonValue:
        if self.tools is None:
            return list(history)
        return {"messages": list(history), "tools": self._definitions()}


def _calls(place: int, turn: Sequence[Called]) -> list[JsonValue]:
    return [
        {"id": f"c{place}.{i}", "type": "function",
         "function": {"name": one.tool, "arguments": _json(dict(one.arguments))}}
        for i, one in enumerate(turn)
    ]  # fmt: skip


def _tool_span(place: int, index: int, one: Called) -> _Fields:
    at = 10 * place + 4 + index
    return _span(f"t{place}.{index}", "root", at, at + 1, {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": one.tool,
        "gen_ai.tool.call.id": f"c{place}.{index}",
        "gen_ai.tool.call.arguments": _json(dict(one.arguments)),
        "gen_ai.tool.call.result": one.result,
    })  # fmt: skip


def _said(role: str, text: str) -> _Fields:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _span(
    span_id: str, parent: str | None, start_ms: int, end_ms: int, held: Mapping[str, str]
) -> _Fields:
    attributes: list[JsonValue] = [
        {"key": key, "value": {"stringValue": value}} for key, value in held.items()
    ]
    found: _Fields = {
        "traceId": _TRACE, "spanId": _hex(span_id), "name": span_id, "kind": 1, "status": {},
        "startTimeUnixNano": _nanoseconds(start_ms), "endTimeUnixNano": _nanoseconds(end_ms),
        "attributes": attributes,
    }  # fmt: skip
    return found if parent is None else {**found, "parentSpanId": _hex(parent)}


def _observation(
    span_id: str, parent: str | None, kind: str, at: int, given: JsonValue, said: JsonValue,
    *, name: str | None = None,
) -> _Fields:  # fmt: skip
    return {
        "id": span_id, "traceId": "run", "type": kind, "name": name or span_id,
        "parentObservationId": parent, "input": given, "output": said,
        "startTime": f"2026-01-01T00:00:00.{at:03}Z",
        "endTime": f"2026-01-01T00:00:00.{at + 1:03}Z",
    }  # fmt: skip


def _nanoseconds(at_ms: int) -> str:
    return str((_START_MS + at_ms) * 1_000_000)


def _hex(span_id: str) -> str:
    """An id of OTLP's form."""
    return span_id.encode().hex().rjust(16, "0")


def _json(value: JsonValue) -> str:
    return json.dumps(value)


def _read(document: JsonValue) -> Trace:
    spans = decode(document, stem="run")
    return Trace(spans[0].trace_id, spans)
