"""Exit codes: of several outcomes the gravest of 5, 4, 3, 1, 0; 2 where nothing was run at all."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from investigator.errors import (
    InvestigatorError,
    SourceUnavailable,
    TraceNotFound,
    UnreadableInput,
    UsageError,
)


class Exit(IntEnum):
    """What the process says about its work."""

    SUCCEEDED = 0
    THRESHOLD = 1
    """`--fail-on` was asked for, and what it names was found."""
    USAGE = 2
    """The call makes no sense, or nothing could be read."""
    PARTIAL = 3
    """Some run was cut off, or some file could not be read."""
    FAILED = 4
    """Some run has no valid report."""
    DEFECT = 5
    """A defect of the Investigator, outside of any run or as the end of one."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM; what was done is kept."""


_GRAVITY = (Exit.SUCCEEDED, Exit.THRESHOLD, Exit.PARTIAL, Exit.FAILED, Exit.DEFECT)


def gravest(exits: Iterable[Exit]) -> Exit:
    """The one exit code that stands for several outcomes; none is success."""
    return max(exits, key=_GRAVITY.index, default=Exit.SUCCEEDED)


def exit_of(error: InvestigatorError) -> Exit:
    """The exit code of an error that ended the command before it had an outcome."""
    match error:
        case UsageError() | SourceUnavailable() | TraceNotFound() | UnreadableInput():
            return Exit.USAGE
        case _:
            return Exit.FAILED
