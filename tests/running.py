"""Runs of any engine over traces in memory, driven to their end and checked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from investigator.model_planner.fence import Asking
from investigator.runtime import runner
from investigator.runtime.budget import Budget
from investigator.runtime.deciders import Deciders
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import DatasetRef, InputRef, RunOpened
from investigator.runtime.record import RunRecord
from investigator.runtime.strategy import Run
from investigator.runtime.verify import verify_files

ASKING = Asking("5eed00c0de01", 200_000)
"""What a run fixes for its prompts: a code that is none of a journal, and a token limit."""

ReportT = TypeVar("ReportT", bound=BaseModel)


def opening(
    run_type: str,
    deciders: Deciders,
    budget: Budget,
    *,
    dataset_hash: str,
    trace_ids: tuple[str, ...] = (),
    concurrency: int = 8,
) -> RunOpened:
    """The first event of a run over traces in memory."""
    return RunOpened(
        run_id="run",
        run_type=run_type,
        engine_version="test",
        source=("memory",),
        options="{}",
        dataset_ref=DatasetRef(dataset_id="memory", dataset_hash=dataset_hash),
        input_ref=InputRef(trace_ids=trace_ids),
        planner=deciders.identity,
        budget=budget,
        concurrency=concurrency,
    )


def investigated(run: Run, run_dir: Path, kind: type[ReportT]) -> tuple[RunRecord, ReportT]:
    """The record and the report of a run whose files, ledger and evidence were checked."""
    record = asyncio.run(runner.start(run, run_dir))
    assert verify_files(run_dir) == []
    adds_up(record)
    report = kind.model_validate_json((run_dir / OUTPUT_FILE).read_bytes())
    assert run.strategy.check(report) == []
    return record, report


def adds_up(record: RunRecord) -> None:
    """What the scopes of a run that was never resumed used is what the run used."""
    ref = record.runtime_ref
    scopes = [ref.root_usage, *(subcall.usage for subcall in ref.subcall_metadata)]
    for name in ("iterations", "tool_calls", "llm_calls", "subcalls", "tokens_in", "tokens_out"):
        assert sum(getattr(scope, name) for scope in scopes) == getattr(ref.usage, name), name
    costs = [scope.cost_usd for scope in scopes]
    if ref.usage.cost_usd is not None:
        assert abs(sum(cost or 0.0 for cost in costs) - ref.usage.cost_usd) < 1e-9
    for name in ("llm_calls", "tokens_in", "tokens_out") if ref.models else ():
        assert sum(getattr(use, name) for use in ref.models) == getattr(ref.usage, name), name
