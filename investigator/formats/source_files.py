"""A file, a folder, a glob or several of them are one stream of spans, in bounded memory.

What cannot be read is an item of the stream too, with its file, line and reason; the others go
on. A transcript whose id another one has is kept apart, and says so. In a folder (walked to any
depth) only files named `.json`, `.jsonl`, `.ndjson` or `.parquet` are looked at, and nothing
hidden; a file that is named itself is always tried. A glob takes what it matches: folders as
folders, files as files of a folder unless its last part has a suffix of its own (`logs/*.txt`).
What a file holds is decided by its content alone.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from investigator.errors import SourceUnavailable, UnreadableInput
from investigator.formats.chat import epoch_of, is_chat_line, transcripts
from investigator.formats.json_files import BadRecord, JsonRecord, json_records
from investigator.formats.langsmith import is_request, joined
from investigator.formats.parquet_export import is_parquet, parquet_spans
from investigator.formats.registry import Part, read_parts
from investigator.formats.transcript_ids import TranscriptIds
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span
from investigator.traces.parquet import TraceRow

TRACE_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".parquet"})
"""The files that are looked at in a folder."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Spans of one file, in its order; a file may give several of these.

    `clash` says what was done about an id that another transcript has; then nothing is lost.
    """

    file: Path
    spans: tuple[Span, ...]
    clash: str | None = None
    evaluations: tuple[Evaluation, ...] = ()
    """Verdicts that came beside spans: on these, or on spans of another file."""

    @property
    def stored(self) -> tuple[TraceRow, ...]:
        """All that a canonical file keeps of it."""
        return (*self.spans, *self.evaluations)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or one line of it (from 1), that gave no spans, and why."""

    file: Path
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{_where(self.file, self.line)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _File:
    """A file, the name that it has among the others, and the ids that transcripts have so far."""

    path: Path
    stem: str
    ids: TranscriptIds


def read_source(paths: Sequence[Path | str]) -> Iterator[Decoded | Unreadable]:
    """Everything that the paths hold, file by file.

    Raises:
        SourceUnavailable: at once, if a path does not exist or holds no file to look at.
    """
    stems = _stems(files_of(paths))
    ids = TranscriptIds()
    files = (_File(path, stem, ids) for path, stem in stems.items())
    return (item for file in files for item in _read_file(file))


def files_of(paths: Sequence[Path | str]) -> tuple[Path, ...]:
    """The files that the paths name, each once; folders and globs in order of path.

    Raises:
        SourceUnavailable: a path does not exist or holds no file to look at.
    """
    found = [file for path in paths for file in _files_of_path(Path(path))]
    return tuple(dict.fromkeys(found))


def _read_file(file: _File) -> Iterator[Decoded | Unreadable]:
    try:
        if is_parquet(file.path):
            yield from _read_parquet(file.path)
        else:
            yield from _read_json(file)
    except OSError as error:
        yield Unreadable(file.path, None, f"cannot be read: {error.strerror or error}")


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
        for found in parquet_spans(file):
            empty = False
            if isinstance(found, str):
                yield Unreadable(file, None, found)
            else:
                spans = tuple(item for item in found if isinstance(item, Span))
                judged = tuple(item for item in found if isinstance(item, Evaluation))
                yield from _sorted_out(file, None, spans, judged)
        if empty:
            yield Unreadable(file, None, "no spans: a Parquet file of no rows")
    except UnreadableInput as error:
        yield Unreadable(file, None, str(error))


def _read_json(file: _File) -> Iterator[Decoded | Unreadable]:
    """The records of a file; what fills it one a line is read when all its lines are known.

    Messages one a line are transcripts where they are most of the file and it holds no spans.
    """
    messages: list[tuple[int, dict[str, JsonValue]]] = []
    requests: list[Mapping[str, JsonValue]] = []
    others, spans = 0, False
    for index, record in enumerate(json_records(file.path)):
        match record:
            case BadRecord(line, reason):
                yield Unreadable(file.path, line, reason)
            case JsonRecord(int() as line, dict() as value) if is_chat_line(value):
                messages.append((line, value))
            case JsonRecord(_, dict() as value) if is_request(value):
                requests.append(value)
            case JsonRecord(line, value):
                others += 1
                name = file.stem if index == 0 else f"{file.stem}-{index}"
                for item in _read_record(file, line, value, name):
                    spans = spans or isinstance(item, Decoded)
                    yield item
    if requests:
        yield from _read_record(file, None, joined(requests), file.stem)
    alone = spans or requests or not 1 < len(messages) > others
    found = [] if alone else transcripts([message for _, message in messages], stem=file.stem)
    for transcript in found:
        yield from _read_record(file, None, transcript, file.stem)
    for line, _ in () if found else messages:
        yield Unreadable(file.path, line, "a lone chat message: no transcript that it belongs to")


def _read_record(
    file: _File, line: int | None, value: JsonValue, name: str
) -> Iterator[Decoded | Unreadable]:
    try:
        parts, unread = read_parts(value, stem=name)
    except UnreadableInput as error:
        yield Unreadable(file.path, line, str(error))
        return
    for part in parts:
        yield from _part(file, line, part)
    if unread:
        yield Unreadable(file.path, line, f"{unread:,} items beside its spans are no spans")


def _part(file: _File, line: int | None, part: Part) -> Iterator[Decoded | Unreadable]:
    """A part's spans; those of a transcript under an id that no other has."""
    if part.transcript is None or not part.spans[0].trace_id:
        yield from _sorted_out(file.path, line, part.spans, part.evaluations)
        return
    named = part.spans[0].trace_id
    spans = file.ids.unique(part.spans, epoch=epoch_of(part.transcript), stem=file.stem)
    clash = None
    if not spans:
        clash = f"transcript '{named}' stands here again, word for word; it is read once"
    elif spans[0].trace_id != named:
        clash = f"another transcript has the id '{named}'; this one is '{spans[0].trace_id}'"
    yield Decoded(file.path, spans, clash and f"{_where(file.path, line)}: {clash}")


def _where(file: Path, line: int | None) -> str:
    return f"{file}" if line is None else f"{file}, line {line:,}"


def _sorted_out(
    file: Path,
    line: int | None,
    spans: tuple[Span, ...],
    evaluations: tuple[Evaluation, ...],
) -> Iterator[Decoded | Unreadable]:
    """Spans that can be referred to, and word of those that have no id to do it by."""
    named = tuple(span for span in spans if span.trace_id and span.span_id)
    if named or evaluations:
        yield Decoded(file, named, None, evaluations)
    if len(named) < len(spans):
        missing = len(spans) - len(named)
        yield Unreadable(
            file, line, f"{missing:,} of {len(spans):,} spans have no span id or no trace id"
        )
