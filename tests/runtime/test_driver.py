"""Scopes that an engine opens: side by side, each sure of its part, the synthesis last."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from investigator.errors import BudgetTooSmall
from investigator.ground.canonical_json import JsonValue
from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.deciders import Deciders
from investigator.runtime.events import (
    PlannerIdentity,
    RunEnded,
    ScopeClosed,
    ScopesOpened,
    TurnHeld,
    TurnSettled,
)
from investigator.runtime.journal import read_entries
from investigator.runtime.planner import View
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.strategy import Brief, Plan
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import delegate, finalize, read, toy_run
from tests.runtime.toys import (
    SIBLINGS,
    THREE_AND_ALL,
    Deciding,
    Script,
    events,
    failing,
    free,
    output_of,
    paid,
    run_toy,
    sound,
)


def drive(tmp_path: Path, planner: ScriptedPlanner, **options: object) -> RunRecord:
    """Drive a run of a plan and check what holds of every run."""
    run = toy_run(planner, **{"plan": THREE_AND_ALL, **options})  # type: ignore[arg-type]
    record = run_toy(run, tmp_path / "run")
    asked = list(planner.asked)
    sound(run, tmp_path / "run")
    planner.asked[:] = asked
    return record


def many(count: int) -> Plan:
    """So many scopes side by side, and a synthesis."""
    return Plan(scopes=tuple(Brief(f"s{i}") for i in range(count)), synthesis=Brief("all"))


def until_the_guard(view: View) -> str:
    """Reads on and never concludes by itself."""
    return read(view.step) if len(view.offered) > 1 else finalize("done")


def test_the_synthesis_is_opened_first_and_runs_last_over_all_ends(tmp_path: Path) -> None:
    """It sees each sibling's end, in the order of the plan, with ids that it can cite."""
    planner = free(SIBLINGS)
    record = drive(tmp_path, planner)
    assert record.status is RunStatus.SUCCEEDED
    (opened,) = [e for e in events(tmp_path / "run", ScopesOpened) if e.scope == "0"]
    assert [(s.scope, s.synthesis) for s in opened.scopes] == [
        ("0/0", True),
        ("0/1", False),
        ("0/2", False),
        ("0/3", False),
    ]
    order = [e.scope for e in events(tmp_path / "run", ScopeClosed)]
    assert order[-2:] == ["0/0", "0"]
    first = next(view for view in planner.asked if view.scope_id == "0/0")
    shown: list[JsonValue] = list(first.gathered)
    assert [end["call_id"] for end in shown if isinstance(end, dict)] == ["0/1", "0/2", "0/3"]
    cited = [json.loads(ref)["cell"] for ref in first.cited.values()]
    assert cited[:4] == [10, 11, 20, 40]


def test_the_record_tells_who_opened_what(tmp_path: Path) -> None:
    """Engine scopes at depth 1 and what their planners delegated at depth 2; sums agree."""
    record = drive(tmp_path, free(SIBLINGS))
    subcalls = record.runtime_ref.subcall_metadata
    opened_by = {s.call_id: (s.opened_by, s.depth) for s in subcalls if s.planner_driven}
    assert opened_by["0/2"] == ("engine", 1)
    assert opened_by["0/2/1"] == ("planner", 2)
    usage = record.runtime_ref.usage
    assert usage.subcalls == len(subcalls) == 6
    assert usage.iterations == sum(s.usage.iterations for s in subcalls)
    assert usage.tool_calls == sum(s.usage.tool_calls for s in subcalls)


def test_one_failing_scope_leaves_the_others_and_the_synthesis_alone(tmp_path: Path) -> None:
    """The run is partial and says which scope failed; the synthesis is over the finished."""
    script: Script = {**SIBLINGS, "0/1": [failing()]}
    record = drive(tmp_path, free(script))
    assert record.status is RunStatus.PARTIAL
    assert record.error is not None
    assert record.error.code is ErrorCode.MODEL_CALL_FAILED
    ends = {e.scope: e.status for e in events(tmp_path / "run", ScopeClosed)}
    assert ends.pop("0/1") is ScopeStatus.FAILED
    assert set(ends.values()) == {ScopeStatus.COMPLETED}


def test_a_plan_without_scopes_concludes_at_once(tmp_path: Path) -> None:
    """Nothing to look at is no error of the runtime; the engine says what it means."""
    record = drive(tmp_path, free({}), plan=Plan())
    assert record.runtime_ref.usage.subcalls == 0
    assert record.status is RunStatus.FAILED  # the toy needs an answer to report


def test_the_report_is_the_same_at_any_concurrency(tmp_path: Path) -> None:
    """No limit met, same bytes."""
    reports = set()
    for concurrency in (1, 2, 8):
        drive(tmp_path / str(concurrency), free(SIBLINGS), concurrency=concurrency)
        reports.add(output_of(tmp_path / str(concurrency) / "run"))
    assert len(reports) == 1


def test_each_sibling_and_the_synthesis_have_an_equal_floor(tmp_path: Path) -> None:
    """What is left is shared by all that are opened; what they cost is taken off first."""
    drive(tmp_path, free(SIBLINGS), budget=Budget(iterations=42, subcalls=12))
    (opened,) = [e for e in events(tmp_path / "run", ScopesOpened) if e.scope == "0"]
    assert {s.floor for s in opened.scopes} == {Amounts(iterations=10, subcalls=2)}


def _times(run_dir: Path) -> tuple[dict[str, float], dict[str, float]]:
    """When each scope's first turn was held and when it ended, in seconds of the run."""
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for entry in read_entries(run_dir):
        seconds = float(entry.ts[17:26]) + 60 * float(entry.ts[14:16])
        if isinstance(entry.event, TurnHeld):
            began.setdefault(entry.event.scope, seconds)
        if isinstance(entry.event, ScopeClosed):
            ended[entry.event.scope] = seconds
    return began, ended


@pytest.mark.parametrize(("count", "concurrency"), [(12, 8), (24, 8), (5, 2), (3, 8), (7, 1)])
def test_when_no_scope_concludes_by_itself_all_get_their_time_and_the_synthesis_too(
    tmp_path: Path, count: int, concurrency: int
) -> None:
    """Guarded scopes answer in their reserve; every wave, and the synthesis, has its part."""
    plan, latency, wall = many(count), 2.0, 300.0
    planner = Deciding(until_the_guard, latency_s=latency)
    record = drive(
        tmp_path,
        planner,
        plan=plan,
        concurrency=concurrency,
        budget=Budget(iterations=10_000, wall_time_s=wall),
    )
    assert record.status is RunStatus.SUCCEEDED
    turns = [e.scope for e in events(tmp_path / "run", TurnSettled)]
    waves = math.ceil(count / concurrency)
    floor = int(wall / (waves + 1) / latency) - 2
    assert min(turns.count(f"0/{i}") for i in range(count + 1)) >= floor
    (ended,) = events(tmp_path / "run", RunEnded)
    assert ended.error is None


@pytest.mark.parametrize("seed", range(25))
def test_scopes_that_delegate_never_take_the_time_of_those_that_wait(
    tmp_path: Path, seed: int
) -> None:
    """Random families, some greedy, some with children: no sibling is left without turns."""
    rng = random.Random(seed)
    count, concurrency = rng.randint(2, 16), rng.randint(1, 8)
    plan, planner = many(count), Deciding(at_random(seed), latency_s=rng.choice([1.0, 4.0]))
    record = drive(
        tmp_path,
        planner,
        plan=plan,
        concurrency=concurrency,
        budget=Budget(iterations=5000, subcalls=500, wall_time_s=600),
    )
    assert record.status is RunStatus.SUCCEEDED
    assert all(s.status is ScopeStatus.COMPLETED for s in record.runtime_ref.subcall_metadata)


def at_random(seed: int) -> Callable[[View], str]:
    """Reads, delegates and concludes at random, the same for the same view."""

    def decide(view: View) -> str:
        rng = random.Random(f"{seed} {view.scope_id} {view.step}")
        children = delegate(*(f"child {i}" for i in range(rng.randint(1, 4))))
        turn = rng.choice([read(view.step), read(view.step), children, finalize("done")])
        return turn if len(view.offered) > 1 else finalize("done")

    return decide


@pytest.mark.parametrize(
    ("budget", "names"),
    [
        (Budget(iterations=7), ["iterations limit of 7", "4 scopes 1", "--max-iterations"]),
        (Budget(subcalls=3), ["subcalls limit of 3", "4 scopes", "--max-subcalls"]),
        (Budget(depth=0), ["depth limit of 0", "--max-depth"]),
        (Budget(wall_time_s=0.1), ["wall time of 0.1 s", "--max-wall-time"]),
        (Budget(tokens=70), ["tokens limit of 70", "--max-tokens"]),
    ],
)
def test_a_budget_that_cannot_carry_every_scope_is_refused_before_the_run(
    tmp_path: Path, budget: Budget, names: list[str]
) -> None:
    """The message names the limit, what each scope would get, and the flag; nothing is begun."""
    with pytest.raises(BudgetTooSmall) as refused:
        drive(tmp_path, paid(SIBLINGS), budget=budget)
    assert all(name in str(refused.value) for name in names), str(refused.value)
    assert not (tmp_path / "run").exists()


def test_best_effort_leaves_out_the_least_important_scopes_and_says_so(tmp_path: Path) -> None:
    """The run is partial; what was left out stands in the gaps and in the error."""
    planner = free({**SIBLINGS, "0/2": [finalize("b")]})
    record = drive(tmp_path, planner, budget=Budget(iterations=7), best_effort=True)
    assert record.status is RunStatus.PARTIAL
    assert {view.scope_id for view in planner.asked} >= {"0/0", "0/1", "0/2"}
    assert "0/3" not in {view.scope_id for view in planner.asked}
    assert record.error is not None
    assert (record.error.code, record.error.stage) == (
        ErrorCode.RECURSION_LIMIT_REACHED,
        "admission",
    )
    report = output_of(tmp_path / "run")
    assert report is not None
    assert b"left out, the budget does not cover it: c" in report


def test_best_effort_cannot_do_without_any_scope(tmp_path: Path) -> None:
    """A budget for nothing is refused all the same."""
    with pytest.raises(BudgetTooSmall, match="iterations limit of 3"):
        drive(tmp_path, free(SIBLINGS), budget=Budget(iterations=3), best_effort=True)


def test_in_a_hybrid_run_a_model_decides_in_the_scopes_that_rules_open(tmp_path: Path) -> None:
    """Rules delegate for nothing; the children, and they alone, are asked for over the wire."""
    rules, model = free(SIBLINGS), paid(SIBLINGS)
    hybrid = Deciders(
        identity=PlannerIdentity(planner="hybrid"),
        rules=rules,
        model=model,
        takes_model=lambda scope: scope.opened_by == "planner",
        reaches=lambda _: True,
    )
    plain = toy_run(model, plan=THREE_AND_ALL)
    opened = msgspec.structs.replace(plain.opened, planner=hybrid.identity)
    run = replace(plain, opened=opened, deciders=hybrid)
    record = run_toy(run, tmp_path / "run")
    sound(run, tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    assert {view.scope_id for view in model.asked} == {"0/2/0", "0/2/1"}
    paid_for = {s.call_id for s in record.runtime_ref.subcall_metadata if s.usage.tokens_in}
    assert paid_for == {"0/2/0", "0/2/1"}
    assert record.runtime_ref.planner == "hybrid"
