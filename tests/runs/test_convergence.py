"""Runs of many scopes end by themselves, and no promise of the driver is broken on the way."""

from __future__ import annotations

import pytest

from benchmarks.convergence import (
    SimulatedModel,
    as_an_investigator,
    broken_promises,
    one_after_the_other,
    plan_of,
    random_trial,
    row_of,
    side_by_side,
)
from investigator.runs.engines import engine_named
from investigator.runtime.strategy import Run
from investigator.testing.toy import toy_run
from investigator.testing.virtual_time import in_virtual_time


def incident(count: int, latency_s: float) -> Run:
    """An incident over so many traces, by a model that takes so long a turn."""
    model = SimulatedModel(as_an_investigator, lambda _: latency_s)
    plan = plan_of(count, synthesis=True)
    return toy_run(model, budget=engine_named("incident").default_budget, plan=plan)


def test_twelve_traces_take_a_quarter_of_the_time_of_one_after_the_other() -> None:
    """No scope is guarded, and each has four turns or more."""
    run = incident(12, 2.0)
    ours = row_of(run, *in_virtual_time(side_by_side(run)))
    plain = row_of(run, *in_virtual_time(one_after_the_other(run)))
    assert (ours.status, ours.guarded, ours.cut_off) == ("succeeded", 0, 0)
    assert ours.least >= 4
    assert ours.seconds <= plain.seconds / 4


def test_where_one_after_the_other_hits_the_wall_all_scopes_and_the_synthesis_answer() -> None:
    """The origin of this driver."""
    run = incident(12, 8.0)
    plain = row_of(run, *in_virtual_time(one_after_the_other(run)))
    assert (plain.synthesis, plain.status) == ("ran dry", "partial")
    ours = row_of(run, *in_virtual_time(side_by_side(run)))
    assert (ours.synthesis, ours.status, ours.cut_off) == ("answered", "succeeded", 0)


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_random_runs_break_no_promise(first: int) -> None:
    """Each sibling has its floor and its time, the synthesis answers, nothing is overspent."""
    broken = {seed: broken_promises(random_trial(seed)) for seed in range(first, first + 20)}
    assert {seed: lines for seed, lines in broken.items() if lines} == {}
