"""Ctrl-C at a moment of our choosing: it ends a run or a batch, and never lands in between.

Python raises KeyboardInterrupt wherever the main thread happens to be, in a destructor or in the
making of an event loop too, where it is printed and lost. While an `Interrupts` is in charge
an interrupt is noted instead, and cancels the coroutine that runs, if one does.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

_T = TypeVar("_T")


class Interrupts:
    """A handler of SIGINT that notes it; `asked` stays true once it came.

    Who asks twice is not `patient` and gets KeyboardInterrupt at once.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.asked = False
        self._patient = patient
        self._cancel: Callable[[], object] | None = None

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """Note the interrupt and cancel what runs."""
        if self.asked and not self._patient:
            raise KeyboardInterrupt
        if not self.asked and self._cancel is not None:
            self._cancel()
        self.asked = True

    def run(self, main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Run a coroutine to its end.

        Raises:
            KeyboardInterrupt: it was interrupted, now or before it began.
        """
        try:
            return asyncio.run(self._cancellable(main))
        except asyncio.CancelledError:
            if self.asked:
                raise KeyboardInterrupt from None
            raise

    async def _cancellable(self, main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            if self.asked:
                raise asyncio.CancelledError
            return await main()
        finally:
            self._cancel = None


def take_charge() -> None:
    """Note every interrupt of this process, a worker, for the rest of its life.

    One that came while the process started (see `held_back`) is noted now.
    """
    signal.signal(signal.SIGINT, Interrupts(patient=True))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def held_back() -> Iterator[None]:
    """Interrupts wait for the end of the block; in a process that it starts, for `take_charge`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def in_charge() -> Iterator[Interrupts]:
    """Note interrupts for as long as the block lasts, where Ctrl-C would raise otherwise.

    Whoever is in charge already stays so; a SIGINT that is ignored, or that a program handles
    in its own way, and threads, which get no signals, are left alone.
    """
    present = signal.getsignal(signal.SIGINT)
    if isinstance(present, Interrupts):
        yield present
    elif (
        present is not signal.default_int_handler
        or threading.current_thread() is not threading.main_thread()
    ):
        yield Interrupts()
    else:
        interrupts = Interrupts()
        signal.signal(signal.SIGINT, interrupts)
        try:
            yield interrupts
        finally:
            signal.signal(signal.SIGINT, present)
