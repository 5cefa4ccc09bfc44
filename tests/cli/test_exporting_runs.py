"""`runs export` writes what it was asked to where it was asked to, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.samples import SAMPLE_TRACES
from investigator.store.open import ingest_files
from investigator.testing.model_server import ModelServer
from tests.cli.conftest import Call
from tests.runs.export.runs import CONCLUDES, KEY, KEY_NAME, asked_of

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
QUOTES = "6ea20bab50c27fcdcdda394d7a50c206"


def ran(call: Call, runs: Path) -> None:
    ended = call("rca", SAMPLE_TRACES, "--trace-id", TRIP, "--run-id", "r", "--runs-dir", runs)
    assert ended.code == 0


def test_an_export_goes_to_a_file_or_to_stdout(call: Call, tmp_path: Path) -> None:
    """The same text; what is said about it goes to stderr."""
    ran(call, tmp_path)
    out = tmp_path / "r.json"
    written = call("runs", "export", "r", "--runs-dir", tmp_path, "-o", out)
    printed = call("runs", "export", "r", "--runs-dir", tmp_path)
    assert (written.code, written.out, printed.code, printed.err) == (0, "", 0, "")
    assert printed.out == out.read_text()
    (resource,) = json.loads(printed.out)["resourceSpans"]
    spans = resource["scopeSpans"][0]["spans"]
    assert written.err.split() == [str(len(spans)), "spans", "written", "to", str(out)]


def test_an_exported_run_is_listed_as_a_trace(call: Call, tmp_path: Path) -> None:
    """In its project, with every span."""
    ran(call, tmp_path)
    out = tmp_path / "r.json"
    call("runs", "export", "r", "--runs-dir", tmp_path, "-o", out, "--project", "self")
    listed = json.loads(call("traces", out, "--json").out)
    assert listed["project_name"] == "self"
    assert listed["span_count"] == out.read_text().count('"spanId"')


@pytest.mark.parametrize("asked", [("rca", "--trace-id", QUOTES), ("incident",)], ids=" ".join)
def test_an_exported_run_can_be_investigated_itself(
    call: Call, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    """A run that succeeded did not fail, whatever failures it looked at."""
    engine, *which = asked
    at = ("--runs-dir", tmp_path)
    assert call(engine, SAMPLE_TRACES, *which, "--run-id", "r", *at).code == 0
    out = tmp_path / "r.json"
    assert call("runs", "export", "r", *at, "-o", out).code == 0
    assert "HTTPStatusError" in out.read_text()
    report = json.loads(call("rca", out, "--json", *at).out)
    assert report["report"]["outcome"] != "failure"


def test_what_cannot_be_exported_or_sent_is_a_usage_error(call: Call, tmp_path: Path) -> None:
    """Exit 2, with what to do."""
    assert call("runs", "export", "r", "--runs-dir", tmp_path).code == 2
    ran(call, tmp_path)
    ended = call("runs", "export", "r", "--runs-dir", tmp_path, "--send", "127.0.0.1")
    assert ended.code == 2
    assert "--send takes the address" in ended.err
    ended = call("runs", "export", "r", "--runs-dir", tmp_path, "-o", tmp_path)
    assert ended.code == 2
    assert f"cannot write '{tmp_path}'" in ended.err


def test_the_folder_of_an_export_is_made(call: Call, tmp_path: Path) -> None:
    """As `--output` of the other commands makes it."""
    ran(call, tmp_path)
    out = tmp_path / "exports" / "r.json"
    assert call("runs", "export", "r", "--runs-dir", tmp_path, "-o", out).code == 0
    assert out.read_text().startswith('{"resourceSpans"')


def test_prompts_that_cannot_be_made_again_are_said_to_be_missing(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line on stderr; the export is there."""
    monkeypatch.setenv(KEY_NAME, KEY)
    source = tmp_path / "traces.parquet"
    ingest_files([SAMPLE_TRACES], source)
    with ModelServer([CONCLUDES]) as server:
        asked_of(server, tmp_path, source=source)
    source.unlink()
    ended = call("runs", "export", "run", "--runs-dir", tmp_path)
    assert ended.code == 0
    assert ended.err.startswith("1 of 1 model turns have no input messages: ")
    assert "llm.output_messages.0.message.content" in ended.out
