"""Every trace of a source is judged as a single run judges it, whatever makes the shards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from investigator import RCA, Compliance, Settings, investigate
from investigator.errors import UsageError
from investigator.fleet.plan import read_plan
from investigator.fleet.scan import Fleet, merge, missing_shards, run_scan
from investigator.fleet.shard import ShardTask, make_shard
from investigator.runs.dispatch import InProcess
from investigator.runs.workers import Workers
from investigator.samples import SAMPLE_TRACES
from investigator.store.open import ingest_files
from investigator.store.trace_selection import TraceSelection
from tests.fleet.scans import planned, rows, runs_written, scanned, tool_run, written


def test_a_scan_says_of_each_trace_what_a_single_run_says(tmp_path: Path) -> None:
    """The same report, to the byte, over the same content; of both questions."""
    source = tmp_path / "samples.parquet"
    ingest_files([SAMPLE_TRACES], source)
    scanned(source, tmp_path / "results")
    columns = "engine, trace_id, status, verdict, report_sha256, dataset_hash"
    found = rows(tmp_path / "results", "traces", columns)
    assert len(found) == 18
    for engine, trace_id, *said in found:
        question = (RCA if engine == "rca" else Compliance)(trace_id=trace_id)
        ran = investigate(source, question, Settings(runs_dir=tmp_path / "runs"))
        assert ran.report is not None
        record = ran.record
        assert said == [
            record.status.value,
            ran.report.verdict,
            record.output_ref.sha256,
            record.dataset_ref.dataset_hash,
        ]


def test_results_do_not_depend_on_what_makes_them(tmp_path: Path) -> None:
    """In this process, in two others, and shard by shard in any order: the same bytes."""
    source = runs_written(70, tmp_path)
    alone = scanned(source, tmp_path / "alone")
    workers = scanned(source, tmp_path / "workers", executor=Workers(2))
    plan = planned(source, tmp_path / "by-hand")
    for number in reversed(range(len(plan.shards))):
        make_shard(ShardTask(str(tmp_path / "by-hand"), plan.name, number))
    by_hand = merge(tmp_path / "by-hand")
    assert len(plan.shards) > 3
    assert alone == workers == by_hand


def test_a_shard_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """Made again, or by the same scan begun again, it is not written again."""
    results = tmp_path / "results"
    scanned(runs_written(40, tmp_path), results)
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")}
    plan = read_plan(results)
    make_shard(ShardTask(str(results), plan.name, 0))
    scanned(tmp_path / "traces.parquet", results)
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")} == before


def test_another_scan_is_refused_in_the_folder(tmp_path: Path) -> None:
    """Of other traces, or another question; and a folder of other files is no scan's."""
    source, results = runs_written(10, tmp_path), tmp_path / "results"
    scanned(source, results)
    with pytest.raises(UsageError, match="it asked something else"):
        planned(source, results, questions=(RCA(),))
    with pytest.raises(UsageError, match="another window or filter"):
        planned(source, results, selection=TraceSelection(start_ns=1))
    runs_written(11, tmp_path)
    with pytest.raises(UsageError, match="its traces have changed since"):
        planned(source, results)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="files that are no scan"):
        planned(source, tmp_path / "other")


def test_only_the_traces_that_are_selected_are_judged(tmp_path: Path) -> None:
    """By a filter over spans, and by a window; in shards as in the whole."""
    source = runs_written(60, tmp_path)
    failed = TraceSelection(filter_expr="status_code == 'ERROR'")
    found = scanned(source, tmp_path / "failed", selection=failed)
    assert found.traces == 12
    judged = {trace_id for (trace_id,) in rows(tmp_path / "failed", "traces", "trace_id")}
    assert judged == {f"t{number:05d}" for number in range(0, 60, 5)}
    window = TraceSelection(start_ns=10_000 * 10**6, end_ns=20_000 * 10**6)
    assert scanned(source, tmp_path / "window", selection=window).traces == 10
    with pytest.raises(UsageError, match="none of the 60 traces"):
        planned(source, tmp_path / "none", selection=TraceSelection(project_name="nobody's"))


def test_a_trace_that_cannot_be_read_is_a_row_that_says_so(tmp_path: Path) -> None:
    """The others are judged, those after it too."""
    source = runs_written(20, tmp_path)
    damaged = tmp_path / "damaged.parquet"
    with duckdb.connect() as con:
        said = con.execute(
            "select decode(key), decode(value) from parquet_kv_metadata(?)", [str(source)]
        ).fetchall()
        metadata = ", ".join(f"'{key}': '{value}'" for key, value in said)
        con.execute(
            f"copy (select * replace (case when trace_id = 't00007' then '[' else attributes end"
            f" as attributes) from '{source}') to '{damaged}' (format parquet,"
            f" kv_metadata {{{metadata}}})"
        )
    summary = scanned(damaged, tmp_path / "results")
    assert (summary.traces, summary.unjudged) == (20, 2)
    found = rows(tmp_path / "results", "traces", "trace_id, status, error, verdict")
    bad = [row for row in found if row[0] == "t00007"]
    assert [row[1] for row in bad] == ["failed", "failed"]
    assert all("SOURCE_UNAVAILABLE" in row[2] for row in bad)
    assert sum(row[3] is not None for row in found) == 38


def test_what_a_table_is_cut_by_stands_beside_the_verdict(tmp_path: Path) -> None:
    """When the run began, of which release, by which agent with which tools."""
    spans = (*tool_run(1, release="41"), *tool_run(2, release="42", fails=True))
    scanned(written(spans, tmp_path), tmp_path / "results")
    columns = "start_ns, duration_ms, spans, agent, release, tools"
    assert rows(tmp_path / "results", "traces", f"distinct {columns}") != []
    first, second = sorted(set(map(str, rows(tmp_path / "results", "traces", columns))))
    assert first == "(1000000000, 50.0, 2, 'shop', '41', ['price'])"
    assert second == "(2000000000, 50.0, 2, 'shop', '42', ['price'])"


def ended_within(group: int, *, seconds: float) -> bool:
    """Whether no process of a group is left after that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


PROGRAM = "from investigator.cli.main import main; main()"


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.9, 1.4, 2.2])
def test_a_scan_that_is_killed_goes_on_to_the_same_results(tmp_path: Path, after_s: float) -> None:
    """Whatever was being done: nothing half is there, and no process is left."""
    source, results = runs_written(200, tmp_path), tmp_path / "results"
    whole = scanned(source, tmp_path / "whole")
    kept = ["-o", str(results), "--issues", str(tmp_path / "issues"), "--jobs", "2"]
    argv = [sys.executable, "-c", PROGRAM, "scan", str(source), *kept]
    begun = subprocess.Popen(argv, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after_s)
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()
    assert ended_within(begun.pid, seconds=5.0)
    if (results / "plan.json").exists():
        plan = read_plan(results)
        there = set(range(len(plan.shards))) - set(missing_shards(results, plan))
        names = {path.name for path in (results / "shards").glob("*")}
        assert names == {f"{number:05d}" for number in there}
    assert scanned(source, results) == whole
    assert not (results / "work").exists()


def test_a_time_that_is_over_keeps_what_was_made(tmp_path: Path) -> None:
    """Nothing is begun then; the same scan goes on."""
    results = tmp_path / "results"
    planned(runs_written(40, tmp_path), results)
    assert run_scan(results, Fleet(InProcess(), seconds=0.0)) is None
    ended = run_scan(results, Fleet(InProcess(), seconds=600.0))
    assert ended is not None
    assert ended.traces == 40


@pytest.mark.slow
def test_a_worker_that_dies_loses_its_shard_to_another(tmp_path: Path) -> None:
    """Killed while it works; the results are the same."""
    source, results = runs_written(120, tmp_path), tmp_path / "results"
    whole = scanned(source, tmp_path / "whole")
    planned(source, results)
    workers = Workers(2)
    killed: list[object] = []

    def kill_one(_: object) -> None:
        alive = [process for process in workers.processes if process.is_alive()]
        if alive and not killed:
            killed.append(alive[0])
            alive[0].kill()

    assert run_scan(results, Fleet(workers), tell=kill_one) == whole
    assert killed
