"""`demo`, `rca` and `runs`: reports, exit codes, and runs that can be told from one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from investigator.samples import SAMPLES
from tests.cli.conftest import Call

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
HEALTHY = "e185ad49328d9d74a0d44c56d78b59c0"


def rows(out: str) -> list[Any]:
    """JSON, one value a line."""
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.slow
def test_the_demo_finds_what_the_samples_show(call: Call, tmp_path: Path) -> None:
    """Each sample's outcome and label is the one that its story was written for."""
    expected = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
    ended = call("demo", "--json", "--runs-dir", tmp_path / "runs")
    told = [(row["engine"], row["trace_id"], row["report"]) for row in rows(ended.out)]
    found = {
        subject: (report["outcome"], report["primary_label"])
        for engine, subject, report in told
        if engine == "rca"
    }
    assert found == {key: (e["outcome"], e["label"]) for key, e in expected.items()}
    assert [report["outcome"] for engine, _, report in told if engine == "incident"] == ["incident"]
    assert ended.code == 0
    assert len(list((tmp_path / "runs").iterdir())) == len(told) == 2 * len(expected) + 1


@pytest.fixture
def trip(call: Call, samples: Path, tmp_path: Path) -> Path:
    """A runs folder with the finished run `trip`."""
    runs = tmp_path / "runs"
    ended = call("rca", samples, "--trace-id", TRIP, "--run-id", "trip", "--runs-dir", runs)
    assert ended.code == 0
    assert "failure: tool_failure" in ended.out
    return runs


def test_a_run_id_that_is_taken_is_refused(call: Call, samples: Path, trip: Path) -> None:
    """A run is never overwritten: exit 2, and the old run stays as it is."""
    before = (trip / "trip" / "events.jsonl").read_bytes()
    ended = call("rca", samples, "--trace-id", HEALTHY, "--run-id", "trip", "--runs-dir", trip)
    assert ended.code == 2
    assert "trip" in ended.err
    assert (trip / "trip" / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("trace_id", "fail_on", "code"),
    [(TRIP, "failure", 1), (TRIP, "undetermined", 1), (HEALTHY, "undetermined", 0)],
)
def test_fail_on_turns_an_outcome_into_an_exit_code(
    call: Call, samples: Path, tmp_path: Path, trace_id: str, fail_on: str, code: int
) -> None:
    """`undetermined` includes `failure`; `no_failure` crosses no threshold."""
    argv = ("--trace-id", trace_id, "--fail-on", fail_on, "--runs-dir", tmp_path)
    assert call("rca", samples, *argv).code == code


@pytest.mark.slow
def test_every_trace_is_one_run_and_one_line(call: Call, samples: Path, tmp_path: Path) -> None:
    """`--all --output` writes the reports in the order of the traces; `--continue` repeats none."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    batch = ("rca", samples, "--all", "--runs-dir", tmp_path / "runs", "--jobs", "2")
    assert call(*batch, "--output", first).code == 0
    ended = call(*batch, "--continue", "--output", second, "--fail-on", "failure")
    assert ended.code == 1
    listed = [row["trace_id"] for row in rows(call("traces", samples, "--json").out)]
    assert [report["trace_id"] for report in rows(first.read_text())] == listed
    assert second.read_bytes() == first.read_bytes()
    assert len(list((tmp_path / "runs").iterdir())) == len(listed)


def test_reports_go_through_a_link_into_a_device(call: Call, samples: Path, tmp_path: Path) -> None:
    """What the link names is written to; neither the link nor a device is replaced by a file."""
    asked = ("rca", samples, "--trace-id", TRIP, "--runs-dir", tmp_path / "runs", "--output")
    link, nothing = tmp_path / "link.jsonl", tmp_path / "nothing"
    link.symlink_to("reports.jsonl")
    nothing.symlink_to("/dev/null")
    assert call(*asked, link).code == call(*asked, nothing).code == 0
    assert link.is_symlink()
    assert rows((tmp_path / "reports.jsonl").read_text())[0]["trace_id"] == TRIP
    assert nothing.is_symlink()
    assert nothing.is_char_device()


def test_a_batch_that_goes_on_resumes_what_was_interrupted(
    call: Call, samples: Path, trip: Path
) -> None:
    """A journal without an ending is gone on with under its own id, not begun again."""
    journal = trip / "trip" / "events.jsonl"
    whole = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(whole[: len(whole) // 2]))
    (trip / "trip" / "run_record.json").unlink()
    listed = {
        row["run_id"]: row["state"]
        for row in rows(call("runs", "list", "--runs-dir", trip, "--json").out)
    }
    assert listed == {"trip": "interrupted"}
    wanted = "name == 'trip_agent' and span_kind == 'AGENT'"
    batch = ("rca", samples, "--all", "--filter", wanted, "--continue", "--runs-dir", trip)
    ended = call(*batch, "--json")
    assert [(row["run_id"], row["status"]) for row in rows(ended.out)] == [("trip", "succeeded")]
    assert call("runs", "verify", "trip", "--runs-dir", trip).code == 0


WINDOW = ("--from", "2026-03-03", "--to", "2026-03-04")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["rca", "compliance"])
def test_a_window_and_a_filter_choose_the_traces_of_a_batch(
    call: Call, samples: Path, tmp_path: Path, command: str
) -> None:
    """Those that `traces` lists for the same words; one that passes both needs no `--all`."""
    runs, tools = ("--runs-dir", tmp_path), ("--filter", "name == 'stock_agent'")
    listed = [row["trace_id"] for row in rows(call("traces", samples, *WINDOW, "--json").out)]
    batch = call(command, samples, "--all", *WINDOW, *runs, "--json")
    assert [row["trace_id"] for row in rows(batch.out)] == listed
    one = call(command, samples, *WINDOW, *tools, *runs, "--json")
    assert [row["trace_id"] for row in rows(one.out)] == listed[1:]
    assert len(listed) == 2


@pytest.mark.parametrize("command", ["rca", "compliance", "incident", "traces", "ingest"])
def test_an_empty_text_is_no_source(call: Call, tmp_path: Path, command: str) -> None:
    """It does not stand for the folder that the command is called in; no run is left behind."""
    runs = () if command in ("traces", "ingest") else ("--runs-dir", tmp_path / "runs")
    ended = call(command, "", *runs)
    assert ended.code == 2
    assert "'' isn't a source" in ended.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--trace-id", TRIP, "--all"), "--all"),
        (("--all", "--run-id", "x"), "--run-id"),
        (("--continue", "--trace-id", TRIP), "--all"),
        (("--trace-id", TRIP, "--run-id", "../elsewhere"), "--run-id"),
        (("--trace-id", TRIP, "--run-id", ""), "--run-id"),
        ((), "--trace-id"),
        (("--all", "--filter", "name == 'nobody'"), "passes the filter"),
        (("--all", "--filter", "name ="), "position"),
        (("--all", "--from", "2031-01-01"), "has a span in the window"),
        (("--from", "2031-01-01"), "no trace that has a span in the window"),
        (("--filter", "span_kind == 'TOOL'"), "more than one trace that passes the filter"),
        (("--all", "--to", "yesterday"), "--to takes an ISO 8601 time"),
        (("--all", "--from", "2026-03-04", "--to", "2026-03-03"), "the window's end (2026-03-03"),
        (("--trace-id", TRIP, "--from", "2026-03-03"), "leave --from, --to and --filter out"),
        (("--trace-id", TRIP, "--filter", "name == 'x'"), "leave --from, --to and --filter out"),
        (("--all", "--taxonomy", "no-such"), "taxonomy"),
        (("--all", "--max-iterations", "1"), "--max-iterations"),
        (("--trace-id", TRIP, "--max-iterations", "1"), "--max-iterations"),
        (("--trace-id", TRIP, "--max-iterations", "few"), "few"),
        (("--trace-id", TRIP, "--max-cost-usd", "-1"), "--max-cost-usd"),
        (("--trace-id", TRIP, "--max-depth", "4"), "--max-depth"),
        (("--trace-id", TRIP, "--fail-on", "rain"), "--fail-on"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_call_that_cannot_be_is_refused_before_anything_runs(
    call: Call, samples: Path, tmp_path: Path, argv: tuple[str, ...], told: str
) -> None:
    """Exit 2, a message that names what to change, and no run."""
    ended = call("rca", samples, "--runs-dir", tmp_path / "runs", *argv)
    assert ended.code == 2
    assert told in ended.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["rca", "compliance", "steps"])
def test_a_trace_that_is_not_there_is_refused_before_any_run(
    call: Call, samples: Path, tmp_path: Path, command: str
) -> None:
    """Exit 2, and ids that are like it; no run is left behind."""
    (row, *_) = rows(call("traces", samples, "--json").out)
    runs = () if command == "steps" else ("--runs-dir", tmp_path / "runs")
    wrong = f"{row['trace_id'][:-1]}!"
    ended = call(command, samples, "--trace-id", wrong, *runs)
    assert ended.code == 2
    assert f"no trace '{wrong}'" in ended.err
    assert row["trace_id"] in ended.err
    assert not (tmp_path / "runs").exists()


def test_limits_reach_the_run_and_none_lifts_them(
    call: Call, samples: Path, tmp_path: Path
) -> None:
    """The record holds the effective values of what was given on the command line."""
    limits = ("--max-iterations", "17", "--max-tokens", "none", "--max-wall-time", "2.5")
    call("rca", samples, "--trace-id", TRIP, *limits, "--run-id", "r", "--runs-dir", tmp_path)
    (shown,) = rows(call("runs", "show", "r", "--runs-dir", tmp_path, "--json").out)
    budget = shown["runtime_ref"]["budget"]
    assert (budget["iterations"], budget["tokens"], budget["wall_time_s"]) == (17, None, 2.5)


def test_unreadable_files_beside_a_good_run_make_it_partial(call: Call, tmp_path: Path) -> None:
    """The run is made and reported; the exit code says that not all was read."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "bad.jsonl").write_text("{ no", encoding="utf-8")
    chat = {"run_id": "c", "messages": [{"role": "user", "content": "hi"}]}
    (source / "good.json").write_text(json.dumps(chat), encoding="utf-8")
    ended = call("rca", source, "--runs-dir", tmp_path / "runs", "--json")
    assert ended.code == 3
    assert "bad.jsonl" in ended.err
    assert [row["status"] for row in rows(ended.out)] == ["succeeded"]


def test_a_finished_run_verifies_and_replays(call: Call, trip: Path) -> None:
    """`verify` and `replay` say so to people and to programs."""
    at = ("trip", "--runs-dir", trip)
    assert "consistent" in call("runs", "verify", *at).out
    assert rows(call("runs", "verify", *at, "--json").out)[0]["problems"] == []
    assert "the same" in call("runs", "replay", *at).out
    assert rows(call("runs", "replay", *at, "--json").out)[0]["identical"] is True
    assert call("runs", "resume", *at).code == 0
    assert "succeeded" in call("runs", "show", *at).out
    assert "trip" in call("runs", "list", "--runs-dir", trip).out


def test_a_changed_report_is_found(call: Call, trip: Path) -> None:
    """`verify` exits with 4 and names the file."""
    report = trip / "trip" / "output.json"
    report.write_bytes(report.read_bytes().replace(b"tool_failure", b"fool_tailure"))
    ended = call("runs", "verify", "trip", "--runs-dir", trip)
    assert ended.code == 4
    assert "output.json" in ended.out


@pytest.mark.parametrize("command", ["show", "verify", "resume", "replay"])
def test_a_run_that_is_not_there_is_a_usage_error(call: Call, tmp_path: Path, command: str) -> None:
    """Exit 2, and where the runs are listed."""
    ended = call("runs", command, "nope", "--runs-dir", tmp_path)
    assert ended.code == 2
    assert "runs list" in ended.err


def test_an_empty_runs_folder_is_no_error(call: Call, tmp_path: Path) -> None:
    """There is nothing to list, and that is said."""
    ended = call("runs", "list", "--runs-dir", tmp_path / "none")
    assert (ended.code, ended.out) == (0, "")
    assert "no runs" in ended.err
