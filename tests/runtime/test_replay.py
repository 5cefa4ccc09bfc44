"""Replay makes a run again offline and names the first thing that comes out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import AnyEvent, ToolSettled, TurnSettled
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.record import RECORD_FILE
from investigator.runtime.replay import replay
from investigator.runtime.status import RunStatus
from investigator.runtime.verify import verify_files
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import Cells, finalize, read, synthesize, toy_run
from investigator.testing.virtual_time import in_virtual_time
from tests.runtime.toys import (
    FAMILY,
    Script,
    cut,
    failing,
    free,
    lines_of,
    output_of,
    paid,
    rechained,
    replay_toy,
    resume_toy,
    run_toy,
)

PlannerOf = Callable[[Script], ScriptedPlanner]
DOWN: Script = {**FAMILY, "0/2": [read(40), failing()]}
STUBBORN: Script = {"0": [synthesize("kept"), *[read(n) for n in range(99)]]}


@pytest.mark.parametrize(
    ("script", "budget", "status"),
    [
        (FAMILY, Budget(), RunStatus.SUCCEEDED),
        (STUBBORN, Budget(iterations=9), RunStatus.PARTIAL),
        (DOWN, Budget(), RunStatus.PARTIAL),
        (FAMILY, Budget(iterations=12), RunStatus.FAILED),
        ({"0": ["nonsense"]}, Budget(), RunStatus.FAILED),
    ],
    ids=["normal", "cut off", "call failed", "short of turns", "invalid"],
)
@pytest.mark.parametrize("planner_of", [free, paid])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_run_comes_out_the_same(
    tmp_path: Path,
    script: Script,
    budget: Budget,
    status: RunStatus,
    planner_of: PlannerOf,
    concurrency: int,
) -> None:
    """Whatever its end; nothing is written, and a planner that costs is not asked."""
    run = toy_run(planner_of(script), budget=budget, concurrency=concurrency)
    assert run_toy(run, tmp_path / "run").status is status
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    planner = planner_of(script)
    again = toy_run(planner, budget=budget, concurrency=concurrency)
    assert replay_toy(again, tmp_path / "run").difference is None
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    if planner_of is paid:
        assert planner.asked == []


def test_a_run_comes_out_the_same_at_another_concurrency(tmp_path: Path) -> None:
    """Each scope is compared by itself, so the order across siblings does not matter."""
    run_toy(toy_run(free(), concurrency=8), tmp_path / "run")
    assert replay_toy(toy_run(free(), concurrency=1), tmp_path / "run").identical


def test_a_resumed_run_comes_out_the_same(tmp_path: Path) -> None:
    """What was cut off and made again is replayed as it ended."""
    run_toy(toy_run(free(DOWN)), tmp_path / "run")
    resume_toy(toy_run(free()), tmp_path / "run")
    assert replay_toy(toy_run(free()), tmp_path / "run").difference is None


def changed(run_dir: Path, where: int, event: AnyEvent) -> list[AnyEvent]:
    found = [entry.event for entry in read_entries(run_dir)]
    return [event if n == where else e for n, e in enumerate(found)]


def test_a_changed_tool_answer_in_the_record_is_named(tmp_path: Path) -> None:
    """At every tool answer of a run: the first event that differs is that one."""
    run_toy(toy_run(free()), tmp_path / "run")
    for entry in read_entries(tmp_path / "run"):
        match entry.event:
            case ToolSettled(scope=scope, step=step, refs=refs, redactions=redactions):
                forged = ToolSettled(
                    scope=scope,
                    step=step,
                    page='{"text":"forged"}',
                    refs=refs,
                    original_hash="0" * 64,
                    redactions=redactions,
                )
            case _:
                continue
        run_dir = rechained(changed(tmp_path / "run", entry.seq, forged), tmp_path / str(entry.seq))
        (run_dir / OUTPUT_FILE).write_bytes(output_of(tmp_path / "run") or b"")
        assert verify_files(run_dir) == [], "the forger was thorough"
        difference = replay_toy(toy_run(free()), run_dir).difference
        assert difference is not None
        assert difference.startswith(f"scope {scope}, step {step}, tool_settled: page was")


def test_a_changed_tool_answer_in_the_source_is_named(tmp_path: Path) -> None:
    """The scope and step that read it, what it was and what it is."""
    run_toy(toy_run(free()), tmp_path / "run")
    cells = Cells()
    cells[41] = "another text"
    difference = replay_toy(toy_run(free(), cells=cells), tmp_path / "run").difference
    assert difference is not None
    assert difference.startswith("scope 0/2, step 1, tool_settled: page was ")
    assert "another text" in difference


def test_a_changed_reply_of_rules_is_named(tmp_path: Path) -> None:
    """Rules are asked again; another answer is another run."""
    run_toy(toy_run(free()), tmp_path / "run")
    other: Script = {**FAMILY, "0/1": [synthesize("b"), read(31), finalize("b", "e1")]}
    difference = replay_toy(toy_run(free(other)), tmp_path / "run").difference
    assert difference is not None
    assert difference.startswith("scope 0/1, step 1, turn_settled: reply was ")


def test_a_changed_report_is_named(tmp_path: Path) -> None:
    """Byte for byte, and also where there should be none or should be one."""
    run = toy_run(free())
    run_toy(run, tmp_path / "run")
    path = tmp_path / "run" / OUTPUT_FILE
    path.write_bytes((output_of(tmp_path / "run") or b"") + b" ")
    assert "report differs" in (replay_toy(run, tmp_path / "run").difference or "")
    path.unlink()
    assert "report differs" in (replay_toy(run, tmp_path / "run").difference or "")


@pytest.mark.parametrize("planner_of", [free, paid])
def test_a_record_that_stops_too_soon_is_named(tmp_path: Path, planner_of: PlannerOf) -> None:
    """An interrupted run cannot be replayed to its end, wherever it stops."""
    run_toy(toy_run(planner_of(FAMILY)), tmp_path / "run")
    lines = lines_of(tmp_path / "run")
    for n in range(1, len(lines), 3):
        run_dir = cut(lines[:n], tmp_path / str(n))
        run = toy_run(planner_of(FAMILY))
        assert not replay_toy(run, run_dir).identical, n
    assert not (tmp_path / "1" / RECORD_FILE).exists()


def test_a_record_with_one_more_event_is_named(tmp_path: Path) -> None:
    """An event that nobody makes again is a difference, and so is one left out."""
    run_toy(toy_run(free()), tmp_path / "run")
    whole: Sequence[AnyEvent] = [entry.event for entry in read_entries(tmp_path / "run")]
    report = output_of(tmp_path / "run")
    turns = [n for n, event in enumerate(whole) if isinstance(event, TurnSettled)]
    for n in turns[::5]:
        for forged in ([*whole[:n], *whole[n + 1 :]], [*whole[:n], whole[n], *whole[n:]]):
            entries = [
                entry._replace(event=event)
                for entry, event in zip(
                    [*read_entries(tmp_path / "run"), read_entries(tmp_path / "run")[-1]],
                    forged,
                    strict=False,
                )
            ]
            assert not in_virtual_time(replay(toy_run(free()), entries, report)).identical
    assert (tmp_path / "run" / FILE).exists()
