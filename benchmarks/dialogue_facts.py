"""What a log of a dialogue holds, by a search for keys in its JSON, and what was decoded of it.

The decoders are not asked: the JSON is walked, and what looks like a call of a tool, or like what
came back of one, is taken, whatever format it stands in. One that is written twice (a history that
is repeated, a line that was copied) has the same id and counts once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import output_messages_of, token_counts_of, tool_io_of

Fields = dict[str, JsonValue]

DIALOGUE_CELLS = ("calls", "results", "failed", "with tokens")

_CALL_TYPES = frozenset(
    {"tool_use", "server_tool_use", "toolCall", "tool_call", "tool-call", "function_call"}
    | {"custom_tool_call", "local_shell_call", "web_search_call", "tool_search_call"}
    | {"image_generation_call"}
)
_RESULT_TYPES = frozenset(
    {"tool_result", "tool-result", "function_call_output", "custom_tool_call_output"}
    | {"tool_search_output", "web_search_tool_result"}
)
_LISTS = ("tool_calls", "toolCalls", "toolRequests", "tool_uses")
_KEYED_CALLS = ("functionCall", "function_call", "toolUse")
_KEYED_RESULTS = ("functionResponse", "function_response", "toolResult")
_IDS = ("call_id", "tool_use_id", "tool_call_id", "toolCallId", "toolUseId", "source_call_id", "id")
_USAGES = ("usage", "usage_metadata", "usageMetadata", "tokens", "metrics", "models_usage")
_PROMPTS = (
    *("input_tokens", "prompt_tokens", "promptTokenCount", "prompt_token_count", "input"),
    "inputTokens",
)
_SAID = ("content", "parts", "tool_calls", "function_call", "toolInvocations", "output")
_COPIES = frozenset(
    {"replacement_history", "input", "params", "state", "changes", "call", "trajectory"}
    | {"event_logs", "past_events"}
)
"""Where a log repeats what stands in its messages: requests, states, changes of states."""


def held_in(values: Iterable[JsonValue]) -> Counter[str]:
    """What the records of a file hold."""
    found: dict[str, set[str]] = {cell: set() for cell in DIALOGUE_CELLS}
    for number, value in enumerate(values):
        for cell, name in _facts(value, f"{number}"):
            found[cell].add(name)
    return Counter({cell: len(names) for cell, names in found.items()})


def doubled(file: Path, values: Sequence[JsonValue]) -> int:
    """How many calls were decoded more often, in one trace, than the file says their id.

    Ids that a decoder gave, because the file has none, say nothing here.
    """
    text = json.dumps(values)
    calls = Counter((span.trace_id, call_id) for span, call_id in _decoded_calls(file) if call_id)
    said = ((count, text.count(f'"{call_id}"')) for (_, call_id), count in calls.items())
    return sum(max(0, count - held) for count, held in said if held)


def _facts(value: JsonValue, path: str) -> Iterator[tuple[str, str]]:
    """Each fact with the id of what it is of, else with its place."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _facts(item, f"{path}.{number}")
    elif isinstance(value, dict):
        if _is_damaged(value):
            return
        yield from _own_facts(value, path)
        for key, inner in value.items():
            if key not in _COPIES:
                yield from _facts(inner, f"{path}.{key}")


def _is_damaged(fields: Fields) -> bool:
    """Whether a message has none of the fields that say anything; it is named as unreadable."""
    return isinstance(fields.get("role"), str) and not any(key in fields for key in _SAID)


def _own_facts(fields: Fields, path: str) -> Iterator[tuple[str, str]]:
    kind, role = str(fields.get("type")), fields.get("role")
    if kind in _CALL_TYPES and "role" not in fields and path.rsplit(".", 2)[-2] not in _LISTS:
        yield "calls", _id(fields, path)
    for key in _LISTS:
        for number, call in enumerate(_objects(fields.get(key))):
            yield "calls", _id(call, f"{path}.{key}.{number}")
            if isinstance(call.get("result"), list):
                yield from _result(call, f"{path}.{key}.{number}", call.get("status") == "error")
    for key in _KEYED_CALLS:
        if isinstance(fields.get(key), dict) and role is None:
            yield "calls", f"{path}.{key}"
    for key in _KEYED_RESULTS:
        if isinstance(fields.get(key), dict) and "toolCalls" not in path:
            yield "results", f"{path}.{key}"
    if kind in _RESULT_TYPES:
        yield from _result(fields, path, fields.get("is_error") is True)
    elif role in ("tool", "toolResult") and not _has_results(fields):
        failed = fields.get("isError") is True or fields.get("status") == "error"
        yield from _result(fields, path, failed or bool(fields.get("error")))
    if kind == "tool" and "tool_call_id" in fields and role is None:
        yield from _result(fields, path, fields.get("status") == "error")
    called = fields.get("tool_call_metadata")
    if isinstance(called, dict) and isinstance(fields.get("observation"), str):
        yield from _result(called, path, fields.get("success") is False)
    if (
        role == "assistant"
        and isinstance(fields.get("action"), str)
        and not fields.get("tool_calls")
    ):
        yield "calls", path
    if kind == "FunctionExecutionResultMessage":
        for item in _objects(fields.get("content")):
            yield from _result(item, path, item.get("is_error") is True)
    if kind == "AssistantMessage":
        for item in _objects(fields.get("content")):
            yield "calls", _id(item, path)
    if kind == "tool.execution_complete" and isinstance(fields.get("data"), dict):
        data = fields["data"]
        assert isinstance(data, dict)
        yield from _result(data, path, data.get("success") is False)
    for result in _objects(_below(fields, "observation", "results")):
        yield from _result(result, f"{path}.observation", False)
    yield from _usage(fields, path)


def _result(fields: Fields, path: str, failed: bool) -> Iterator[tuple[str, str]]:
    yield "results", _id(fields, path)
    if failed:
        yield "failed", _id(fields, path)


def _usage(fields: Fields, path: str) -> Iterator[tuple[str, str]]:
    for key in _USAGES:
        used = fields.get(key)
        if isinstance(used, dict) and any(isinstance(used.get(k), int) for k in _PROMPTS):
            yield "with tokens", str(fields.get("id") or _answer_id(fields) or path)


def _answer_id(fields: Fields) -> JsonValue:
    """The id of the message that a model's output holds."""
    choices = _objects(fields.get("choices"))
    return _below(choices[0], "message", "id") if choices else None


def _has_results(fields: Fields) -> bool:
    parts = _objects(fields.get("content"))
    return any(str(part.get("type")) in _RESULT_TYPES or "toolResult" in part for part in parts)


def _below(fields: Fields, key: str, inner: str) -> JsonValue:
    holder = fields.get(key)
    return holder.get(inner) if isinstance(holder, dict) else None


def _objects(value: JsonValue) -> list[Fields]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _id(fields: Fields, path: str) -> str:
    return next((str(fields[key]) for key in _IDS if fields.get(key)), path)


def decoded_dialogue(file: Path) -> Counter[str]:
    """The same facts of what the decoders read."""
    spans = _spans_of(file)
    calls = {
        (span.trace_id, call_id or f"{span.span_id} {number}")
        for number, (span, call_id) in enumerate(_decoded_calls(file))
    }
    tools = [span for span in spans if span.kind is SpanKind.TOOL and _answered(span)]
    return Counter(
        {
            "calls": len(calls),
            "results": len(tools),
            "failed": sum(span.status == "ERROR" for span in tools),
            "with tokens": sum(token_counts_of(span).prompt is not None for span in spans),
        }
    )


def _spans_of(file: Path) -> list[Span]:
    return [s for item in read_source([file]) if isinstance(item, Decoded) for s in item.spans]


def _decoded_calls(file: Path) -> Iterator[tuple[Span, str | None]]:
    for span in _spans_of(file):
        for message in output_messages_of(span):
            yield from ((span, call.call_id) for call in message.tool_calls)


def _answered(span: Span) -> bool:
    io = tool_io_of(span)
    return io is not None and io.result is not None
