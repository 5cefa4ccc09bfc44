"""Ctrl-C and SIGTERM at a moment of our choosing: they end a run or a batch, never in between.

Python raises KeyboardInterrupt wherever the main thread happens to be, in a destructor or in the
making of an event loop too, where it is printed and lost. While an `Interrupts` is in charge
an interrupt is noted instead, and cancels the coroutine that runs, if one does. Each signal is
handled for itself: SIGTERM works where SIGINT is ignored, as a shell does for `&` in a script.
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
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A handler of signals that notes them; `asked` stays true once one came.

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

    One that came while the process started (see `held_back`) is noted now. Whoever started the
    worker interrupts it by SIGTERM; a Ctrl-C that is ignored there is ignored here.
    """
    interrupts = Interrupts(patient=True)
    signal.signal(signal.SIGTERM, interrupts)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupts)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def forget_interrupt() -> None:
    """What a worker was interrupted for has ended; its next task is another matter."""
    present = signal.getsignal(signal.SIGTERM)
    if isinstance(present, Interrupts):
        present.asked = False


@contextmanager
def held_back() -> Iterator[None]:
    """Interrupts wait for the end of the block; in a process that it starts, for `take_charge`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def in_charge() -> Iterator[Interrupts]:
    """Note interrupts for as long as the block lasts, where they would raise otherwise.

    Whoever is in charge already stays so; a signal that is ignored, or that a program handles
    in its own way, and threads, which get no signals, are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupts()  # not that of the main thread, which cancels what runs there
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    present = next((h for h in handlers.values() if isinstance(h, Interrupts)), None)
    if present is not None:
        yield present
        return
    interrupts = Interrupts()
    raising = [n for n, handler in handlers.items() if handler is signal.default_int_handler]
    for number in raising:
        signal.signal(number, interrupts)
    try:
        yield interrupts
    finally:
        for number in raising:
            signal.signal(number, signal.default_int_handler)
