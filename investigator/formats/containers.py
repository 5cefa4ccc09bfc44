"""What a file is packed in is seen from its first bytes; what is in it is read as files are.

gzip and zstd are read as a stream, never held as a whole; the members of a zip archive are files
of a folder, each by itself, so that a damaged one stops no other. Containers may stand in each
other, three deep. What unpacks to far more than anybody writes is cut off and named.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import zstandard

from investigator.errors import UnreadableInput
from investigator.formats.folders import has_hidden_part, has_trace_suffix, stem_of, suffixes_said
from investigator.formats.foreign_tables import (
    SPREADSHEET,
    export_in,
    is_spreadsheet,
    may_hold_an_export,
)
from investigator.ground.json_text import parse_json
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from investigator.formats.format import Record

DAMAGED = (EOFError, zlib.error, zipfile.BadZipFile, zstandard.ZstdError, NotImplementedError)
"""What a container raises that is damaged, or packed in a way that is not known."""

_HEAD_BYTES = 4096
_MOST_DEEP = 3
_MUCH_BYTES = 512 * 2**20
_MOST_TIMES = 250
"""Histories repeated from call to call pack to a hundredth; a bomb to a thousandth."""
_ENCRYPTED = 0x1

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_OTHERS = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
)
_TAR = (257, b"ustar")

_HEADER, _SAMPLES = "header.json", "samples/"
"""The layout of a log of Inspect: what holds of all samples, and a file for each."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it is once unpacked, open at its start.

    `place` names it in messages, `stem` in ids; `around` is what its archive says of all its files.
    """

    place: Path
    stem: str
    file: BinaryIO
    around: Record | None = None

    @property
    def head(self) -> bytes:
        """Its first bytes; they are still to be read."""
        return peeked(self.file)


@dataclass(frozen=True, slots=True)
class BadContent:
    """A file of a container that could not be opened, and why."""

    place: Path
    reason: str


def contents(path: Path, *, stem: str) -> Iterator[Content | BadContent]:
    """The files that a file is or holds, in order; each is to be read before the next is asked for.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        yield from _unpacked(Content(path, stem, file), size=path.stat().st_size, depth=0)


@contextmanager
def on_disk(content: Content) -> Iterator[Path]:
    """A file of its own with the content, for readers that take no stream."""
    with tempfile.NamedTemporaryFile(prefix="investigator-") as copy:
        shutil.copyfileobj(content.file, copy, 2**20)
        copy.flush()
        yield Path(copy.name)


def peeked(file: BinaryIO) -> bytes:
    """The first bytes of a buffered file, which stays where it is."""
    return cast(io.BufferedReader, file).peek(_HEAD_BYTES)[:_HEAD_BYTES]


def _unpacked(content: Content, *, size: int, depth: int) -> Iterator[Content | BadContent]:
    head = content.head
    other = next((name for magic, name in _OTHERS if head.startswith(magic)), None)
    if head[_TAR[0] :].startswith(_TAR[1]):
        other = "a tar archive"
    if other is not None:
        yield BadContent(content.place, f"{other}, which is not unpacked here; unpack it first")
    elif depth == _MOST_DEEP and head.startswith((_GZIP, _ZSTD, _ZIP)):
        yield BadContent(content.place, f"packed more than {_MOST_DEEP} times; unpack it first")
    elif head.startswith(_GZIP):
        yield from _streamed(content, _gunzip, size=size, depth=depth)
    elif head.startswith(_ZSTD):
        yield from _streamed(content, _unzstd, size=size, depth=depth)
    elif head.startswith(_ZIP):
        yield from _members(content, depth=depth)
    else:
        yield content


def _streamed(
    content: Content, start: Callable[[BinaryIO], BinaryIO], *, size: int, depth: int
) -> Iterator[Content | BadContent]:
    raw = _Unpacking(content.file, start, most=max(_MUCH_BYTES, _MOST_TIMES * size))
    # The stem and the place stay: `run.jsonl.gz` is the file `run.jsonl`.
    inner = Content(content.place, content.stem, cast(BinaryIO, io.BufferedReader(raw, 2**20)))
    try:
        yield from _unpacked(inner, size=size, depth=depth + 1)
    except (*DAMAGED, gzip.BadGzipFile) as error:
        yield BadContent(content.place, f"damaged: {error or type(error).__name__}")


def _gunzip(packed: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=packed))


def _unzstd(packed: BinaryIO) -> BinaryIO:
    reader = zstandard.ZstdDecompressor().stream_reader(
        packed, read_across_frames=True, closefd=False
    )
    return cast(BinaryIO, reader)


class _Unpacking(io.RawIOBase):
    """A stream as it unpacks; it can be read again from its start, and ends at a limit."""

    def __init__(
        self, packed: BinaryIO, start: Callable[[BinaryIO], BinaryIO], *, most: int
    ) -> None:
        self._packed, self._start, self._most = packed, start, most
        self._inner, self._read = start(packed), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._read

    def seek(self, offset: int, whence: int = 0) -> int:
        if (offset, whence) != (0, 0):
            raise io.UnsupportedOperation("a packed stream is read again from its start only")
        self._packed.seek(0)
        self._inner, self._read = self._start(self._packed), 0
        return 0

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        # One read below: what stands before the damage is not lost with it.
        data = cast(io.BufferedReader, self._inner).read1(len(view))
        self._read += len(data)
        if self._read > self._most:
            raise UnreadableInput(
                f"unpacks to more than {self._most / 2**20:,.0f} MB, {_MOST_TIMES} times its size;"
                " unpack it and leave out what no trace needs"
            )
        view[: len(data)] = data
        return len(data)


def _members(content: Content, *, depth: int) -> Iterator[Content | BadContent]:
    if depth:
        with on_disk(content) as path, path.open("rb") as file:
            yield from _members_of(Content(content.place, content.stem, file), depth=depth)
    else:
        yield from _members_of(content, depth=depth)


def _members_of(content: Content, *, depth: int) -> Iterator[Content | BadContent]:
    try:
        archive = zipfile.ZipFile(content.file)
    except DAMAGED as error:
        yield BadContent(content.place, f"a damaged zip archive: {error}")
        return
    with archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        names = [info.filename for info in files]
        samples = [info for info in files if info.filename.startswith(_SAMPLES)]
        is_log = _HEADER in names and bool(samples)
        traces = samples if is_log else [info for info in files if _is_trace(archive, info)]
        if not traces:
            nothing = f"a zip archive of {counted(len(files), 'file')}, none of {suffixes_said()}"
            yield BadContent(content.place, SPREADSHEET if is_spreadsheet(names) else nothing)
            return
        around = _header(archive) if is_log else None
        for info in traces:
            yield from _member(archive, info, content, around, depth=depth)


def _is_trace(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    name = info.filename
    if has_hidden_part(PurePosixPath(name).parts):
        return False
    return has_trace_suffix(name) or (may_hold_an_export(name) and _is_export(archive, info))


def _is_export(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a member is a table of traces, which is to be named."""
    try:
        with archive.open(info) as member:
            return export_in(member.read(_HEAD_BYTES)) is not None
    except (*DAMAGED, OSError, RuntimeError):
        return False


def _header(archive: zipfile.ZipFile) -> Record:
    """What a log says of all its samples; nothing where that part of it is damaged."""
    try:
        header = parse_json(archive.read(_HEADER))
    except (*DAMAGED, RuntimeError, UnreadableInput):
        return {}
    return header if isinstance(header, dict) else {}


def _member(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    content: Content,
    around: Record | None,
    *,
    depth: int,
) -> Iterator[Content | BadContent]:
    place = content.place / info.filename
    if info.flag_bits & _ENCRYPTED:
        yield BadContent(place, "encrypted; unpack the archive with its password")
        return
    try:
        opened = archive.open(info)
    except (*DAMAGED, OSError) as error:
        yield BadContent(place, f"damaged: {error}")
        return
    most = max(_MUCH_BYTES, _MOST_TIMES * info.compress_size)
    with opened:
        raw = _Unpacking(cast(BinaryIO, opened), _from_start, most=most)
        stem = stem_of(Path(info.filename))
        inner = Content(place, stem, cast(BinaryIO, io.BufferedReader(raw, 2**16)), around)
        try:
            yield from _unpacked(inner, size=info.compress_size, depth=depth + 1)
        except DAMAGED as error:
            yield BadContent(place, f"damaged: {error}")


def _from_start(opened: BinaryIO) -> BinaryIO:
    opened.seek(0)
    return opened
