"""Who runs and who waits: at most `concurrency` scopes run, the others queue or wait.

A scope that waits, for budget or for its children, gives its place up, so that places are
never held by scopes that cannot go on. A scope refused with `wait` waits until another scope
closes, its time is over, or nothing else in the run could still move; then the waiter that has
used most is told to conclude, which frees what the others wait for. Woken waiters try again
in the order of what they have used, least first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import anyio

from investigator.runtime.pace import share_of_time

ResultT = TypeVar("ResultT")


@dataclass(eq=False, slots=True)
class _Waiter:
    used: Callable[[], int]
    woken: anyio.Event = field(default_factory=anyio.Event)
    retry: bool = False


class WaitingRoom:
    """The places of one run."""

    def __init__(self, concurrency: int) -> None:
        self._places = anyio.Semaphore(concurrency)
        self._concurrency = concurrency
        self._moving = 0
        self._waiters: list[_Waiter] = []

    async def alone(self, task: Callable[[float], Awaitable[ResultT]]) -> ResultT:
        """Run the root of a run."""
        self._moving += 1
        async with self._places:
            return await task(1.0)

    async def side_by_side(
        self, tasks: Sequence[Callable[[float], Awaitable[ResultT]]]
    ) -> list[ResultT]:
        """Run tasks together for a scope that waits for all; results in the order given.

        The scope's own place is given up for as long. Each task is handed the share of the
        time left that it may take when it starts (see `share_of_time`).
        """
        results: dict[int, ResultT] = {}

        def share() -> float:
            return share_of_time(len(tasks) - len(results), self._concurrency)

        async def run(index: int) -> None:
            async with self._places:
                results[index] = await tasks[index](share())
            if len(results) < len(tasks):
                self._moving -= 1
                self._unblock()

        # Each task moves in the scope's place; with the last one's end the scope moves again.
        self._moving += len(tasks) - 1
        self._places.release()
        async with anyio.create_task_group() as group:
            for index in range(len(tasks)):
                group.start_soon(run, index)
        await self._places.acquire()
        return [results[index] for index in range(len(tasks))]

    async def wait(self, *, used: Callable[[], int], seconds: float) -> bool:
        """Wait for budget; True: try again, False: it will not come, conclude."""
        waiter = _Waiter(used)
        self._waiters.append(waiter)
        self._moving -= 1
        self._places.release()
        self._unblock()
        try:
            with anyio.move_on_after(seconds):
                await waiter.woken.wait()
        finally:
            if not waiter.woken.is_set():
                self._wake(waiter, retry=False)
        await self._places.acquire()
        return waiter.retry

    def scope_closed(self) -> None:
        """Budget came free: everyone who waits tries again, least-used first."""
        for waiter in sorted(self._waiters, key=lambda w: w.used()):
            self._wake(waiter, retry=True)

    def _unblock(self) -> None:
        if self._moving == 0 and self._waiters:
            self._wake(max(self._waiters, key=lambda w: w.used()), retry=False)

    def _wake(self, waiter: _Waiter, *, retry: bool) -> None:
        self._waiters.remove(waiter)
        self._moving += 1
        waiter.retry = retry
        waiter.woken.set()
