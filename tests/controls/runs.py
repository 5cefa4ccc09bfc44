"""Runs of an agent for controls to look at: one that is in order, and steps to change it with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import REDACTED, Span, SpanEvent, Trace
from tests.builders import span

SYSTEM = "You are the desk of a shop. Look prices up and answer in a sentence."
ASKED = "What does the lamp SKU-1042 cost?"
FOUND = '{"sku":"SKU-1042","price":"12.50"}'
ANSWER = "The lamp SKU-1042 costs 12.50 today."
SEARCH: Mapping[str, JsonValue] = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["query"],
    "additionalProperties": False,
}
MODEL = "gpt-4o-2024-08-06"

Attributes = Mapping[str, JsonValue]
NOTHING: Attributes = {}
Call = tuple[str, str, str]
"""Id, tool and arguments of a call."""


def message(prefix: str, role: str, content: str, calls: Sequence[Call] = ()) -> Attributes:
    """The attributes of one message."""
    found: dict[str, JsonValue] = {f"{prefix}.message.role": role}
    if content:
        found[f"{prefix}.message.content"] = content
    for index, (call_id, name, arguments) in enumerate(calls):
        base = f"{prefix}.message.tool_calls.{index}.tool_call"
        found[f"{base}.id"] = call_id
        found[f"{base}.function.name"] = name
        found[f"{base}.function.arguments"] = arguments
    return found


def offering(*names: str, schema: Attributes = SEARCH) -> Attributes:
    """Tools that a model was given."""
    return {
        f"llm.tools.{index}.tool.json_schema": json.dumps(
            {"type": "function", "function": {"name": name, "parameters": dict(schema)}}
        )
        for index, name in enumerate(names)
    }


def model(
    span_id: str,
    said: str,
    *,
    at: int,
    calls: Sequence[Call] = (),
    asked: str = ASKED,
    system: str = SYSTEM,
    parent: str = "desk",
    tools: Sequence[str] = ("search",),
    more: Attributes = NOTHING,
) -> Span:
    """A model call with all that a record should hold of it."""
    found: dict[str, JsonValue] = {
        **message("llm.input_messages.0", "system", system),
        **message("llm.input_messages.1", "user", asked),
        **message("llm.output_messages.0", "assistant", said, calls),
        **offering(*tools),
        "llm.model_name": MODEL,
        "llm.token_count.prompt": 90,
        "llm.token_count.completion": 10,
        "llm.token_count.total": 100,
        "llm.prompt_template.version": "v3",
    }
    attributes = {key: value for key, value in {**found, **more}.items() if value is not None}
    return span(
        span_id, parent=parent, kind="LLM", start_ms=at, end_ms=at + 5, attributes=attributes
    )


def tool(
    span_id: str,
    result: str | None,
    *,
    at: int,
    call_id: str | None = None,
    name: str = "search",
    arguments: str = '{"query":"SKU-1042"}',
    parent: str = "desk",
    error: str | None = None,
) -> Span:
    """A tool that answered, or raised."""
    found: dict[str, JsonValue] = {"tool.name": name, "input.value": arguments}
    found |= {"tool_call.id": call_id} if call_id else {}
    found |= {"output.value": result} if result is not None else {}
    return span(
        span_id,
        parent=parent,
        kind="TOOL",
        name=name,
        start_ms=at,
        end_ms=at + 5,
        status="ERROR" if error else "OK",
        message=error or "",
        attributes=found,
    )


def retriever(span_id: str, text: str, *, at: int, parent: str = "desk") -> Span:
    """A retrieval of one document."""
    attributes: Attributes = {
        "input.value": ASKED,
        "retrieval.documents.0.document.id": "d1",
        "retrieval.documents.0.document.content": text,
    }
    return span(
        span_id, parent=parent, kind="RETRIEVER", start_ms=at, end_ms=at + 5, attributes=attributes
    )


def guardrail(span_id: str, result: str, *, at: int, checked: str = ASKED) -> Span:
    """A guardrail and what it said."""
    attributes: Attributes = {"input.value": checked, "output.value": result}
    return span(
        span_id, parent="desk", kind="GUARDRAIL", start_ms=at, end_ms=at + 5, attributes=attributes
    )


def desk(more: Attributes = NOTHING) -> Span:
    """The agent whose run it is."""
    attributes = {
        "agent.name": "desk",
        "service.version": "1.4.0",
        "input.value": ASKED,
        "output.value": ANSWER,
        **more,
    }
    return span("desk", kind="AGENT", end_ms=10_000, attributes=attributes)


def helper(span_id: str = "helper", parent: str = "desk", *, at: int = 40) -> Span:
    """An agent that the desk called."""
    attributes: Attributes = {"agent.name": span_id}
    return span(
        span_id, parent=parent, kind="AGENT", start_ms=at, end_ms=at + 40, attributes=attributes
    )


def asks(*calls: Call, tools: Sequence[str] = ("search",), more: Attributes = NOTHING) -> Span:
    """The model call that asks for tools."""
    return model("ask", "", at=20, calls=calls, tools=tools, more=more)


def answers(
    said: str = ANSWER,
    *,
    asked: str = ASKED,
    system: str = SYSTEM,
    tools: Sequence[str] = ("search",),
    more: Attributes = NOTHING,
) -> Span:
    """The model call that ends the run."""
    return model("answer", said, at=900, asked=asked, system=system, tools=tools, more=more)


LOOKED_UP: tuple[Span, ...] = (
    asks(("c1", "search", '{"query":"SKU-1042"}')),
    tool("found", FOUND, at=30, call_id="c1"),
)
"""A look-up that worked."""


def run(*steps: Span, more: Attributes = NOTHING) -> Trace:
    """A run of the desk with these steps."""
    return Trace("t", (desk(more), *steps))


def sound() -> Trace:
    """A run in which everything is in order and recorded."""
    return run(
        guardrail("input rail", '{"passed": true}', at=10),
        *LOOKED_UP,
        helper(),
        model("helped", "", at=45, parent="helper", calls=[("c2", "search", '{"query":"lamp"}')]),
        tool("found again", "SKU-1042", at=52, call_id="c2", parent="helper",
             arguments='{"query":"lamp"}'),
        model("reported", "It is SKU-1042.", at=60, parent="helper"),
        retriever("documents", "The lamp SKU-1042 costs 12.50 since May.", at=90),
        answers(),
    )  # fmt: skip


def redacted(trace: Trace) -> Trace:
    """The run with every value hidden."""
    return _with_values(trace, lambda _value: REDACTED)


def cut(trace: Trace) -> Trace:
    """The run as an exporter writes it that cuts every text."""
    return _with_values(
        trace, lambda v: f"{v[:6]}…[truncated 1234 chars]" if isinstance(v, str) else v
    )


def stripped(trace: Trace) -> Trace:
    """The run without any content: its spans, their kinds and times."""
    spans = [replace(s, attributes={}, events=(), status_message="") for s in trace.spans]
    return Trace(trace.trace_id, spans)


def empty(trace: Trace) -> Trace:
    """Nothing at all."""
    return Trace(trace.trace_id, ())


_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")


def in_another_language(trace: Trace) -> Trace:
    """The run in Korean, which nobody understands here: what is no word stays as it is."""

    def said(key: str, value: JsonValue) -> JsonValue:
        spoken = key.endswith(("message.content", "document.content", "put.value"))
        if not isinstance(value, str) or not spoken or value.lstrip()[:1] in ("{", "["):
            return value
        return " ".join(
            word if _is_kept(word) else _WORD.sub("말씀", word) for word in value.split(" ")
        )

    return Trace(
        trace.trace_id,
        [
            replace(one, attributes={key: said(key, v) for key, v in one.attributes.items()})
            for one in trace.spans
        ],
    )


def _is_kept(word: str) -> bool:
    """Addresses, links, keys and figures are the same in every language."""
    return any(map(str.isdigit, word)) or "@" in word or "/" in word


def _with_values(trace: Trace, changed: Callable[[JsonValue], JsonValue]) -> Trace:
    def event(one: SpanEvent) -> SpanEvent:
        return replace(one, attributes={k: changed(v) for k, v in one.attributes.items()})

    return Trace(
        trace.trace_id,
        [
            replace(
                one,
                attributes={key: changed(value) for key, value in one.attributes.items()},
                events=tuple(map(event, one.events)),
                status_message=str(changed(one.status_message)) if one.status_message else "",
            )
            for one in trace.spans
        ],
    )
