"""One way to write a file that somebody named: whole, through links, never in a device's place.

A regular file is replaced whole: the content is written beside it, brought to the disk, and then
given the name. It keeps its mode and owner, and a link to it stays a link. A device, a pipe and
what this process has open (`/dev/stdout`, `/dev/fd/3`) are written to. A folder, a socket, a disk
and what the user may not write are refused before anything is written.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, assert_never

from investigator.errors import CannotWrite

_LINKS = 40
"""Links that Linux follows in one path before it gives up."""
_NAME_CHARS = 40
"""How much of a name its scratch name repeats: with up to 4 bytes each, well within 255 bytes."""
_CHUNK = 1 << 20


def write_target(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write what a user named; `mode` is the file's whether or not it was there before.

    Raises:
        CannotWrite: this can't be written; the message says why.
    """
    with _told(path):
        target = _target(path, pipes=True)
        match target:
            case _File():
                target.path.parent.mkdir(parents=True, exist_ok=True)
                _replace(target, content, mode)
                sync_folder(target.path.parent)
            case _Stream():
                target.pour([content])
            case _:
                assert_never(target)


def require_writable(path: Path) -> None:
    """Refuse now what `write_target` would refuse after the work is done.

    Raises:
        CannotWrite: this can't be written; the message says why.
    """
    with _told(path):
        target = _target(path, pipes=True)
        if isinstance(target, _File):
            _require_folder(target.path.parent)


@contextmanager
def made_whole(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Where to make a file that takes the place of `path` when the block ends without an error.

    It stands alone in a scratch folder on the same disk. It is for Parquet, which is not read
    from beginning to end: a pipe is refused.

    Raises:
        CannotWrite: this can't be written; the message says why.
    """
    with _told(path):
        target = _target(path, pipes=False)
        scratch = _scratch_folder(path, target)
    made = scratch / "made"
    try:
        yield made
        with _told(path):
            match target:
                case _File():
                    _give_name(made, target, mode)
                    sync_folder(target.path.parent)
                case _Stream():
                    target.pour(_chunks(made))
                case _:
                    assert_never(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace a regular file, or make one, so that it is there whole or not at all.

    That holds after a crash of the machine too; that its name is on the disk is the business of
    `sync_folder`.
    """
    _replace(_File(path, None), content, mode)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _File:
    """A regular file, or a name that nothing has; `found` is what stands there."""

    path: Path
    found: os.stat_result | None


@dataclass(frozen=True, slots=True)
class _Stream:
    """What takes bytes where it stands: the path of a device or a pipe, or an open descriptor."""

    opened: Path | int

    def pour(self, chunks: Iterable[bytes]) -> None:
        """Write to it, after what this process has said there before."""
        if isinstance(self.opened, int):
            sys.stdout.flush()
            sys.stderr.flush()
            descriptor = os.dup(self.opened)
        else:
            descriptor = os.open(self.opened, os.O_WRONLY | os.O_NOCTTY)
        try:
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)


_Target: TypeAlias = _File | _Stream


def _target(path: Path, *, pipes: bool) -> _Target:
    descriptor = _descriptor(path)
    if descriptor is not None:
        _require_kind(os.fstat(descriptor), pipes=pipes, opened=True)
        return _Stream(descriptor)
    real = Path(os.path.realpath(path))
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return _File(real, None)
    _require_kind(found, pipes=pipes, opened=False)
    if not stat.S_ISREG(found.st_mode) or not _is(real, found):
        return _Stream(path)
    if not os.access(real, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    return _File(real, found)


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path names, through whatever links.

    It has to be written to where it stands: opened anew by its path, or replaced, a file that
    output is appended to (`>> log`) would lose what it holds.
    """
    own = re.compile(rf"/dev/fd|/proc/{os.getpid()}(?:/task/\d+)?/fd")
    name = os.path.join(os.getcwd(), path)
    for _ in range(_LINKS):
        folder, last = os.path.split(name)
        folder = os.path.realpath(folder)
        if last.isdecimal() and own.fullmatch(folder):
            return int(last)
        name = os.path.join(folder, last)
        if not os.path.islink(name):
            return None
        name = os.path.join(folder, os.readlink(name))
    return None


def _is(path: Path, found: os.stat_result) -> bool:
    """Whether a path leads there; the name of what another process has open need not."""
    try:
        return os.path.samestat(os.stat(path), found)
    except OSError:
        return False


def _require_kind(found: os.stat_result, *, pipes: bool, opened: bool) -> None:
    kind = found.st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it")
    if stat.S_ISBLK(kind):
        raise OSError(errno.ENOTSUP, "it is a disk; name a file")
    if stat.S_ISSOCK(kind) and not opened:
        raise OSError(errno.ENXIO, "it is a socket; name a file")
    if not pipes and (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        raise OSError(errno.ESPIPE, "it is a pipe, which Parquet can't be read from; name a file")


def _require_folder(folder: Path) -> None:
    """Whether files can be made there, or the folder itself where it is missing."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"'{there}' is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"no files can be made in '{there}'")


def _scratch_folder(path: Path, target: _Target) -> Path:
    prefix = f".{path.name[:_NAME_CHARS]}-"
    if isinstance(target, _Stream):
        return Path(tempfile.mkdtemp(prefix=prefix))
    _require_folder(target.path.parent)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=target.path.parent))


def _replace(target: _File, content: bytes, mode: int | None) -> None:
    name = f".{target.path.name[:_NAME_CHARS]}.{secrets.token_hex(6)}.tmp"
    scratch = target.path.with_name(name)
    # Nobody else reads what a private file will hold while it's being written.
    private = mode is not None or target.found is not None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(scratch, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(content)
        _give_name(scratch, target, mode)
    finally:
        scratch.unlink(missing_ok=True)


def _give_name(made: Path, target: _File, mode: int | None) -> None:
    descriptor = os.open(made, os.O_RDONLY)
    try:
        _make_alike(descriptor, target.found, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(made, target.path)


def _make_alike(descriptor: int, found: os.stat_result | None, mode: int | None) -> None:
    """The owner and mode of the file that is replaced, as far as this user may give them."""
    if found is not None:
        with suppress(PermissionError):
            os.fchown(descriptor, found.st_uid, found.st_gid)
        mode = stat.S_IMODE(found.st_mode) if mode is None else mode
    if mode is not None:
        os.fchmod(descriptor, mode)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"cannot write '{path}': {error.strerror or error}") from error
