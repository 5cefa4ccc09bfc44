"""An interrupt ends a batch within moments, keeps what is done, and can be gone on from."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from investigator import RCA
from investigator.runs.batch_lock import batch_lock
from investigator.runs.investigation import Options
from investigator.runs.run_store import StoredRun, list_runs
from investigator.runs.settings import DEFAULTS
from investigator.runtime.record import RECORD_FILE
from investigator.store.open import ingest_files
from investigator.testing.model_server import Hang, ModelServer, ReceivedRequest
from tests.cli.conftest import Call

TRACES = 40


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """More traces than a batch gets through before it is interrupted."""
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    lines = [json.dumps({"run_id": f"c{i}", "messages": talk}) + "\n" for i in range(TRACES)]
    (tmp_path / "chats.jsonl").write_text("".join(lines), encoding="utf-8")
    ingest_files([tmp_path / "chats.jsonl"], tmp_path / "chats.parquet")
    return tmp_path / "chats.parquet"


def _as_in_a_terminal() -> None:
    """A shell ignores SIGINT for what it runs in the background, tests included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _in_the_background() -> None:
    """As a script's `&` starts a command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _interrupted(argv: list[str], runs: Path, *, by: signal.Signals) -> tuple[int, str]:
    """Start a batch, interrupt it after its first runs; (exit code, stderr)."""
    command = [sys.executable, "-m", "investigator", *argv]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_as_in_a_terminal,
    )
    deadline = time.monotonic() + 60
    while not (runs.exists() and len(list(runs.iterdir())) > 3) and time.monotonic() < deadline:
        time.sleep(0.02)
    if by is signal.SIGINT:
        os.killpg(process.pid, by)  # as a terminal does
    else:
        process.send_signal(by)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_batch_keeps_what_is_done_and_goes_on(
    call: Call, chats: Path, tmp_path: Path, by: signal.Signals
) -> None:
    """Exit 130, no traceback, and `--continue` leaves every trace with one finished run."""
    runs, output = tmp_path / "runs", tmp_path / "reports.jsonl"
    batch = ["rca", str(chats), "--all", "--jobs", "2", "--runs-dir", str(runs)]
    code, told = _interrupted([*batch, "--output", str(output)], runs, by=by)
    assert code == 130, told
    assert "--continue" in told
    assert "Traceback" not in told
    assert 0 < len(output.read_text().splitlines()) < TRACES
    assert call(*batch, "--continue", "--output", output).code == 0
    assert len(output.read_text().splitlines()) == TRACES
    listed = call("runs", "list", "--runs-dir", runs, "--json").out.splitlines()
    assert [json.loads(line)["state"] for line in listed] == ["succeeded"] * TRACES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "started"),
    [
        (signal.SIGINT, _as_in_a_terminal),
        (signal.SIGTERM, _as_in_a_terminal),
        (signal.SIGTERM, _in_the_background),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGTERM in the background"],
)
def test_an_interrupt_before_the_first_result_is_one_too(
    chats: Path, tmp_path: Path, by: signal.Signals, started: Callable[[], None]
) -> None:
    """Exit 130 and how far it came, which is nowhere; runs that had begun can be gone on with."""
    asked = threading.Event()

    def never(_: ReceivedRequest) -> Hang:
        asked.set()
        return Hang()

    with ModelServer(never) as server:
        argv = ["rca", str(chats), "--all", "--jobs", "2", "--runs-dir", str(tmp_path / "runs")]
        argv += ["--output", str(tmp_path / "reports.jsonl")]
        argv += ["--planner", "model", "--model", "m", "--base-url", server.base_url]
        process = subprocess.Popen(
            [sys.executable, "-m", "investigator", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=started,
        )
        assert asked.wait(timeout=120)
        process.send_signal(by)
        out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), told
    assert told == f"interrupted after 0 of {TRACES} runs; --continue goes on\n"
    assert {run.state for run in list_runs(tmp_path / "runs")} <= {"failed", "interrupted"}


@pytest.mark.slow
def test_continue_leaves_a_run_alone_that_another_process_writes(
    call: Call, chats: Path, tmp_path: Path
) -> None:
    """It says so, counts it, and starts no other run of that trace; the batch is partial."""
    runs = tmp_path / "runs"
    few = ["--filter", "trace_id in ['c0', 'c1']"]
    batch = ["rca", chats, "--all", "--jobs", "1", "--runs-dir", runs, *few]
    assert call(*batch).code == 0
    (first,) = (run for run in list_runs(runs) if _trace_of(run) == "c0")
    (first.run_dir / RECORD_FILE).unlink()
    before = _files(first.run_dir)
    with (first.run_dir / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = call(*batch, "--continue", "--json")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 3
    assert "1 of 2 left alone, another process is writing their runs" in ended.err
    assert [row["status"] for row in rows] == ["not started", "succeeded"]
    assert "left alone" in rows[0]["error"]
    assert _files(first.run_dir) == before
    assert len(list_runs(runs)) == 2
    assert call(*batch, "--continue").code == 0
    assert [run.state for run in list_runs(runs)] == ["succeeded"] * 2


def _trace_of(run: StoredRun) -> str:
    assert run.record is not None
    return run.record.input_ref.trace_ids[0]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_batch_is_refused_before_it_starts_a_run(
    call: Call, chats: Path, tmp_path: Path
) -> None:
    """Exit 2, who is in the way, and what to do; `--continue` is no way around it."""
    runs = tmp_path / "runs"
    asked = Options.of(RCA(), RCA().materials(), DEFAULTS)
    with batch_lock(runs, asked, ["c0"]):
        for more in ((), ("--continue",)):
            ended = call("rca", chats, "--all", "--runs-dir", runs, *more)
            assert ended.code == 2
            assert f"another batch (process {os.getpid()})" in ended.err
            assert f"1 of these {TRACES} traces" in ended.err
    assert list_runs(runs) == []
