"""Workers end with the process that started them, whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from investigator.ground.interrupts import in_charge
from investigator.runs.workers import Workers

PROGRAM = """
import os, signal, sys, time
from investigator.runs.workers import Workers

if __name__ == "__main__":
    workers = Workers(2)
    busy = workers.submit(time.sleep, 600)
    idle = workers.submit(os.getpid)
    print(workers.submit(os.getpid).result(), flush=True)
    {end}
"""


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os._exit(7)",
        "os.abort()",
    ],
)
def test_workers_end_with_their_parent_and_let_go_of_its_pipes(end: str, tmp_path: Path) -> None:
    """Busy or idle: its stdout and stderr are at their ends, which nobody holds open."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(end=end), encoding="utf-8")
    ended = subprocess.run([sys.executable, str(program)], capture_output=True, timeout=60)
    worker = int(ended.stdout)
    assert ended.returncode != 0
    with pytest.raises(ProcessLookupError):
        _still_there(worker)


def _still_there(pid: int) -> None:
    """Raise ProcessLookupError once a process is gone; one that nobody buries counts as gone."""
    state = Path(f"/proc/{pid}/stat")
    if state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
        raise ProcessLookupError
    os.kill(pid, 0)


def until_interrupted(seconds: float) -> str:
    """A task that an interrupt ends."""
    deadline = time.monotonic() + seconds
    with in_charge() as interrupts:
        while time.monotonic() < deadline:
            if interrupts.asked:
                return "interrupted"
            time.sleep(0.01)
    return "done"


def test_a_worker_that_is_killed_breaks_no_other() -> None:
    """The other goes on, and hears of an interrupt."""
    with Workers(2) as workers:
        going_on = workers.submit(until_interrupted, 600)
        with pytest.raises(BrokenProcessPool):
            workers.submit(os._exit, 9).result(timeout=60)
        workers.interrupt()
        assert going_on.result(timeout=60) == "interrupted"


def test_who_interrupts_the_wait_for_workers_kills_them() -> None:
    """The second Ctrl-C: what a worker is in the middle of is not waited for."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    workers = Workers(2)
    worker = workers.submit(os.getpid).result()
    for _ in range(2):
        workers.submit(time.sleep, 600)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt):
            _interrupted_by(timer, workers)
    finally:
        signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            _still_there(worker)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail(f"worker {worker} is still there")


def _interrupted_by(timer: threading.Timer, workers: Workers) -> None:
    timer.start()
    workers.shutdown()
    timer.join()
