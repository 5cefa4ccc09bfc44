"""Every command that writes where the user says harms nothing that stands there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from investigator.samples import SAMPLE_TRACES
from tests.cli.conftest import Call
from tests.ground.nodes import FULL, NULL, device, is_device, is_pipe, pipe

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"

COMMANDS = {
    "ingest": ("ingest", SAMPLE_TRACES),
    "export": ("runs", "export", "r"),
    "one": ("rca", SAMPLE_TRACES, "--trace-id", TRIP),
    "several": ("rca", SAMPLE_TRACES, "--all"),
    "compliance": ("compliance", SAMPLE_TRACES, "--trace-id", TRIP),
    "incident": ("incident", SAMPLE_TRACES),
}


class Writes:
    """A command that writes to the target it is given; its runs are kept apart."""

    def __init__(self, call: Call, words: Sequence[str | Path], runs: Path) -> None:
        self._call = call
        self._words = words
        self._runs = () if words[0] == "ingest" else ("--runs-dir", runs)

    def to(self, target: Path) -> tuple[int, str]:
        """The exit code and what was said."""
        ended = self._call(*self._words, *self._runs, "-o", target)
        return ended.code, ended.err


@pytest.fixture(params=COMMANDS)
def writes(
    request: pytest.FixtureRequest, call: Call, tmp_path_factory: pytest.TempPathFactory
) -> Writes:
    """Each command that takes `-o`."""
    runs = tmp_path_factory.mktemp("runs")
    if request.param == "export":
        call("rca", SAMPLE_TRACES, "--trace-id", TRIP, "--run-id", "r", "--runs-dir", runs)
    return Writes(call, COMMANDS[request.param], runs)


@pytest.mark.slow
def test_a_device_stays_one(writes: Writes, tmp_path: Path) -> None:
    """What it takes was written; what it does not take is told."""
    null, full = device(tmp_path / "null", NULL), device(tmp_path / "full", FULL)
    assert writes.to(null)[0] == 0
    code, said = writes.to(full)
    assert (code, "No space left on device" in said) == (2, True)
    assert is_device(null)
    assert is_device(full)


@pytest.mark.slow
def test_a_link_and_a_mode_stay(writes: Writes, tmp_path: Path) -> None:
    """The file that the link leads to has the content, and the mode that it had."""
    (tmp_path / "file").touch(0o640)
    (tmp_path / "link").symlink_to("file")
    assert writes.to(tmp_path / "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").stat().st_size > 0
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert set(os.listdir(tmp_path)) == {"file", "link"}


def test_a_folder_is_refused(writes: Writes, tmp_path: Path) -> None:
    """And stays empty."""
    (tmp_path / "folder").mkdir()
    code, said = writes.to(tmp_path / "folder")
    assert (code, "it is a folder; name a file in it" in said) == (2, True)
    assert not os.listdir(tmp_path / "folder")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one", "several", "export", "incident"])
def test_a_pipe_gets_the_text(name: str, call: Call, tmp_path: Path) -> None:
    """Reports and spans are read from it as they would be from a file."""
    runs = tmp_path / "runs"
    call("rca", SAMPLE_TRACES, "--trace-id", TRIP, "--run-id", "r", "--runs-dir", runs)
    writes = Writes(call, COMMANDS[name], runs)
    with pipe(tmp_path / "pipe") as came:
        assert writes.to(tmp_path / "pipe")[0] == 0
    assert is_pipe(tmp_path / "pipe")
    assert all(json.loads(line) for line in b"".join(came).splitlines())


def test_a_pipe_is_no_place_for_parquet(call: Call, tmp_path: Path) -> None:
    """Nobody reads it, and nobody has to."""
    os.mkfifo(tmp_path / "pipe")
    code, said = Writes(call, COMMANDS["ingest"], tmp_path).to(tmp_path / "pipe")
    assert (code, "Parquet" in said, is_pipe(tmp_path / "pipe")) == (2, True, True)


def test_nothing_is_begun_for_a_place_that_cannot_be_written(call: Call, tmp_path: Path) -> None:
    """Runs may cost money: a target is refused before the first of them."""
    (tmp_path / "folder").mkdir()
    runs = tmp_path / "runs"
    for words in (COMMANDS["one"], COMMANDS["several"], COMMANDS["incident"]):
        assert Writes(call, words, runs).to(tmp_path / "folder")[0] == 2
    assert not runs.exists()
