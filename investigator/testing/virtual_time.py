"""An event loop whose clock jumps to the next timer when nothing is ready, so no test sleeps.

A loop with nothing ready and no timer would stand still for ever: that is a deadlock, and raises.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_Ready = list[tuple[selectors.SelectorKey, int]]


class Deadlock(Exception):
    """Nothing can happen any more."""


class _JumpingSelector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> _Ready:
        ready: _Ready = super().select(0)
        if not ready and timeout is None:
            raise Deadlock
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Seconds pass only in timers."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now


def in_virtual_time(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end; sleeping takes no time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
