"""Verify makes a run again from its journal: what was written anew does not follow from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from investigator import RCA, Settings, UsageError, investigate, verify_run
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import AnyEvent, RunEnded, TurnSettled, Usage
from investigator.runtime.journal import read_entries
from investigator.runtime.verify import verify_files
from tests.otlp import otlp_file, otlp_span, tool_span
from tests.runtime.toys import rechained


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, `true`, over a file that lies beside it."""
    folder = tmp_path_factory.mktemp("runs")
    spans = (otlp_span(1, kind="AGENT"), tool_span(2, 1, error="TimeoutError: no answer"))
    source = otlp_file(folder / "trace.json", *spans)
    settings = Settings(run_id="true", runs_dir=folder, cache_dir=folder / "cache")
    assert investigate(source, RCA(), settings).report is not None
    return folder


def forged(
    runs: Path, to: Path, event: Callable[[AnyEvent], AnyEvent], report: Callable[[Any], Any]
) -> Path:
    """The run with its events and report changed, every hash and the record made anew."""
    content = report(json.loads((runs / "true" / OUTPUT_FILE).read_text(encoding="utf-8")))
    output = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    events = [event(entry.event) for entry in read_entries(runs / "true")]
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    sha256 = hashlib.sha256(output).hexdigest()
    events[-1] = msgspec.structs.replace(ended, artifact_sha256=sha256)
    run_dir = rechained(events, to / "forged")
    (run_dir / OUTPUT_FILE).write_bytes(output)
    return run_dir


def same(value: Any) -> Any:
    """Nothing changed."""
    return value


def dearer(event: AnyEvent) -> AnyEvent:
    """A turn that used what no rule uses."""
    if isinstance(event, TurnSettled):
        return msgspec.structs.replace(event, usage=Usage(llm_calls=1, cost=7))
    return event


def wordier(event: AnyEvent) -> AnyEvent:
    """A turn that said something else."""
    if isinstance(event, TurnSettled):
        reply = event.reply.replace("span", "spam", 1)
        return msgspec.structs.replace(event, reply=reply)
    return event


@pytest.mark.parametrize(
    ("event", "report"),
    [
        (same, lambda told: told | {"summary": "All went well."}),
        (same, lambda told: told | {"primary_label": "retrieval_failure"}),
        (same, lambda told: told | {"outcome": "no_failure", "primary_label": None}),
        (same, lambda told: told | {"confidence": 0.01}),
        (dearer, same),
        (wordier, same),
    ],
)
def test_what_was_written_anew_is_found_though_every_hash_is_right(
    runs: Path,
    tmp_path: Path,
    event: Callable[[AnyEvent], AnyEvent],
    report: Callable[[Any], Any],
) -> None:
    """Summary, label, outcome, confidence, what was used, what was said."""
    run_dir = forged(runs, tmp_path, event, report)
    assert verify_files(run_dir) == []
    found = verify_run("forged", tmp_path, cache_dir=runs / "cache")
    assert found.problems
    assert found.unchecked == ()


def test_a_whole_run_that_was_made_anew_is_found_by_whoever_knows_the_head(
    runs: Path, tmp_path: Path
) -> None:
    """Nothing in it contradicts itself, so nothing else tells."""
    true = verify_run("true", runs, cache_dir=runs / "cache")
    assert true.problems == true.unchecked == ()
    assert true.head is not None
    rechained([entry.event for entry in read_entries(runs / "true")], tmp_path / "again")
    (tmp_path / "again" / OUTPUT_FILE).write_bytes((runs / "true" / OUTPUT_FILE).read_bytes())
    assert verify_run("again", tmp_path, cache_dir=runs / "cache").problems == ()
    for told in (true.head.chain, true.head.chain[:12] + "…", true.head.chain[:20].upper()):
        known = {"expect_head": told, "cache_dir": runs / "cache"}
        assert verify_run("true", runs, **known).problems == ()  # type: ignore[arg-type]
        (problem,) = verify_run("again", tmp_path, **known).problems  # type: ignore[arg-type]
        assert true.head.chain[:12] in problem


@pytest.mark.parametrize("told", ["", "abc", "x" * 64, "0" * 65])
def test_what_is_no_head_is_refused(runs: Path, told: str) -> None:
    """It would match anything, or nothing."""
    with pytest.raises(UsageError, match="--expect-head"):
        verify_run("true", runs, expect_head=told)


def test_a_source_that_moved_can_be_named(tmp_path: Path) -> None:
    """Until then nothing is accused; another file in its place is no accusation either."""
    source = otlp_file(tmp_path / "trace.json", otlp_span(1, kind="AGENT"), tool_span(2, 1))
    settings = Settings(run_id="run", runs_dir=tmp_path, cache_dir=tmp_path / "cache")
    investigate(source, RCA(), settings)
    moved = source.rename(tmp_path / "archived.json")
    (reason,) = verify_run("run", tmp_path, cache_dir=tmp_path / "cache").unchecked
    assert "cannot be checked: the source moved" in reason
    assert "--source" in reason
    found = verify_run("run", tmp_path, source=str(moved), cache_dir=tmp_path / "cache")
    assert found.problems == found.unchecked == ()
    other = otlp_file(tmp_path / "other.json", otlp_span(1, kind="AGENT", name="another"))
    found = verify_run("run", tmp_path, source=str(other), cache_dir=tmp_path / "cache")
    assert found.problems == ()
    assert "is not what the run read" in found.unchecked[0]
