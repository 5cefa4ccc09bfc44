"""Who runs and who waits: slots go round, the least-used waiter is served first, none is lost."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from investigator.runtime.scheduler import Scheduler, Slot
from investigator.testing.virtual_time import in_virtual_time


def test_budget_that_came_free_is_offered_to_the_least_used_first() -> None:
    """Of those who wait, whoever has used least tries first, whatever order they came in."""
    woken: list[str] = []

    async def waits(slot: Slot, name: str, used: int) -> None:
        assert await slot.wait(used=lambda: used, seconds=60)
        woken.append(name)

    async def closes(_slot: Slot) -> None:
        await anyio.sleep(1)
        scheduler.scope_closed()
        await anyio.sleep(1)

    async def run() -> None:
        await scheduler.families(
            [
                lambda slot: waits(slot, "much", 9),
                lambda slot: waits(slot, "little", 1),
                lambda slot: waits(slot, "some", 5),
                closes,
            ]
        )

    scheduler = Scheduler(1)
    in_virtual_time(run())
    assert woken == ["little", "some", "much"]


def test_when_nothing_can_move_the_most_used_is_told_to_conclude() -> None:
    """What it then gives back is what the others wait for."""
    told: list[tuple[str, bool]] = []

    async def waits(slot: Slot, name: str, used: int) -> None:
        told.append((name, await slot.wait(used=lambda: used, seconds=60)))

    async def run() -> None:
        tasks = [("little", 1), ("much", 9), ("some", 5)]
        await scheduler.families([partial(waits, name=name, used=used) for name, used in tasks])

    scheduler = Scheduler(3)
    in_virtual_time(run())
    assert told == [("much", False), ("some", False), ("little", False)]


@pytest.mark.parametrize("granted", [False, True])
def test_a_cancelled_claim_leaves_its_place_to_the_next(granted: bool) -> None:
    """Whether it still queued for a slot or had just been given it."""
    ran: list[str] = []

    async def holds(_slot: Slot) -> None:
        await anyio.sleep(2)

    async def runs(_slot: Slot) -> None:
        ran.append("next")

    async def run() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(scheduler.alone, holds)
            await anyio.sleep(0.5)
            with anyio.CancelScope() as gives_up:
                async with anyio.create_task_group() as inner:
                    inner.start_soon(scheduler.alone, runs)
                    await anyio.sleep(1.5 if granted else 0.5)
                    gives_up.cancel()
            before = list(ran)
            with anyio.fail_after(30):
                await scheduler.alone(runs)
            assert ran == [*before, "next"]

    scheduler = Scheduler(1)
    in_virtual_time(run())
    assert scheduler.waves(3) == 2  # the one slot is free again: one more than the own
