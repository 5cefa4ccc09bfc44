"""How long a turn takes, learned as the run goes, and what that leaves for the last turn."""

from __future__ import annotations

from collections import deque

_WINDOW = 16
MARGIN = 1.5


class Pace:
    """The time to keep back for a finalize turn: the slowest recent turn and half as much again.

    `floor_s` is what the planner declares before any turn was seen, in seconds, and the least.
    """

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self.finalize_s = floor_s

    def observe(self, seconds: float) -> None:
        """A turn took this long."""
        self._recent.append(seconds)
        if seconds * MARGIN > self._floor_s or self.finalize_s > self._floor_s:
            self.finalize_s = max(self._floor_s, MARGIN * max(self._recent))
