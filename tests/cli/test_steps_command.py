"""`investigator steps` prints a run for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import investigator
from investigator.samples import SAMPLE_TRACES
from investigator.traces.parquet import write_spans
from tests.builders import span
from tests.cli.conftest import Call

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"


def test_each_step_has_a_numbered_line_and_a_failed_one_is_marked(call: Call) -> None:
    ended = call("steps", SAMPLE_TRACES, "--trace-id", TRIP)
    assert ended.code == 0
    made = investigator.steps(SAMPLE_TRACES, TRIP)
    lines = ended.out.splitlines()
    assert [f"[{step.number}]" in line for step, line in zip(made, lines, strict=True)] == [
        True
    ] * len(made)
    assert [line.startswith("✗") for line in lines] == [
        step.call is not None and step.call.is_error for step in made
    ]
    assert any(line.startswith("✗") for line in lines)


def test_json_holds_every_step_whole(call: Call) -> None:
    ended = call("steps", SAMPLE_TRACES, "--trace-id", TRIP, "--json")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    made = investigator.steps(SAMPLE_TRACES, TRIP)
    assert [row["number"] for row in rows] == list(range(len(made)))
    assert [row["span_id"] for row in rows] == [step.span_id for step in made]


def test_escapes_and_secrets_do_not_reach_the_screen(call: Call, tmp_path: Path) -> None:
    secret = "sk-" + "a1B2" * 12
    path = tmp_path / "one.parquet"
    attributes = {"tool.name": "t\x1b[2J", "output.value": f"\x1b]0;title\x07 key {secret}"}
    write_spans([span(kind="TOOL", attributes=attributes)], path)
    for option in ([], ["--json"]):
        ended = call("steps", path, *option)
        assert ended.code == 0
        assert "\x1b" not in ended.out
        assert secret not in ended.out


def test_a_trace_that_is_not_there_or_not_named_is_a_usage_error(call: Call) -> None:
    unknown = call("steps", SAMPLE_TRACES, "--trace-id", "nope")
    unnamed = call("steps", SAMPLE_TRACES)
    assert (unknown.code, unnamed.code) == (2, 2)
    assert "no trace 'nope'" in unknown.err
    assert "--trace-id" in unnamed.err
