"""A segment holds the runs of a shard in one file: a chain of compressed frames, and an index.

    frame*  index  offset of the index (8 bytes, little-endian)  magic (8 bytes)

A frame is the zstd of one run's journal, record and report, as they would stand in its folder.
Its chain value is the sha256 of the one before and of the frame, so that no run can be changed,
left out or moved unseen. The index names each run with the place of its frame, so one is read
without the others.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
import zstandard

from investigator.errors import JournalError
from investigator.runtime.journal import GENESIS
from investigator.runtime.private import FILE_MODE
from investigator.runtime.runner import RunFiles

_T = TypeVar("_T")

SEGMENT_FILE = "journal.seg"
_MAGIC = b"INVSEG01"
_TRAILER = struct.Struct("<Q8s")
_LEVEL = 6
"""Journals say the same again and again: 3 leaves a tenth more, 9 takes three times as long."""


class SegmentEntry(msgspec.Struct, frozen=True, array_like=True):
    """One run of a segment: what it was, and where its frame lies."""

    run_id: str
    run_type: str
    trace_ids: tuple[str, ...]
    state: str
    verdict: str | None
    offset: int
    length: int
    chain: str


class _Frame(msgspec.Struct, frozen=True, array_like=True):
    run_id: str
    events: bytes
    record: bytes
    output: bytes | None


class SegmentWriter:
    """Appends runs to a new file; it is whole once it was closed."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        self._zstd = zstandard.ZstdCompressor(level=_LEVEL)
        self._chain = GENESIS.decode()
        self._entries: list[SegmentEntry] = []

    @property
    def head(self) -> str:
        """The chain value of the last run."""
        return self._chain

    @property
    def count(self) -> int:
        """How many runs it holds."""
        return len(self._entries)

    def append(
        self,
        run_id: str,
        files: RunFiles,
        *,
        run_type: str,
        trace_ids: tuple[str, ...],
        state: str,
        verdict: str | None,
    ) -> None:
        """Add one run."""
        packed = msgspec.msgpack.encode(_Frame(run_id, files.events, files.record, files.output))
        frame = self._zstd.compress(packed)
        self._chain = _link(self._chain, frame)
        place = (self._file.tell(), len(frame), self._chain)
        self._entries.append(SegmentEntry(run_id, run_type, trace_ids, state, verdict, *place))
        self._file.write(frame)

    def close(self) -> None:
        """Write the index."""
        place = self._file.tell()
        self._file.write(self._zstd.compress(msgspec.msgpack.encode(self._entries)))
        self._file.write(_TRAILER.pack(place, _MAGIC))
        self._file.close()


class SegmentFile:
    """A segment that is there."""

    def __init__(self, path: Path) -> None:
        """Read its index.

        Raises:
            JournalError: the file is no segment, or is damaged.
        """
        self.path = path
        with self._reading() as file:
            size = file.seek(0, os.SEEK_END)
            if size < _TRAILER.size:
                raise JournalError(f"{path} is no segment of runs: it is too short")
            file.seek(size - _TRAILER.size)
            place, magic = _TRAILER.unpack(file.read(_TRAILER.size))
            if magic != _MAGIC or place > size - _TRAILER.size:
                raise JournalError(f"{path} is no segment of runs, or its end is missing")
            file.seek(place)
            packed = file.read(size - _TRAILER.size - place)
        self.entries = self._decoded(packed, list[SegmentEntry], "its index")

    def read(self, entry: SegmentEntry) -> RunFiles:
        """One run's files.

        Raises:
            JournalError: its frame cannot be read.
        """
        with self._reading() as file:
            file.seek(entry.offset)
            packed = file.read(entry.length)
        frame = self._decoded(packed, _Frame, f"run '{entry.run_id}'")
        return RunFiles(frame.events, frame.record, frame.output)

    def broken(self) -> Iterator[str]:
        """What breaks the chain of its frames; nothing where it holds."""
        chain, place = GENESIS.decode(), 0
        with self._reading() as file:
            for entry in self.entries:
                file.seek(entry.offset)
                chain = _link(chain, file.read(entry.length))
                if entry.offset != place or chain != entry.chain:
                    yield f"{self.path.name}: run '{entry.run_id}' breaks the chain of the segment"
                    return
                place += entry.length

    @property
    def head(self) -> str:
        """The chain value of the last run, as the index has it."""
        return self.entries[-1].chain if self.entries else GENESIS.decode()

    def _reading(self) -> BinaryIO:
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror}") from error

    def _decoded(self, packed: bytes, kind: type[_T], what: str) -> _T:
        try:
            text = zstandard.ZstdDecompressor().decompress(packed)
            return msgspec.msgpack.decode(text, type=kind)
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            raise JournalError(f"{self.path}: {what} is damaged: {error}") from error


def _link(chain: str, frame: bytes) -> str:
    return hashlib.sha256(chain.encode() + frame).hexdigest()
