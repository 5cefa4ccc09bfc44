"""Full runs of a scan lie in segments, and are read there as in folders of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.errors import JournalError, UsageError
from investigator.fleet.plan import Investigated
from investigator.runs.run_store import (
    list_runs,
    read_record,
    replay_run,
    resume_run,
)
from investigator.runs.segments import SEGMENT_FILE, SegmentFile
from investigator.runs.verification import verify_run
from tests.cli.conftest import Call, call  # noqa: F401 (a fixture)
from tests.fleet.scans import planned, rows, runs_written, scanned


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A scan that opened the runs of what it flagged: four traces that failed."""
    source = runs_written(20, tmp_path)
    flagged = Investigated.told("flagged")
    scanned(source, tmp_path / "results", investigated=flagged)
    return tmp_path / "results"


def test_a_flagged_trace_has_a_run_that_says_the_same(results: Path, tmp_path: Path) -> None:
    """Its row names the run; the verdicts are those of the screening."""
    columns = "engine, trace_id, verdict, report_sha256"
    scanned(tmp_path / "traces.parquet", tmp_path / "plain")
    assert sorted(rows(results, "traces", columns)) == sorted(
        rows(tmp_path / "plain", "traces", columns)
    )
    named = [run_id for (run_id,) in rows(results, "traces", "run_id") if run_id is not None]
    assert sorted(named) == sorted(run.run_id for run in list_runs(results))
    assert len(named) >= 4


def test_a_run_in_a_segment_is_verified_and_replayed(results: Path) -> None:
    """As one in a folder: its chain, its ledger, its report, over the source of the scan."""
    run = list_runs(results)[0]
    assert run.verdict is not None
    assert read_record(run.run_id, results).run_id == run.run_id
    found = verify_run(run.run_id, results)
    assert (found.problems, found.unchecked) == ((), ())
    assert replay_run(run.run_id, results).identical


def test_the_runs_of_a_scan_are_as_they_ended(results: Path) -> None:
    """They are not resumed, and no other folder's runs are among them."""
    run = list_runs(results)[0]
    with pytest.raises(UsageError, match="is a scan"):
        resume_run(run.run_id, results)


def test_a_segment_that_was_changed_is_found_out(results: Path) -> None:
    """A byte in a frame breaks its chain; a torn file is no segment."""
    path = next(results.glob(f"shards/*/{SEGMENT_FILE}"))
    text = bytearray(path.read_bytes())
    whole = bytes(text)
    text[20] ^= 1
    path.write_bytes(text)
    assert [*SegmentFile(path).broken()] != []
    path.write_bytes(whole[:-3])
    with pytest.raises(JournalError, match="its end is missing"):
        SegmentFile(path)


def test_a_sample_is_the_same_in_each_scan_and_of_the_size_that_was_asked_for(
    tmp_path: Path,
) -> None:
    """Chosen by the hash of the ids; of a source with fewer traces, all of them."""
    source = runs_written(30, tmp_path)
    for name in ("a", "b"):
        scanned(source, tmp_path / name, investigated=Investigated.told("sample:3"))
    chosen = [
        {row[0] for row in rows(tmp_path / name, "traces", "trace_id, run_id") if row[1]}
        for name in ("a", "b")
    ]
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 3
    plan = planned(source, tmp_path / "c", investigated=Investigated.told("sample:99"))
    assert all(plan.investigated.takes(f"t{n:05d}", flagged=False) for n in range(30))


@pytest.mark.parametrize("told", ["some", "sample", "sample:0", "sample:x", "flagged:3"])
def test_what_names_no_choice_is_refused(told: str) -> None:
    """With the choices that there are."""
    with pytest.raises(UsageError, match="flagged, sample:N or all"):
        Investigated.told(told)


def test_the_commands_of_runs_read_a_scan(results: Path, call: Call) -> None:  # noqa: F811
    """`runs list`, `show`, `verify` with `--runs-dir RESULTS`."""
    listed = call("runs", "list", "--runs-dir", results, "--json", "--verdict", "failure")
    first = json.loads(listed.out.splitlines()[0])
    assert first["state"] == "succeeded"
    shown = call("runs", "show", first["run_id"], "--runs-dir", results)
    assert first["run_id"] in shown.out
    assert call("runs", "verify", first["run_id"], "--runs-dir", results).code == 0
    missing = call("runs", "show", "nobody", "--runs-dir", results)
    assert missing.code == 2
    assert "in the scan" in missing.err
