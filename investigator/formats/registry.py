"""Which decoder reads a value is decided by looking at the value, never at a file's name.

A document is one record (an OTLP request, a transcript, a span, …) or a container of records:
a list, `{"spans": […]}`, a page `{"data": […]}` or `{"runs": […]}`, or an object whose values
are lists of spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, groupby
from typing import NamedTuple

from investigator.errors import UnreadableInput
from investigator.formats import FORMATS, chat
from investigator.formats.fields import leftovers
from investigator.formats.foreign import format_of
from investigator.formats.format import Format, Record
from investigator.formats.plugin_formats import plugin_formats
from investigator.formats.sessions import session_of_list
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span
from investigator.traces.openinference import flatten

_CONTAINERS = ("spans", "data", "traces", "runs")
_PAGING = ("next_cursor", "cursors", "trace_id")


class _Found(NamedTuple):
    """A part as it was read, with None in the place of each item that is nothing."""

    items: tuple[Span | Evaluation | None, ...]
    transcript: Record | None = None

    def with_attributes(self, added: Mapping[str, JsonValue]) -> _Found:
        """The same with attributes added to its first span."""
        if not self.items or not isinstance(head := self.items[0], Span):
            return self
        return self._replace(
            items=(replace(head, attributes={**head.attributes, **added}), *self.items[1:])
        )


def sniff(record: Record) -> Format | None:
    """The format of one record; None where it is none that we know."""
    built_in = next((known for known in FORMATS if known.looks_like(record)), None)
    return built_in or next((one for one in plugin_formats() if one.looks_like(record)), None)


class Part(NamedTuple):
    """Spans that came as one record; `transcript` is the record where it is a chat transcript."""

    spans: tuple[Span, ...]
    transcript: Record | None = None
    evaluations: tuple[Evaluation, ...] = ()


class Parts(NamedTuple):
    """What a document gave, in order, and how many items beside it are no records."""

    parts: tuple[Part, ...]
    unread: int


class DecodedDocument(NamedTuple):
    """The spans of a document, in order, and how many items beside them are no records."""

    spans: tuple[Span, ...]
    unread: int
    evaluations: tuple[Evaluation, ...] = ()


def decode(document: JsonValue, *, stem: str) -> tuple[Span, ...]:
    """The spans of a JSON document; see `read_document`."""
    return read_document(document, stem=stem).spans


def read_document(document: JsonValue, *, stem: str) -> DecodedDocument:
    """Everything that a JSON document holds, in its order; see `read_parts`."""
    parts, unread = read_parts(document, stem=stem)
    spans = tuple(chain.from_iterable(part.spans for part in parts))
    evaluations = tuple(chain.from_iterable(part.evaluations for part in parts))
    return DecodedDocument(spans, unread, evaluations)


def read_parts(document: JsonValue, *, stem: str) -> Parts:
    """Everything that a JSON document holds, in its order, each transcript by itself.

    `stem` names a transcript without an id (further ones in a document are `<stem>-1`, …). A
    span that the document gives no id has an empty one.

    Raises:
        UnreadableInput: the document holds no spans; the message says what was found.
    """
    try:
        found = tuple(_decode(document, stem))
    except RecursionError as error:
        raise UnreadableInput("JSON nested too deeply to be read") from error
    parts = tuple(_parts(found))
    if not parts:
        raise UnreadableInput(f"no spans: found {describe(document)}{_refusal(document)}")
    unread = sum(item is None for part in found for item in part.items)
    return Parts(parts, unread)


def parts_of(known: Format, record: Record, *, stem: str) -> Parts:
    """What a record of a known format holds."""
    found = _found(known, record, stem)
    return Parts(tuple(_parts([found])), sum(item is None for item in found.items))


def _parts(found: Iterable[_Found]) -> Iterator[Part]:
    """Each transcript by itself, and all other spans between them as one part."""
    for is_transcript, group in groupby(found, key=lambda part: part.transcript is not None):
        members = [_part(part) for part in group]
        if is_transcript:
            yield from (member for member in members if member.spans)
            continue
        spans = tuple(chain.from_iterable(member.spans for member in members))
        evaluations = tuple(chain.from_iterable(member.evaluations for member in members))
        if spans or evaluations:
            yield Part(spans, None, evaluations)


def _part(found: _Found) -> Part:
    spans = tuple(item for item in found.items if isinstance(item, Span))
    evaluations = tuple(item for item in found.items if isinstance(item, Evaluation))
    return Part(spans, found.transcript, evaluations)


def _refusal(document: JsonValue) -> str:
    """What a document is recognised as and the way out, else what is read."""
    if not isinstance(document, dict | list) or not document:
        return ""
    named = format_of(document)
    if named is not None:
        return f"; this looks like {named}"
    names = ", ".join(known.name for known in (*FORMATS, *plugin_formats()))
    return f"; read are {names}"


def describe(document: JsonValue) -> str:
    """What a document is, for a message: its type and its first keys."""
    if isinstance(document, dict):
        keys = ", ".join(repr(key[:40]) for key in list(document)[:6])
        return f"an object with {f'keys {keys}' if keys else 'no keys'}"
    if isinstance(document, list):
        return f"a list of {len(document):,}, first {describe(document[0])}" if document else "[]"
    return "null" if document is None else f"a {type(document).__name__}"


def _decode(document: JsonValue, stem: str) -> Iterator[_Found]:
    """What each record gives; None stands for an item of a list that gives no spans."""
    lines = session_of_list(document) if isinstance(document, list) else None
    if lines is not None and isinstance(document, list):
        own = [isinstance(item, dict) and lines.is_line(item) for item in document]
        held = [
            r for r, is_own in zip(document, own, strict=True) if is_own and isinstance(r, dict)
        ]
        for record in lines.records(held, stem):
            yield _found(lines.format, record, stem)
        for item in (item for item, is_own in zip(document, own, strict=True) if not is_own):
            found = tuple(_decode(item, stem))
            yield from found if any(part.items for part in found) else (_Found((None,)),)
    elif chat.is_chat_list(document):
        listed: Record = {"messages": document}
        yield _found(sniff(listed) or chat.FORMAT, listed, stem)
    elif isinstance(document, list):
        for index, item in enumerate(document):
            found = tuple(_decode(item, stem if index == 0 else f"{stem}-{index}"))
            yield from found if any(part.items for part in found) else (_Found((None,)),)
    elif isinstance(document, dict):
        known = sniff(document)
        if known is not None:
            yield _found(known, document, stem)
        else:
            yield from _decode_container(document, stem)


def _found(known: Format, record: Record, stem: str) -> _Found:
    return _Found(tuple(known.decode(record, stem)), record if known.transcript else None)


def _decode_container(document: Record, stem: str) -> Iterator[_Found]:
    key = next((key for key in _CONTAINERS if isinstance(document.get(key), list)), None)
    if key is None:
        for value in document.values():
            if isinstance(value, list) and _holds_spans(value):
                yield from _decode(value, stem)
        return
    about = flatten(leftovers(document, (key, *_PAGING)))
    for index, found in enumerate(_decode(document[key], stem)):
        yield found if index else found.with_attributes(about)


def _holds_spans(values: list[JsonValue]) -> bool:
    return bool(values) and isinstance(values[0], dict) and sniff(values[0]) is not None
