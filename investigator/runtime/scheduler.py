"""Who runs and who waits: at most `concurrency` scopes run, the others queue or wait.

The scopes that an engine opens are *families*: each runs with whatever its planner delegates.
A family that has begun keeps a slot until it has ended: a scope that waits for its children
hands its slot to them and gets it back from the last. Slots beyond that one go to families
that have not begun yet, and only then to further members of a family. So with n families, k
slots and the time shares below, family i begins at the latest when floor(i / k) of the
ceil(n / k) waves are over, whatever the families before it do, and has one wave of time.

A scope that waits for budget gives its slot up. It tries again when a scope closes; when its
time is over, or nothing else in the run could still move, it is told to conclude (the waiter
that has used most first), which frees what the others wait for. Who concludes does not queue.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar, cast

import anyio

ResultT = TypeVar("ResultT")


@dataclass(eq=False, slots=True)
class _Family:
    slots: int = 0
    begun: bool = False


@dataclass(eq=False, slots=True)
class _Claim:
    """Someone of a family queues for a slot."""

    family: _Family
    granted: anyio.Event = field(default_factory=anyio.Event)


@dataclass(eq=False, slots=True)
class _Waiter:
    """Someone waits for budget."""

    used: Callable[[], int]
    woken: anyio.Event = field(default_factory=anyio.Event)
    retry: bool = False


class Slot:
    """The right of a scope to run, and the part of the time left that it may take."""

    def __init__(self, scheduler: Scheduler, family: _Family, share: float = 1.0) -> None:
        self._scheduler = scheduler
        self._family = family
        self.share = share

    def waves(self, count: int) -> int:
        """In how many rounds `count` children would run, with the slots that are free now."""
        return self._scheduler.waves(count)

    async def side_by_side(
        self, tasks: Sequence[Callable[[Slot], Awaitable[ResultT]]]
    ) -> list[ResultT]:
        """Run tasks together for a scope that waits for all; results in the order given."""
        return await self._scheduler.children(self._family, tasks)

    async def wait(self, *, used: Callable[[], int], seconds: float) -> bool:
        """Wait for budget; True: try again, False: it will not come, conclude."""
        return await self._scheduler.wait(self._family, used=used, seconds=seconds)


Task: TypeAlias = Callable[[Slot], Awaitable[ResultT]]


class Scheduler:
    """The slots of one run."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._free = concurrency
        self._claims: list[_Claim] = []
        self._waiters: list[_Waiter] = []
        self._moving = 0

    async def alone(self, task: Task[ResultT]) -> ResultT:
        """Run one scope with all that it delegates, and nothing beside it."""
        (result,) = await self.families([task])
        return result

    async def families(self, tasks: Sequence[Task[ResultT]]) -> list[ResultT]:
        """Run tasks together, each a family of its own; results in the order given."""
        shares = _shares(len(tasks), self._concurrency)
        results: list[ResultT | None] = [None] * len(tasks)

        async def run(index: int) -> None:
            family = _Family()
            await self._acquire(family)
            family.begun = True
            results[index] = await tasks[index](Slot(self, family, next(shares)))
            self._moving -= 1
            self._give_back(family)
            self._unblock()

        self._moving += len(tasks)
        async with anyio.create_task_group() as group:
            for index in range(len(tasks)):
                group.start_soon(run, index)
        return cast("list[ResultT]", results)

    async def children(self, family: _Family, tasks: Sequence[Task[ResultT]]) -> list[ResultT]:
        """Run tasks together for a member of a family, in its slot and in what else is free.

        The first takes the slot of the scope that waits, the last to end leaves it its own.
        """
        shares = _shares(len(tasks), self._at_once)
        results: dict[int, ResultT] = {}

        async def run(index: int) -> None:
            if index:
                await self._acquire(family)
            results[index] = await tasks[index](Slot(self, family, next(shares)))
            if len(results) < len(tasks):
                self._moving -= 1
                self._give_back(family)
                self._unblock()

        # Each task moves in the scope's stead; with the last one's end the scope moves again.
        self._moving += len(tasks) - 1
        async with anyio.create_task_group() as group:
            for index in range(len(tasks)):
                group.start_soon(run, index)
        return [results[index] for index in range(len(tasks))]

    async def wait(self, family: _Family, *, used: Callable[[], int], seconds: float) -> bool:
        """Give the slot up and wait for budget, `seconds` at the longest; see `Slot.wait`."""
        waiter = _Waiter(used)
        self._waiters.append(waiter)
        self._moving -= 1
        self._give_back(family)
        self._unblock()
        with anyio.move_on_after(seconds):
            try:
                await waiter.woken.wait()
            finally:
                if not waiter.woken.is_set():
                    self._wake(waiter, retry=False)
            if waiter.retry:
                await self._acquire(family)
                return True
        self._take(family)
        return False

    def scope_closed(self) -> None:
        """Budget came free: everyone who waits tries again, least-used first."""
        for waiter in sorted(self._waiters, key=lambda w: w.used()):
            self._wake(waiter, retry=True)

    def waves(self, count: int) -> int:
        """How often a family must run to have run `count` children: in its slot, in free ones."""
        return math.ceil(count / self._at_once)

    @property
    def _at_once(self) -> int:
        return 1 + max(0, self._free)

    async def _acquire(self, family: _Family) -> None:
        claim = _Claim(family)
        self._claims.append(claim)
        self._hand_out()
        try:
            await claim.granted.wait()
        except anyio.get_cancelled_exc_class():
            if claim.granted.is_set():
                self._give_back(family)
            else:
                self._claims.remove(claim)
            raise

    def _take(self, family: _Family) -> None:
        family.slots += 1
        self._free -= 1

    def _give_back(self, family: _Family) -> None:
        """A slot is free again; a family that would be left without one has the first claim."""
        family.slots -= 1
        self._free += 1
        self._hand_out(None if family.slots else family)

    def _hand_out(self, first: _Family | None = None) -> None:
        while self._free > 0 and self._claims:
            claim = min(self._claims, key=lambda c: (c.family is not first, _rank(c.family)))
            self._claims.remove(claim)
            self._take(claim.family)
            claim.granted.set()

    def _unblock(self) -> None:
        if self._moving == 0 and self._waiters:
            self._wake(max(self._waiters, key=lambda w: w.used()), retry=False)

    def _wake(self, waiter: _Waiter, *, retry: bool) -> None:
        self._waiters.remove(waiter)
        self._moving += 1
        waiter.retry = retry
        waiter.woken.set()


def _rank(family: _Family) -> int:
    """Who is served first: families that lost their slot, those to begin, further members."""
    if not family.begun:
        return 1
    return 2 if family.slots else 0


def _shares(count: int, at_once: int) -> Iterator[float]:
    """The part of the time left that each of `count` scopes may take, in the order they begin.

    They run in waves of `at_once`; a scope of a wave gets an equal part of what is left for it
    and the waves after it.
    """
    waves = math.ceil(count / at_once)
    for index in range(count):
        yield 1.0 / (waves - index // at_once)
