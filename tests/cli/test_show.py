"""`show` prints what a reference, a span or a step says, whole and without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator import RCA, Incident, Settings, UsageError, investigate
from investigator.runs.sources import open_source
from investigator.runs.trace_evidence import shown_in_run, shown_in_source
from investigator.samples import SAMPLE_TRACES
from tests.cli.conftest import Call

FAILED = "617fdb16cf685c234f3ef3cfbe54acd9"
SPAN = "04c1a2f9efedd76c"


@pytest.mark.parametrize(
    ("target", "title", "text"),
    [
        ("3", "step 3: tool search_flights", '"date":"2026-02-30"'),
        (SPAN, f"span {SPAN}", "day is out of range"),
        (SPAN[:6], f"span {SPAN}", "day is out of range"),
        (f"span:{SPAN}", f"span {SPAN}", "day is out of range"),
        (f"tool:{SPAN}", "tool io", "2026-02-30"),
        ("message:61e0d56b9d103766:2", "message", "search_flights("),
        ("t3", "tool io", "day is out of range"),
        ("[t3]", "tool io", "day is out of range"),
    ],
)
def test_each_way_of_naming_it_finds_it(target: str, title: str, text: str) -> None:
    """References as reports have them, ids as prompts have them, spans, steps."""
    shown = shown_in_source(target, open_source(str(SAMPLE_TRACES)), FAILED[:6])
    assert shown.title == title
    assert any(text in passage.text for passage in shown.passages), shown


@pytest.mark.parametrize("target", ["nope", "99", "span:", "message:x:1", "", "m99"])
def test_what_is_not_there_is_said_so(target: str) -> None:
    """With the ways of naming it."""
    with pytest.raises(UsageError, match="name a reference as reports do"):
        shown_in_source(target, open_source(str(SAMPLE_TRACES)), FAILED)


def test_a_run_knows_its_traces(tmp_path: Path) -> None:
    """Of an incident the first that has it is meant."""
    settings = Settings(runs_dir=tmp_path)
    one = investigate(str(SAMPLE_TRACES), RCA(trace_id=FAILED), settings)
    many = investigate(str(SAMPLE_TRACES), Incident(), settings)
    for run in (one, many):
        shown = shown_in_run(f"span:{SPAN}", run.run_id, tmp_path, None)
        assert shown.trace_id == FAILED
    with pytest.raises(UsageError, match="nothing in the traces of run"):
        shown_in_run("zzz", one.run_id, tmp_path, None)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """As nowhere."""
    file = tmp_path / "chat.json"
    chat = [
        {"role": "user", "content": "password=hunter2hunter2; write to jane.roe@example.com"},
        {"role": "assistant", "content": "Thank you, I keep it."},
    ]
    file.write_text(json.dumps(chat))
    shown = shown_in_source("0", open_source(str(file)), None)
    said = "".join(passage.text for passage in shown.passages)
    assert "write to" in said
    assert "hunter2" not in said
    assert "jane.roe" not in said


def test_the_command_wants_one_place_to_look(call: Call) -> None:
    """A source or a run; with neither or both it says so, and exits with 2."""
    for more in ([], [str(SAMPLE_TRACES), "--run", "r"]):
        ended = call("show", "3", *more)
        assert ended.code == 2
        assert "a SOURCE, or --run RUN_ID" in ended.err
    ended = call("show", "3", SAMPLE_TRACES)
    assert ended.code == 2
    assert "--trace-id" in ended.err


def test_people_and_programs_read_the_same(call: Call) -> None:
    """The texts stand in both; what failed is named as the error."""
    told = call("show", SPAN, SAMPLE_TRACES, "--trace-id", FAILED)
    shown = json.loads(call("show", SPAN, SAMPLE_TRACES, "--trace-id", FAILED, "--json").out)
    assert shown["texts"][0]["title"] == "error"
    for part in (shown["title"], shown["texts"][0]["text"], *shown["facts"].values()):
        assert part in told.out
