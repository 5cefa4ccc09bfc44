"""A good run is found by what the caller calls it, kept with the run, and read again with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from investigator import RCA, Settings, investigate, read_record, replay_run, resume_run, verify_run
from investigator.errors import InvestigatorError, TraceNotFound, UsageError
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import FILE
from investigator.runtime.record import RECORD_FILE
from investigator.runtime.told import GoodRunRef
from investigator.traces.model import StatusCode, Trace
from investigator.traces.parquet import rows_of, write_spans
from tests.cli.conftest import Call
from tests.cli.conftest import call as call
from tests.rca.test_good_run import GOOD, WRONG_ROOM, named
from tests.signals.scripts import FORMS, Said


def made(trace_id: str, script: Sequence[Said]) -> Trace:
    """A run of the task as a tree of spans."""
    return named(FORMS["tree"](script, ()), trace_id)


FAILED, PASSED = made("f-1", WRONG_ROOM), made("p-1", GOOD)


def written(folder: Path, name: str, *traces: Trace) -> Path:
    """A canonical file of the traces."""
    path = folder / name
    write_spans((row for trace in traces for row in rows_of(trace)), path)
    return path


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """One source of both runs."""
    return written(tmp_path, "both.parquet", FAILED, PASSED)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A runs folder of its own."""
    return Settings(runs_dir=tmp_path / "runs", run_id="r")


def asked(good: str | Path, **more: str) -> RCA:
    """The question, of a run that is known to have failed."""
    return RCA.model_validate({"trace_id": "f-1", "good": good, "outcome": "failed", **more})


@pytest.mark.parametrize("name", ["p-1", "p"])
def test_it_is_named_by_its_id_in_the_source(both: Path, settings: Settings, name: str) -> None:
    """Or by the beginning of it."""
    ran = investigate(both, asked(name), settings)
    assert ran.record.input_ref.good == GoodRunRef(trace_id="p-1", dataset_hash=PASSED.content_hash)
    assert ran.report is not None
    assert ran.report.findings[0].departs_from is not None


@pytest.mark.parametrize("form", ["{}", "{}#p-1", "{}#p"])
def test_it_is_named_by_its_place(tmp_path: Path, settings: Settings, form: str) -> None:
    """A source of its own, with its id where that holds several."""
    source = written(tmp_path, "failed.parquet", FAILED)
    other = written(tmp_path, "passed.parquet", PASSED)
    ran = investigate(source, asked(form.format(other)), settings)
    found = ran.record.input_ref.good
    assert found is not None
    assert (found.trace_id, found.source) == ("p-1", (str(other),))
    assert ran.report is not None
    assert ran.report.findings[0].departs_from is not None


def test_a_stored_run_is_verified_and_replayed_with_it(tmp_path: Path, settings: Settings) -> None:
    """From the journal alone, with the good run where it was."""
    source = written(tmp_path, "failed.parquet", FAILED)
    other = written(tmp_path, "passed.parquet", PASSED)
    investigate(source, asked(other), settings)
    assert verify_run("r", settings.runs).problems == ()
    assert replay_run("r", settings.runs).identical


def test_a_run_that_was_cut_off_is_resumed_with_it(both: Path, settings: Settings) -> None:
    """And comes to the report that an uninterrupted one comes to."""
    whole = investigate(both, asked("p-1"), settings)
    journal = whole.run_dir / FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    (whole.run_dir / RECORD_FILE).unlink()
    (whole.run_dir / OUTPUT_FILE).unlink()
    resumed = resume_run("r", settings.runs)
    assert resumed.report == whole.report


def test_a_good_run_that_has_changed_is_named(tmp_path: Path, settings: Settings) -> None:
    """No other run takes its place."""
    source = written(tmp_path, "failed.parquet", FAILED)
    other = written(tmp_path, "passed.parquet", PASSED)
    investigate(source, asked(other), settings)
    other.unlink()
    written(tmp_path, "passed.parquet", made("p-1", GOOD[:-1]))
    with pytest.raises(UsageError, match=r"good run 'p-1'.*has changed"):
        replay_run("r", settings.runs)
    assert verify_run("r", settings.runs).problems
    other.unlink()
    assert verify_run("r", settings.runs).unchecked


def failing() -> Trace:
    """A good run that ended in an error."""
    spans = [
        replace(s, status=StatusCode.ERROR, status_message="boom") if s.parent_id is None else s
        for s in PASSED.spans
    ]
    return Trace("p-1", spans)


@pytest.mark.parametrize(
    ("traces", "name", "why"),
    [
        ((FAILED, PASSED), "nobody", "no trace 'nobody'"),
        ((FAILED, PASSED, made("p-2", GOOD)), "p", "several traces"),
        ((FAILED, PASSED), "f-1", "itself"),
        ((FAILED, failing()), "p-1", "ended in an error"),
        ((FAILED, PASSED), "", "names no run"),
    ],
)
def test_what_is_no_good_run_is_refused_before_any(
    tmp_path: Path, settings: Settings, traces: Sequence[Trace], name: str, why: str
) -> None:
    """Unknown, ambiguous, the run itself, one that failed: nothing is left behind."""
    source = written(tmp_path, "all.parquet", *traces)
    with pytest.raises(InvestigatorError, match=why):
        investigate(source, asked(name), settings)
    assert not settings.runs.exists()


def test_a_copy_of_the_run_is_the_run(tmp_path: Path, settings: Settings) -> None:
    """Wherever it lies; another run that has its id is another run."""
    source = written(tmp_path, "failed.parquet", FAILED)
    copy = written(tmp_path, "copy.parquet", FAILED)
    with pytest.raises(UsageError, match="itself"):
        investigate(source, asked(copy), settings)
    other = written(tmp_path, "other.parquet", made("f-1", GOOD))
    assert investigate(source, asked(other), settings).report is not None


def test_a_source_of_several_runs_needs_the_id(tmp_path: Path, settings: Settings) -> None:
    """And says how it is written."""
    source = written(tmp_path, "failed.parquet", FAILED)
    other = written(tmp_path, "two.parquet", PASSED, made("p-2", GOOD))
    with pytest.raises(UsageError, match=r"holds 2 traces.*PATH#TRACE"):
        investigate(source, asked(other), settings)
    with pytest.raises(TraceNotFound, match="no trace 'x'"):
        investigate(source, asked(f"{other}#x"), settings)


def test_the_command_takes_it_and_refuses_it_with_all(
    both: Path, tmp_path: Path, call: Call
) -> None:
    """With exit 2, and no run is left."""
    runs = ("--runs-dir", tmp_path / "runs")
    good = call("rca", both, "--trace-id", "f-1", "--good", "p-1", "--failed", "--json", *runs)
    assert good.code == 0, good.err
    finding = json.loads(good.out)["report"]["findings"][0]
    assert finding["departs_from"]["trace_id"] == "p-1"
    refused = call("rca", both, "--all", "--good", "p-1", "--runs-dir", tmp_path / "none")
    assert (refused.code, "--trace-id" in refused.err) == (2, True)
    unknown = call("rca", both, "--trace-id", "f-1", "--good", "x", "--runs-dir", tmp_path / "none")
    assert (unknown.code, "PATH#TRACE" in unknown.err) == (2, True)
    assert not (tmp_path / "none").exists()


def test_the_record_of_a_run_without_one_keeps_its_form(both: Path, settings: Settings) -> None:
    """So that readers of earlier versions take it."""
    investigate(both, RCA(trace_id="f-1"), settings)
    assert "good" not in json.loads(read_record("r", settings.runs).input_ref.model_dump_json())
