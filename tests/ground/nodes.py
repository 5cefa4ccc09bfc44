"""Things at a path that are no files, made for a test."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NULL = (1, 3)
FULL = (1, 7)
"""What Linux calls the device that takes everything, and the one that is always full."""


def device(path: Path, numbers: tuple[int, int]) -> Path:
    """A device node of the test's own; the test is left out where the machine allows none."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(*numbers))
        os.close(os.open(path, os.O_WRONLY))
    except PermissionError:
        pytest.skip("only root may make device nodes, and use them where the disk allows it")
    return path


def is_device(path: Path) -> bool:
    """Whether a character device stands there."""
    return stat.S_ISCHR(path.lstat().st_mode)


def is_pipe(path: Path) -> bool:
    """Whether a named pipe stands there."""
    return stat.S_ISFIFO(path.lstat().st_mode)


@contextmanager
def pipe(path: Path) -> Iterator[list[bytes]]:
    """A named pipe with a reader; the list has what was read when the block ends."""
    os.mkfifo(path)
    came: list[bytes] = []
    reader = threading.Thread(target=lambda: came.append(path.read_bytes()))
    reader.start()
    try:
        yield came
    finally:
        while reader.is_alive():
            # A reader that nobody wrote to waits for its first writer.
            with suppress(OSError):
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            reader.join(0.01)
