"""A file, a folder, a glob or several of them are one stream of spans, in bounded memory.

What cannot be read is an item of the stream too, with its file, line and reason; the others go
on. A transcript whose id another one has is kept apart, and says so. Which files a path names is
said in `folders`; what a file holds, and what it is packed in, is decided by its content alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from investigator.errors import UnreadableInput
from investigator.formats.chat import epoch_of
from investigator.formats.containers import DAMAGED, BadContent, Content, contents, on_disk
from investigator.formats.fields import odd_times
from investigator.formats.folders import files_of, no_file, spelt_path, stem_of
from investigator.formats.foreign import is_foreign
from investigator.formats.foreign_tables import table_in
from investigator.formats.format import Record, Session
from investigator.formats.json_files import BadRecord, JsonRecord, records_in
from investigator.formats.otlp_binary import binary_requests, is_binary_otlp
from investigator.formats.parquet_export import MAGIC as PARQUET_MAGIC
from investigator.formats.parquet_export import is_parquet, parquet_spans
from investigator.formats.registry import Part, Parts, parts_of, read_parts
from investigator.formats.sessions import session_of
from investigator.formats.transcript_ids import TranscriptIds
from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span
from investigator.traces.parquet import TraceRow


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
    stems: set[str]

    def member(self, content: Content) -> _File:
        """A file that stands in this one, under a stem that no other has."""
        names = (content.stem, f"{self.stem}/{content.stem}", spelt_path(content.place))
        stem = next((name for name in names if name not in self.stems), spelt_path(content.place))
        self.stems.add(stem)
        return _File(content.place, stem, self.ids, self.stems)


def read_source(paths: Sequence[Path | str]) -> Iterator[Decoded | Unreadable]:
    """Everything that the paths hold, file by file.

    Raises:
        SourceUnavailable: at once, if a path does not exist or holds no file to look at.
    """
    return read_files(files_of(paths))


def read_files(found: Sequence[Path]) -> Iterator[Decoded | Unreadable]:
    """Everything that files hold; one that is no file, or none any more, is named."""
    return read_stemmed(stems_of(found))


def read_stemmed(
    stems: Mapping[Path, str], *, called: Mapping[Path, Path] | None = None
) -> Iterator[Decoded | Unreadable]:
    """Everything that files hold which have these stems among the others.

    What cannot be read is named as a file is `called`, where it is a copy.
    """
    ids, taken = TranscriptIds(), set(stems.values())
    for path, stem in stems.items():
        name = (called or {}).get(path)
        for item in _said_once(_read_file(_File(path, stem, ids, taken))):
            if name is not None and isinstance(item, Unreadable):
                yield replace(item, file=name)
            else:
                yield item


def _said_once(items: Iterator[Decoded | Unreadable]) -> Iterator[Decoded | Unreadable]:
    """The items of a file; lines that are refused for one and the same reason are one item.

    An export of a system that isn't read has thousands of them. They come behind the others.
    """
    refused: dict[str, list[Unreadable]] = {}
    for item in items:
        if isinstance(item, Unreadable) and item.line is not None and is_foreign(item.reason):
            refused.setdefault(item.reason, []).append(item)
        else:
            yield item
    for reason, (first, *others) in refused.items():
        more = f" (and so {counted(len(others), 'more line')})" if others else ""
        yield replace(first, reason=f"{reason}{more}")


def _read_file(file: _File) -> Iterator[Decoded | Unreadable]:
    try:
        wrong = no_file(file.path)
        if wrong is not None:
            yield Unreadable(file.path, None, wrong)
            return
        for content in contents(file.path, stem=file.stem):
            if isinstance(content, BadContent):
                yield Unreadable(content.place, None, content.reason)
            else:
                yield from _read_content(file, content)
    except OSError as error:
        yield Unreadable(file.path, None, f"cannot be read: {error.strerror or error}")


def _read_content(file: _File, content: Content) -> Iterator[Decoded | Unreadable]:
    """What one unpacked file holds; damage ends it, and what stands before is read."""
    try:
        head = content.head
        inner = file if content.place == file.path else file.member(content)
        if head.startswith(PARQUET_MAGIC):
            yield from _read_parquet_content(file.path, content)
        elif is_binary_otlp(head):
            yield from _read_binary(inner, content, head)
        elif (table := table_in(head)) is not None:
            yield Unreadable(content.place, None, table)
        else:
            yield from _read_json(inner, content)
    except DAMAGED as error:
        yield Unreadable(content.place, None, f"damaged: {error or type(error).__name__}")
    except UnreadableInput as error:
        yield Unreadable(content.place, None, str(error))


def _read_parquet_content(path: Path, content: Content) -> Iterator[Decoded | Unreadable]:
    """A plain file as it lies there; what is packed is copied, because DuckDB takes no stream."""
    if content.place == path and is_parquet(path):
        yield from _read_parquet(path, path)
        return
    with on_disk(content) as copy:
        yield from _read_parquet(copy, content.place)


def _read_binary(file: _File, content: Content, head: bytes) -> Iterator[Decoded | Unreadable]:
    for number, request in enumerate(binary_requests(content.file, head)):
        yield from _read_record(file, None, request, f"{file.stem}-{number}")


def stems_of(files: Sequence[Path]) -> dict[Path, str]:
    """A name for each file that no other has: its stem, with its folder where that is taken."""
    stems: dict[Path, str] = {}
    taken: set[str] = set()
    for file in files:
        stem = stem_of(file)
        candidates = (stem, f"{spelt_path(file.parent.name)}/{stem}", spelt_path(file))
        stems[file] = next(name for name in candidates if name not in taken)
        taken.add(stems[file])
    return stems


def _read_parquet(path: Path, file: Path) -> Iterator[Decoded | Unreadable]:
    """The spans of a Parquet file; `file` is what it is called in messages."""
    try:
        empty = True
        for found in parquet_spans(path):
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


def _read_json(file: _File, content: Content) -> Iterator[Decoded | Unreadable]:
    """The records of a file; those that are lines of sessions are read when all of them are known.

    Lines that may be other things too are a session where they are most of the file and it holds
    no spans.
    """
    lines = _Lines()
    others, spans = 0, False
    for index, found in enumerate(records_in(content.file)):
        match found:
            case BadRecord(line, reason):
                yield Unreadable(file.path, line, reason)
            case JsonRecord(line, dict() as value) if lines.take(line, value):
                pass
            case JsonRecord(line, value):
                others += 1
                name = file.stem if index == 0 else f"{file.stem}-{index}"
                record = value if content.around is None else {**content.around, "samples": [value]}
                for item in _read_record(file, line, record, name):
                    spans = spans or isinstance(item, Decoded)
                    yield item
    for session, taken in lines.by_session.items():
        alone = session.alone or (not spans and 1 < len(taken) > others)
        values = [value for _, value in taken]
        read = list(session.records(values, file.stem)) if alone else []
        for one in read:
            found_parts = parts_of(session.format, one, stem=file.stem)
            yield from _read_parts(file, None, found_parts)
            if not found_parts.parts:
                yield Unreadable(file.path, None, f"a {session.format.name} of no turns")
        spans = spans or bool(read)
        for line, _ in () if read else taken:
            yield Unreadable(
                file.path, line, "a lone chat message: no transcript that it belongs to"
            )


class _Lines:
    """The lines of a file that belong to sessions, with their numbers, by session format."""

    def __init__(self) -> None:
        self.by_session: dict[Session, list[tuple[int | None, Record]]] = {}

    def take(self, line: int | None, value: Record) -> bool:
        """Keep a record that is a line; says whether it is one."""
        session = session_of(value)
        if session is None or (line is None and not session.alone):
            return False
        self.by_session.setdefault(session, []).append((line, value))
        return True


def _read_record(
    file: _File, line: int | None, value: JsonValue, name: str
) -> Iterator[Decoded | Unreadable]:
    try:
        found = read_parts(value, stem=name)
    except UnreadableInput as error:
        yield Unreadable(file.path, line, str(error))
        return
    yield from _read_parts(file, line, found)
    timeless = any(
        span.start_ns is None or span.end_ns is None for p in found.parts for span in p.spans
    )
    if timeless and (odd := odd_times(value)):
        yield Unreadable(
            file.path,
            line,
            counted(
                odd,
                "time lies outside 1970 to 2262; it is left out",
                "times lie outside 1970 to 2262; they are left out",
            ),
        )


def _read_parts(file: _File, line: int | None, found: Parts) -> Iterator[Decoded | Unreadable]:
    for part in found.parts:
        yield from _part(file, line, part)
    if unread := found.unread:
        yield Unreadable(
            file.path,
            line,
            counted(
                unread,
                "item in it is damaged or of a kind that is not known; it is left out",
                "items in it are damaged or of kinds that are not known; they are left out",
            ),
        )


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
    return spelt_path(file) if line is None else f"{spelt_path(file)}, line {line:,}"


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
            file,
            line,
            f"{missing:,} of {counted(len(spans), 'span has', 'spans have')} no span id or no "
            "trace id",
        )
