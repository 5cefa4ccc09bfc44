"""A defect of the Investigator is told in one line; its traceback is kept in a file.

A defect is any error that nobody raised on purpose. An `InvestigatorError` was raised on purpose,
and an `OSError` is the machine's (a full disk, a folder that may not be written), unless it ended a
run that had begun: what a run can foresee is one of its outcomes, and not raised.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

from investigator.errors import InvestigatorError

_ENDED = "This ended the run in "
_LONGEST = 300
"""Characters of an error's own words in the line; all of them stand in the file."""


def ended_a_run(error: Exception, run_dir: Path) -> None:
    """Note on an error which run it ended; the note stands in its traceback too."""
    error.add_note(f"{_ENDED}{run_dir}")


def is_defect(error: Exception) -> bool:
    """Whether an error is ours, and neither the caller's nor the machine's."""
    notes = getattr(error, "__notes__", ())
    foreseen = isinstance(error, InvestigatorError | OSError)
    return not foreseen or any(note.startswith(_ENDED) for note in notes)


def told(defect: Exception) -> str:
    """The line; the file that it names is made here, for its owner only."""
    cause = defect
    while isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    words = " ".join(str(cause).split())
    short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
    what = f"a defect of the Investigator, {type(cause).__name__}" + (short and f": {short}")
    try:
        return f"{what}; the traceback is in {_kept(defect)}, please report it"
    except OSError as full:
        return f"{what}; the traceback could not be written: {full.strerror}"


def _kept(defect: Exception) -> str:
    descriptor, path = tempfile.mkstemp(prefix="investigator-defect-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(traceback.format_exception(defect))
    return path
