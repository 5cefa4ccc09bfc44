"""Run folders are 0700 and their files 0600, whatever the umask and whoever made them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from investigator import RCA, Settings, investigate, resume_run
from investigator.traces.parquet import write_spans
from tests.builders import span


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What the user's shell takes away from new files."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The modes of a folder and of all below it."""
    return {p.name: p.stat().st_mode & 0o777 for p in (folder, *folder.rglob("*"))}


def private(folder: Path) -> bool:
    """Whether nobody else may read any of it."""
    found = modes(folder)
    return found.pop(folder.name) == 0o700 and set(found.values()) == {0o600}


@pytest.fixture
def run(tmp_path: Path, umask: int) -> Path:
    """A finished run."""
    os.umask(0o022)
    write_spans([span("a", kind="AGENT")], tmp_path / "traces.parquet")
    os.umask(umask)
    runs = tmp_path / "runs"
    runs.mkdir(mode=0o755)
    runs.chmod(0o755)
    ran = investigate(tmp_path / "traces.parquet", RCA(), Settings(runs_dir=runs, run_id="r"))
    return ran.run_dir


def test_nobody_else_reads_a_run(run: Path) -> None:
    """Its folder, journal, lock, record and report."""
    assert {"events.jsonl", "lock", "run_record.json", "output.json"} <= set(modes(run))
    assert private(run)


def test_a_resumed_run_becomes_private(run: Path) -> None:
    """Also one whose files an earlier version left open to all."""
    run.chmod(0o755)
    for path in run.iterdir():
        path.chmod(0o644)
    resume_run("r", run.parent)
    assert private(run)
