"""Whoever stands in for a model is asked over HTTP, sees no label, and is scored by the labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.stand_in import main
from benchmarks.stand_in_cases import COUNTS, chosen_cases, spread
from investigator.testing.model_server import ModelServer, says

SECRET = "zebra crossing"
"""Stands in the labels alone."""


def logs(data: Path, count: int) -> Path:
    """Logs of so many chats, each longer than the one before; the second step is the wrong one."""
    folder = data / "who_and_when" / "algorithm_generated"
    for kind in ("logs", "gold"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        turns = [
            {"name": "Planner", "role": "user", "content": "How many geese are in the park?"},
            {"name": "Counter", "role": "assistant", "content": "There are 12, I suppose."},
            {"name": "Checker", "role": "assistant", "content": "12 it is." + " Sure." * number},
        ]
        log = {"question": "How many geese are in the park?", "history": turns}
        label = {"mistake_agent": "Counter", "mistake_step": "1", "mistake_reason": SECRET}
        (folder / "logs" / f"{number}.json").write_text(json.dumps(log))
        (folder / "gold" / f"{number}.json").write_text(json.dumps(label))
    return data


def concluding(*findings: dict[str, object]) -> str:
    """A reply that ends a scope."""
    output = {"findings": findings, "gaps": [], "summary": "read"}
    return json.dumps({"action": {"type": "finalize", "output": output}})


def finding(step: str, confidence: float, *evidence: str) -> dict[str, object]:
    """What a reader says began at a step."""
    return {
        "id": step,
        "description": f"{step} made a number up",
        "confidence": confidence,
        "evidence": evidence,
        "category": "instruction_failure",
        "span_id": step,
    }


def test_a_reader_over_http_is_scored_and_sees_no_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One turn each; the agent and step that the labels name are hit, nothing read was cut."""
    data, out = logs(tmp_path / "data", 2), tmp_path / "out"
    reply = says(concluding(finding("m1", 0.7, "m1", "m2")))
    with ModelServer([reply]) as server:
        main(["--data", str(data), "--out", str(out), "--base-url", server.base_url])
    told = capsys.readouterr().out
    assert "n = 2, median turns 1" in told
    assert "agent 2 of 2 (100%" in told
    assert "exact step 2 of 2 (100%" in told
    assert len(server.requests) == 2
    prompts = [path.read_text() for path in out.glob("prompts/*/*.json")]
    assert len(prompts) == 2
    assert not any(SECRET in prompt for prompt in prompts)


def test_what_ran_is_not_run_again_and_the_table_needs_no_endpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same table comes from the folder alone."""
    data, out = logs(tmp_path / "data", 1), tmp_path / "out"
    given = ["--data", str(data), "--out", str(out), "--cases", "who_and_when-1"]
    with ModelServer([says(concluding(finding("m2", 0.4, "m2")))]) as server:
        main([*given, "--base-url", server.base_url])
        first = capsys.readouterr().out
        main([*given, "--base-url", server.base_url])
        assert len(server.requests) == 1
    main(given)
    again = capsys.readouterr().out
    assert again == first * 2
    assert "exact step 0 of 1" in again
    assert "within one 1 of 1" in again


def test_what_a_rule_takes_from_a_conclusion_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finding that the evidence doesn't bear at its confidence is named with both."""
    data, out = logs(tmp_path / "data", 1), tmp_path / "out"
    with ModelServer([says(concluding(finding("m1", 0.9, "m1")))]) as server:
        main(["--data", str(data), "--out", str(out), "--base-url", server.base_url])
    assert "who_and_when-1: m1 at 0.49, not 0.9" in capsys.readouterr().out


def test_an_unknown_case_is_named(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(SystemExit, match="no such case: geese; who_and_when, who_and_when-1"):
        main(["--data", str(logs(tmp_path, 1)), "--out", str(tmp_path), "--cases", "geese"])


def test_cases_are_spread_over_the_lengths_of_a_set(tmp_path: Path) -> None:
    """Short ones, long ones, each once, the short ones first."""
    cases = chosen_cases(logs(tmp_path, 40))
    sizes = [Path(str(case.source)).stat().st_size for case in cases]
    assert len(set(sizes)) == len(cases) == COUNTS["who_and_when"]
    assert sizes == sorted(sizes)
    assert spread(range(3), 5) == [0, 1, 2]
    assert spread(range(100), 2) == [25, 75]
