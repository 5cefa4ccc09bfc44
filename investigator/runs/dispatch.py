"""Many tasks on an executor, each on a lease of what is left, given out again where it was lost.

An executor is small: it takes a function of a module with its arguments and gives a future, takes
`slots` of them at once, and can interrupt them. A task whose worker died ends in `BrokenExecutor`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from investigator.ground.interrupts import Interrupts
from investigator.runs.purse import Leased, Purse
from investigator.runtime.budget import Amounts, Budget

_LOOK_UP_S = 0.1
"""How often one looks up from waiting, to see whether it was interrupted."""

ItemT = TypeVar("ItemT")
DoneT = TypeVar("DoneT")


class TakesTasks(Protocol):
    """What takes tasks: `concurrent.futures.Executor` among others."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Begin a task."""
        ...


class TaskExecutor(TakesTasks, Protocol):
    """Where tasks are done."""

    @property
    def slots(self) -> int:
        """How many tasks it does at once."""
        ...

    def interrupt(self) -> None:
        """End the tasks under way as Ctrl-C would."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None: ...


class InProcess:
    """One task at a time, in this process, done by the time it is submitted."""

    slots = 1

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Do it now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args))
        except Exception as error:  # noqa: BLE001 (a boundary: one task, as in another process)
            future.set_exception(error)
        return future

    def interrupt(self) -> None:
        """Nothing is under way when this can be called."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Job(Generic[ItemT, DoneT]):
    """How items become tasks: what each may use at most, the call that does it, what it used.

    `used` of None is unknown, and booked in full. `lost` says what a task used whose worker died;
    it is given out again up to `retries` times.
    """

    budget: Callable[[ItemT], Budget]
    call: Callable[[ItemT, Budget], tuple[Callable[..., DoneT], tuple[Any, ...]]]
    used: Callable[[DoneT], Amounts | None]
    lost: Callable[[ItemT], Amounts | None] = lambda _: None
    retries: int = 0


def dispatch(
    items: Sequence[ItemT],
    executor: TakesTasks,
    job: Job[ItemT, DoneT],
    *,
    slots: int,
    purse: Purse,
    interrupts: Interrupts | None = None,
) -> Iterator[tuple[int, DoneT]]:
    """Do every item, `slots` at a time; (its position, what came of it) as they end.

    When the purse's time is over, no other item is begun.

    Raises:
        BrokenExecutor: the worker of a task died once too often.
        KeyboardInterrupt: it was interrupted.
    """
    waiting = deque((index, 0) for index in range(len(items)))
    running: dict[Future[DoneT], tuple[int, int, Leased]] = {}
    while waiting or running:
        while waiting and len(running) < slots and purse.seconds_left != 0:
            index, attempt = waiting.popleft()
            shares = min(slots - len(running), len(waiting) + 1)
            budget, leased = purse.lease(job.budget(items[index]), shares=shares)
            fn, args = job.call(items[index], budget)
            running[executor.submit(fn, *args)] = (index, attempt, leased)
        if not running:
            return
        ended = wait(running, timeout=_LOOK_UP_S, return_when=FIRST_COMPLETED).done
        if interrupts is not None and interrupts.asked:
            raise KeyboardInterrupt
        for future in ended:
            index, attempt, leased = running.pop(future)
            try:
                done = future.result()
            except BrokenExecutor:
                purse.settle(leased, job.lost(items[index]))
                if attempt == job.retries:
                    raise
                waiting.append((index, attempt + 1))
                continue
            purse.settle(leased, job.used(done))
            yield index, done
