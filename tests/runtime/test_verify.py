"""Verify finds what is not as it was written, in any of a run's three files."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import (
    AnyEvent,
    RunEnded,
    ScopeClosed,
    ScopesOpened,
    ToolHeld,
    TurnHeld,
    TurnSettled,
    Usage,
)
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.record import RECORD_FILE, RunRecord
from investigator.runtime.verify import verify_files
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import finalize, read, toy_run
from tests.runtime.toys import PAID_BOUND, free, lines_of, output_of, paid, rechained, run_toy

FILES = (FILE, RECORD_FILE, OUTPUT_FILE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with children that nobody changes."""
    run_dir = tmp_path_factory.mktemp("verify") / "run"
    run_toy(toy_run(paid()), run_dir)
    return run_dir


def copy(run_dir: Path, to: Path) -> Path:
    to.mkdir()
    for name in FILES:
        (to / name).write_bytes((run_dir / name).read_bytes())
    return to


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found_in_each_of_the_files(
    whole: Path, tmp_path: Path, name: str
) -> None:
    """At positions all over the file; never a traceback."""
    run_dir = copy(whole, tmp_path / "run")
    assert verify_files(run_dir) == []
    content = (whole / name).read_bytes()
    for sample in range(60):
        position = sample * (len(content) - 1) // 59
        flipped = bytearray(content)
        flipped[position] ^= 1 << (sample % 8)
        (run_dir / name).write_bytes(flipped)
        problems = verify_files(run_dir)
        assert problems, position
        assert any(name in problem for problem in problems), (position, problems)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(whole: Path, tmp_path: Path, name: str) -> None:
    """Each of the three."""
    run_dir = copy(whole, tmp_path / "run")
    (run_dir / name).unlink()
    assert any(name in problem and "missing" in problem for problem in verify_files(run_dir))


def test_removed_last_lines_of_an_ended_run_are_found(whole: Path, tmp_path: Path) -> None:
    """However many: the chain holds, the record tells of more."""
    lines = lines_of(whole)
    for n in (1, 2, 5, 30, len(lines) - 1):
        run_dir = copy(whole, tmp_path / str(n))
        (run_dir / FILE).write_bytes(b"".join(lines[:-n]))
        assert verify_files(run_dir) != []


def problems_of(whole: Path, events: list[AnyEvent], tmp_path: Path) -> str:
    """What verify says of a forged journal whose chain and record are in order."""
    tmp_path.mkdir(exist_ok=True)
    run_dir = rechained(events, tmp_path / "forged")
    (run_dir / OUTPUT_FILE).write_bytes(output_of(whole) or b"")
    return "; ".join(verify_files(run_dir))


def events_of(run_dir: Path) -> list[AnyEvent]:
    return [entry.event for entry in read_entries(run_dir)]


def test_an_event_beyond_the_budget_is_found(tmp_path: Path) -> None:
    """A run that goes on past its limits, forged so that only the ledger can tell."""
    script = {"0": [read(1), read(2), read(3), finalize("end", "e1")]}
    run_toy(toy_run(free(script), budget=Budget(iterations=20)), tmp_path / "run")
    (opened, *others) = events_of(tmp_path / "run")
    assert problems_of(tmp_path / "run", [opened, *others], tmp_path) == ""
    tight = toy_run(free(script), budget=Budget(iterations=3)).opened
    found = problems_of(tmp_path / "run", [tight, *others], tmp_path / "tight")
    assert "beyond the budget: iterations limit" in found


def test_a_call_that_was_not_held_a_hold_left_open_and_a_scope_left_open_are_found(
    whole: Path, tmp_path: Path
) -> None:
    """Each event needs what comes before it."""
    events = events_of(whole)
    closing = next(n for n, e in enumerate(events) if isinstance(e, ScopeClosed))
    held = next(n for n, e in enumerate(events) if isinstance(e, TurnHeld))
    openings = [n for n, e in enumerate(events) if isinstance(e, ScopesOpened)]
    for name, where in (("held", held), ("closing", closing), ("opening", openings[1])):
        forged = [*events[:where], *events[where + 1 :]]
        with_problem = _forged(whole, forged, tmp_path / name)
        assert with_problem, name
    early = [*events[: held + 1], next(e for e in events if isinstance(e, RunEnded))]
    assert any("hold was left open" in p for p in _forged(whole, early, tmp_path / "early"))


def _forged(whole: Path, events: list[AnyEvent], to: Path) -> list[str]:
    """Verify a forged journal; one that the record's fold itself refuses counts as found."""
    to.mkdir()
    try:
        run_dir = rechained(events, to / "forged")
    except (ValueError, KeyError) as error:
        return [str(error)]
    (run_dir / OUTPUT_FILE).write_bytes(output_of(whole) or b"")
    return verify_files(run_dir)


def test_overdraft_is_no_fault_and_is_on_the_record(tmp_path: Path) -> None:
    """A provider that charges more than was held is booked in full, and the run verifies."""
    charged = Usage(llm_calls=1, tokens_in=30, tokens_out=8, cost=9)
    script = {"0": [read(1), finalize("end", "e1")]}
    planner = ScriptedPlanner(script, usage=charged, bound=PAID_BOUND)
    record = run_toy(toy_run(planner, budget=Budget(tokens=70)), tmp_path / "run")
    usage = record.runtime_ref.usage
    assert usage.overdraft == Amounts(tokens=36, cost=8)
    assert (usage.tokens_in, usage.tokens_out, usage.cost_usd) == (60, 16, 0.000018)
    assert verify_files(tmp_path / "run") == []


def test_the_record_is_what_the_journal_amounts_to(whole: Path) -> None:
    """Counted by hand from the events."""
    events = events_of(whole)
    turns = [e for e in events if isinstance(e, TurnSettled)]
    tools = [e for e in events if isinstance(e, ToolHeld)]
    opened = [s for e in events if isinstance(e, ScopesOpened) for s in e.scopes]
    record = RunRecord.model_validate_json((whole / RECORD_FILE).read_bytes())
    usage = record.runtime_ref.usage
    assert (usage.iterations, usage.llm_calls, usage.tool_calls) == (
        len(turns),
        len(turns),
        len(tools),
    )
    assert (usage.tokens_in, usage.tokens_out) == (10 * len(turns), 5 * len(turns))
    assert usage.cost_usd == pytest.approx(3e-6 * len(turns))
    assert usage.subcalls == len(opened) - 1 == len(record.runtime_ref.subcall_metadata)
    assert usage.depth_reached == max(scope.depth for scope in opened) == 2
    assert record.journal_ref.events == len(events)
