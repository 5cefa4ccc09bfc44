"""Incident runs over traces in memory, driven to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from investigator.incident.case import IncidentCase
from investigator.incident.engine import RUN_TYPE, IncidentStrategy
from investigator.incident.report import IncidentDossier
from investigator.incident.rules import RulePlanner
from investigator.incident.tools import snapshot_tools
from investigator.inspection.memory import MemoryInspectionAPI
from investigator.inspection.redaction import Redactor
from investigator.inspection.tools import inspection_tools
from investigator.runtime import runner
from investigator.runtime.budget import DEFAULT_BUDGETS, Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import DatasetRef, InputRef, RunOpened
from investigator.runtime.planner import Planner
from investigator.runtime.record import RunRecord
from investigator.runtime.strategy import Run
from investigator.runtime.tools import ToolRegistry
from investigator.runtime.verify import verify_files
from investigator.snapshots import SnapshotStore
from investigator.traces.model import Trace


def case_of(traces: Sequence[Trace], snapshots: SnapshotStore | None = None) -> IncidentCase:
    """The case of these traces."""
    api = MemoryInspectionAPI(traces)
    ids = [trace.trace_id for trace in traces]
    return IncidentCase.of(ids, api.get_trace, snapshots=snapshots)


def incident_run(
    traces: Sequence[Trace],
    *,
    snapshots: SnapshotStore | None = None,
    planner: Planner | None = None,
    budget: Budget | None = None,
    concurrency: int = 8,
) -> Run:
    """A run over these traces, by rules unless another planner is given."""
    case = case_of(traces, snapshots)
    tools = inspection_tools(MemoryInspectionAPI(traces), Redactor())
    if snapshots is not None:
        tools += snapshot_tools(snapshots, Redactor())
    decides = RulePlanner(case) if planner is None else planner
    registry = ToolRegistry(tools)
    opened = RunOpened(
        run_id="run",
        run_type=RUN_TYPE,
        engine_version="0",
        source=(),
        options="{}",
        dataset_ref=DatasetRef(dataset_id="memory", dataset_hash=case.dataset_hash),
        input_ref=InputRef(),
        planner=decides.identity,
        budget=budget or DEFAULT_BUDGETS["incident"],
        concurrency=concurrency,
    )
    return Run(opened, IncidentStrategy(case, registry), registry, decides)


def investigated(run: Run, run_dir: Path) -> tuple[RunRecord, IncidentDossier]:
    """The record and the dossier of a run whose files and evidence were checked."""
    record = asyncio.run(runner.start(run, run_dir))
    assert verify_files(run_dir) == []
    dossier = IncidentDossier.model_validate_json((run_dir / OUTPUT_FILE).read_bytes())
    assert run.strategy.check(dossier) == []
    return record, dossier
