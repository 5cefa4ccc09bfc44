"""An interrupt ends a batch within moments, keeps what is done, and can be gone on from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from investigator.inspection.open import ingest
from tests.cli.conftest import Call

TRACES = 40


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """More traces than a batch gets through before it is interrupted."""
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    lines = [json.dumps({"run_id": f"c{i}", "messages": talk}) + "\n" for i in range(TRACES)]
    (tmp_path / "chats.jsonl").write_text("".join(lines), encoding="utf-8")
    ingest([tmp_path / "chats.jsonl"], tmp_path / "chats.parquet")
    return tmp_path / "chats.parquet"


def _as_in_a_terminal() -> None:
    """A shell ignores SIGINT for what it runs in the background, tests included."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
