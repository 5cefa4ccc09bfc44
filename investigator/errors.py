"""Every error that the Investigator raises on purpose is an `InvestigatorError`.

    InvestigatorError
    ├── UsageError              the caller asked for something that cannot be (exit 2)
    │   ├── CannotWrite         a file that the user named can't be written
    │   ├── BudgetTooSmall      the limits do not cover one working turn in every scope
    │   ├── FilterSyntaxError   a filter expression does not parse; names the position
    │   ├── RunExists           the run id is taken
    │   ├── RunNotFound         no run of that id
    │   └── RunLocked           another process is writing the run
    ├── SourceError             the traces cannot be read
    │   ├── SourceUnavailable   the source is down, missing or not readable
    │   ├── UnreadableInput     one file or line that can't be decoded
    │   └── TraceNotFound       the source has no trace of that id
    ├── SpanNotFound            the trace has no span of that id (shown to the planner)
    ├── JournalError            a journal that cannot be read or continued
    └── ReplayDifference        replay did something other than what was recorded

Messages say what was asked, what was found and what to do. Anything else that escapes is a
defect of the Investigator and keeps its traceback.
"""

from __future__ import annotations


class InvestigatorError(Exception):
    """Root of the tree."""


class UsageError(InvestigatorError):
    """The caller asked for something that cannot be; the message says what to change."""


class CannotWrite(UsageError):
    """A file that the user named can't be written; the message says why."""


class BudgetTooSmall(UsageError):
    """The limits do not cover one working turn besides finalize in every scope."""


class FilterSyntaxError(UsageError):
    """A filter expression does not parse. `position` is a 0-based index into `expression`."""

    def __init__(self, expression: str, position: int, reason: str) -> None:
        self.expression = expression
        self.position = position
        self.reason = reason
        super().__init__(
            f"filter does not parse at position {position}: {reason}\n"
            f"  {expression}\n  {' ' * position}^"
        )


class RunExists(UsageError):
    """The run id is taken; a run is never overwritten."""


class RunNotFound(UsageError):
    """No run of that id in the runs directory."""


class RunLocked(UsageError):
    """Another process holds the run's writer lock."""


class SourceError(InvestigatorError):
    """The traces cannot be read."""


class SourceUnavailable(SourceError):
    """The source is down, missing, empty or not readable as a whole."""


class UnreadableInput(SourceError):
    """One file, or one line of it, can't be decoded; the others are still read."""


class TraceNotFound(SourceError):
    """The source has no trace of that id."""

    def __init__(self, message: str, *, trace_id: str) -> None:
        self.trace_id = trace_id
        super().__init__(message)


class SpanNotFound(InvestigatorError):
    """The trace has no span of that id; a planner sees this as a refusal."""


class JournalError(InvestigatorError):
    """The journal cannot be read or continued; names the line."""


class ReplayDifference(InvestigatorError):
    """The first event at which a replay differs from the record."""
