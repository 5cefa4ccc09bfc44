"""A run that was killed, cancelled or cut short goes on as if nothing had happened."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from investigator.errors import JournalError, RunLocked, UsageError
from investigator.runtime.budget import Budget, Resource
from investigator.runtime.clock import Clock
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import (
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
)
from investigator.runtime.journal import Journal
from investigator.runtime.record import RECORD_FILE, UsageRecord
from investigator.runtime.status import ErrorCode, RunStatus, ScopeState
from investigator.runtime.strategy import Plan, Run
from investigator.runtime.verify import verify_files
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import ALONE, delegate, finalize, read, synthesize, toy_run
from investigator.testing.virtual_time import in_virtual_time
from tests.runtime.toys import (
    FAMILY,
    SIBLINGS,
    THREE_AND_ALL,
    CountedCells,
    Script,
    cut,
    events,
    failing,
    free,
    lines_of,
    output_of,
    paid,
    resume_toy,
    run_toy,
    sound,
)

Call = tuple[str, int]


def turns_done(run_dir: Path) -> list[Call]:
    """The turns that got a reply, by scope and step."""
    done = [*events(run_dir, TurnSettled), *events(run_dir, TurnFailed)]
    return [(event.scope, event.step) for event in done]


def reads_done(run_dir: Path) -> int:
    return len(events(run_dir, ToolSettled))


def open_turns(run_dir: Path) -> list[TurnHeld]:
    """The turns that were held when the process died."""
    done = turns_done(run_dir)
    return [e for e in events(run_dir, TurnHeld) if (e.scope, e.step) not in done]


def without_lost(usage: UsageRecord) -> UsageRecord:
    return usage.model_copy(update={"lost": ()})


def killed_at_every_event(
    whole: Path,
    tmp_path: Path,
    *,
    remote: bool,
    concurrency: int,
    script: Script = FAMILY,
    plan: Plan = ALONE,
) -> None:
    """Cut the journal of a finished run after each event, and go on from there."""

    def made(cells: CountedCells) -> tuple[Run, ScriptedPlanner]:
        planner = paid(script) if remote else free(script)
        return toy_run(planner, cells=cells, concurrency=concurrency, plan=plan), planner

    lines = lines_of(whole)
    report, every_turn = output_of(whole), turns_done(whole)
    usage = in_virtual_time(_usage(whole))
    assert len(lines) >= 40
    for n in range(1, len(lines) + 1):
        half = lines[n][: len(lines[n]) // 2] if n < len(lines) else b""
        run_dir = cut(lines[:n], tmp_path / f"after-{n}", torn=half)
        if n == len(lines):  # the report is written before the last event
            shutil.copy(whole / OUTPUT_FILE, run_dir)
        before, reads_before = turns_done(run_dir), reads_done(run_dir)
        lost = open_turns(run_dir) if remote else []
        cells = CountedCells()
        run, planner = made(cells)
        record = resume_toy(run, run_dir)
        asked = [(view.scope_id, view.step) for view in planner.asked]
        assert record.status is RunStatus.SUCCEEDED
        assert output_of(run_dir) == report, n
        assert Counter(before + asked) == Counter(every_turn), n
        assert reads_before + len(cells.reads) == reads_done(whole), n
        got = record.runtime_ref.usage
        assert [(h.call_id, h.step, h.amounts) for h in got.lost] == [
            (turn.scope, turn.step, turn.amounts) for turn in lost
        ], n
        assert without_lost(got) == usage, n
        sound(made(cells)[0], run_dir)


async def _usage(run_dir: Path) -> UsageRecord:
    with Journal.reopen(run_dir, Clock()) as journal:
        record = journal.fold.record(journal.head)
        assert record is not None
        return record.runtime_ref.usage


@pytest.mark.parametrize("remote", [False, True])
def test_killed_at_every_event_a_run_of_siblings_and_a_synthesis_ends_the_same(
    tmp_path: Path, remote: bool
) -> None:
    """The engine's scopes, what they delegated and the synthesis over them go on too."""
    planner = paid(SIBLINGS) if remote else free(SIBLINGS)
    run_toy(toy_run(planner, concurrency=2, plan=THREE_AND_ALL), tmp_path / "whole")
    killed_at_every_event(
        tmp_path / "whole",
        tmp_path,
        remote=remote,
        concurrency=2,
        script=SIBLINGS,
        plan=THREE_AND_ALL,
    )


def test_a_sibling_that_is_retried_is_synthesised_again(tmp_path: Path) -> None:
    """The synthesis saw a failure that is no more; the other siblings are left as they are."""
    down: Script = {**SIBLINGS, "0/2": [read(20), failing()]}
    first = run_toy(toy_run(paid(down), plan=THREE_AND_ALL), tmp_path / "run")
    assert first.status is RunStatus.PARTIAL
    planner = paid(SIBLINGS)
    again = toy_run(planner, plan=THREE_AND_ALL)
    assert resume_toy(again, tmp_path / "run").status is RunStatus.SUCCEEDED
    assert {v.scope_id for v in planner.asked} == {"0/2", "0/2/0", "0/2/1", "0/0"}
    run_toy(toy_run(paid(SIBLINGS), plan=THREE_AND_ALL), tmp_path / "whole")
    assert output_of(tmp_path / "run") == output_of(tmp_path / "whole")
    sound(again, tmp_path / "run")


@pytest.mark.parametrize("concurrency", [pytest.param(1, marks=pytest.mark.slow), 8])
def test_killed_at_every_event_a_free_run_ends_as_if_nothing_had_happened(
    tmp_path: Path, concurrency: int
) -> None:
    """Same report and usage, no finished call made again, nothing lost."""
    run_toy(toy_run(free(), concurrency=concurrency), tmp_path / "whole")
    killed_at_every_event(tmp_path / "whole", tmp_path, remote=False, concurrency=concurrency)


def test_killed_at_every_event_a_paid_run_loses_exactly_the_calls_under_way(
    tmp_path: Path,
) -> None:
    """Turns that may have been billed are lost at their full hold; all else is the same."""
    run_toy(toy_run(paid(), concurrency=8), tmp_path / "whole")
    killed_at_every_event(tmp_path / "whole", tmp_path, remote=True, concurrency=8)


def test_killed_again_and_again_a_run_still_ends_the_same(tmp_path: Path) -> None:
    """Each resume is killed three events later, until the run is through."""
    run_toy(toy_run(paid()), tmp_path / "whole")
    lines, n = lines_of(tmp_path / "whole")[:1], 0
    while True:
        run_dir = cut(lines, tmp_path / f"life-{n}")
        record = resume_toy(toy_run(paid()), run_dir)
        after = lines_of(run_dir)
        if len(after) <= len(lines) + 8:
            break
        lines, n = after[: len(lines) + 8], n + 1
    assert n > 5
    assert output_of(run_dir) == output_of(tmp_path / "whole")
    assert record.status is RunStatus.SUCCEEDED
    sound(toy_run(paid()), run_dir)


KILLED = """
import os, signal, sys
from pathlib import Path
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import toy_run
from tests.runtime.toys import FAMILY, run_toy

run_dir, n = Path(sys.argv[1]), int(sys.argv[2])

class Killed(ScriptedPlanner):
    async def act(self, view, max_tokens_out):
        if (run_dir / "events.jsonl").read_bytes().count(b"\\n") >= n:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().act(view, max_tokens_out)

run_toy(toy_run(Killed(FAMILY)), run_dir)
"""


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 17, 40, 61])
def test_a_process_that_is_really_killed_leaves_a_run_to_go_on_with(tmp_path: Path, n: int) -> None:
    """SIGKILL: no handler ran, the lock is free, and the run goes on."""
    whole, run_dir = tmp_path / "whole", tmp_path / "killed"
    run_toy(toy_run(free()), whole)
    died = subprocess.run([sys.executable, "-c", KILLED, str(run_dir), str(n)], check=False)
    assert died.returncode == -9
    assert not (run_dir / RECORD_FILE).exists()
    assert any("interrupted" in problem for problem in verify_files(run_dir))
    record = resume_toy(toy_run(free()), run_dir)
    assert record.status is RunStatus.SUCCEEDED
    assert output_of(run_dir) == output_of(whole)
    sound(toy_run(free()), run_dir)


def test_a_journal_without_a_whole_event_cannot_be_resumed(tmp_path: Path) -> None:
    """Killed inside the very first line, a run has nothing to go on with, and says so."""
    run_dir = cut([], tmp_path / "run", torn=b'{"seq":0,"ts"')
    with pytest.raises(JournalError, match="no event"):
        resume_toy(toy_run(free()), run_dir)


def test_a_succeeded_run_is_left_as_it_is(tmp_path: Path) -> None:
    """Resume changes no byte of it, whatever the budget, and calls nothing."""
    first = run_toy(toy_run(free()), tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    planner = free()
    record = resume_toy(toy_run(planner), tmp_path / "run", Budget(iterations=1000))
    assert record == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    assert planner.asked == []


def test_a_lost_record_is_written_again(tmp_path: Path) -> None:
    """Killed between the last event and the record, a succeeded run gets the same record."""
    run_toy(toy_run(free()), tmp_path / "run")
    record = (tmp_path / "run" / RECORD_FILE).read_bytes()
    (tmp_path / "run" / RECORD_FILE).unlink()
    resume_toy(toy_run(free()), tmp_path / "run")
    assert (tmp_path / "run" / RECORD_FILE).read_bytes() == record


def test_a_lost_record_of_a_run_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    """Killed between the last event and the record, a partial run has its record to get, once."""
    tight, run_dir = Budget(iterations=16), tmp_path / "run"
    first = run_toy(toy_run(ScriptedPlanner(SHORT), budget=tight), run_dir)
    assert first.status is RunStatus.PARTIAL
    (run_dir / RECORD_FILE).unlink()
    assert resume_toy(toy_run(ScriptedPlanner(SHORT), budget=tight), run_dir) == first
    with pytest.raises(UsageError, match="raise its iterations limit"):
        resume_toy(toy_run(ScriptedPlanner(SHORT), budget=tight), run_dir)


def test_a_run_that_another_process_writes_is_not_resumed(tmp_path: Path) -> None:
    """One writer: the second is told so and changes nothing."""
    run_toy(toy_run(free()), tmp_path / "run")

    async def both() -> None:
        with Journal.reopen(tmp_path / "run", Clock()), pytest.raises(RunLocked):
            Journal.reopen(tmp_path / "run", Clock())

    in_virtual_time(both())


SHORT: Script = {
    "0": [
        read(0),
        synthesize("all", "e1"),
        delegate("a", "b"),
        read(1),
        read(2),
        finalize("all", "e1"),
    ],
    "0/0": [read(10), synthesize("a", "e1"), *[read(n) for n in range(11, 30)], finalize("a")],
    "0/1": [read(40), finalize("b", "e1")],
}
"""A run whose first child needs many turns."""


def test_a_raised_limit_opens_what_it_had_cut_off(tmp_path: Path) -> None:
    """partial becomes succeeded; what was done is not done again; usage counts both stretches."""
    tight = Budget(iterations=16)
    stubborn = ScriptedPlanner(SHORT)
    first = run_toy(toy_run(stubborn, budget=tight), tmp_path / "run")
    assert first.status is RunStatus.PARTIAL
    assert first.error is not None
    assert first.error.limit is Resource.ITERATIONS
    sound(toy_run(ScriptedPlanner(SHORT), budget=tight), tmp_path / "run")
    before = turns_done(tmp_path / "run")

    planner, roomy = ScriptedPlanner(SHORT), Budget(iterations=60)
    second = resume_toy(toy_run(planner, budget=tight), tmp_path / "run", roomy)
    assert second.status is RunStatus.SUCCEEDED
    assert second.error is None
    assert second.runtime_ref.budget == roomy
    again = [view for view in planner.asked if (view.scope_id, view.step) in before]
    assert all(view.scope_id == "0" or view.step >= 6 for view in again)
    assert second.runtime_ref.usage.iterations == len(before) + len(planner.asked)
    states = {t.call_id: t.states for t in second.runtime_ref.state_trajectory}
    assert ScopeState.TERMINATED_BUDGET in states["0/0"]
    assert states["0/0"][-1] is ScopeState.COMPLETED
    run_toy(toy_run(ScriptedPlanner(SHORT), budget=roomy), tmp_path / "roomy")
    assert output_of(tmp_path / "run") == output_of(tmp_path / "roomy")
    sound(toy_run(ScriptedPlanner(SHORT), budget=roomy), tmp_path / "run")


@pytest.mark.parametrize("concurrency", [pytest.param(1, marks=pytest.mark.slow), 8])
def test_killed_at_every_event_after_a_resume_a_run_still_ends_the_same(
    tmp_path: Path, concurrency: int
) -> None:
    """A run cut short, resumed with more, and killed anywhere in its second stretch."""
    tight, roomy = Budget(iterations=16), Budget(iterations=60)

    def run() -> Run:
        return toy_run(ScriptedPlanner(SHORT), budget=tight, concurrency=concurrency)

    run_toy(run(), tmp_path / "run")
    first = len(lines_of(tmp_path / "run"))
    resume_toy(run(), tmp_path / "run", roomy)
    report, lines = output_of(tmp_path / "run"), lines_of(tmp_path / "run")
    for n in range(first + 1, len(lines)):
        run_dir = cut(lines[:n], tmp_path / f"after-{n}")
        assert resume_toy(run(), run_dir).status is RunStatus.SUCCEEDED
        assert output_of(run_dir) == report, n
        sound(run(), run_dir)


def test_a_limit_that_is_not_raised_leaves_nothing_to_resume(tmp_path: Path) -> None:
    """The message names the limit; nothing is written."""
    tight = Budget(iterations=16)
    run_toy(toy_run(ScriptedPlanner(SHORT), budget=tight), tmp_path / "run")
    before = lines_of(tmp_path / "run")
    for budget in (None, Budget(iterations=16, tokens=5), Budget(iterations=15)):
        with pytest.raises(UsageError, match="raise its iterations limit"):
            resume_toy(toy_run(ScriptedPlanner(SHORT), budget=tight), tmp_path / "run", budget)
    assert lines_of(tmp_path / "run") == before


def test_a_limit_raised_too_little_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """One more iteration does not cover the last turn of both scopes that would open again."""
    tight = Budget(iterations=16)
    run_toy(toy_run(ScriptedPlanner(SHORT), budget=tight), tmp_path / "run")
    before = lines_of(tmp_path / "run")
    with pytest.raises(UsageError, match="iterations"):
        resume_toy(
            toy_run(ScriptedPlanner(SHORT), budget=tight),
            tmp_path / "run",
            Budget(iterations=16 + 1),
        )
    assert lines_of(tmp_path / "run") == before
    assert verify_files(tmp_path / "run") == []


def test_an_interrupted_run_is_not_resumed_under_less_than_it_has_spent(tmp_path: Path) -> None:
    """A budget that is overspent already is refused, and the journal stays as it was."""
    run_toy(toy_run(free()), tmp_path / "whole")
    run_dir = cut(lines_of(tmp_path / "whole")[:40], tmp_path / "run")
    with pytest.raises(UsageError, match="iterations"):
        resume_toy(toy_run(free()), run_dir, Budget(iterations=3))
    assert len(lines_of(run_dir)) == 40


def test_a_call_that_failed_for_now_is_made_again(tmp_path: Path) -> None:
    """A model that was down: the scope opens at that turn, its parent where it waited."""
    down: Script = {**FAMILY, "0/2": [read(40), failing()]}
    first = run_toy(toy_run(ScriptedPlanner(down)), tmp_path / "run")
    assert (first.status, first.error and first.error.code) == (
        RunStatus.PARTIAL,
        ErrorCode.MODEL_CALL_FAILED,
    )
    done = turns_done(tmp_path / "run")
    planner, cells = free(), CountedCells()
    record = resume_toy(toy_run(planner, cells=cells), tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    again = {(v.scope_id, v.step) for v in planner.asked} & set(done)
    assert again == {("0/2", 1), ("0", 2), ("0", 3), ("0", 4), ("0", 5), ("0/3", 0), ("0/3", 1)}
    run_toy(toy_run(free()), tmp_path / "whole")
    assert output_of(tmp_path / "run") == output_of(tmp_path / "whole")
    assert record.runtime_ref.usage.tokens_in == 2, "what the failed call cost stays"
    sound(toy_run(free()), tmp_path / "run")


def test_an_error_that_stays_is_not_resumed(tmp_path: Path) -> None:
    """Nothing would go otherwise, so nothing is written."""
    down: Script = {**FAMILY, "0/2": [failing(retryable=False)]}
    run_toy(toy_run(ScriptedPlanner(down)), tmp_path / "run")
    before = lines_of(tmp_path / "run")
    with pytest.raises(UsageError, match="nothing about it can be retried"):
        resume_toy(toy_run(free()), tmp_path / "run")
    assert lines_of(tmp_path / "run") == before


def test_the_record_of_a_run_goes_when_the_run_goes_on(tmp_path: Path) -> None:
    """A resumed run that is killed has no record that says it has ended."""
    down: Script = {"0": [read(1), failing()]}
    run_toy(toy_run(ScriptedPlanner(down)), tmp_path / "run")
    seen: list[bool] = []

    class Looking(ScriptedPlanner):
        async def act(self, view, max_tokens_out):  # type: ignore[no-untyped-def]
            seen.append((tmp_path / "run" / RECORD_FILE).exists())
            return await super().act(view, max_tokens_out)

    again = {"0": [read(1), finalize("fine")]}
    resume_toy(toy_run(Looking(again)), tmp_path / "run")
    assert seen == [False]


def test_wall_time_counts_only_while_a_process_runs_the_run(tmp_path: Path) -> None:
    """A resumed run has what was left at its last event, not more and not less."""
    slow, budget = 2.0, Budget(wall_time_s=100)
    script: Script = {"0": [*[read(n) for n in range(20)], finalize("end")]}
    run_toy(toy_run(paid(script, slow), budget=budget), tmp_path / "whole")
    lines = lines_of(tmp_path / "whole")
    run_dir = cut(lines[:42], tmp_path / "run")
    held = events(run_dir, TurnHeld)[-1]
    resume_toy(toy_run(paid(script, slow), budget=budget), run_dir)
    goes_on = next(e for e in events(run_dir, TurnHeld) if e.step == held.step and e is not held)
    resumed = events(run_dir, TurnHeld)[-1]
    assert goes_on.shown.time_left is not None
    assert held.shown.time_left is not None
    assert abs(goes_on.shown.time_left - held.shown.time_left) <= slow
    assert resumed.shown.time_left is not None
    assert resumed.shown.time_left < held.shown.time_left
