"""What a span's flat attributes say in OpenInference terms; nothing is read into them.

Every view is a pure function of one `Span`. Texts are given as the source has them, so
`__REDACTED__` stays `__REDACTED__`, a truncated text stays truncated, and what is absent is
`None` or an empty tuple. Key names are those of the OpenInference semantic conventions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from investigator.ground.canonical_json import JsonValue, canonical_json, count_of, read_json
from investigator.ground.json_text import embedded_json, nested
from investigator.traces.chat_messages import read_messages
from investigator.traces.message_parts import is_call_part, is_part, is_result_part
from investigator.traces.model import Message, RetrievalChunk, Span, SpanKind, ToolCall, ToolIO

_INPUT_MESSAGES = "llm.input_messages."
_OUTPUT_MESSAGES = "llm.output_messages."
_TOOLS = "llm.tools."
_DOCUMENT_LISTS = ("retrieval.documents.", "reranker.output_documents.")

_TOOL_NAME = ("tool.name", "tool_call.function.name", "gen_ai.tool.name")
_TOOL_ARGUMENTS = (
    "tool_call.function.arguments",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.args",
    "input.value",
    "tool.parameters",
)
_TOOL_RESULT = ("output.value", "gen_ai.tool.call.result", "gen_ai.output")
_TOOL_CALL_ID = ("tool_call.id", "tool.id", "gen_ai.tool.call.id")
_TOOL_DESCRIPTION = ("tool.description", "gen_ai.tool.description")
_TOOL_SCHEMA = ("tool.parameters", "tool.json_schema")

_CONTENT_PARTS = (
    ("message.contents.", "message_content.text"),
    ("message.content.", "text"),
)

_TOOL_MARKS = ("tool_use", "tool_result", "toolCall", "tool-call", "tool-result")

_PLAIN_MESSAGE = frozenset({"message.role", "message.content"})
"""Nearly every message has these keys and no other."""

_PART = "message_content."

_SCALARS = (str, bool, int)
_OBJECTS = (dict, Mapping)
_LISTS = (list, tuple)
_SEQUENCES = (list, tuple, set, frozenset)
_NESTING = (dict, list, tuple, Mapping)

_JSON_TEXT_KEYS = ("metadata", "tool.parameters", "llm.prompt_template.variables")
_JSON_TEXT_SUFFIX = "document.metadata"


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of one model call; `None` where the source does not say."""

    prompt: int | None
    completion: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool that a model was offered; `json_schema` is the text of its definition."""

    name: str | None
    json_schema: str


def messages_of(span: Span) -> tuple[Message, ...]:
    """Input messages, then output messages; the position is the evidence index."""
    return input_messages_of(span) + output_messages_of(span)


def input_messages_of(span: Span) -> tuple[Message, ...]:
    """What the model (or the step) was given."""
    return _messages(span.attributes, _INPUT_MESSAGES)


def output_messages_of(span: Span) -> tuple[Message, ...]:
    """What the model (or the step) answered."""
    return _messages(span.attributes, _OUTPUT_MESSAGES)


def tool_io_of(span: Span) -> ToolIO | None:
    """The tool call that a TOOL span is; None for a span of another kind.

    Where a span has no recorded input, `tool.parameters` is taken for the arguments, as some
    instrumentations write them there.
    """
    if span.kind is not SpanKind.TOOL:
        return None
    return ToolIO(
        name=_first_text(span, _TOOL_NAME),
        arguments=_first_text(span, _TOOL_ARGUMENTS),
        result=_first_text(span, _TOOL_RESULT),
        call_id=_first_text(span, _TOOL_CALL_ID),
        description=_first_text(span, _TOOL_DESCRIPTION),
        parameters=_first_text(span, _TOOL_SCHEMA),
    )


def retrieval_chunks_of(span: Span) -> tuple[RetrievalChunk, ...]:
    """Retrieved documents by position; those that a reranker put out where none were retrieved."""
    for prefix in _DOCUMENT_LISTS:
        rows = _indexed(span.attributes, prefix)
        if rows:
            return tuple(_chunk(position, fields) for position, fields in rows)
    return ()


def token_counts_of(span: Span) -> TokenCounts:
    """Token counts, also where the source wrote the numbers as text."""
    return TokenCounts(
        prompt=_integer(span.attributes.get("llm.token_count.prompt")),
        completion=_integer(span.attributes.get("llm.token_count.completion")),
        total=_integer(span.attributes.get("llm.token_count.total")),
    )


def tool_definitions_of(span: Span) -> tuple[ToolDefinition, ...]:
    """The tools that the model of an LLM span was offered, in order."""
    return tuple(_tool_definition(fields) for _, fields in _indexed(span.attributes, _TOOLS))


def flatten(value: Mapping[str, object]) -> dict[str, JsonValue]:
    """Nested attributes as flat dotted keys: `{"a": {"b": [{"c": 1}]}}` is `{"a.b.0.c": 1}`.

    Lists of plain values stay lists; lists that hold objects or lists are spread by index.
    Keys whose value is None, NaN or a struct of nothing but None are dropped: a Parquet round
    trip fills them in. Arrays (anything with `tolist`) count as lists. The few keys that are
    JSON text by convention (`metadata`, `tool.parameters`, …) become JSON text, so both shapes
    of a Phoenix export read alike.
    """
    flat: dict[str, JsonValue] = {}
    pending: list[tuple[str, object]] = list(value.items())[::-1]
    while pending:
        key, item = pending.pop()
        if isinstance(item, _SCALARS):
            flat[key] = item
            continue
        if item is None:
            continue
        item = _as_list(item)
        if _is_struct(item) and not _is_json_text(key):
            pending += reversed(_spread(key, item))
        else:
            plain = to_json(item)
            if isinstance(plain, dict | list) and _is_json_text(key):
                plain = canonical_json(_without_none(plain))
            if plain is not None:
                flat[key] = plain
    return flat


def to_json(value: object) -> JsonValue:
    """A plain JSON value: NaN is None, an infinity its name, bytes UTF-8 text or hex."""
    if value is None or isinstance(value, _SCALARS):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, _OBJECTS):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, _SEQUENCES):
        return [to_json(item) for item in value]
    if isinstance(value, bytes):
        return _bytes_text(value)
    as_list = _as_list(value)
    return str(value) if as_list is value else to_json(as_list)


def _as_list(value: object) -> object:
    """Arrays and their scalars, of whatever library, as plain Python values."""
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) else value


def _is_struct(value: object) -> bool:
    """Whether a value is spread over several keys; an empty object or list is not."""
    if isinstance(value, _OBJECTS):
        return bool(value)
    return isinstance(value, _LISTS) and any(
        isinstance(_as_list(element), _NESTING) for element in value
    )


def _is_json_text(key: str) -> bool:
    return key in _JSON_TEXT_KEYS or key.endswith(_JSON_TEXT_SUFFIX)


def _spread(key: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, _OBJECTS):
        return [(f"{key}.{name}", item) for name, item in value.items()]
    assert isinstance(value, _LISTS)
    return [(f"{key}.{index}", item) for index, item in enumerate(value)]


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def _without_none(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value


def _first_text(span: Span, keys: Iterable[str]) -> str | None:
    for key in keys:
        if key in span.attributes and (text := span.text(key)) is not None:
            return text
    return None


def _indexed(
    attributes: Mapping[str, JsonValue], prefix: str
) -> list[tuple[int, dict[str, JsonValue]]]:
    """`<prefix><index>.<rest>` keys gathered by index, in order of the index."""
    keys = [key for key in attributes if key.startswith(prefix)]
    if not keys:
        return []
    rows: dict[int, dict[str, JsonValue]] = {}
    start = len(prefix)
    for key in keys:
        index, _, rest = key[start:].partition(".")
        position = count_of(index)
        if position is not None:
            rows.setdefault(position, {})[rest] = attributes[key]
    return sorted(rows.items(), key=lambda row: row[0])


def _messages(attributes: Mapping[str, JsonValue], prefix: str) -> tuple[Message, ...]:
    rows = _indexed(attributes, prefix)
    return tuple(message for _, fields in rows for message in _of_row(fields))


def _of_row(fields: Mapping[str, JsonValue]) -> tuple[Message, ...]:
    """A row's message; several where its content holds tool results beside other parts."""
    if fields.keys() <= _PLAIN_MESSAGE and not _may_hold_parts(fields.get("message.content")):
        role = _text(fields.get("message.role")) or ""
        return (Message(role, _text(fields.get("message.content"))),)
    message = Message(
        role=_text(fields.get("message.role")) or "",
        content=_content(fields),
        name=_text(fields.get("message.name")),
        tool_calls=_tool_calls(fields),
        tool_call_id=_text(fields.get("message.tool_call_id")),
        is_error=fields.get("message.is_error") is True,
    )
    try:
        parts = _tool_parts(fields)
        if not parts:
            return (message,)
        said = read_messages({"role": message.role, "content": parts}, role=message.role)
    except RecursionError:
        # Blocks nested too deeply to be read leave the message as its keys have it.
        return (message,)
    return _with_calls(said, message.tool_calls) or (message,)


def _with_calls(said: tuple[Message, ...], listed: tuple[ToolCall, ...]) -> tuple[Message, ...]:
    """The messages of a row's parts; where the parts name no call, those listed beside them."""
    if not said or not listed or any(message.tool_calls for message in said):
        return said
    return (replace(said[0], tool_calls=listed), *said[1:])


def _tool_parts(fields: Mapping[str, JsonValue]) -> list[JsonValue]:
    """The parts of a message's content where some of them are tool calls or results, else none.

    Anthropic's blocks (`tool_use`, `tool_result`) come spread over keys, or as the JSON text of
    their list.
    """
    content = fields.get("message.content")
    if isinstance(content, str):
        parts = embedded_json(content) if _may_hold_parts(content) else None
    else:
        parts = _spread_parts(fields)
    if not isinstance(parts, list) or not all(is_part(part) for part in parts):
        return []
    return parts if any(is_call_part(part) or is_result_part(part) for part in parts) else []


def _may_hold_parts(content: JsonValue) -> bool:
    """Whether a text may be the list of a message's parts, calls and results among them."""
    if not isinstance(content, str) or not content.startswith("["):
        return False
    return any(mark in content for mark in _TOOL_MARKS)


def _spread_parts(fields: Mapping[str, JsonValue]) -> list[JsonValue]:
    for prefix in ("message.contents.", "message.content."):
        rows = [_without(_PART, part) for _, part in _indexed(fields, prefix)]
        if any("tool" in str(part.get("type")) for part in rows):
            return [nested(part) for part in rows]
    return []


def _without(prefix: str, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {key.removeprefix(prefix): value for key, value in fields.items()}


def _content(fields: Mapping[str, JsonValue]) -> str | None:
    """The text of a message: its one content, else its text parts, one a line."""
    content = _text(fields.get("message.content"))
    if content is not None:
        return content
    parts = [
        text
        for prefix, key in _CONTENT_PARTS
        for _, part in _indexed(fields, prefix)
        if (text := _text(part.get(key))) is not None
    ]
    return "\n".join(parts) if parts else None


def _tool_calls(fields: Mapping[str, JsonValue]) -> tuple[ToolCall, ...]:
    calls = tuple(
        ToolCall(
            call_id=_text(call.get("tool_call.id")),
            name=_text(call.get("tool_call.function.name")) or "",
            arguments=_text(call.get("tool_call.function.arguments")) or "",
        )
        for _, call in _indexed(fields, "message.tool_calls.")
    )
    legacy = _text(fields.get("message.function_call_name"))
    if calls or legacy is None:
        return calls
    arguments = _text(fields.get("message.function_call_arguments_json"))
    return (ToolCall(call_id=None, name=legacy, arguments=arguments or ""),)


def _chunk(position: int, fields: Mapping[str, JsonValue]) -> RetrievalChunk:
    return RetrievalChunk(
        position=position,
        document_id=_text(fields.get("document.id")),
        content=_text(fields.get("document.content")),
        score=_number(fields.get("document.score")),
        metadata=_text(fields.get("document.metadata")),
    )


def _tool_definition(fields: Mapping[str, JsonValue]) -> ToolDefinition:
    schema = _text(fields.get("tool.json_schema")) or canonical_json(dict(fields))
    return ToolDefinition(
        name=_text(fields.get("tool.name")) or _name_in_schema(schema), json_schema=schema
    )


# The requests of a run offer the same tools again and again.
@lru_cache(maxsize=256)
def _name_in_schema(schema: str) -> str | None:
    """The function's name in `{"name": …}` or `{"type": "function", "function": {"name": …}}`."""
    try:
        definition = read_json(schema)
    except (ValueError, RecursionError):
        return None
    if isinstance(definition, dict) and isinstance(definition.get("function"), dict):
        definition = definition["function"]
    name = definition.get("name") if isinstance(definition, dict) else None
    return name if isinstance(name, str) else None


def _text(value: JsonValue) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return canonical_json(value)


def _number(value: JsonValue) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _integer(value: JsonValue) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None
