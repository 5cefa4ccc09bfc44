"""A batch keeps to its limits, whatever its runs use and in whatever order they end."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from investigator import RCA, BatchOutcome, Request, Settings
from investigator.errors import InvestigatorError
from investigator.ground.interrupts import in_charge
from investigator.runs.batch import run_requests, schedule, used_by
from investigator.runtime.budget import NOTHING, Amounts, Budget, Limits
from investigator.runtime.record import LostHold, UsageRecord
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.testing.toy import toy_run
from tests.runtime.toys import free, run_toy

Asked: TypeAlias = Request[Any]
Run: TypeAlias = Callable[[Asked], BatchOutcome]


def request(trace_id: str, *, tokens: int | None = 100, cost_usd: float | None = None) -> Asked:
    """The smallest request; the fake runs below read nothing else of it."""
    budget = Budget(tokens=tokens, cost_usd=cost_usd)
    return Request("x", RCA(trace_id=trace_id), Settings(budget=budget))


def budget_of(asked: Asked) -> Budget:
    """The limits that a request came with."""
    return asked.settings.budget_for(asked.question)


def outcome(asked: Asked, used: Amounts) -> BatchOutcome:
    """A run that succeeded and reports the budget that it was given."""
    given = budget_of(asked).model_dump_json()
    subject, done = asked.question.subject, RunStatus.SUCCEEDED
    return BatchOutcome("rca", subject, "run", None, done, given, None, used)


def greedy(asked: Asked) -> BatchOutcome:
    """A run that uses all it was leased."""
    limits = budget_of(asked).limits
    return outcome(asked, Amounts(tokens=limits.tokens or 0, cost=limits.cost or 0))


def modest(asked: Asked) -> BatchOutcome:
    """A run that uses ten tokens."""
    return outcome(asked, Amounts(tokens=10))


def slow_first(asked: Asked) -> BatchOutcome:
    """A run that ends late where its trace is the first."""
    time.sleep(0.3 if asked.question.subject == "t0" else 0)
    return modest(asked)


def dying(_asked: Asked) -> BatchOutcome:
    """A worker that is killed."""
    os._exit(9)


def faulty_first(asked: Asked) -> BatchOutcome:
    """A run that hits a defect where its trace is the first."""
    if asked.question.subject == "t0":
        raise ZeroDivisionError("division by zero")
    return modest(asked)


class Stubborn(Exception):
    """An error that is made by a keyword, and so cannot be made again from its arguments."""

    def __init__(self, *, code: int) -> None:
        super().__init__(str(code))


def raising_what_cannot_travel(asked: Asked) -> BatchOutcome:
    """A run that hits such a defect where its trace is the first."""
    if asked.question.subject == "t0":
        raise Stubborn(code=7)
    return modest(asked)


def on_a_full_disk(_asked: Asked) -> BatchOutcome:
    """A run that the machine ends."""
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(asked: Asked) -> BatchOutcome:
    """A run that its batch interrupts."""
    with in_charge() as interrupts:
        return interrupts.run(partial(_interrupted, asked))


async def _interrupted(asked: Asked) -> BatchOutcome:
    signal.raise_signal(signal.SIGTERM)
    await asyncio.sleep(60)
    return modest(asked)


def budgets(requests: list[Asked], limits: Limits, run: Run = greedy) -> list[Budget]:
    """What each run was given, in the order of the requests; two run at a time."""
    with ThreadPoolExecutor(2) as workers:
        ended = dict(schedule(requests, workers, jobs=2, limits=limits, run=run))
    return [Budget.model_validate_json(ended[index].report_json or "") for index in sorted(ended)]


def test_greedy_runs_together_use_no_more_than_the_batch_was_given() -> None:
    """The tokens of all leases that were used up add to the batch's limit, not beyond."""
    given = budgets([request(f"t{i}", tokens=200) for i in range(4)], Limits(tokens=300))
    assert sum(budget.tokens or 0 for budget in given) == 300


def test_what_a_run_did_not_use_is_free_for_the_next() -> None:
    """Six modest runs fit in a batch that could not have held six full budgets."""
    requests = [request(f"t{i}") for i in range(6)]
    given = budgets(requests, Limits(tokens=200), modest)
    assert [(budget.tokens or 0) >= 50 for budget in given] == [True] * 6


def test_a_run_never_gets_more_than_its_own_limit() -> None:
    """A generous batch does not widen the budget of a run."""
    assert {b.tokens for b in budgets([request("a"), request("b")], Limits(tokens=10_000))} == {100}


def test_a_batch_limit_bounds_runs_that_have_none() -> None:
    """Runs without a cost limit share what the batch may cost."""
    requests = [request("a"), request("b")]
    given = budgets(requests, Limits(cost=3_000_000))
    assert [budget.cost_usd for budget in given] == [1.5, 1.5]


def test_without_a_limit_budgets_stay_as_they_are() -> None:
    """An unlimited batch hands every request on unchanged."""
    requests = [request("a", tokens=None), request("b", cost_usd=0.5)]
    assert budgets(requests, Limits()) == [budget_of(asked) for asked in requests]


def test_outcomes_come_as_runs_end() -> None:
    """A slow run holds up neither the others nor what is shown of them."""
    requests = [request(f"t{i}") for i in range(3)]
    with ThreadPoolExecutor(2) as workers:
        ended = schedule(requests, workers, jobs=2, limits=Limits(), run=slow_first)
        order = [index for index, _ in ended]
    assert sorted(order) == [0, 1, 2]
    assert order[-1] == 0


def test_a_defect_in_one_run_leaves_the_others_alone() -> None:
    """An unexpected error is the outcome of its own run, and names the file of its traceback."""
    with ThreadPoolExecutor(1) as workers:
        requests = [request("t0"), request("t1")]
        ended = dict(schedule(requests, workers, jobs=1, limits=Limits(), run=faulty_first))
    assert "ZeroDivisionError: division by zero" in (ended[0].error or "")
    assert ended[0].status is RunStatus.FAILED
    assert ended[0].error_code is ErrorCode.UNEXPECTED_RUNTIME_ERROR
    assert ended[1].status is RunStatus.SUCCEEDED


def test_a_defect_survives_the_way_from_another_process() -> None:
    """Its exception cannot be unpickled, which would break the pool; what it says can be told."""
    ended = dict(
        run_requests([request("t0"), request("t1")], jobs=1, run=raising_what_cannot_travel)
    )
    assert "Stubborn: 7" in (ended[0].error or "")
    assert [outcome.status for outcome in ended.values()] == [RunStatus.FAILED, RunStatus.SUCCEEDED]


def test_what_the_machine_refuses_fails_a_run_and_is_no_defect() -> None:
    """A full disk is told in its own words."""
    (ended,) = dict(run_requests([request("t0")], jobs=1, run=on_a_full_disk)).values()
    assert (ended.status, ended.error_code) == (RunStatus.FAILED, None)
    assert "No space left" in (ended.error or "")


def test_an_interrupt_ends_the_run_and_not_its_worker() -> None:
    """A run that was interrupted says so; its worker is there for the next."""
    ended = dict(run_requests([request("t0"), request("t1")], jobs=1, run=interrupted))
    assert [(o.status, o.error) for o in ended.values()] == [(None, "interrupted")] * 2


def test_a_worker_that_dies_ends_the_batch_with_advice() -> None:
    """A killed process is an error that says how to go on, not a traceback."""
    with pytest.raises(InvestigatorError, match="--continue"):
        list(run_requests([request("a")], jobs=1, run=dying))


def test_a_run_of_unknown_usage_is_booked_at_all_that_it_was_leased() -> None:
    """What nobody counted may all have been spent: the next gets none of it."""

    def uncounted(asked: Asked) -> BatchOutcome:
        return replace(outcome(asked, NOTHING), used=None)

    given = budgets([request("t0"), request("t1"), request("t2")], Limits(tokens=200), uncounted)
    assert [budget.tokens for budget in given] == [100, 100, 0]


def test_what_a_dead_process_may_have_spent_counts_against_the_batch(tmp_path: Path) -> None:
    """A hold that was lost is booked with the rest of a run, tokens and money."""
    record = run_toy(toy_run(free()), tmp_path / "run")

    def booked(usage: UsageRecord) -> Amounts | None:
        ref = record.runtime_ref.model_copy(update={"usage": usage})
        return used_by(record.model_copy(update={"runtime_ref": ref}))

    lost = LostHold(call_id="0", step=1, amounts=Amounts(tokens=7, cost=11))
    usage = UsageRecord(tokens_in=2, tokens_out=3, cost_usd=0.000_5, lost=(lost, lost))
    assert booked(usage) == Amounts(tokens=19, cost=522)
    assert booked(usage.model_copy(update={"cost_usd": None})) is None
