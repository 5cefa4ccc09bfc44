"""What has come to a journal since the last look, for whoever watches a run from beside it.

Only whole lines are read, so that a line that is being written is there at the next look.
"""

from __future__ import annotations

from pathlib import Path

from investigator.runtime.events import Entry
from investigator.runtime.journal import FILE, journal_entries


class JournalTail:
    """Reads on where it stopped; a run that has not begun has nothing yet."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / FILE
        self._read = 0

    def new_entries(self) -> list[Entry]:
        """The events since the last call.

        Raises:
            JournalError: a line does not read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return list(journal_entries(whole, self._path))
