"""The driver: it opens a run's scopes, runs them, and says what became of the run.

One driver serves all engines. New runs, resumed runs and replays are driven alike: they differ
in the `Execution` that the loop asks. Scopes run side by side; one that fails does not disturb the
others, and the synthesis, opened first, runs last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from investigator.ground.wording import counted
from investigator.runtime.admission import ROOT, admitted, child_scopes, root_scope, times_kept
from investigator.runtime.calls import Calls
from investigator.runtime.clock import Clock
from investigator.runtime.events import (
    OpenedScope,
    PlannerIdentity,
    Refused,
    RunEnded,
    RunError,
    ScopeClosed,
)
from investigator.runtime.execution import Execution
from investigator.runtime.pace import Pace
from investigator.runtime.planner import Planner
from investigator.runtime.recursive_loop import RecursiveLoop
from investigator.runtime.scheduler import Scheduler
from investigator.runtime.status import Artifact, ErrorCode, RunStatus, ScopeStatus
from investigator.runtime.strategy import Ended, Plan, Run, Strategy

OUTPUT_FILE = "output.json"
AnyLoop: TypeAlias = RecursiveLoop[Any, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a run: its ending, its report, and that as the bytes of the output file."""

    ended: RunEnded
    output: bytes | None
    report: BaseModel | None = None


async def drive(run: Run, execution: Execution, clock: Clock) -> Result:
    """Run the scopes of a run and conclude; nothing is written but what the execution records."""
    pace = Pace(run.deciders.latency_floor_s)
    scheduler = Scheduler(run.opened.concurrency)
    decided: dict[str, PlannerIdentity] = {}

    def decides_in(scope: OpenedScope) -> Planner:
        planner = run.deciders.planner_of(scope)
        decided[scope.scope] = planner.identity
        return planner

    def takes_over(scope: OpenedScope) -> Planner | None:
        opener = decided.get(scope.scope.rpartition("/")[0])
        return run.deciders.stand_in_of(scope, opener)

    loop = RecursiveLoop(
        execution=execution,
        calls=Calls(execution=execution, tools=run.tools, pace=pace, clock=clock),
        space=run.strategy.space,
        outputs=run.strategy.outputs,
        planner_for=decides_in,
        scheduler=scheduler,
        stand_in_for=takes_over,
        pace=pace,
        max_depth=run.opened.budget.depth,
    )
    root = execution.open_root(root_scope(run))
    if run.strategy.plan.root is not None:
        await scheduler.alone(lambda slot: loop.run(root, slot))
        opened: tuple[OpenedScope, ...] = ()
    else:
        opened = await _run_plan(run, execution, loop, scheduler)
    return concluded(run.strategy, _ended_scopes(run.strategy.plan, opened, loop, decided))


async def _run_plan(
    run: Run, execution: Execution, loop: AnyLoop, scheduler: Scheduler
) -> tuple[OpenedScope, ...]:
    """Run the plan's scopes side by side, then the synthesis over their ends; scope 0 waits."""
    every = len(run.strategy.plan.scopes)
    children = child_scopes(run, every if execution.is_replaying(ROOT) else admitted(run))
    opened: tuple[OpenedScope, ...] = ()
    if children:
        kept = times_kept(run, children, execution.time_left(ROOT))
        answer = execution.open(ROOT, 0, children, kept_s=kept, least_s=0.0, parent_shares=0)
        if isinstance(answer, Refused):
            loop.close(ended_waiting(answer))
            return ()
        opened = answer.scopes
    beside = [scope for scope in opened if not scope.synthesis]
    ends = await scheduler.families([partial(loop.run, scope) for scope in beside])
    for scope in opened:
        if scope.synthesis:
            await scheduler.alone(partial(loop.run, scope, gathered=ends))
    loop.close(ended_waiting())
    return opened


def ended_waiting(refused: Refused | None = None) -> ScopeClosed:
    """The end of a scope 0 that only waited for the engine's scopes."""
    if refused is None:
        return ScopeClosed(scope=ROOT, status=ScopeStatus.COMPLETED, answer=None)
    error = RunError(
        code=ErrorCode.RECURSION_LIMIT_REACHED,
        message=refused.message,
        stage="admission",
        limit=refused.resource,
    )
    return ScopeClosed(scope=ROOT, status=ScopeStatus.TERMINATED_BUDGET, answer=None, error=error)


def _ended_scopes(
    plan: Plan,
    opened: Sequence[OpenedScope],
    loop: AnyLoop,
    deciders: Mapping[str, PlannerIdentity],
) -> Ended:
    closed = loop.closed
    ends = [closed[scope.scope] for scope in opened if not scope.synthesis]
    left_out = plan.scopes[len(ends) :]
    return Ended(
        root=closed[ROOT],
        scopes=(*ends, *(None for _ in left_out)),
        synthesis=next((closed[s.scope] for s in opened if s.synthesis), None),
        closed={scope_id: closed[scope_id] for scope_id in sorted(closed, key=scope_order)},
        left_out=tuple(f"left out, the budget does not cover it: {b.objective}" for b in left_out),
        deciders=deciders,
        made_good=frozenset(loop.made_good),
        fell_short=frozenset(loop.fell_short),
    )


def concluded(strategy: Strategy, ended: Ended) -> Result:
    """A run's ending: its status follows from its scopes and from what can be checked."""
    error = _first_error(ended)
    try:
        report = strategy.conclude(ended)
    except ValidationError as invalid:
        return _failure(strategy, ErrorCode.SCHEMA_VALIDATION_FAILED, str(invalid))
    if report is None:
        failed = run_ended(strategy.artifact, RunStatus.FAILED, error or NO_REPORT, None)
        return Result(failed, None)
    problems = strategy.check(report)
    if problems:
        return _failure(strategy, ErrorCode.EVIDENCE_VALIDATION_FAILED, "; ".join(problems[:5]))
    output = (report.model_dump_json(indent=2) + "\n").encode()
    whole = all(s.status is ScopeStatus.COMPLETED for s in ended.closed.values())
    if whole and not ended.left_out:
        succeeded = run_ended(strategy.artifact, RunStatus.SUCCEEDED, None, output)
        return Result(succeeded, output, report)
    return Result(run_ended(strategy.artifact, RunStatus.PARTIAL, error, output), output, report)


def _first_error(ended: Ended) -> RunError | None:
    """Why the run is not whole: the first scope's error, else that scopes were left out."""
    errors = [scope.error for scope in (ended.root, *ended.closed.values()) if scope.error]
    if errors or not ended.left_out:
        return errors[0] if errors else None
    count = counted(len(ended.left_out), "scope was", "scopes were")
    return RunError(
        code=ErrorCode.RECURSION_LIMIT_REACHED,
        message=f"{count} left out; the limits do not cover them",
        stage="admission",
    )


NO_REPORT = RunError(
    code=ErrorCode.SCHEMA_VALIDATION_FAILED,
    message="no scope ended with an answer or a draft, so there is nothing to report",
    stage="conclude",
)


def _failure(strategy: Strategy, code: ErrorCode, message: str) -> Result:
    error = RunError(code=code, message=message, stage="conclude")
    return Result(run_ended(strategy.artifact, RunStatus.FAILED, error, None), None)


def run_ended(
    artifact: Artifact, status: RunStatus, error: RunError | None, output: bytes | None
) -> RunEnded:
    """The last event of a run with this report."""
    return RunEnded(
        status=status,
        error=error,
        artifact_type=artifact.type,
        artifact_path=None if output is None else OUTPUT_FILE,
        artifact_schema=artifact.schema,
        artifact_sha256=None if output is None else hashlib.sha256(output).hexdigest(),
    )


def scope_order(scope_id: str) -> tuple[int, ...]:
    """Sort key of scope ids: by position, parents before their children."""
    return tuple(int(part) for part in scope_id.split("/"))
