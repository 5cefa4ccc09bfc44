"""32 scopes at once never use more than a run may, by the record's count and the endpoint's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.overshoot import LIMITS, trial
from investigator import replay_run, verify_run
from investigator.runs.planners import PlannerChoice
from investigator.runs.verification import Verification
from investigator.runtime.budget import Amounts, Budget
from investigator.runtime.record import RunRecord
from investigator.testing.greedy_model import Bill, GreedyModel
from investigator.testing.model_server import ModelServer
from tests.live.asking import PER_TOKEN_IN, PER_TOKEN_OUT, compliance, output, settings

SCOPES = 32
ENOUGH = Budget(
    iterations=10_000, tool_calls=10_000, subcalls=500, tokens=10**8, cost_usd=1000, wall_time_s=120
)
TIGHT: list[dict[str, Any]] = [
    {"iterations": 3 * SCOPES + 7},
    {"tokens": 417_001},
    {"cost_usd": 0.600_001},
    {"tool_calls": SCOPES + 5, "iterations": 4 * SCOPES},
    {"iterations": 100, "tokens": 430_000, "cost_usd": 0.6},
]


def goes_on(step: int) -> str:
    """Another read each turn, from another place on."""
    args = {"kind": None, "errors_only": False, "offset": step}
    action = {"type": "tool_call", "tool_name": "list_spans", "args": args}
    return json.dumps({"action": action})


ENDS = json.dumps({"action": {"type": "finalize", "output": output()}})


def adds_up(record: RunRecord, bill: Bill) -> None:
    """The record says what the endpoint counted, to the token, and nothing is above a limit."""
    budget, usage = record.runtime_ref.budget, record.runtime_ref.usage
    assert usage.llm_calls == bill.requests
    assert (usage.tokens_in, usage.tokens_out) == (bill.tokens_in, bill.tokens_out)
    assert usage.cost_usd is not None
    assert round(usage.cost_usd * 1e6) == bill.micro_usd
    assert usage.overdraft == Amounts()
    limits = budget.limits
    used = (usage.iterations, usage.tool_calls, usage.subcalls, bill.tokens_in + bill.tokens_out)
    for allowed, spent in zip(limits, (*used, bill.micro_usd), strict=True):
        assert allowed is None or spent <= allowed
    assert usage.iterations == bill.requests


@pytest.mark.parametrize("limits", TIGHT, ids=str)
def test_a_run_of_32_controls_at_once_keeps_to_its_limits(
    limits: dict[str, Any], tmp_path: Path
) -> None:
    """A library of 32 questions, all asked together of a model that never has enough."""
    greedy = GreedyModel(
        goes_on, ENDS, price=(PER_TOKEN_IN, PER_TOKEN_OUT), delay_s=0.05, seed=len(str(limits))
    )
    budget = ENOUGH.model_copy(update=limits)
    with ModelServer(greedy) as server:
        choice = PlannerChoice(planner="model", model=settings(server, max_output_tokens=300))
        result = compliance(tmp_path, SCOPES).ask(
            choice, tmp_path / "runs", budget, concurrency=SCOPES
        )
    adds_up(result.record, greedy.bill)
    assert len(result.record.runtime_ref.subcall_metadata) == SCOPES
    assert verify_run("run", tmp_path / "runs") == Verification()
    assert replay_run("run", tmp_path / "runs").difference is None
    assert greedy.bill.requests >= SCOPES


@pytest.mark.parametrize("limit_of", LIMITS)
def test_32_scopes_with_children_keep_to_a_random_limit(limit_of: str, tmp_path: Path) -> None:
    """What is left is used, too: a limit is no reason to stop early."""
    it = trial(limit_of, scopes=SCOPES, seed=1, folder=tmp_path)
    adds_up(it.record, it.bill)
    assert it.overshoot == 0
    assert it.used == it.billed
    assert it.used >= 0.9 * it.limit


@pytest.mark.slow
def test_all_32_are_under_way_at_once(tmp_path: Path) -> None:
    """Or the tests above would prove nothing."""
    it = trial("iterations", scopes=SCOPES, seed=3, folder=tmp_path, delay_s=1.5)
    assert it.bill.most_at_once >= SCOPES
