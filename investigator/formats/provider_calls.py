"""What a provider answered, alone or beside what it was asked: one span of a model call.

Known are the answers of OpenAI (chat completions and responses), Anthropic, Gemini and Bedrock
Converse, as they came over the wire, and records that hold one under `response` beside a `request`.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.formats.fields import (
    first,
    leftovers,
    make_span,
    nothings,
    record,
    records,
    text,
    time_ns,
)
from investigator.formats.format import Format, Record
from investigator.formats.model_calls import call_attributes
from investigator.ground.canonical_json import JsonValue, sha256_json
from investigator.ground.json_text import json_text
from investigator.traces.chat_messages import unread_items
from investigator.traces.model import Span, SpanKind, StatusCode

_REQUESTS = ("request", "body", "input", "kwargs", "params")
_TIMES = ("created", "created_at", "timestamp", "start_time")
_KNOWN = ("response", "output", *_REQUESTS, *_TIMES)


def is_answer(value: Record) -> bool:
    """Whether an object is what a provider answers to one request."""
    kind, told = value.get("object"), value.get("type")
    if kind == "chat.completion":
        return bool(records(value.get("choices")))
    if kind == "response":
        return isinstance(value.get("output"), list)
    if told == "message" and value.get("role") == "assistant":
        return "content" in value and "usage" in value
    candidates = records(value.get("candidates"))
    if candidates:
        return any(isinstance(one.get("content"), dict) for one in candidates)
    return "stopReason" in value and "message" in record(value.get("output"))


def is_provider_call(value: Record) -> bool:
    """Whether an object is such an answer, or holds one beside its request."""
    if is_answer(value):
        return True
    asked = any(isinstance(value.get(key), dict) for key in _REQUESTS)
    return asked and is_answer(record(value.get("response")))


def decode_provider_call(value: Record, stem: str) -> Span:
    """The call as a span; it is named by the answer's id, else after the file."""
    answer = value if is_answer(value) else record(value.get("response"))
    asked: JsonValue = None
    if answer is not value:
        asked = next((value[key] for key in _REQUESTS if isinstance(value.get(key), dict)), None)
    if asked is None and answer.get("object") == "response":
        asked = {key: answer.get(key) for key in ("instructions", "tools")}
    named = text(first(answer, "id", "responseId", "response_id"))
    error = record(first(answer, "error") or value.get("error"))
    return make_span(
        trace_id=named or (stem if answer is value else f"{stem}"),
        span_id=named or sha256_json(dict(value))[:16],
        parent_id=None,
        name="chat",
        attributes={
            **({} if answer is value else leftovers(value, _KNOWN)),
            "input.value": json_text(asked) if asked is not None else None,
            "output.value": json_text(dict(answer)),
            **call_attributes(_contents(asked), _said(answer)),
        },
        start_ns=time_ns(first(value, *_TIMES)) if isinstance(first(value, *_TIMES), str) else None,
        status=StatusCode.ERROR if error else StatusCode.UNSET,
        status_message=text(error.get("message")),
        kind=SpanKind.LLM,
    )


def _contents(asked: JsonValue) -> JsonValue:
    """A request in terms that are read: Gemini has `contents` for messages."""
    fields = record(asked)
    if "contents" not in fields:
        return asked
    system = record(first(fields, "systemInstruction", "system_instruction")).get("parts")
    return {**fields, "system": system, "messages": fields["contents"]}


def _said(answer: Record) -> JsonValue:
    """An answer in terms that are read."""
    candidates = records(answer.get("candidates"))
    if candidates:
        said = record(candidates[0].get("content"))
        reason = candidates[0].get("finishReason")
        return {**said, **answer, "role": "model", "candidates": None, "finish_reason": reason}
    message = record(answer.get("output")).get("message") if "stopReason" in answer else None
    if isinstance(message, dict):
        return {**message, "usage": answer.get("usage"), "stop_reason": answer.get("stopReason")}
    return dict(answer)


def _odd_items(value: Record) -> Iterator[None]:
    """None for each item of the answer's lists, and of the messages asked with, that is none."""
    answer = value if is_answer(value) else record(value.get("response"))
    asked = [record(value.get(key)) for key in _REQUESTS]
    yield from nothings(*(answer.get(key) for key in ("choices", "candidates")))
    if isinstance(answer.get("output"), list):
        yield from nothings(answer["output"])
    yield from nothings(*(one.get(key) for one in asked for key in ("messages", "contents")))
    for message in (answer, *records(answer.get("choices"))):
        held = record(message.get("message")) or message
        yield from (None,) * unread_items({**held, "parts": held.get("content")})


FORMAT = Format(
    name="model call",
    reads="answers of OpenAI, Anthropic, Gemini and Bedrock, alone or beside their requests",
    looks_like=is_provider_call,
    decode=lambda record, stem: (decode_provider_call(record, stem), *_odd_items(record)),
)
