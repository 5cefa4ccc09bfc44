"""stdout and stderr that nobody reads any more swallow what is written to them.

So `… | head -1` is no error: the command goes on, and its exit code says what it found.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO


class _Unread(io.FileIO):
    """A standard stream's file; what is written after its reader has gone goes nowhere."""

    def write(self, content: object, /) -> int:
        try:
            return super().write(content)  # type: ignore[arg-type]
        except BrokenPipeError:
            return memoryview(content).nbytes  # type: ignore[arg-type]


def outlive_readers() -> None:
    """Put such streams in the place of the process's own; one that is closed gets nowhere too."""
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def _outliving(stream: TextIO | None) -> TextIO:
    if stream is None:  # the shell closed it: `>&-`
        return open(os.devnull, "w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # not the process's own: a test's, or a program's that calls us
    buffer: object = stream.buffer
    raw = buffer.raw if isinstance(buffer, io.BufferedWriter) else buffer
    if type(raw) is not io.FileIO:
        return stream
    stream.flush()
    unread = _Unread(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        # PYTHONUNBUFFERED leaves the buffer out.
        unread if raw is buffer else io.BufferedWriter(unread),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
