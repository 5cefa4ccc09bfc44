"""A JSON or JSONL file is read record by record, and no record is larger than a limit.

Whether a file is one document or a record a line is seen from its first two lines. A line is at
most `MAX_LINE_BYTES`, a document over several lines at most `MAX_DOCUMENT_BYTES`; what is larger
is named with its size and never held in memory as a whole. A document may be several objects, one
after another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from investigator.errors import UnreadableInput
from investigator.ground.canonical_json import JsonValue
from investigator.ground.json_text import parse_json, parse_objects

MAX_LINE_BYTES = 64 * 2**20
"""The longest line that is read: a record of a JSONL file, or a document on one line."""

MAX_DOCUMENT_BYTES = 256 * 2**20
"""The largest JSON document that is read."""

_CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """One parsed record; `line` (from 1) is None where the file is one document."""

    line: int | None
    value: JsonValue


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record, or a file (`line` is None), that could not be read, and why."""

    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    offset: int
    size: int
    raw: bytes | None
    """None where the line is longer than the limit."""


def json_records(path: Path, *, max_line: int = MAX_LINE_BYTES) -> Iterator[JsonRecord | BadRecord]:
    """The records of a file, in order; a bad line does not stop the others.

    Raises:
        OSError: the file cannot be opened or read.
    """
    with path.open("rb") as file:
        yield from records_in(file, max_line=max_line)


def records_in(
    file: BinaryIO, *, max_line: int = MAX_LINE_BYTES
) -> Iterator[JsonRecord | BadRecord]:
    """The records of an open file; see `json_records`."""
    lines = (line for line in _lines(file, max_line) if line.raw is None or line.raw.strip())
    first = next(lines, None)
    if first is None:
        yield BadRecord(None, "empty: there is nothing in it")
        return
    second = next(lines, None)
    if second is None or _is_record_a_line(first, second):
        rest = (first,) if second is None else chain((first, second), lines)
        for line in rest:
            yield from _parse_line(line, alone=second is None, limit=max_line)
    else:
        yield from _parse_document(file)


def _lines(file: BinaryIO, limit: int) -> Iterator[_Line]:
    number = offset = 0
    while raw := file.readline(limit + 1):
        number += 1
        if len(raw) <= limit or raw.endswith(b"\n"):
            line = _Line(number, offset, len(raw), raw)
        else:
            line = _Line(number, offset, len(raw) + _skip_line(file), None)
        del raw
        yield line
        offset += line.size


def _skip_line(file: BinaryIO) -> int:
    """Read on to the end of the line; returns how many bytes that were."""
    skipped = 0
    while chunk := file.readline(_CHUNK_BYTES):
        skipped += len(chunk)
        if chunk.endswith(b"\n"):
            break
    return skipped


def _is_record_a_line(first: _Line, second: _Line) -> bool:
    """Whether lines are records: the first is too long, or whole, or both start an object."""
    if first.raw is None:
        return True
    start = first.raw.strip()
    if len(start) > 1 and start[:1] == b"{" and (second.raw or b"").startswith(b"{"):
        return True
    if start[-1:] not in b"}]":
        return False
    return isinstance(_parse(first.raw, None, 0), JsonRecord)


def _parse_line(line: _Line, *, alone: bool, limit: int) -> Iterator[JsonRecord | BadRecord]:
    if line.raw is None:
        yield BadRecord(
            line.number,
            f"a line of {line.size:,} bytes, above the limit of {limit:,}; "
            "split the trace into smaller records",
        )
    else:
        yield from _values(line.raw, None if alone else line.number, line.offset)


def _parse_document(file: BinaryIO) -> Iterator[JsonRecord | BadRecord]:
    file.seek(0)
    raw = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(raw) <= MAX_DOCUMENT_BYTES:
        yield from _values(raw, None, 0)
        return
    size = len(raw)
    del raw
    while chunk := file.read(_CHUNK_BYTES):
        size += len(chunk)
    yield BadRecord(
        None,
        f"a JSON document of {size:,} bytes, above the limit of {MAX_DOCUMENT_BYTES:,}; "
        "write it as JSONL, one record a line",
    )


def _values(raw: bytes, line: int | None, offset: int) -> Iterator[JsonRecord | BadRecord]:
    """The value of a text, or all of them where several objects stand one after another.

    So the console exporters of OpenTelemetry write spans, each over several lines.
    """
    found = _parse(raw, line, offset)
    several = list(parse_objects(raw)) if isinstance(found, BadRecord) else []
    if sum(isinstance(value, dict) for _, value in several) < 2:
        yield found
        return
    for number, value in several:
        if isinstance(value, UnreadableInput):
            yield BadRecord(line or number, str(value))
        else:
            yield JsonRecord(line or number, value)


def _parse(raw: bytes, line: int | None, offset: int) -> JsonRecord | BadRecord:
    try:
        return JsonRecord(line, parse_json(raw, offset=offset))
    except UnreadableInput as error:
        return BadRecord(line, str(error))
