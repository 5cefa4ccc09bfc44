"""The journal is append-only and hash-chained: a line is either whole and true, or found out.

A line is `{"seq":n,"ts":"…","event":{…},"chain":"<sha256>"}`; `chain` is the sha256 of the
previous line's chain and of this line up to it. Each append is one write to the file, so a
process that dies leaves at most one torn line, the last, which readers leave out. One process
writes (a file lock), any number read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import msgspec

from investigator.errors import JournalError, RunExists, RunLocked
from investigator.runtime.clock import Clock
from investigator.runtime.events import AnyEvent, Entry, Head, decode_event, encode_event
from investigator.runtime.private import make_private, open_private
from investigator.runtime.run_fold import RunFold

FILE = "events.jsonl"
GENESIS = b"0" * 64
_LOCK_PAUSES_S = (0.0, 0.01, 0.05)
"""A lock that is held for a moment only is someone looking (`is_locked`)."""
_CHAIN_SUFFIX = len(',"chain":""}') + 64


class Recorder(Protocol):
    """Where events go."""

    def append(self, event: AnyEvent) -> None: ...


def require_new(run_dir: Path) -> None:
    """Raise `RunExists` where the folder has a journal."""
    if (run_dir / FILE).exists():
        raise RunExists(
            f"run '{run_dir.name}' exists in {run_dir.parent}; runs are never overwritten: "
            "choose another --run-id, or `investigator runs resume` it"
        )


class _Lines:
    """The lines of a journal, each made from the one before; one that is kept is followed."""

    def __init__(self, clock: Clock, head: Head) -> None:
        self._clock = clock
        self._chain = head.chain.encode()
        self._seq = head.events
        self.fold = RunFold()

    @property
    def head(self) -> Head:
        """The number of events so far and the chain value of the last."""
        return Head(self._seq, self._chain.decode())

    def add(self, event: AnyEvent, write: Callable[[bytes], None]) -> None:
        """Make the next line and write it; if that fails, the journal is as it was."""
        ts = self._clock.timestamp()
        body = b'{"seq":%d,"ts":"%s","event":%s' % (self._seq, ts.encode(), encode_event(event))
        chain = _link(self._chain, body)
        write(b'%s,"chain":"%s"}\n' % (body, chain))
        self.fold.post(event, ts)
        self._chain = chain
        self._seq += 1


class MemoryJournal:
    """The journal of a run that nothing outside the process has to survive: kept when it ends."""

    def __init__(self, clock: Clock) -> None:
        self._lines = _Lines(clock, Head(0, GENESIS.decode()))
        self._written: list[bytes] = []

    @property
    def head(self) -> Head:
        """The number of events so far and the chain value of the last."""
        return self._lines.head

    @property
    def fold(self) -> RunFold:
        """What the events so far amount to."""
        return self._lines.fold

    @property
    def text(self) -> bytes:
        """The lines so far."""
        return b"".join(self._written)

    def append(self, event: AnyEvent) -> None:
        """Add one event."""
        self._lines.add(event, self._written.append)


class Journal:
    """The writer of one run's journal; holds the run's lock until it is closed."""

    def __init__(
        self, path: Path, clock: Clock, *, entries: Sequence[Entry], head: Head, lock: int
    ) -> None:
        self._lines = _Lines(clock, head)
        for entry in entries:
            self._lines.fold.post(entry.event, entry.ts)
        self._fd = open_private(path, os.O_WRONLY | os.O_APPEND)
        self._lock = lock
        self._failed = ""

    @classmethod
    def create(cls, run_dir: Path, clock: Clock) -> Journal:
        """Begin the journal of a new run; `RunExists` where the folder has one."""
        make_private(run_dir)
        lock = _lock(run_dir)
        try:
            require_new(run_dir)
        except RunExists:
            os.close(lock)
            raise
        head = Head(0, GENESIS.decode())
        return cls(run_dir / FILE, clock, entries=(), head=head, lock=lock)

    @classmethod
    def reopen(cls, run_dir: Path, clock: Clock) -> Journal:
        """Reopen a journal for appending; a torn last line is cut off first."""
        path = run_dir / FILE
        if not path.is_file():
            raise JournalError(f"no journal at {path}")
        with ExitStack() as on_error:
            lock = _lock(run_dir)
            on_error.callback(os.close, lock)
            make_private(run_dir)
            text = path.read_bytes()
            whole = text.rfind(b"\n") + 1
            head, broken = check_chain(text[:whole])
            if broken is not None:
                raise JournalError(f"{broken}; a run with a broken journal cannot be continued")
            entries = read_entries(run_dir)
            if whole < len(text):
                os.truncate(path, whole)
            journal = cls(path, clock, entries=entries, head=head, lock=lock)
            on_error.pop_all()
            return journal

    @property
    def head(self) -> Head:
        """The number of events so far and the chain value of the last."""
        return self._lines.head

    @property
    def fold(self) -> RunFold:
        """What the events so far amount to."""
        return self._lines.fold

    def append(self, event: AnyEvent) -> None:
        """Write one event; it is in the file when this returns, and in the fold."""
        self._lines.add(event, self._write)

    def _write(self, line: bytes) -> None:
        """Write a line whole or not at all; after a failure nothing more is written."""
        if self._failed:
            raise JournalError(self._failed)
        written = 0
        try:
            written = os.write(self._fd, line)
            reason = f"{written} of {len(line)} bytes"
        except OSError as error:
            reason = str(error)
        if written != len(line):
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            self._failed = f"the journal could not be written at event {self.head.events}: {reason}"
            raise JournalError(self._failed)

    def close(self) -> None:
        """Bring the file to the disk and give up the lock."""
        os.fsync(self._fd)
        os.close(self._fd)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _lock(run_dir: Path) -> int:
    """Take the run's writer lock or raise `RunLocked`."""
    fd = open_private(run_dir / "lock", os.O_RDWR)
    for pause_s in _LOCK_PAUSES_S:
        time.sleep(pause_s)
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
    os.close(fd)
    raise RunLocked(f"run '{run_dir.name}' is being written by another process")


def is_locked(run_dir: Path) -> bool:
    """Whether a process is writing the run now; looking takes the lock for a moment."""
    try:
        os.close(_lock(run_dir))
    except RunLocked:
        return True
    return False


def _link(chain: bytes, body: bytes) -> bytes:
    return hashlib.sha256(chain + body).hexdigest().encode()


def read_entries(run_dir: Path) -> list[Entry]:
    """All whole lines of a journal; a torn last line is left out.

    Raises:
        JournalError: there is no journal, or a line other than the last does not read.
    """
    path = run_dir / FILE
    if not path.is_file():
        raise JournalError(f"no journal at {path}")
    return list(journal_entries(path.read_bytes(), path))


def journal_entries(text: bytes, path: Path) -> Iterator[Entry]:
    """The events of the whole lines of a text, which stands in the file `path`.

    Raises:
        JournalError: a line does not read.
    """
    for number, line in enumerate(text.split(b"\n")[:-1]):
        try:
            yield _entry(line)
        except (ValueError, msgspec.MsgspecError) as error:
            raise JournalError(f"{path}: line {number + 1} is not an event: {error}") from error


def _entry(line: bytes) -> Entry:
    """Take the envelope off by its fixed form, so that the event is parsed once."""
    start = line.index(b',"event":')
    seq, ts = line[:start].split(b',"ts":"')
    event = decode_event(line[start + len(b',"event":') : -_CHAIN_SUFFIX])
    return Entry(int(seq.removeprefix(b'{"seq":')), ts.rstrip(b'"').decode(), event)


def check_chain(text: bytes) -> tuple[Head, str | None]:
    """Follow the chain over whole lines: the head, and what is wrong first (None: nothing)."""
    chain, count = GENESIS, 0
    for line in text.split(b"\n")[:-1]:
        body, suffix = line[:-_CHAIN_SUFFIX], line[-_CHAIN_SUFFIX:]
        link = _link(chain, body)
        if suffix != b',"chain":"%s"}' % link:
            return Head(
                count, chain.decode()
            ), f"events.jsonl: line {count + 1} breaks the hash chain"
        if not body.startswith(f'{{"seq":{count},'.encode()):
            return Head(count, chain.decode()), f"events.jsonl: line {count + 1} is out of sequence"
        chain, count = link, count + 1
    return Head(count, chain.decode()), None
