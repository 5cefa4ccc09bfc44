"""Processes that do one task after another, and end with the process that started them.

Each has an executor of its own. In one executor the processes share queues and the locks on
them: one that is killed while it holds a lock would block the others for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from investigator.ground.interrupts import held_back, take_charge
from investigator.ground.plugins import PlugInWarning

_P = ParamSpec("_P")
_T = TypeVar("_T")

ORPHANED = 1
"""The exit code of a worker whose parent is gone; nobody is left to read it."""


class Workers(Executor):
    """So many processes, started when they are first needed; at most so many tasks at a time.

    They start clean ("spawn"): the column engine has threads, which a fork would leave behind.
    """

    def __init__(self, count: int) -> None:
        self.slots = count
        self._executors = [_one_process() for _ in range(count)]
        self._idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for executor in self._executors:
            self._idle.put(executor)
        self.processes: list[BaseProcess] = []

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Give an idle process a task; waits for one where none is. One that died is replaced."""
        executor = self._idle.get()
        before = multiprocessing.active_children()
        with held_back():  # a process takes signals once it can handle them
            try:
                future = executor.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._executors.remove(executor)
                executor = _one_process()
                self._executors.append(executor)
                future = executor.submit(fn, *args, **kwargs)
        self.processes += [p for p in multiprocessing.active_children() if p not in before]
        future.add_done_callback(lambda _: self._idle.put(executor))
        return future

    def interrupt(self) -> None:
        """End the tasks under way as Ctrl-C would; the processes stay."""
        for process in self.processes:
            process.terminate()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the processes end; who is interrupted while waiting for them kills them."""
        try:
            for executor in self._executors:
                executor.shutdown(wait, cancel_futures=cancel_futures)
        except KeyboardInterrupt:
            for process in self.processes:
                process.kill()
            raise


def _one_process() -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=spawn, initializer=begin)


def begin() -> None:
    """Make this process a worker: an interrupt ends its task, its parent's end ends it."""
    take_charge()
    warnings.simplefilter("ignore", PlugInWarning)  # the process that started this one warns
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the end of the pipe whose other end only the parent holds, however it ends.

    Nothing is tidied up: a worker that goes on for that could ask a model once more. To its
    journal this is `kill -9`, which loses nothing but the calls under way.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(ORPHANED)
