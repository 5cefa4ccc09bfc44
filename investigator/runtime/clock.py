"""Time is handed in: a run counts the seconds that a process spent on it, and stamps events.

The clock reads the event loop's time, so that whoever replaces the loop (a test, a simulated
model) replaces the clock, deadlines and time-outs at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Clock:
    """Run seconds since the run began, counted only while a process ran it.

    `elapsed` is what earlier processes have used; `monotonic` (seconds) is the running event
    loop's time unless given.
    """

    def __init__(
        self,
        *,
        elapsed: float = 0.0,
        monotonic: Callable[[], float] | None = None,
        started_at: datetime | None = None,
    ) -> None:
        self._monotonic = monotonic or asyncio.get_running_loop().time
        anchor = started_at if started_at is not None else utc_now()
        began = self._monotonic()
        self._origin = began - elapsed
        self._epoch = anchor.timestamp() - began
        self._second = -1
        self._prefix = ""

    def now(self) -> float:
        """Run seconds."""
        return self._monotonic() - self._origin

    def timestamp(self) -> str:
        """RFC 3339 text of the present moment, UTC, in microseconds."""
        micros = int((self._monotonic() + self._epoch) * 1e6)
        second = micros // 1_000_000
        if second != self._second:
            moment = datetime.fromtimestamp(second, UTC)
            self._second, self._prefix = second, moment.strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{micros - second * 1_000_000:06d}Z"
