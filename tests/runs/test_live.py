"""Runs that a model decides, from the command's settings to the report, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from investigator import (
    RCA,
    Compliance,
    Incident,
    Settings,
    investigate,
    replay_run,
    resume_run,
    verify_run,
)
from investigator.errors import UsageError
from investigator.runs.investigation import RunResult
from investigator.runs.planners import PlannerChoice
from investigator.runs.verification import Verification
from investigator.runtime.budget import Budget
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.samples import SAMPLE_TRACES
from investigator.testing.model_server import Behaviour, ModelServer, Tokens, error, says

TRIP = "617fdb16cf685c234f3ef3cfbe54acd9"
HELP = "5010ed12a034dec6f3a29908cb189a39"
KEY = "sk-planted-0123456789abcdef"
ENOUGH = Budget(iterations=120, tool_calls=240, subcalls=90, tokens=2_000_000, wall_time_s=60)


def turn(**action: Any) -> Behaviour:
    """A reply that is one action, with an account of 1,000 tokens in and 100 out."""
    return says(json.dumps({"action": action}), usage=Tokens(1000, 100))


EMPTY = {"findings": [], "gaps": ["a model looked"], "summary": "nothing to add"}
LIST = {"kind": None, "errors_only": False, "offset": 0}
CONCLUDES = turn(type="finalize", output=EMPTY)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key in the environment, under a name of our own."""
    monkeypatch.setenv("OUR_KEY", KEY)
    return KEY


def settings(server: ModelServer, **more: Any) -> ModelSettings:
    """A priced model on this machine."""
    return ModelSettings(
        model="scripted",
        base_url=server.base_url,
        api_key_env="OUR_KEY",
        price_in_per_mtok=1.0,
        price_out_per_mtok=4.0,
        timeout_s=10,
        max_retries=0,
        **more,
    )


Asked = Callable[[PlannerChoice, Path], RunResult[Any]]


def rca(choice: PlannerChoice, runs: Path) -> RunResult[Any]:
    return investigate(
        SAMPLE_TRACES,
        RCA(trace_id=TRIP),
        Settings(planner=choice, budget=ENOUGH, runs_dir=runs, run_id="run"),
    )


def compliance(choice: PlannerChoice, runs: Path) -> RunResult[Any]:
    return investigate(
        SAMPLE_TRACES,
        Compliance(
            trace_id=HELP,
            controls="judgement-v1",
            control_ids=("judgement.answer.addresses_request",),
        ),
        Settings(planner=choice, budget=ENOUGH, runs_dir=runs, run_id="run"),
    )


def incident(choice: PlannerChoice, runs: Path) -> RunResult[Any]:
    return investigate(
        SAMPLE_TRACES,
        Incident(),
        Settings(planner=choice, budget=ENOUGH, runs_dir=runs, run_id="run"),
    )


ENGINES = [pytest.param(ask, id=ask.__name__) for ask in (rca, compliance, incident)]


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("ask", ENGINES)
@pytest.mark.parametrize("planner", ["model", "hybrid"])
def test_a_model_decides_in_a_run_of_each_engine(ask: Asked, planner: str, tmp_path: Path) -> None:
    """Tokens and cost are on the record, the run is verified, and replayed with nobody to ask."""
    with ModelServer([CONCLUDES]) as server:
        choice = PlannerChoice.model_validate({"planner": planner, "model": settings(server)})
        result = ask(choice, tmp_path)
        asked = len(server.requests)
    usage = result.record.runtime_ref.usage
    assert result.status is RunStatus.SUCCEEDED
    assert usage.llm_calls == asked > 0
    assert (usage.tokens_in, usage.tokens_out) == (1000 * asked, 100 * asked)
    assert usage.cost_usd == pytest.approx(asked * 0.0014)
    assert result.record.runtime_ref.planner == planner
    assert result.record.runtime_ref.model_name == "scripted"
    assert result.record.runtime_ref.prompt_template_hash
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).difference is None


@pytest.mark.usefixtures("key")
def test_in_hybrid_runs_rules_delegate_and_the_model_is_asked_in_the_children(
    tmp_path: Path,
) -> None:
    """What the model could not show stays known to the rules, with little confidence."""
    with ModelServer([CONCLUDES]) as server:
        choice = PlannerChoice(planner="hybrid", model=settings(server))
        result = rca(choice, tmp_path)
    subcalls = result.record.runtime_ref.subcall_metadata
    assert [s.opened_by for s in subcalls if s.usage.tokens_in] == ["planner"]
    assert result.report is not None
    assert result.report.findings[0].confidence <= 0.4


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("ask", ENGINES)
def test_a_model_that_is_down_ends_in_a_report_of_what_was_found_before(
    ask: Asked, tmp_path: Path
) -> None:
    """Partial, with the code, and never without what the rules know."""
    with ModelServer([error(503)]) as server:
        result = ask(PlannerChoice(planner="hybrid", model=settings(server)), tmp_path)
    assert result.status is RunStatus.PARTIAL
    assert result.error is not None
    assert result.error.code is ErrorCode.MODEL_CALL_FAILED
    assert result.report is not None
    assert verify_run("run", tmp_path) == Verification()


@pytest.mark.parametrize("ask", ENGINES)
def test_a_key_stands_in_no_file_of_a_run_and_in_no_prompt(
    ask: Asked, tmp_path: Path, key: str
) -> None:
    """It is sent as a header, and that is all."""
    with ModelServer([CONCLUDES]) as server:
        ask(PlannerChoice(planner="model", model=settings(server)), tmp_path)
        bodies = "".join(json.dumps(request.body) for request in server.requests)
        assert all(request.headers["authorization"] for request in server.requests)
    assert key not in bodies
    for path in sorted(tmp_path.rglob("*")):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path


@pytest.mark.usefixtures("key")
def test_a_cost_limit_needs_a_price(tmp_path: Path) -> None:
    """A model whose price nobody knows is refused before the first call."""
    with ModelServer([CONCLUDES]) as server:
        free = settings(server).model_copy(
            update={"price_in_per_mtok": None, "price_out_per_mtok": None}
        )
        choice = PlannerChoice(planner="model", model=free)
        limits = ENOUGH.model_copy(update={"cost_usd": 1.0})
        with pytest.raises(UsageError, match=r"price of scripted.*price_in_per_mtok"):
            investigate(
                SAMPLE_TRACES,
                RCA(trace_id=TRIP),
                Settings(planner=choice, budget=limits, runs_dir=tmp_path),
            )
        assert server.requests == []


def test_a_missing_key_is_told_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder, no request; replay and verification of what was run need none."""
    monkeypatch.setenv("OUR_KEY", KEY)
    with ModelServer([CONCLUDES]) as server:
        choice = PlannerChoice(planner="model", model=settings(server))
        rca(choice, tmp_path)
        asked = len(server.requests)
        monkeypatch.delenv("OUR_KEY")
        with pytest.raises(UsageError, match="OUR_KEY is not set"):
            investigate(
                SAMPLE_TRACES,
                RCA(trace_id=TRIP),
                Settings(planner=choice, runs_dir=tmp_path, run_id="other"),
            )
        assert len(server.requests) == asked
    assert not (tmp_path / "other").exists()
    assert replay_run("run", tmp_path).identical
    assert verify_run("run", tmp_path) == Verification()


def test_a_resume_that_would_ask_a_model_needs_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is appended without it; a run that succeeded needs none."""
    monkeypatch.setenv("OUR_KEY", KEY)
    with ModelServer([error(503)]) as server:
        failed = rca(PlannerChoice(planner="model", model=settings(server)), tmp_path)
    journal = (failed.run_dir / "events.jsonl").read_bytes()
    monkeypatch.delenv("OUR_KEY")
    with pytest.raises(UsageError, match="OUR_KEY is not set"):
        resume_run("run", tmp_path)
    assert (failed.run_dir / "events.jsonl").read_bytes() == journal


def test_a_model_without_a_temperature_has_none_on_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in what it is sent; a replay finds the same requests without a client."""
    monkeypatch.setenv("OUR_KEY", KEY)
    with ModelServer([CONCLUDES]) as server:
        reasons = settings(server).model_copy(update={"model": "o3-mini"})
        result = rca(PlannerChoice(planner="model", model=reasons), tmp_path)
        assert all("temperature" not in request.body for request in server.requests)
    assert result.record.runtime_ref.temperature is None
    monkeypatch.delenv("OUR_KEY")
    assert replay_run("run", tmp_path).identical


@pytest.mark.usefixtures("key")
def test_cheaper_models_go_on_where_the_strong_one_cannot_be_afforded(tmp_path: Path) -> None:
    """Within the cost limit, and the record says what each was asked."""
    action = {"type": "tool_call", "tool_name": "list_spans", "args": LIST}
    reads = says(json.dumps({"action": action}), usage=Tokens(3000, 1400))
    with ModelServer([reads, reads, reads, CONCLUDES]) as server:
        strong = settings(server)
        cheap = strong.model_copy(
            update={"model": "cheap", "price_in_per_mtok": 0.1, "price_out_per_mtok": 0.4}
        )
        strong = strong.model_copy(update={"price_in_per_mtok": 2.0, "price_out_per_mtok": 8.0})
        choice = PlannerChoice(planner="model", model=strong, cheaper=(cheap,))
        limited = ENOUGH.model_copy(update={"cost_usd": 0.17})
        result = investigate(
            SAMPLE_TRACES,
            RCA(trace_id=TRIP),
            Settings(planner=choice, budget=limited, runs_dir=tmp_path, run_id="run"),
        )
        asked = [request.body["model"] for request in server.requests]
    ref = result.record.runtime_ref
    assert result.status is RunStatus.SUCCEEDED
    assert sorted(set(asked)) == [use.model for use in ref.models] == ["cheap", "scripted"]
    assert asked == sorted(asked, reverse=True)
    assert [use.llm_calls for use in ref.models] == [asked.count("cheap"), asked.count("scripted")]
    assert sum(use.cost_usd or 0 for use in ref.models) == pytest.approx(ref.usage.cost_usd)
    assert sum(use.tokens_in for use in ref.models) == ref.usage.tokens_in
    assert replay_run("run", tmp_path).identical
