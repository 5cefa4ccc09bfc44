"""What an earlier version stored can be listed, shown, checked as far as may be, and exported.

`stored_runs/version_0_1/` holds a run of each engine as version 0.1 left it, before records named
the code that decides.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from investigator import UsageError, list_runs, read_record, replay_run, resume_run, verify_run
from investigator.runs.export.export import export_run
from investigator.runtime.journal import FILE
from tests.cli.conftest import Call

STORED = Path(__file__).parent.parent / "stored_runs" / "version_0_1"
ENGINES = ("compliance", "incident", "rca")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The stored runs, in a folder of the test's own."""
    shutil.copytree(STORED, tmp_path / "runs")
    return tmp_path / "runs"


def test_they_are_listed(runs: Path) -> None:
    """With their states."""
    assert [(run.run_id, run.state) for run in list_runs(runs)] == [
        (engine, "succeeded") for engine in ENGINES
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_they_are_shown_and_exported(engine: str, runs: Path, call: Call) -> None:
    """A record without a fingerprint is read as it is."""
    assert read_record(engine, runs).runtime_ref.fingerprint == ""
    shown = call("runs", "show", engine, "--runs-dir", runs)
    assert (shown.code, "succeeded" in shown.out) == (0, True)
    assert export_run(engine, runs).spans


@pytest.mark.parametrize("engine", ENGINES)
def test_their_journals_are_checked_and_the_report_is_said_to_be_unchecked(
    engine: str, runs: Path, call: Call
) -> None:
    """That is no accusation: chain, ledger and hashes are in order."""
    found = verify_run(engine, runs)
    assert found.problems == ()
    assert "cannot be recomputed: it was made by version 0.1.0" in found.unchecked[0]
    assert call("runs", "verify", engine, "--runs-dir", runs).code == 3


def test_a_damaged_one_fails_all_the_same(runs: Path) -> None:
    """Its chain is broken, whoever made it."""
    journal = runs / "rca" / FILE
    journal.write_bytes(journal.read_bytes().replace(b'"succeeded"', b'"successed"', 1))
    assert verify_run("rca", runs).problems


@pytest.mark.parametrize("again", [replay_run, resume_run])
def test_making_one_again_names_the_version_that_is_needed(again: object, runs: Path) -> None:
    """Other code would decide otherwise."""
    assert callable(again)
    with pytest.raises(UsageError, match=r"made by version 0\.1\.0 .*use the version that made it"):
        again("rca", runs)
