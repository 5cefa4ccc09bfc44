"""How the loop behaves: what is offered, refused, repeated, repaired, waited for and cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from investigator.errors import BudgetTooSmall, SourceUnavailable
from investigator.runtime.actions import ActionKind
from investigator.runtime.budget import NOTHING, Amounts, Budget, Resource
from investigator.runtime.clock import Clock
from investigator.runtime.deciders import one_planner
from investigator.runtime.events import (
    HoldLost,
    Refused,
    RunEnded,
    ScopeClosed,
    ScopesOpened,
    ToolFailed,
    ToolHeld,
    ToolRepeated,
    ToolSettled,
    TurnFailed,
    TurnHeld,
    TurnSettled,
    Usage,
)
from investigator.runtime.journal import Journal
from investigator.runtime.planner import FREE_TURN, Reply, TurnBound, View
from investigator.runtime.record import RunRecord
from investigator.runtime.runner import resume, start, write_record
from investigator.runtime.status import ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.strategy import Run
from investigator.runtime.tools import Tool, ToolAnswer, ToolRegistry
from investigator.runtime.verify import verify_files
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import (
    CellArgs,
    ToyStrategy,
    cell_tool,
    delegate,
    finalize,
    read,
    synthesize,
    toy_run,
)
from investigator.testing.virtual_time import in_virtual_time
from tests.runtime.toys import (
    PAID,
    PAID_BOUND,
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

KINDS = (ActionKind.TOOL_CALL, ActionKind.SYNTHESIZE, ActionKind.DELEGATE, ActionKind.FINALIZE)
NOT_A_TURN = '{"action": {"type": "dance"}}'


def closed(run_dir: Path, scope: str = "0") -> ScopeClosed:
    """How a scope ended, the last time."""
    return events(run_dir, ScopeClosed, scope)[-1]


def seen_by(planner: ScriptedPlanner, scope: str) -> list[View]:
    return [view for view in planner.asked if view.scope_id == scope]


def drive(tmp_path: Path, planner: ScriptedPlanner, **options: object) -> Path:
    """Drive a run, check what holds of every run, and say where it is."""
    run = toy_run(planner, **options)  # type: ignore[arg-type]
    run_toy(run, tmp_path / "run")
    asked = list(planner.asked)
    sound(run, tmp_path / "run")
    planner.asked[:] = asked
    return tmp_path / "run"


def test_at_the_depth_limit_children_are_not_offered_and_refused_if_asked_for(
    tmp_path: Path,
) -> None:
    """The planner sees why and goes on; the run succeeds."""
    script: Script = {
        "0": [delegate("a"), finalize("all")],
        "0/0": [delegate("b"), read(1), finalize("a", "e1")],
    }
    planner = free(script)
    run_dir = drive(tmp_path, planner, budget=Budget(depth=1))
    views = seen_by(planner, "0/0")
    assert ActionKind.DELEGATE in seen_by(planner, "0")[0].offered
    assert all(ActionKind.DELEGATE not in view.offered for view in views)
    assert views[1].notice is not None
    assert "delegate_subcall is not offered" in views[1].notice
    assert events(run_dir, RunEnded)[-1].status is RunStatus.SUCCEEDED
    assert len(events(run_dir, ScopesOpened)) == 2


@pytest.mark.parametrize(
    ("budget", "missing"),
    [
        (Budget(tool_calls=0), {ActionKind.TOOL_CALL}),
        (Budget(subcalls=0), {ActionKind.DELEGATE}),
        (Budget(depth=0), {ActionKind.DELEGATE}),
        (Budget(tokens=0), set()),
        (Budget(cost_usd=0), set()),
        (Budget(), set()),
    ],
)
def test_a_limit_of_zero_takes_its_kind_of_action_away_and_nothing_else(
    tmp_path: Path, budget: Budget, missing: set[ActionKind]
) -> None:
    """What is forbidden is not offered, refused if it comes, and the run goes on without it."""
    script: Script = {
        "0": [read(1), synthesize("s"), delegate("a"), finalize("all")],
        "0/0": [finalize("a")],
    }
    planner = free(script)
    run_dir = drive(tmp_path, planner, budget=budget)
    root = seen_by(planner, "0")
    assert all(set(view.offered) == set(KINDS) - missing for view in root)
    assert len(root) == 4
    assert closed(run_dir).status is ScopeStatus.COMPLETED
    assert len(events(run_dir, ToolSettled)) == (ActionKind.TOOL_CALL not in missing)
    assert len(events(run_dir, ScopesOpened)) == 1 + (ActionKind.DELEGATE not in missing)


def test_limits_that_cover_no_working_turn_are_refused_before_the_run_starts(
    tmp_path: Path,
) -> None:
    """No folder, no journal: the message names the limit."""
    for budget, flag in (
        (Budget(iterations=1), "--max-iterations"),
        (Budget(wall_time_s=0), "--max-wall-time"),
    ):
        with pytest.raises(BudgetTooSmall, match=flag):
            run_toy(toy_run(free({"0": [finalize("x")]}), budget=budget), tmp_path / "run")
    with pytest.raises(BudgetTooSmall, match="--max-tokens"):
        run_toy(toy_run(paid(), budget=Budget(tokens=39)), tmp_path / "run")
    with pytest.raises(BudgetTooSmall, match="--max-cost-usd"):
        run_toy(toy_run(paid(), budget=Budget(cost_usd=0)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


ENDLESS = [*[read(n) for n in range(50)]]


@pytest.mark.parametrize(
    ("budget", "latency_s", "limit"),
    [
        (Budget(iterations=10), 0.0, Resource.ITERATIONS),
        (Budget(tokens=170), 0.0, Resource.TOKENS),
        (Budget(cost_usd=0.00004), 0.0, Resource.COST),
        (Budget(wall_time_s=20), 2.0, Resource.WALL_TIME),
    ],
)
def test_at_the_guard_the_planner_is_asked_once_more_with_finalize_alone(
    tmp_path: Path, budget: Budget, latency_s: float, limit: Resource
) -> None:
    """Who answers then is completed and names the guard; who does not is cut off by its limit."""

    class Wise(ScriptedPlanner):
        async def act(self, view: View, max_tokens_out: int) -> Reply:
            reply = await super().act(view, max_tokens_out)
            if view.offered == (ActionKind.FINALIZE,):
                return Reply(finalize("in time", "e1"), reply.usage)
            return reply

    for planner_of in (Wise, ScriptedPlanner):
        script: Script = {"0": [read(0), synthesize("draft", "e1"), *ENDLESS[2:]]}
        bound = TurnBound(Amounts(iterations=1, tokens=20, cost=5), 8)
        planner = planner_of(script, usage=PAID, bound=bound, latency_s=latency_s)
        run_dir = tmp_path / planner_of.__name__
        run = toy_run(planner, budget=budget)
        record = run_toy(run, run_dir)
        sound(run, run_dir)
        assert [view.offered for view in planner.asked if view.shown.final] == [
            (ActionKind.FINALIZE,)
        ]
        end = closed(run_dir)
        assert end.answer is not None
        assert len(end.gaps) == 1
        if planner_of is Wise:
            assert (record.status, end.status) == (RunStatus.SUCCEEDED, ScopeStatus.COMPLETED)
            assert "finalize guard" in end.gaps[0]
        else:
            assert (record.status, end.status) == (
                RunStatus.PARTIAL,
                ScopeStatus.TERMINATED_BUDGET,
            )
            assert end.error is not None
            assert (end.error.code, end.error.limit) == (ErrorCode.RECURSION_LIMIT_REACHED, limit)
            assert json.loads(end.answer)["text"] == "draft"


def test_a_repeated_call_is_answered_from_the_journal(tmp_path: Path) -> None:
    """It costs an iteration and no tool call, is marked, and is by scope."""
    script: Script = {
        "0": [read(1), read(1), delegate("a"), read(1), finalize("all", "e1")],
        "0/0": [read(1), finalize("a", "e1")],
    }
    planner, cells = free(script), CountedCells()
    run = toy_run(planner, cells=cells)
    record = run_toy(run, tmp_path / "run")
    assert cells.reads == [1, 1]
    repeats = events(tmp_path / "run", ToolRepeated)
    assert [(r.scope, r.step, r.of_step) for r in repeats] == [("0", 1, 0), ("0", 3, 0)]
    last = seen_by(planner, "0")[-1].recent
    assert [step.repeat_of for step in last] == [None, 0, None, 0]
    assert last[0].result == last[1].result == last[3].result
    usage = record.runtime_ref.usage
    assert (usage.tool_calls, usage.iterations) == (2, 7)


def test_a_call_that_failed_is_not_a_repeat(tmp_path: Path) -> None:
    """Only an answer can be given again; an error is asked for anew."""
    script: Script = {"0": [read(-1), read(-1), finalize("none")]}
    run_dir = drive(tmp_path, free(script))
    assert len(events(run_dir, ToolFailed)) == 2
    assert events(run_dir, ToolRepeated) == []


def test_of_findings_with_one_id_the_last_counts(tmp_path: Path) -> None:
    """Also where one synthesis, and the first, names the id twice."""
    planner = free({"0": [read(1), read(2), synthesize("s", "e1", "e2", "e1"), finalize("end")]})
    drive(tmp_path, planner)
    draft = planner.asked[3].draft
    assert draft is not None
    assert [finding.id for finding in draft.findings] == ["e1", "e2"]


def test_a_tool_error_is_the_planner_s_trouble(tmp_path: Path) -> None:
    """It sees the message and goes on; the run succeeds."""
    planner = free({"0": [read(-7), read(7), finalize("found", "e1")]})
    run_dir = drive(tmp_path, planner)
    assert planner.asked[1].notice == "no cell -7"
    assert planner.asked[2].notice is None
    assert closed(run_dir).status is ScopeStatus.COMPLETED


@pytest.mark.parametrize(
    "bad",
    [NOT_A_TURN, "", "not json", "[]", '{"action":[]}', finalize("cites what was not read", "e9")],
)
def test_an_invalid_reply_can_be_repaired_twice(tmp_path: Path, bad: str) -> None:
    """After a good reply it begins anew; three bad ones in a row end the scope."""
    mended: Script = {"0": [bad, bad, read(1), bad, bad, finalize("mended", "e1")]}
    planner = free(mended)
    record = run_toy(toy_run(planner), tmp_path / "mended")
    assert record.status is RunStatus.SUCCEEDED
    assert planner.asked[1].notice
    assert planner.asked[3].notice is None
    broken: Script = {"0": [read(1), synthesize("kept", "e1"), bad, bad, bad]}
    run = toy_run(free(broken))
    record = run_toy(run, tmp_path / "broken")
    sound(run, tmp_path / "broken")
    end = closed(tmp_path / "broken")
    assert (end.status, end.error and end.error.code) == (
        ScopeStatus.FAILED,
        ErrorCode.MODEL_OUTPUT_INVALID,
    )
    assert end.answer == '{"refs":[{"cell":1}],"text":"kept"}'
    assert (record.status, record.runtime_ref.usage.iterations) == (RunStatus.PARTIAL, 5)


def test_a_draft_that_cites_what_was_not_read_is_refused(tmp_path: Path) -> None:
    """It is named, and the draft before it stays."""
    said = [read(1), synthesize("kept", "e1"), synthesize("worse", "e1", "e9"), finalize("end")]
    planner = free({"0": said})
    drive(tmp_path, planner)
    assert planner.asked[3].notice == "no evidence 'e9' was read"
    draft = planner.asked[3].draft
    assert draft is not None
    assert draft.summary == "kept"


@pytest.mark.parametrize(
    "refused",
    [
        read(-7),
        delegate("too deep"),
        synthesize("unread", "e9"),
        read(1).replace("cell", "sell", 1),
    ],
    ids=["a tool's", "the pool's", "a draft's", "an argument's"],
)
def test_five_refusals_of_one_sort_in_a_row_bring_the_guard(tmp_path: Path, refused: str) -> None:
    """Four do not, nor do more with a turn between them that worked."""
    budget = Budget(subcalls=0)
    between = free({"0": [*[refused] * 4, read(2), *[refused] * 4, finalize("end")]})
    in_virtual_time(start(toy_run(between, budget=budget), tmp_path / "between"))
    assert not any(view.shown.final for view in between.asked)
    stuck = free({"0": [*[refused] * 5, finalize("end")]})
    in_virtual_time(start(toy_run(stuck, budget=budget), tmp_path / "stuck"))
    assert [view.shown.final for view in stuck.asked] == [False] * 5 + [True]
    assert "after 5 refused turns of one kind" in closed(tmp_path / "stuck").gaps[0]


def test_without_a_draft_a_failed_scope_contributes_only_its_gap(tmp_path: Path) -> None:
    """Nothing is invented; a run with no answer at all has failed and has no report."""
    run_dir = drive(tmp_path, free({"0": [NOT_A_TURN]}))
    assert closed(run_dir).answer is None
    assert events(run_dir, RunEnded)[-1].status is RunStatus.FAILED
    assert output_of(run_dir) is None


def test_an_unknown_tool_or_argument_is_refused_with_the_reason(tmp_path: Path) -> None:
    """A refusal is no invalid reply: it may come again and again, and the run goes on."""
    unknown = '{"action":{"type":"tool_call","tool_name":"write_cell","args":{"cell":1}}}'
    extra = '{"action":{"type":"tool_call","tool_name":"read_cell","args":{"cell":1,"as":"x"}}}'
    planner = free({"0": [unknown, unknown, unknown, extra, extra, finalize("gave up")]})
    run_dir = drive(tmp_path, planner)
    assert all(view.notice for view in planner.asked[1:])
    assert closed(run_dir).status is ScopeStatus.COMPLETED
    assert events(run_dir, ToolHeld) == []


def test_a_planner_that_cannot_be_asked_fails_its_scope_and_is_paid(tmp_path: Path) -> None:
    """The draft is kept, the attempt's cost is booked, the parent and siblings go on."""
    script: Script = {
        "0": [delegate("a", "b"), finalize("all")],
        "0/0": [synthesize("so far"), failing()],
        "0/1": [read(1), read(2), finalize("b", "e2")],
    }
    run_dir = drive(tmp_path, free(script))
    end, error = closed(run_dir, "0/0"), events(run_dir, RunEnded)[-1].error
    assert (end.status, end.answer) == (ScopeStatus.FAILED, '{"refs":[],"text":"so far"}')
    assert closed(run_dir, "0/1").status is closed(run_dir).status is ScopeStatus.COMPLETED
    assert events(run_dir, RunEnded)[-1].status is RunStatus.PARTIAL
    assert error is not None
    assert (error.code, error.stage) == (ErrorCode.MODEL_CALL_FAILED, "planner")


def cells_run(planner: ScriptedPlanner, tool: Tool[CellArgs], budget: Budget | None = None) -> Run:
    """A toy run over another tool."""
    tools = ToolRegistry([tool])
    return Run(
        toy_run(planner, budget=budget).opened, ToyStrategy(tools), tools, one_planner(planner)
    )


def test_a_lost_source_ends_the_scope_and_can_be_retried(tmp_path: Path) -> None:
    """SOURCE_UNAVAILABLE; with the source back, resume makes that call again and no other."""

    def down_at(cell: int) -> Tool[CellArgs]:
        inner = cell_tool(CountedCells())

        async def run(args: CellArgs, cite: object) -> ToolAnswer:
            if args.cell == cell:
                raise SourceUnavailable("the source does not answer")
            return await inner.run(args, cite)  # type: ignore[arg-type]

        return Tool("read_cell", "Read one cell.", CellArgs, run)

    script: Script = {"0": [read(1), synthesize("s", "e1"), read(2), finalize("both", "e1", "e2")]}
    run = cells_run(free(script), down_at(2))
    record = run_toy(run, tmp_path / "run")
    sound(run, tmp_path / "run")
    assert record.error is not None
    assert (record.status, record.error.code) == (RunStatus.PARTIAL, ErrorCode.SOURCE_UNAVAILABLE)
    planner = free(script)
    again = cells_run(planner, down_at(99))
    assert resume_toy(again, tmp_path / "run").status is RunStatus.SUCCEEDED
    assert [view.step for view in planner.asked] == [3]
    sound(again, tmp_path / "run")


def test_a_slow_planner_is_stopped_in_time_to_conclude(tmp_path: Path) -> None:
    """A call that would outlast the scope is ended and booked whole; the guard turn follows."""
    slow: Mapping[int, float] = {2: 500.0}

    class Slow(ScriptedPlanner):
        async def act(self, view: View, max_tokens_out: int) -> Reply:
            await anyio.sleep(slow.get(view.step, 0))
            return await super().act(view, max_tokens_out)

    script: Script = {"0": [read(1), read(2), read(3), finalize("in time", "e1")]}
    bound = TurnBound(Amounts(iterations=1, tokens=20, cost=5), 8)
    planner = Slow(script, usage=PAID, bound=bound, latency_s=1.0)
    run_dir = drive(tmp_path, planner, budget=Budget(wall_time_s=30))
    (timed_out,) = events(run_dir, TurnFailed)
    assert timed_out.usage == Usage(llm_calls=1, tokens_in=12, tokens_out=8, cost=5, estimated=True)
    assert [held.shown.final for held in events(run_dir, TurnHeld)] == [False, False, False, True]
    assert closed(run_dir).status is ScopeStatus.COMPLETED
    assert "finalize guard" in closed(run_dir).gaps[0]


def test_a_planner_that_never_answers_again_is_cut_off_at_the_deadline(tmp_path: Path) -> None:
    """Its draft is the answer, the limit is the wall time, and no second passes after it."""

    class Dead(ScriptedPlanner):
        async def act(self, view: View, max_tokens_out: int) -> Reply:
            if view.step > 0:
                await anyio.sleep(10**6)
            return await super().act(view, max_tokens_out)

    planner = Dead({"0": [synthesize("kept")]}, latency_s=1.0)
    run = toy_run(planner, budget=Budget(wall_time_s=60))

    async def timed() -> float:
        began = asyncio.get_running_loop().time()
        await start(run, tmp_path / "run")
        return asyncio.get_running_loop().time() - began

    assert in_virtual_time(timed()) == pytest.approx(60, abs=0.1)
    sound(run, tmp_path / "run")
    end = closed(tmp_path / "run")
    assert (end.status, end.answer) == (
        ScopeStatus.TERMINATED_BUDGET,
        '{"refs":[],"text":"kept"}',
    )
    assert end.error is not None
    assert end.error.limit is Resource.WALL_TIME


def test_a_slow_tool_is_stopped_in_time_to_conclude(tmp_path: Path) -> None:
    """The planner sees that it did not answer, and concludes."""

    async def run(args: CellArgs, cite: object) -> ToolAnswer:  # noqa: ARG001
        await anyio.sleep(10**6)
        raise AssertionError

    tool = Tool("read_cell", "Read one cell.", CellArgs, run, remote=True)
    planner = paid({"0": [read(1), finalize("without")]}, latency_s=1.0)
    toy = cells_run(planner, tool, Budget(wall_time_s=30))
    assert run_toy(toy, tmp_path / "run").status is RunStatus.SUCCEEDED
    assert planner.asked[1].notice is not None
    assert "did not answer inside" in planner.asked[1].notice
    assert planner.asked[1].shown.final
    assert verify_files(tmp_path / "run") == []


class Delayed(ScriptedPlanner):
    """Sleeps for as long as the scope's objective says, in seconds, before each turn."""

    running = 0
    most = 0

    async def act(self, view: View, max_tokens_out: int) -> Reply:
        self.running += 1
        self.most = max(self.most, self.running)
        await anyio.sleep(float(view.objective) if view.objective.isdigit() else 0)
        self.running -= 1
        return await super().act(view, max_tokens_out)


def delayed(script: Script) -> Delayed:
    return Delayed(script, latency_s=0.001)


def test_children_run_side_by_side_and_answer_in_list_order(tmp_path: Path) -> None:
    """Whatever order they end in; the parent waits for all; the report is the same at any pace."""
    reports = set()
    for seconds in ("9", "1", "5"), ("1", "5", "9"), ("0", "0", "0"):
        script: Script = {
            "0": [delegate(*seconds), finalize("all", "e1")],
            **{f"0/{n}": [read(n), finalize(f"child {n}", "e1")] for n in range(3)},
        }
        planner = delayed(script)
        run_dir = tmp_path / "-".join(seconds)
        run = toy_run(planner)
        record = run_toy(run, run_dir)
        sound(toy_run(delayed(script)), run_dir)
        answers = json.loads(seen_by(planner, "0")[-1].recent[-1].result)
        assert [a["call_id"] for a in answers] == ["0/0", "0/1", "0/2"]
        assert [a["answer"]["text"] for a in answers] == ["child 0", "child 1", "child 2"]
        reports.add(output_of(run_dir))
        assert record.status is RunStatus.SUCCEEDED
        ends = [e.scope for e in events(run_dir, ScopeClosed)][:3]
        if seconds == ("9", "1", "5"):
            assert ends == ["0/1", "0/2", "0/0"]
    assert len(reports) == 1


@pytest.mark.parametrize("concurrency", [1, 2, 3, 8])
def test_no_more_scopes_run_at_once_than_allowed(tmp_path: Path, concurrency: int) -> None:
    """Nested children included; a parent that waits takes no place, so one is enough."""
    script: Script = {
        "0": [delegate(*["2"] * 5), finalize("all")],
        "0/0": [delegate("1", "1", "1"), finalize("a")],
        **{f"0/{n}": [finalize("b")] for n in range(1, 5)},
        **{f"0/0/{n}": [finalize("c")] for n in range(3)},
    }
    planner = delayed(script)
    record = run_toy(toy_run(planner, concurrency=concurrency), tmp_path / "run")
    assert record.status is RunStatus.SUCCEEDED
    assert planner.most <= concurrency
    assert planner.most == min(concurrency, 5)


def test_queued_siblings_get_their_share_of_the_time(tmp_path: Path) -> None:
    """One at a time, greedy: each of three gets a third, and the parent its last turn."""

    class Greedy(ScriptedPlanner):
        async def act(self, view: View, max_tokens_out: int) -> Reply:
            reply = await super().act(view, max_tokens_out)
            final = view.offered == (ActionKind.FINALIZE,)
            return Reply(finalize("cut short"), reply.usage) if final else reply

    script: Script = {
        "0": [delegate("a", "b", "c"), finalize("all")],
        **{f"0/{n}": [read(k) for k in range(900)] for n in range(3)},
    }
    planner = Greedy(script, latency_s=1.0)
    run_dir = drive(tmp_path, planner, budget=Budget(wall_time_s=300), concurrency=1)
    turns = [len(events(run_dir, TurnSettled, f"0/{n}")) for n in range(3)]
    assert sum(turns) > 270
    assert max(turns) - min(turns) < 10
    assert closed(run_dir).status is ScopeStatus.COMPLETED


def test_a_fixed_list_of_actions_is_a_child_without_a_planner(tmp_path: Path) -> None:
    """Its actions run in order and it ends by itself; its draft is its answer."""
    fixed = [json.loads(turn)["action"] for turn in (read(5), read(6), synthesize("read", "e2"))]
    turn = json.dumps(
        {
            "action": {
                "type": "delegate_subcall",
                "objective": "read two",
                "context": "",
                "use_planner": False,
                "actions": fixed,
            }
        }
    )
    planner = free({"0": [turn, finalize("all", "e1")]})
    run_dir = drive(tmp_path, planner)
    assert {view.scope_id for view in planner.asked} == {"0"}
    end = closed(run_dir, "0/0")
    assert (end.status, end.answer) == (
        ScopeStatus.COMPLETED,
        '{"refs":[{"cell":6}],"text":"read"}',
    )
    (opened,) = events(run_dir, ScopesOpened, "0")
    assert (opened.scopes[0].planner_driven, opened.scopes[0].depth) == (False, 1)
    assert len(events(run_dir, TurnSettled, "0/0")) == 3


def greedy_pair(wait_s: str) -> Script:
    """One child reads on and on, the other takes its time and uses little."""
    return {
        "0": [synthesize("two"), delegate("0", wait_s), finalize("all")],
        "0/0": [synthesize("greedy"), *[read(n) for n in range(40)]],
        "0/1": [read(90), synthesize("modest"), finalize("modest", "e1")],
    }


def test_who_is_refused_for_a_sibling_s_floor_waits_until_it_closes(tmp_path: Path) -> None:
    """Then it takes what the sibling left: nothing stays unused, and the sibling had its floor."""
    script = greedy_pair("50")
    run = toy_run(delayed(script), budget=Budget(iterations=32))
    record = run_toy(run, tmp_path / "run")
    sound(toy_run(delayed(script), budget=Budget(iterations=32)), tmp_path / "run")
    waits = [e for e in events(tmp_path / "run", Refused) if e.wait]
    assert {e.scope for e in waits} == {"0/0"}
    assert closed(tmp_path / "run", "0/1").status is ScopeStatus.COMPLETED
    assert record.runtime_ref.usage.iterations == 32
    order = [type(e).__name__ for e in events(tmp_path / "run", TurnHeld, "0/0")]
    assert len(order) > 10


@pytest.mark.parametrize("pace", ["0", "7"], ids=["fast", "slow"])
@pytest.mark.parametrize("concurrency", [3, 32])
def test_of_16_siblings_the_greedy_use_what_the_modest_leave(
    tmp_path: Path, pace: str, concurrency: int
) -> None:
    """Half greedy, the modest fast or slow: none of those is refused, and 95 % is used."""
    objectives = [pace if n % 2 else "1" for n in range(8)]
    modest = [*[read(n) for n in range(5)], finalize("modest", "e1")]
    greedy = [synthesize("greedy"), *[read(n) for n in range(500)]]
    script: Script = {
        "0": [delegate("0", "0"), finalize("all")],
        **{f"0/{n}": [delegate(*objectives), finalize("half")] for n in range(2)},
        **{f"0/{n}/{k}": modest if k % 2 else greedy for n in range(2) for k in range(8)},
    }
    budget = Budget(iterations=500)
    run_dir = tmp_path / "run"
    record = run_toy(toy_run(delayed(script), budget=budget, concurrency=concurrency), run_dir)
    assert verify_files(run_dir) == []
    assert 0.95 * 500 <= record.runtime_ref.usage.iterations <= 500
    refused = {e.scope for e in events(run_dir, Refused)}
    assert not {scope for scope in refused if scope.count("/") == 2 and int(scope[-1]) % 2}
    ends = {e.scope: e.status for e in events(run_dir, ScopeClosed)}
    assert all(ends[f"0/{n}/{k}"] is ScopeStatus.COMPLETED for n in range(2) for k in (1, 3, 5, 7))
    assert ends["0"] is ScopeStatus.COMPLETED


def test_a_wait_ends_at_the_guard_time(tmp_path: Path) -> None:
    """A sibling that holds its floor for ever does not hold the other for ever."""
    script = greedy_pair("900")
    budget = Budget(iterations=32, wall_time_s=400)
    run = toy_run(delayed(script), budget=budget)
    run_toy(run, tmp_path / "run")
    sound(toy_run(delayed(script), budget=budget), tmp_path / "run")
    assert any(e.wait for e in events(tmp_path / "run", Refused))
    last = events(tmp_path / "run", TurnHeld, "0/0")[-1]
    assert last.shown.final
    assert last.shown.time_left is not None
    assert last.shown.time_left > 0


def test_a_parent_about_to_go_on_is_not_taken_for_one_that_waits(tmp_path: Path) -> None:
    """While a nephew's end still moves its parent, nobody who waits is told to conclude."""
    script: Script = {
        "0": [synthesize("all"), delegate("0", "1"), finalize("all")],
        "0/0": [synthesize("greedy"), *[read(n) for n in range(60)], finalize("greedy")],
        "0/1": [delegate("3"), finalize("b")],
        "0/1/0": [finalize("c")],
    }
    for concurrency in (1, 2, 8):
        budget = Budget(iterations=40)
        run_dir = tmp_path / str(concurrency)
        run_toy(toy_run(delayed(script), budget=budget, concurrency=concurrency), run_dir)
        assert verify_files(run_dir) == []
        closings = [e.scope for e in events(run_dir, ScopeClosed)]
        assert closings.index("0/1") < closings.index("0/0")
        finals = [e for e in events(run_dir, TurnHeld, "0/0") if e.shown.final]
        used = sum(len(events(run_dir, TurnSettled, s)) for s in ("0", "0/0", "0/1", "0/1/0"))
        assert (len(finals), used) == (1, 40)


def test_a_tool_call_waits_too(tmp_path: Path) -> None:
    """The last tool calls may go between a turn and its call: the call waits, or is refused."""
    script: Script = {
        "0": [synthesize("s"), delegate("1", "1", "9"), finalize("all")],
        "0/0": [*[read(n) for n in range(8)], finalize("a")],
        "0/1": [*[read(n) for n in range(8)], finalize("b")],
        "0/2": [read(1), finalize("c")],
    }
    budget = Budget(tool_calls=11)
    run_toy(toy_run(delayed(script), budget=budget), tmp_path / "run")
    refusals = [e for e in events(tmp_path / "run", Refused) if e.what == "tool_call"]
    assert any(e.wait for e in refusals)
    sound(toy_run(delayed(script), budget=budget), tmp_path / "run")
    report, lines = output_of(tmp_path / "run"), lines_of(tmp_path / "run")
    for n in range(1, len(lines)):
        run_dir = cut(lines[:n], tmp_path / f"after-{n}")
        resume_toy(toy_run(delayed(script), budget=budget), run_dir)
        sound(toy_run(delayed(script), budget=budget), run_dir)
    assert report is not None


async def cancelled_after(seconds: float, run: Run, run_dir: Path) -> None:
    """Start a run and cancel it, as Ctrl-C does."""
    task = asyncio.get_running_loop().create_task(start(run, run_dir))
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


CANCELLABLE: Script = {
    "0": [read(1), synthesize("so far", "e1"), delegate("1", "2", "3", "4"), finalize("all", "e1")],
    "0/0": [read(2), delegate("5", "6"), finalize("a", "e1")],
    "0/0/0": [read(3), synthesize("x", "e1"), finalize("x")],
    "0/0/1": [read(4), finalize("y")],
    "0/1": [read(5), read(6), finalize("b")],
    "0/2": [synthesize("c"), read(7), finalize("c")],
    "0/3": [read(8), finalize("d")],
}


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize("after_s", [0, 0.5, 1.5, 4.5, 7.5, 12.5, 17.5])
def test_a_cancelled_run_says_so_and_goes_on_where_it_was(
    tmp_path: Path, concurrency: int, after_s: float
) -> None:
    """Calls under way are booked whole, every scope is closed, and no finished call is repeated."""

    def planner() -> Delayed:
        return Delayed(CANCELLABLE, usage=PAID, bound=PAID_BOUND, latency_s=0.001)

    run_toy(toy_run(planner(), concurrency=concurrency), tmp_path / "whole")
    run_dir = tmp_path / "run"
    first = planner()
    in_virtual_time(cancelled_after(after_s, toy_run(first, concurrency=concurrency), run_dir))
    assert verify_files(run_dir) == []
    ended = events(run_dir, RunEnded)[-1]
    assert ended.error is not None
    assert (ended.status, ended.error.code) == (RunStatus.FAILED, ErrorCode.CANCELLED)
    opened = [s.scope for e in events(run_dir, ScopesOpened) for s in e.scopes]
    assert sorted(opened) == sorted(e.scope for e in events(run_dir, ScopeClosed))
    under_way = events(run_dir, TurnFailed)
    assert all(e.usage.estimated and e.usage.amounts.tokens == 20 for e in under_way)
    done = {(e.scope, e.step) for e in events(run_dir, TurnSettled)}
    second = planner()
    record = resume_toy(toy_run(second, concurrency=concurrency), run_dir)
    assert record.status is RunStatus.SUCCEEDED
    assert output_of(run_dir) == output_of(tmp_path / "whole")
    assert not done & {(view.scope_id, view.step) for view in second.asked}
    assert record.runtime_ref.usage.estimated == len(under_way)
    sound(toy_run(planner(), concurrency=concurrency), run_dir)


def test_a_run_cancelled_while_it_is_being_resumed_goes_on_all_the_same(tmp_path: Path) -> None:
    """Cancelled before the record was played back: nothing recorded is lost or done twice."""

    def run() -> Run:
        return toy_run(Delayed(CANCELLABLE, latency_s=0.001))

    run_toy(run(), tmp_path / "whole")
    lines = lines_of(tmp_path / "whole")
    for n in range(2, len(lines) - 1, 7):
        for turns_of_the_loop in range(0, 12, 2):
            run_dir = cut(lines[:n], tmp_path / f"{n}-{turns_of_the_loop}")

            async def interrupted(where: Path, ticks: int) -> None:
                task = asyncio.get_running_loop().create_task(resume(run(), where))
                for _ in range(ticks):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

            in_virtual_time(interrupted(run_dir, turns_of_the_loop))
            assert resume_toy(run(), run_dir).status is RunStatus.SUCCEEDED
            assert output_of(run_dir) == output_of(tmp_path / "whole")
            sound(run(), run_dir)


def test_a_defect_ends_the_run_with_everything_closed(tmp_path: Path) -> None:
    """What no one foresaw raises, and the journal says what it was and holds nothing open."""

    class Broken(ScriptedPlanner):
        async def act(self, view: View, max_tokens_out: int) -> Reply:
            await anyio.sleep(1)
            if view.scope_id == "0/1":
                raise ZeroDivisionError("a defect")
            return await super().act(view, max_tokens_out)

    script: Script = {"0": [delegate("a", "b", "c"), finalize("all")], "0/0": [read(1)]}
    bound = TurnBound(Amounts(iterations=1, tokens=20, cost=5), 8)
    planner = Broken({**script, "0/2": [read(2)]}, usage=PAID, bound=bound)
    with pytest.raises(ExceptionGroup):
        run_toy(toy_run(planner), tmp_path / "run")
    assert verify_files(tmp_path / "run") == []
    error = events(tmp_path / "run", RunEnded)[-1].error
    assert error is not None
    assert (error.code, error.message) == (
        ErrorCode.UNEXPECTED_RUNTIME_ERROR,
        "ZeroDivisionError: a defect",
    )
    assert [lost.scope for lost in events(tmp_path / "run", HoldLost)] == ["0/1"]
    assert len(events(tmp_path / "run", ScopeClosed)) == 4


turn = st.sampled_from(
    [read(1), read(2), read(-1), synthesize("s"), NOT_A_TURN, finalize("end"), finalize("e", "e1")]
)
delegation = st.lists(st.sampled_from("0123"), min_size=1, max_size=4).map(lambda s: delegate(*s))
leaf = st.lists(turn, min_size=1, max_size=6)
inner = st.lists(st.one_of(turn, delegation), min_size=1, max_size=6)
budgets = st.builds(
    Budget,
    iterations=st.integers(2, 40),
    tool_calls=st.one_of(st.none(), st.integers(0, 12)),
    subcalls=st.one_of(st.none(), st.integers(0, 8)),
    tokens=st.one_of(st.none(), st.integers(40, 600)),
    wall_time_s=st.one_of(st.none(), st.floats(1, 60)),
    depth=st.integers(0, 3),
)


@dataclass(frozen=True)
class Family:
    """A random family of scopes and the terms of its run; scopes share scripts by position."""

    root: list[str]
    inners: list[list[str]]
    leaves: list[list[str]]
    budget: Budget
    concurrency: int
    remote: bool

    def run(self) -> Run:
        script = _Scripts(self)
        usage = PAID if self.remote else None
        bound = PAID_BOUND if self.remote else FREE_TURN
        planner = Delayed(script, usage=usage, bound=bound, latency_s=0.01)
        return toy_run(planner, budget=self.budget, concurrency=self.concurrency)


class _Scripts(dict[str, Sequence[str]]):
    def __init__(self, family: Family) -> None:
        super().__init__({"0": family.root})
        self._family = family

    def __missing__(self, scope_id: str) -> Sequence[str]:
        path = scope_id.split("/")
        scripts = self._family.inners if len(path) < 4 else self._family.leaves
        return scripts[int(path[-1]) % len(scripts)]


families = st.builds(
    Family,
    root=inner,
    inners=st.lists(inner, min_size=1, max_size=3),
    leaves=st.lists(leaf, min_size=1, max_size=3),
    budget=budgets,
    concurrency=st.integers(1, 8),
    remote=st.booleans(),
)
bounded = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def inside(budget: Budget, record: RunRecord) -> None:
    """No resource is overshot, what was lost included."""
    usage = record.runtime_ref.usage
    lost = NOTHING
    for hold in usage.lost:
        lost = lost.plus(hold.amounts)
    assert usage.overdraft == NOTHING
    for used, limit in (
        (usage.iterations + lost.iterations, budget.iterations),
        (usage.tool_calls, budget.tool_calls),
        (usage.subcalls, budget.subcalls),
        (usage.tokens_in + usage.tokens_out + lost.tokens, budget.tokens),
        (usage.depth_reached, budget.depth),
    ):
        assert limit is None or used <= limit


@bounded
@given(family=families)
def test_every_run_ends_inside_its_budget_and_its_record_stands(
    tmp_path_factory: pytest.TempPathFactory, family: Family
) -> None:
    """Random families under small budgets at any concurrency: no deadlock, no overshoot."""
    run_dir = tmp_path_factory.mktemp("random") / "run"
    inside(family.budget, run_toy(family.run(), run_dir))
    sound(family.run(), run_dir)


@bounded
@given(family=families, kill=st.floats(0, 1), cancel_s=st.floats(0, 20))
def test_every_run_that_is_killed_or_cancelled_can_be_brought_to_its_end(
    tmp_path_factory: pytest.TempPathFactory, family: Family, kill: float, cancel_s: float
) -> None:
    """Killed anywhere, then cancelled while it goes on: still inside the budget and sound."""
    folder = tmp_path_factory.mktemp("random")
    run_toy(family.run(), folder / "whole")
    lines = lines_of(folder / "whole")
    run_dir = cut(lines[: 1 + int(kill * (len(lines) - 2))], folder / "run")

    async def cancelled() -> bool:
        task = asyncio.get_running_loop().create_task(resume(family.run(), run_dir))
        await asyncio.wait([task], timeout=cancel_s)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    budget = family.budget
    if in_virtual_time(cancelled()):
        assert verify_files(run_dir) == []
        try:
            resume_toy(family.run(), run_dir)
        except BudgetTooSmall:  # the last turn itself was under way, and is paid for
            budget = Budget(iterations=200, depth=family.budget.depth)
            resume_toy(family.run(), run_dir, budget)
    inside(budget, in_virtual_time(_record(run_dir)))
    sound(family.run(), run_dir)


async def _record(run_dir: Path) -> RunRecord:
    with Journal.reopen(run_dir, Clock()) as journal:
        return write_record(run_dir, journal)


def test_what_a_child_with_fixed_actions_read_comes_back_to_its_parent(tmp_path: Path) -> None:
    """In one turn, page by page, and the parent can cite it as if it had read it itself."""
    child = {
        "type": "delegate_subcall",
        "objective": "read these",
        "context": "",
        "use_planner": False,
        "actions": [json.loads(read(cell))["action"] for cell in (0, 2)],
    }
    planner = ScriptedPlanner({"0": [json.dumps({"action": child}), finalize("done", "e2")]})
    run = toy_run(planner)
    record = asyncio.run(start(run, tmp_path / "run"))
    assert record.status is RunStatus.SUCCEEDED
    (shown,) = json.loads(planner.asked[1].recent[0].result)
    assert [one["call"] for one in shown["reads"]] == [
        'read_cell({"cell":0})',
        'read_cell({"cell":2})',
    ]
    assert all(one["page"]["text"] for one in shown["reads"])
    assert len(planner.asked[1].cited) == 2
