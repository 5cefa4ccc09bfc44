"""How long a turn takes, learned as the run goes, and what that leaves for the last turn."""

from __future__ import annotations

import math
from collections import deque

WINDOW = 16
MARGIN = 1.5


class Pace:
    """The time to keep back for a finalize turn: the slowest recent turn and half as much again.

    `floor_s` is what the planner declares before any turn was seen, in seconds, and the least.
    """

    def __init__(self, floor_s: float) -> None:
        self._floor_s = floor_s
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self.finalize_s = floor_s

    def observe(self, seconds: float) -> None:
        """A turn took this long."""
        self._recent.append(seconds)
        if seconds * MARGIN > self._floor_s or self.finalize_s > self._floor_s:
            self.finalize_s = max(self._floor_s, MARGIN * max(self._recent))


def share_of_time(unfinished: int, at_once: int) -> float:
    """The part of the time left that a starting scope may take of it.

    With `unfinished` scopes to go (itself included) and `at_once` running together there are
    ceil(unfinished / at_once) waves to come, and each gets an equal part.
    """
    return 1.0 / math.ceil(unfinished / at_once)
