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
    """Every run succeeded."""
    THRESHOLD = 1
    """The `--fail-on` threshold was crossed."""
    USAGE = 2
    """Wrong usage, or nothing could be read. Nothing was run."""
    PARTIAL = 3
    """A run was cut off by a limit, or a file could not be read."""
    FAILED = 4
    """A run has no valid report."""
    DEFECT = 5
    """A defect of the Investigator; stderr names the file with the traceback."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM. Finished runs are kept; `--continue` or `runs resume` goes on."""


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
