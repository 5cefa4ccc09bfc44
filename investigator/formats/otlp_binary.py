"""Binary OTLP is read as the OTLP JSON that says the same.

A file is one message (`TracesData`, which an export request is on the wire), or messages with
their length before each (4 bytes, as the collector's file exporter writes `proto`), plain or
packed with zstd.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from investigator.errors import UnreadableInput
from investigator.formats.json_files import MAX_DOCUMENT_BYTES
from investigator.ground.canonical_json import JsonValue

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

_RESOURCE_SPANS = 0x0A
"""The tag of field 1, of any length: the only field of a message, and a line feed in text."""
_INSIDE = (0x0A, 0x12, 0x1A)
_TEXT_CONTROLS = frozenset(b"\t\n\f\r")
_LENGTH_BYTES = 4
_ZSTD = b"\x28\xb5\x2f\xfd"
_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8


def is_binary_otlp(head: bytes) -> bool:
    """Whether the first bytes of a file are those of binary OTLP, and no text."""
    if all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head):
        return False
    return _starts_message(head) or _is_framed(head)


def binary_requests(file: BinaryIO, head: bytes) -> Iterator[JsonValue]:
    """The export requests of a file as OTLP JSON.

    Raises:
        UnreadableInput: the file is damaged, too large or of no spans; what stands before the
            damage is given.
    """
    if _starts_message(head):
        raw = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(raw) > MAX_DOCUMENT_BYTES:
            raise UnreadableInput(
                f"binary OTLP of more than {MAX_DOCUMENT_BYTES:,} bytes in one message; write it"
                " as JSON lines, or with a length before each message"
            )
        yield _request(raw, 0)
        return
    offset = 0
    while length := file.read(_LENGTH_BYTES):
        size = int.from_bytes(length, "big")
        raw = file.read(size) if size <= MAX_DOCUMENT_BYTES else b""
        if len(length) < _LENGTH_BYTES or len(raw) < size:
            raise UnreadableInput(f"binary OTLP cut off: a message of {size:,} bytes at {offset:,}")
        yield _request(_unpacked(raw, offset), offset)
        offset += _LENGTH_BYTES + size


def _starts_message(head: bytes) -> bool:
    if head[:1] != bytes((_RESOURCE_SPANS,)):
        return False
    at = 1
    while at < len(head) and head[at] & 0x80:
        at += 1
    return at < 6 and head[at + 1 : at + 2] != b"" and head[at + 1] in _INSIDE


def _is_framed(head: bytes) -> bool:
    size, rest = int.from_bytes(head[:_LENGTH_BYTES], "big"), head[_LENGTH_BYTES:]
    packed = rest.startswith(_ZSTD)
    return 0 < size <= MAX_DOCUMENT_BYTES and (packed or _starts_message(rest))


def _unpacked(raw: bytes, offset: int) -> bytes:
    if not raw.startswith(_ZSTD):
        return raw
    try:
        return zstandard.ZstdDecompressor().decompress(raw, max_output_size=MAX_DOCUMENT_BYTES)
    except zstandard.ZstdError as error:
        raise UnreadableInput(f"a damaged message at byte {offset:,}: {error}") from error


def _request(raw: bytes, offset: int) -> JsonValue:
    # Half a second of imports that no other format needs.
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    message = TracesData()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise UnreadableInput(f"damaged binary OTLP at byte {offset:,}: {error}") from error
    if not _has_spans(message):
        raise UnreadableInput(
            "binary OTLP of no spans (metrics or logs?); export the traces signal"
        )
    request: JsonValue = MessageToDict(message)
    return request


def _has_spans(message: TracesData) -> bool:
    return any(
        len(span.trace_id) == _TRACE_ID_BYTES and len(span.span_id) == _SPAN_ID_BYTES
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )
