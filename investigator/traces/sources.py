"""A file, a folder, a glob or several of them are one stream of spans, in bounded memory.

What cannot be read is an item of the stream too, with its file, line and reason; the others go
on. In a folder (walked to any depth) only files named `.json`, `.jsonl`, `.ndjson` or `.parquet`
are looked at, and nothing hidden; a file that is named itself is always tried. A glob takes what
it matches: folders as folders, files as files of a folder unless its last part has a suffix of
its own (`logs/*.txt`). What a file holds is decided by its content alone.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from investigator.canonical import JsonValue
from investigator.errors import SourceUnavailable, UnreadableInput
from investigator.traces.decode.chat import is_chat_line, transcripts
from investigator.traces.decode.sniff import read_document
from investigator.traces.json_files import BadRecord, JsonRecord, json_records
from investigator.traces.model import Span
from investigator.traces.parquet_export import is_parquet, parquet_spans

TRACE_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".parquet"})
"""The files that are looked at in a folder."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Spans of one file, in its order; a file may give several of these."""

    file: Path
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or one line of it (from 1), that gave no spans, and why."""

    file: Path
    line: int | None
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}" if self.line is None else f"{self.file}, line {self.line:,}"
        return f"{where}: {self.reason}"


def read_source(paths: Sequence[Path | str]) -> Iterator[Decoded | Unreadable]:
    """Everything that the paths hold, file by file.

    Raises:
        SourceUnavailable: at once, if a path does not exist or holds no file to look at.
    """
    files = files_of(paths)
    return (item for file, stem in _stems(files).items() for item in read_file(file, stem=stem))


def files_of(paths: Sequence[Path | str]) -> tuple[Path, ...]:
    """The files that the paths name, each once; folders and globs in order of path.

    Raises:
        SourceUnavailable: a path does not exist or holds no file to look at.
    """
    found = [file for path in paths for file in _files_of_path(Path(path))]
    return tuple(dict.fromkeys(found))


def read_file(file: Path, *, stem: str) -> Iterator[Decoded | Unreadable]:
    """What one file holds; `stem` is the id of a transcript that names none."""
    try:
        if is_parquet(file):
            yield from _read_parquet(file)
        else:
            yield from _read_json(file, stem)
    except OSError as error:
        yield Unreadable(file, None, f"cannot be read: {error.strerror or error}")


def _files_of_path(path: Path) -> list[Path]:
    if path.is_dir():
        files = _walk(path)
    elif path.exists():
        files = [path]
    else:
        files = _glob(path)
    if not files:
        suffixes = " ".join(sorted(TRACE_SUFFIXES))
        raise SourceUnavailable(f"no traces at '{path}': found no file of {suffixes} there")
    return files


def _walk(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in TRACE_SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and not file.is_dir()
    )


def _glob(pattern: Path) -> list[Path]:
    if not glob.has_magic(str(pattern)):
        raise SourceUnavailable(f"no file or folder '{pattern}'")
    any_suffix = Path(pattern.name).suffix not in ("", ".*")
    matches = [Path(match) for match in sorted(glob.glob(str(pattern), recursive=True))]
    folders = [file for match in matches if match.is_dir() for file in _walk(match)]
    files = [
        match
        for match in matches
        if not match.is_dir() and (any_suffix or match.suffix.lower() in TRACE_SUFFIXES)
    ]
    return sorted({*files, *folders})


def _stems(files: Sequence[Path]) -> dict[Path, str]:
    """A name for each file that no other has: its stem, with its folder where that is taken."""
    stems: dict[Path, str] = {}
    taken: set[str] = set()
    for file in files:
        candidates = (file.stem, f"{file.parent.name}/{file.stem}", file.as_posix())
        stems[file] = next(name for name in candidates if name not in taken)
        taken.add(stems[file])
    return stems


def _read_parquet(file: Path) -> Iterator[Decoded | Unreadable]:
    try:
        empty = True
        for spans in parquet_spans(file):
            empty = False
            yield from _sorted_out(file, None, spans)
        if empty:
            yield Unreadable(file, None, "no spans: a Parquet file of no rows")
    except UnreadableInput as error:
        yield Unreadable(file, None, str(error))


def _read_json(file: Path, stem: str) -> Iterator[Decoded | Unreadable]:
    """The records of a file; messages that fill a file one a line are read when all are known."""
    messages: list[tuple[int, dict[str, JsonValue]]] = []
    records = 0
    for index, record in enumerate(json_records(file)):
        match record:
            case BadRecord(line, reason):
                yield Unreadable(file, line, reason)
            case JsonRecord(int() as line, dict() as value) if is_chat_line(value):
                messages.append((line, value))
            case JsonRecord(line, value):
                records += 1
                name = stem if index == 0 else f"{stem}-{index}"
                yield from _read_record(file, line, value, name)
    if records == 0 and len(messages) > 1:
        found = transcripts([message for _, message in messages], stem=stem)
        for name, transcript in found.items():
            yield from _read_record(file, None, dict(transcript), name)
        if found:
            return
    for line, _ in messages:
        yield Unreadable(file, line, "a lone chat message: no transcript that it belongs to")


def _read_record(
    file: Path, line: int | None, value: JsonValue, name: str
) -> Iterator[Decoded | Unreadable]:
    try:
        spans, unread = read_document(value, stem=name)
    except UnreadableInput as error:
        yield Unreadable(file, line, str(error))
        return
    yield from _sorted_out(file, line, spans)
    if unread:
        yield Unreadable(file, line, f"{unread:,} items beside its spans are no spans")


def _sorted_out(
    file: Path, line: int | None, spans: tuple[Span, ...]
) -> Iterator[Decoded | Unreadable]:
    """Spans that can be referred to, and word of those that have no id to do it by."""
    named = tuple(span for span in spans if span.trace_id and span.span_id)
    if named:
        yield Decoded(file, named)
    if len(named) < len(spans):
        missing = len(spans) - len(named)
        yield Unreadable(
            file, line, f"{missing:,} of {len(spans):,} spans have no span id or no trace id"
        )
