"""Runs are listed the newest first, chosen, compared and cleared away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from investigator import RCA, Compliance, Settings, investigate, list_runs
from tests.cli.conftest import Call

FAILED, HEALTHY = "617fdb16cf685c234f3ef3cfbe54acd9", "expense-check-chat"


@pytest.fixture
def runs(tmp_path: Path, samples: Path) -> Path:
    """A failure, a healthy trace, its controls, in that order; and a record that is none."""
    folder = tmp_path / "runs"
    for run_id, question in (
        ("b-failed", RCA(trace_id=FAILED)),
        ("c-healthy", RCA(trace_id=HEALTHY)),
        ("a-controls", Compliance(trace_id=HEALTHY)),
    ):
        investigate(str(samples), question, Settings(runs_dir=folder, run_id=run_id))
    broken = folder / "d-broken"
    broken.mkdir()
    (broken / "events.jsonl").write_text("")
    (broken / "run_record.json").write_text('{"run_id": 7}')
    os.utime(broken / "events.jsonl", (0, 0))
    return folder


def listed(call: Call, runs: Path, *more: str) -> list[str]:
    """The ids that the list has, in order."""
    ended = call("runs", "list", "--runs-dir", runs, "--json", *more)
    assert ended.code == 0
    return [json.loads(line)["run_id"] for line in ended.out.splitlines()]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ([], ["a-controls", "c-healthy", "b-failed", "d-broken"]),
        (["--limit", "1"], ["a-controls"]),
        (["--engine", "rca"], ["c-healthy", "b-failed"]),
        (["--verdict", "failure"], ["b-failed"]),
        (["--trace-id", FAILED[:6]], ["b-failed"]),
        (["--state", "unreadable"], ["d-broken"]),
        (["--state", "succeeded", "--engine", "compliance"], ["a-controls"]),
        (["--verdict", "nothing"], []),
    ],
)
def test_the_newest_come_first_and_can_be_chosen(
    call: Call, runs: Path, chosen: list[str], ids: list[str]
) -> None:
    """By engine, state, verdict and trace."""
    assert listed(call, runs, *chosen) == ids


def test_a_bad_record_is_one_bad_row(call: Call, runs: Path) -> None:
    """It says why; to show it is a usage error."""
    ended = call("runs", "list", "--runs-dir", runs)
    (row,) = [line for line in ended.out.splitlines() if line.startswith("d-broken")]
    assert "unreadable" in row
    assert "schema_version" in row
    ended = call("runs", "show", "d-broken", "--runs-dir", runs)
    assert ended.code == 2
    assert "cannot be read" in ended.err


def test_off_a_terminal_a_row_is_one_line(call: Call, runs: Path) -> None:
    """However long its ids are."""
    ended = call("runs", "list", "--runs-dir", runs)
    assert len(ended.out.splitlines()) == 1 + 4
    assert FAILED in ended.out


def test_what_is_pruned_is_named_first(call: Call, runs: Path) -> None:
    """Without --yes nothing goes."""
    ended = call("runs", "prune", "--keep", "1", "--state", "succeeded", "--runs-dir", runs)
    assert ended.out.split() == ["c-healthy", "b-failed"]
    assert len(list_runs(runs)) == 4
    ended = call("runs", "prune", "--older-than", "1d", "--yes", "--runs-dir", runs)
    assert (ended.code, "1 run deleted" in ended.err) == (0, True)
    assert [run.run_id for run in list_runs(runs)] == ["a-controls", "b-failed", "c-healthy"]


@pytest.mark.parametrize("told", [[], ["--older-than", "soon"], ["--older-than", "d"]])
def test_prune_wants_to_know_which(call: Call, runs: Path, told: list[str]) -> None:
    """Nothing is deleted by a slip."""
    assert call("runs", "prune", "--yes", "--runs-dir", runs, *told).code == 2
    assert len(list_runs(runs)) == 4


def test_two_runs_are_compared_by_what_they_say(call: Call, runs: Path) -> None:
    """Verdict, findings by signature, controls; the same run differs in nothing."""
    ended = call("runs", "compare", "b-failed", "c-healthy", "--json", "--runs-dir", runs)
    told = {d["what"]: (d["before"], d["after"]) for d in json.loads(ended.out)["differences"]}
    assert told["verdict"] == ("failure: tool_failure", "no_failure")
    (finding,) = [what for what in told if what.startswith("finding ")]
    assert finding.startswith("finding rca | tool_failure | ")
    assert told[finding][1] is None
    same = call("runs", "compare", "b-failed", "b-failed", "--runs-dir", runs)
    assert "the reports say the same" in same.err
    assert call("runs", "compare", "b-failed", "nope", "--runs-dir", runs).code == 2
