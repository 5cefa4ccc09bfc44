"""A told story becomes OTLP JSON: nested steps in, spans with ids, times and attributes out.

Steps happen one after the other: a child starts 2 ms after the one before it ended, and a step
lasts as long as its children and its own work. Ids are hashes of the story's name and the step's
place in it, so the same story always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from investigator.ground.canonical_json import JsonValue

GAP_NS = 2_000_000
MODEL = "atlas-4-mini"


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that ended a step."""

    type: str
    message: str
    stacktrace: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the agent; `ms` is its own work, without its children."""

    kind: str
    name: str
    ms: float
    attributes: Mapping[str, JsonValue] = field(default_factory=dict)
    children: tuple[Step, ...] = ()
    raised: Raised | None = None

    @property
    def duration_ns(self) -> int:
        """Own work, children and the gaps between them."""
        inner = sum(child.duration_ns + GAP_NS for child in self.children)
        return round(self.ms * 1e6) + inner


@dataclass(frozen=True, slots=True)
class Story:
    """One trace: `start_ns` is when it began, `root` what happened."""

    name: str
    project: str
    start_ns: int
    root: Step

    @property
    def trace_id(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the model asks for."""

    id: str
    name: str
    arguments: Mapping[str, JsonValue]

    @property
    def text(self) -> str:
        return json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Said:
    """One chat message."""

    role: str
    content: str | None = None
    calls: tuple[Call, ...] = ()
    answers: str | None = None


def agent(name: str, question: str, answer: str | None, *steps: Step) -> Step:
    """The root of a run: what was asked, what came back."""
    attributes: dict[str, JsonValue] = {"agent.name": name, **_text("input", question)}
    return Step("AGENT", name, 9, attributes | _text("output", answer), steps)


def chain(
    name: str, given: str, result: str | None, *steps: Step, raised: Raised | None = None
) -> Step:
    """A step of plain code."""
    return Step("CHAIN", name, 3, _text("input", given) | _text("output", result), steps, raised)


def http(url: str, status: int, *, ms: float) -> Step:
    """A request to another service; a status from 400 up fails the step."""
    raised = None
    if status >= 400:
        reason = {429: "Too Many Requests", 503: "Service Unavailable"}[status]
        raised = Raised("HTTPStatusError", f"{status} {reason} for {url}")
    attributes: dict[str, JsonValue] = {
        "http.request.method": "GET",
        "http.response.status_code": status,
        "url.full": url,
    }
    return Step("CHAIN", "GET", ms, attributes, raised=raised)


def tool(
    call: Call, result: str | None, *steps: Step, ms: float, raised: Raised | None = None
) -> Step:
    """A tool that did what the model asked for, or raised."""
    attributes: dict[str, JsonValue] = {
        "tool.name": call.name,
        "tool.parameters": call.text,
        "tool_call.id": call.id,
        **_text("input", call.text),
    }
    return Step("TOOL", call.name, ms, attributes | _text("output", result), steps, raised)


def retriever(query: str, documents: tuple[tuple[str, float, str], ...], *, ms: float) -> Step:
    """A search of a vector index; documents are (id, score, text), best first."""
    attributes = _text("input", query)
    for index, (document_id, score, content) in enumerate(documents):
        prefix = f"retrieval.documents.{index}.document"
        attributes |= {
            f"{prefix}.id": document_id,
            f"{prefix}.score": score,
            f"{prefix}.content": content,
        }
    found: list[JsonValue] = [document_id for document_id, _, _ in documents]
    embedding: dict[str, JsonValue] = {
        "embedding.model_name": "atlas-embed",
        "embedding.embeddings.0.embedding.text": query,
    }
    return Step(
        "RETRIEVER",
        "vector_search",
        ms,
        attributes | _text("output", json.dumps({"documents": found}), "application/json"),
        (Step("EMBEDDING", "embed", 21, embedding),),
    )


def llm(heard: tuple[Said, ...], reply: Said, *, ms: float, tools: tuple[str, ...] = ()) -> Step:
    """A model call: the whole conversation in, one message out."""
    prompt = sum(_tokens(said) for said in heard) + 42 * len(tools)
    completion = _tokens(reply)
    attributes: dict[str, JsonValue] = {
        "llm.model_name": MODEL,
        "llm.provider": "atlas",
        "llm.invocation_parameters": json.dumps({"temperature": 0.0, "max_tokens": 1024}),
        "llm.finish_reason": "tool_calls" if reply.calls else "stop",
        "llm.token_count.prompt": prompt,
        "llm.token_count.completion": completion,
        "llm.token_count.total": prompt + completion,
        **_text("output", reply.content),
    }
    for index, said in enumerate(heard):
        attributes |= _message(f"llm.input_messages.{index}.message", said)
    attributes |= _message("llm.output_messages.0.message", reply)
    for index, schema in enumerate(tools):
        attributes[f"llm.tools.{index}.tool.json_schema"] = schema
    return Step("LLM", "chat", ms, attributes)


def function(name: str, description: str, **parameters: str) -> str:
    """The JSON schema of a tool whose parameters, all required, are name=type."""
    schema = {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {key: {"type": value} for key, value in parameters.items()},
                "required": list(parameters),
            },
        },
    }
    return json.dumps(schema)


def _text(side: str, text: str | None, mime: str = "text/plain") -> dict[str, JsonValue]:
    if text is None:
        return {}
    kind = "application/json" if text.startswith("{") else mime
    return {f"{side}.value": text, f"{side}.mime_type": kind}


def _tokens(said: Said) -> int:
    text = (said.content or "") + "".join(call.name + call.text for call in said.calls)
    return 4 + len(text) // 4


def _message(prefix: str, said: Said) -> dict[str, JsonValue]:
    attributes: dict[str, JsonValue] = {f"{prefix}.role": said.role}
    if said.content is not None:
        attributes[f"{prefix}.content"] = said.content
    if said.answers is not None:
        attributes[f"{prefix}.tool_call_id"] = said.answers
    for index, call in enumerate(said.calls):
        asked = f"{prefix}.tool_calls.{index}.tool_call"
        attributes[f"{asked}.id"] = call.id
        attributes[f"{asked}.function.name"] = call.name
        attributes[f"{asked}.function.arguments"] = call.text
    return attributes


def otlp(story: Story) -> JsonValue:
    """The story as one OTLP export request in its JSON form."""
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": _attributes(
                        {
                            "service.name": story.project,
                            "openinference.project.name": story.project,
                        }
                    )
                },
                "scopeSpans": [
                    {
                        "scope": {"name": "sample-agent", "version": "1.4.0"},
                        "spans": list(_spans(story, story.root, "0", None, story.start_ns)),
                    }
                ],
            }
        ]
    }


def _spans(
    story: Story, step: Step, place: str, parent: str | None, start_ns: int
) -> Iterator[JsonValue]:
    span_id = hashlib.sha256(f"{story.name}/{place}".encode()).hexdigest()[:16]
    end_ns = start_ns + step.duration_ns
    yield _span(story.trace_id, step, {"spanId": span_id, "parentSpanId": parent}, start_ns, end_ns)
    moment = start_ns + GAP_NS // 2
    for index, child in enumerate(step.children):
        yield from _spans(story, child, f"{place}.{index}", span_id, moment)
        moment += child.duration_ns + GAP_NS


def _span(
    trace_id: str, step: Step, ids: dict[str, str | None], start_ns: int, end_ns: int
) -> JsonValue:
    span: dict[str, JsonValue] = {
        "traceId": trace_id,
        **{key: value for key, value in ids.items() if value is not None},
        "name": step.name,
        "kind": 1,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": _attributes({"openinference.span.kind": step.kind, **step.attributes}),
        "status": {},
    }
    if step.raised is not None:
        span["events"] = [_exception(step.raised, end_ns)]
        message = f"{step.raised.type}: {step.raised.message}"
        span["status"] = {"code": 2, "message": message}
    return span


def _exception(raised: Raised, time_ns: int) -> JsonValue:
    attributes: dict[str, JsonValue] = {
        "exception.type": raised.type,
        "exception.message": raised.message,
    }
    if raised.stacktrace:
        attributes["exception.stacktrace"] = raised.stacktrace
    return {
        "timeUnixNano": str(time_ns),
        "name": "exception",
        "attributes": _attributes(attributes),
    }


def _attributes(values: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [{"key": key, "value": _any_value(value)} for key, value in values.items()]


def _any_value(value: JsonValue) -> JsonValue:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def transcript(run_id: str, spoken: tuple[Said, ...]) -> JsonValue:
    """The same conversation as a chat transcript in OpenAI form: no spans, no times."""
    return {"run_id": run_id, "messages": [_chat_message(said) for said in spoken]}


def _chat_message(said: Said) -> JsonValue:
    message: dict[str, JsonValue] = {"role": said.role, "content": said.content}
    if said.answers is not None:
        message["tool_call_id"] = said.answers
    if said.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.text},
            }
            for call in said.calls
        ]
    return message
