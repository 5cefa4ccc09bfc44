"""How far a run is: a fold over its journal, whoever writes it and whoever looks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

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
