"""A history is what a journal holds of one scope, as far as it still counts.

Some of what was recorded does not count: a hold that a dead process left open (it was given
back or booked as lost, and the call is made again), what a resume cut off, and the end of a run
that failed before it began, once it is opened again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from investigator.runtime.events import (
    AnyEvent,
    Entry,
    HoldLost,
    RunOpened,
    RunResumed,
    WrittenBack,
)


def histories_of(entries: Sequence[Entry]) -> dict[str, deque[AnyEvent]]:
    """The history of each scope; the run's own is that of the scope `run`."""
    kept: dict[str, list[Entry]] = {}
    for entry in entries:
        event = entry.event
        match event:
            case RunOpened():
                kept.clear()
            case WrittenBack():
                pass
            case HoldLost():
                kept[event.scope].pop()
            case RunResumed():
                for cut in event.cuts:
                    history = kept.get(cut.scope, [])
                    kept[cut.scope] = [e for e in history if e.seq < cut.from_seq]
            case _:
                kept.setdefault(event.scope, []).append(entry)
    return {scope: deque(e.event for e in history) for scope, history in kept.items()}
