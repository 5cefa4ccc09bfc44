"""Ctrl-C ends a run at a moment when nothing is half done, and is never lost."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from investigator.ground.interrupts import Interrupts, held_back, in_charge

pytestmark = pytest.mark.usefixtures("in_a_terminal")


async def _said() -> str:
    return "done"


async def _waiting(ended: list[str], by: signal.Signals = signal.SIGINT) -> None:
    os.kill(os.getpid(), by)
    try:
        await asyncio.sleep(60)
    finally:
        ended.append("cleaned up")


def test_an_interrupt_cancels_the_coroutine_that_runs() -> None:
    """It is cancelled, cleans up, and the caller sees a KeyboardInterrupt."""
    ended: list[str] = []
    with in_charge() as interrupts, pytest.raises(KeyboardInterrupt):
        interrupts.run(lambda: _waiting(ended))
    assert ended == ["cleaned up"]


def test_an_interrupt_before_the_run_keeps_it_from_starting() -> None:
    """What was asked while an event loop was being made is not forgotten."""
    ended: list[str] = []
    with in_charge() as interrupts:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.run(lambda: _waiting(ended))
    assert ended == []


def test_without_an_interrupt_nothing_is_different() -> None:
    """The result is handed on and Python's own handler is back afterwards."""
    with in_charge() as interrupts:
        assert interrupts.run(_said) == "done"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_asks_twice_is_not_kept_waiting() -> None:
    """The second Ctrl-C raises at once, but not in a worker, which hears of each press twice."""
    with in_charge():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    worker = Interrupts(patient=True)
    worker(signal.SIGINT, None)
    worker(signal.SIGINT, None)
    assert worker.asked


def test_an_interrupt_is_held_back_while_a_worker_starts() -> None:
    """It comes right after, not in between."""
    with in_charge() as interrupts:
        with held_back():
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            assert not interrupts.asked
        assert interrupts.asked


def test_a_run_in_another_thread_takes_no_interrupt_from_the_one_that_is_in_charge() -> None:
    """A server verifies a run in a thread of its own, and is stopped by a signal all the same."""
    ended: list[str] = []

    def aside() -> str:
        with in_charge() as interrupts:
            return interrupts.run(_said)

    async def serving() -> None:
        assert await asyncio.to_thread(aside) == "done"
        await asyncio.wait_for(_waiting(ended), 60)

    with in_charge() as interrupts, pytest.raises(KeyboardInterrupt):
        interrupts.run(serving)
    assert ended == ["cleaned up"]


def test_other_threads_and_other_handlers_are_left_alone() -> None:
    """Python hands signals to the main thread alone; an ignored Ctrl-C stays ignored."""
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: asyncio.run(_said())).result() == "done"

        def run() -> str:
            with in_charge() as interrupts:
                return interrupts.run(_said)

        assert threads.submit(run).result() == "done"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with in_charge():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_interrupts_where_ctrl_c_is_ignored() -> None:
    """A shell ignores SIGINT for `&` in a script; SIGTERM is a signal of its own."""
    ended: list[str] = []
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with in_charge() as interrupts, pytest.raises(KeyboardInterrupt):
            interrupts.run(lambda: _waiting(ended, signal.SIGTERM))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended == ["cleaned up"]


def test_a_program_keeps_its_own_way_with_sigterm() -> None:
    """Only a command has SIGTERM raise; whoever calls the library keeps what it had."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with in_charge():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
