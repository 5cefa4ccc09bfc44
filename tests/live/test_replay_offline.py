"""A run is replayed by a process that can reach nothing, and that has no key."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from investigator.runs.planners import PlannerChoice
from investigator.runtime.budget import Budget
from investigator.testing.model_server import Behaviour, ModelServer, ReceivedRequest, error
from tests.live.asking import CONCLUDES, KEY_VARIABLE, Engine, settings

NO_NETWORK = """
import sys
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"):
        raise RuntimeError(f"the network is off: {event}")
sys.addaudithook(refuse)
"""
"""Audit hooks see every way to a socket, also those of libraries, and cannot be taken off."""

REPLAY = "from investigator.cli.main import main\nmain(sys.argv[1:])\n"
CONNECT = "import socket\nsocket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
ENOUGH = Budget(iterations=120, tool_calls=240, subcalls=90, tokens=2_000_000, wall_time_s=60)


def alone(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A process without a network, and without a key."""
    environment = {k: v for k, v in os.environ.items() if k != KEY_VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", NO_NETWORK + code, *words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def contents(folder: Path) -> dict[str, str]:
    """Every file by its hash."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(("planner", "ends"), [("model", "well"), ("hybrid", "ill")])
def test_a_live_run_is_replayed_with_the_network_off(
    engine: Engine, ends: str, planner: str, tmp_path: Path
) -> None:
    """Every event and the report to the byte; nothing is written, nobody is asked."""
    last: Behaviour = CONCLUDES if ends == "well" else error(500)

    def then(_: ReceivedRequest) -> Behaviour:
        return last

    with ModelServer(engine.then(then)) as server:
        choice = PlannerChoice.model_validate({"planner": planner, "model": settings(server)})
        result = engine.ask(choice, tmp_path, ENOUGH)
    assert result.report is not None
    before = contents(tmp_path)
    done = alone(REPLAY, "runs", "replay", "run", "--runs-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path) == before


def test_a_forged_report_is_not_replayed(tmp_path: Path, engine: Engine) -> None:
    """One byte that differs is enough, and is named."""
    with ModelServer(engine.then(lambda _: CONCLUDES)) as server:
        choice = PlannerChoice(planner="model", model=settings(server))
        result = engine.ask(choice, tmp_path, ENOUGH)
    output = result.run_dir / "output.json"
    output.write_bytes(output.read_bytes().replace(b"\n", b"\n ", 1))
    done = alone(REPLAY, "runs", "replay", "run", "--runs-dir", str(tmp_path))
    assert done.returncode != 0
    assert "output" in done.stdout + done.stderr


def test_the_network_is_off() -> None:
    """Or the tests above could not fail."""
    with ModelServer([CONCLUDES]) as server:
        done = alone(CONNECT, server.base_url.rsplit(":", 1)[1].removesuffix("/v1"))
    assert done.returncode != 0
    assert "the network is off: socket." in done.stderr
