"""How far a run is: a fold over its journal, whoever writes it and whoever looks."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from investigator.errors import JournalError
from investigator.ground.wording import counted
from investigator.runtime.events import (
    AnyEvent,
    Entry,
    RunEnded,
    RunOpened,
    RunResumed,
    ScopeClosed,
    ScopesOpened,
)
from investigator.runtime.journal_tail import JournalTail
from investigator.runtime.spending import settled_by

_LOOK_S = 0.25
"""How often a run's journal is looked at: progress that people can follow."""


class RunProgress(BaseModel):
    """What a run has done so far. `seconds` count from its start; a resumed run counts on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: int = 0
    turns: int = 0
    turn_limit: int | None = None
    tool_calls: int = 0
    tokens: int = 0
    scopes: int = 0
    scopes_ended: int = 0
    seconds: float = 0.0
    ended: bool = False

    @property
    def text(self) -> str:
        """The same in a line."""
        if not self.events:
            return "not begun yet"
        of = "" if self.turn_limit is None else f" of at most {self.turn_limit:,}"
        parts = [
            f"{counted(self.turns, 'turn')}{of}",
            counted(self.tool_calls, "tool call"),
            f"{self.scopes_ended:,} of {counted(self.scopes, 'scope')} done",
        ]
        if self.tokens:
            parts.append(counted(self.tokens, "token"))
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        """The same in a notebook, under the name by which notebooks ask."""
        return f"<p>{html.escape(self.text)} ({self.seconds:.1f} s)</p>"


class ProgressFold:
    """The progress of a run after some of its events."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self.now = RunProgress()

    def post_all(self, entries: Iterable[Entry]) -> RunProgress:
        """Take several more in; the progress after the last."""
        for entry in entries:
            self._post(entry)
        return self.now

    def _post(self, entry: Entry) -> None:
        now, used = datetime.fromisoformat(entry.ts), settled_by(entry)
        self._began = self._began or now
        spent = {
            "turns": self.now.turns + used.iterations,
            "tool_calls": self.now.tool_calls + used.tool_calls,
            "tokens": self.now.tokens + used.tokens,
        }
        seconds = round((now - self._began).total_seconds(), 3)
        changed = {"events": self.now.events + 1, "seconds": seconds, **spent}
        self.now = self.now.model_copy(update={**changed, **_change(self.now, entry.event)})


def _change(now: RunProgress, event: AnyEvent) -> dict[str, int | bool | None]:
    """The fields that an event moves."""
    match event:
        case RunOpened() | RunResumed():
            return {"turn_limit": event.budget.iterations, "ended": False}
        case ScopesOpened():
            return {"scopes": now.scopes + len(event.scopes)}
        case ScopeClosed():
            return {"scopes_ended": now.scopes_ended + 1}
        case RunEnded():
            return {"ended": True}
        case _:
            return {}


@contextmanager
def told_while(run_dir: Path, tell: Callable[[RunProgress], None] | None) -> Iterator[None]:
    """While the block lasts, tell how far the run in a folder is, and once more at its end.

    It is told from a thread of its own, so that it is told while the run reads.
    """
    if tell is None:
        yield
        return
    watch, ended = RunWatch(run_dir), threading.Event()
    thread = threading.Thread(target=_tell, args=(watch, ended, tell), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(JournalError):
            tell(watch.look())


def _tell(watch: RunWatch, ended: threading.Event, tell: Callable[[RunProgress], None]) -> None:
    events = -1
    while not ended.wait(_LOOK_S):
        try:
            progress = watch.look()
        except JournalError:
            return  # whoever reads the journal for its own sake says so
        if progress.events != events:
            events = progress.events
            tell(progress)


class RunWatch:
    """The progress of a run that another process may be writing, looked at again and again."""

    def __init__(self, run_dir: Path) -> None:
        self._tail = JournalTail(run_dir)
        self._fold = ProgressFold()

    def look(self) -> RunProgress:
        """The progress by now.

        Raises:
            JournalError: the journal does not read.
        """
        return self._fold.post_all(self._tail.new_entries())
