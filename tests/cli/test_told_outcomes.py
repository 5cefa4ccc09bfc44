"""What is said on the command line of how runs ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
HEALTHY = "e185ad49328d9d74a0d44c56d78b59c0"


def outcomes(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "outcomes.csv"
    path.write_text("\n".join(["trace_id,outcome,symptom", *rows, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--failed", "--passed"), "--failed and --passed contradict each other"),
        (("--failed", "--outcomes", "FILE"), "--outcomes says how each run ended"),
        (("--symptom", "x", "--outcomes", "FILE"), "--outcomes says how each run ended"),
    ],
)
def test_words_that_contradict_each_other_are_refused(
    call: Call, samples: Path, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    file = outcomes(tmp_path, f"{TRIP},failed,")
    given = [str(file) if word == "FILE" else word for word in words]
    ended = call("rca", samples, "--trace-id", TRIP, "--runs-dir", tmp_path / "runs", *given)
    assert ended.code == 2
    assert why in ended.err


@pytest.mark.parametrize("command", ["rca", "compliance", "incident"])
def test_a_trace_that_is_not_there_is_named(
    call: Call, samples: Path, tmp_path: Path, command: str
) -> None:
    file = outcomes(tmp_path, "nowhere,failed,")
    every = () if command == "incident" else ("--all",)
    runs = tmp_path / "runs"
    ended = call(command, samples, *every, "--outcomes", file, "--runs-dir", runs)
    assert ended.code == 2
    assert "'nowhere'" in ended.err
    assert not runs.exists()


def test_a_bad_row_is_refused_before_anything_is_run(
    call: Call, samples: Path, tmp_path: Path
) -> None:
    file = outcomes(tmp_path, f"{TRIP},broken,")
    ended = call("rca", samples, "--all", "--outcomes", file, "--runs-dir", tmp_path / "runs")
    assert ended.code == 2
    assert "line 2" in ended.err


@pytest.mark.slow
def test_a_batch_takes_each_outcome_to_its_trace(call: Call, samples: Path, tmp_path: Path) -> None:
    """A trace that is told of otherwise later is asked again, the others are not."""
    runs = tmp_path / "runs"

    def batch(*rows: str) -> dict[str, tuple[str, object]]:
        file = outcomes(tmp_path, *rows)
        words = ("--all", "--json", "--continue", "--jobs", "1")
        ended = call("rca", samples, *words, "--outcomes", file, "--runs-dir", runs)
        told = [json.loads(line) for line in ended.out.splitlines()]
        return {row["trace_id"]: (row["run_id"], row["report"]["known_outcome"]) for row in told}

    first = batch(f"{HEALTHY},failed,too slow")
    told = {trace_id for trace_id, row in first.items() if row[1] is not None}
    assert told == {HEALTHY}
    second = batch(f"{HEALTHY},passed,")
    assert {t for t in first if first[t] != second[t]} == {HEALTHY}


def test_a_window_counts_a_run_that_is_said_to_have_failed(
    call: Call, samples: Path, tmp_path: Path
) -> None:
    """The trace is failing, and the timeline tells of it."""
    words = ("--trace-id", HEALTHY, "--json", "--runs-dir", tmp_path / "runs")
    before = json.loads(call("incident", samples, *words).out)["report"]
    assert before["outcome"] == "no_incident"
    file = outcomes(tmp_path, f"{HEALTHY},failed,the answer is wrong", f"{TRIP},failed,")
    after = json.loads(call("incident", samples, *words, "--outcomes", file).out)["report"]
    assert after["outcome"] == "incident"
    assert any("the answer is wrong" in event["event"] for event in after["timeline"])
    assert all(event["evidence_refs"] for event in after["timeline"])
    assert any(TRIP in gap for gap in after["gaps"])


def test_compliance_records_it_and_judges_as_before(
    call: Call, samples: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    words = ("--trace-id", TRIP, "--json", "--runs-dir", runs)
    before = json.loads(call("compliance", samples, *words).out)
    after = json.loads(call("compliance", samples, *words, "--failed", "--run-id", "told").out)
    assert before["report"] == after["report"]
    record = json.loads((runs / "told" / "run_record.json").read_text())
    assert record["input_ref"]["known_outcome"]["told"][0]["outcome"] == "failed"
