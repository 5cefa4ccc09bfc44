"""Which decoder reads a value is decided by looking at the value, never at a file's name.

A document is one record (an OTLP request, a transcript, a span, …) or a container of records:
a list, `{"spans": […]}`, a page `{"data": […]}` or `{"runs": […]}`, or an object whose values
are lists of spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple, assert_never

from investigator.canonical import JsonValue
from investigator.errors import UnreadableInput
from investigator.traces.decode.bare import decode_bare, is_bare
from investigator.traces.decode.chat import decode_chat, is_chat, is_chat_list
from investigator.traces.decode.fields import Record, leftovers
from investigator.traces.decode.langfuse import decode_langfuse, is_langfuse
from investigator.traces.decode.langsmith import decode_langsmith, is_langsmith
from investigator.traces.decode.mlflow import decode_mlflow, is_mlflow
from investigator.traces.decode.nested import decode_nested, is_nested
from investigator.traces.decode.otlp import decode_otlp, is_otlp
from investigator.traces.decode.phoenix import decode_phoenix, is_phoenix
from investigator.traces.decode.sdk import decode_sdk_span, is_sdk_span
from investigator.traces.model import Span
from investigator.traces.openinference import flatten

_CONTAINERS = ("spans", "data", "traces", "runs")
_PAGING = ("next_cursor", "cursors", "trace_id")


class Format(StrEnum):
    """What a record can be."""

    OTLP = "OTLP JSON"
    NESTED = "nested OpenTelemetry JSON"
    PHOENIX = "Phoenix span"
    MLFLOW = "MLflow trace"
    LANGSMITH = "LangSmith run"
    LANGFUSE = "Langfuse export"
    CHAT = "chat transcript"
    SDK = "OpenTelemetry SDK span"
    BARE = "span attributes"


_TESTS = (
    (Format.OTLP, is_otlp),
    (Format.NESTED, is_nested),
    (Format.PHOENIX, is_phoenix),
    (Format.MLFLOW, is_mlflow),
    (Format.LANGSMITH, is_langsmith),
    (Format.LANGFUSE, is_langfuse),
    (Format.CHAT, is_chat),
    (Format.SDK, is_sdk_span),
    (Format.BARE, is_bare),
)


def sniff(record: Record) -> Format | None:
    """The format of one record; None where it is none that we know."""
    return next((found for found, test in _TESTS if test(record)), None)


class Document(NamedTuple):
    """What a document gave: its spans in order, and how many items beside them are no records."""

    spans: tuple[Span, ...]
    unread: int


def decode(document: JsonValue, *, stem: str) -> tuple[Span, ...]:
    """The spans of a JSON document; see `read_document`."""
    return read_document(document, stem=stem).spans


def read_document(document: JsonValue, *, stem: str) -> Document:
    """Everything that a JSON document holds, in its order.

    `stem` names a transcript without an id (further ones in a document are `<stem>-1`, …). A
    span that the document gives no id has an empty one.

    Raises:
        UnreadableInput: the document holds no spans; the message says what was found.
    """
    try:
        found = tuple(_decode(document, stem))
    except RecursionError as error:
        raise UnreadableInput("JSON nested too deeply to be read") from error
    spans = tuple(span for span in found if span is not None)
    if not spans:
        raise UnreadableInput(f"no spans: found {describe(document)}")
    return Document(spans, unread=len(found) - len(spans))


def describe(document: JsonValue) -> str:
    """What a document is, for a message: its type and its first keys."""
    if isinstance(document, dict):
        keys = ", ".join(repr(key[:40]) for key in list(document)[:6])
        return f"an object with {f'keys {keys}' if keys else 'no keys'}"
    if isinstance(document, list):
        return f"a list of {len(document):,}, first {describe(document[0])}" if document else "[]"
    return "null" if document is None else f"a {type(document).__name__}"


def _decode(document: JsonValue, stem: str) -> Iterator[Span | None]:
    """Spans, and None for an item of a list that gives none."""
    if is_chat_list(document):
        yield from decode_chat({"messages": document}, stem=stem)
    elif isinstance(document, list):
        for index, item in enumerate(document):
            spans = tuple(_decode(item, stem if index == 0 else f"{stem}-{index}"))
            yield from spans or (None,)
    elif isinstance(document, dict):
        found = sniff(document)
        if found is not None:
            yield from _decode_record(document, found, stem)
        else:
            yield from _decode_container(document, stem)


def _decode_record(record: Record, found: Format, stem: str) -> Iterator[Span]:
    match found:
        case Format.OTLP:
            yield from decode_otlp(record)
        case Format.NESTED:
            yield from decode_nested(record)
        case Format.PHOENIX:
            yield decode_phoenix(record)
        case Format.MLFLOW:
            yield from decode_mlflow(record)
        case Format.LANGSMITH:
            yield from decode_langsmith(record)
        case Format.LANGFUSE:
            yield from decode_langfuse(record)
        case Format.CHAT:
            yield from decode_chat(record, stem=stem)
        case Format.SDK:
            yield decode_sdk_span(record)
        case Format.BARE:
            yield decode_bare(record, stem=stem)
        case _:
            assert_never(found)


def _decode_container(document: Record, stem: str) -> Iterator[Span | None]:
    key = next((key for key in _CONTAINERS if isinstance(document.get(key), list)), None)
    if key is None:
        for value in document.values():
            if isinstance(value, list) and _holds_spans(value):
                yield from _decode(value, stem)
        return
    about = flatten(leftovers(document, (key, *_PAGING)))
    for index, span in enumerate(_decode(document[key], stem)):
        yield _with_attributes(span, about) if index == 0 and span is not None else span


def _holds_spans(values: list[JsonValue]) -> bool:
    return bool(values) and isinstance(values[0], dict) and sniff(values[0]) is not None


def _with_attributes(span: Span, added: Mapping[str, JsonValue]) -> Span:
    return replace(span, attributes={**span.attributes, **added})
