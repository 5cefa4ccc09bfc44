"""Two batches never ask one question of one trace at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator import RCA
from investigator.errors import RunLocked
from investigator.inspection.engine import Materials
from investigator.runs.batch_lock import batch_lock
from investigator.runs.investigation import Options
from investigator.runs.settings import DEFAULTS

ASKED = Options.of(RCA(), Materials(sha256="m"), DEFAULTS)


def test_the_same_question_is_refused_while_a_batch_asks_it(tmp_path: Path) -> None:
    """The message says how many traces are meant; once the first has ended it is free."""
    with (
        batch_lock(tmp_path, ASKED, ["a", "b"]),
        pytest.raises(RunLocked, match="1 of these 2 traces"),
        batch_lock(tmp_path, ASKED, ["b", "c"]),
    ):
        pass
    with batch_lock(tmp_path, ASKED, ["b", "c"]):
        pass


def test_other_traces_other_questions_and_other_folders_are_free(tmp_path: Path) -> None:
    """A folder may take many batches that have nothing in common, of one process too."""
    other = ASKED.model_copy(update={"materials_sha256": "n"})
    with (
        batch_lock(tmp_path, ASKED, ["a"]),
        batch_lock(tmp_path, ASKED, ["b"]),
        batch_lock(tmp_path, other, ["a"]),
        batch_lock(tmp_path / "elsewhere", ASKED, ["a"]),
    ):
        pass


def test_the_lock_of_a_dead_batch_is_no_lock(tmp_path: Path) -> None:
    """What `kill -9` leaves behind is removed; nothing is left of one that ended."""
    with batch_lock(tmp_path, ASKED, ["a"]):
        (lock,) = tmp_path.iterdir()
        text = lock.read_text(encoding="utf-8")
    lock.write_text(text, encoding="utf-8")
    with batch_lock(tmp_path, ASKED, ["a"]):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_batch_without_runs_leaves_no_folder(tmp_path: Path) -> None:
    """The runs folder is there while the lock is, and goes with it where it stayed empty."""
    with batch_lock(tmp_path / "runs", ASKED, ["a"]):
        assert (tmp_path / "runs").is_dir()
    assert not (tmp_path / "runs").exists()
