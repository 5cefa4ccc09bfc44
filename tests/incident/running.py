"""Incident runs over traces in memory, driven to their end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from investigator.ground.redaction import Redactor
from investigator.incident.case import IncidentCase
from investigator.incident.engine import IncidentStrategy
from investigator.incident.report import RUN_TYPE, IncidentDossier
from investigator.incident.rules import IncidentRules
from investigator.incident.snapshot_tools import with_snapshots
from investigator.inspection.trace_tools import inspection_tools
from investigator.runs.engines import engine_named
from investigator.runtime.budget import Budget
from investigator.runtime.deciders import one_planner
from investigator.runtime.planner import Planner
from investigator.runtime.record import RunRecord
from investigator.runtime.strategy import Run
from investigator.runtime.tools import ToolRegistry
from investigator.snapshots import SnapshotStore
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.model import Trace
from tests import running
from tests.running import opening


def case_of(traces: Sequence[Trace], snapshots: SnapshotStore | None = None) -> IncidentCase:
    """The case of these traces."""
    api = MemoryInspectionAPI(traces)
    ids = [trace.trace_id for trace in traces]
    return IncidentCase.of(api.get_traces(ids), api.get_trace, Redactor(), snapshots=snapshots)


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
        tools = with_snapshots(tools, snapshots, Redactor())
    decides = one_planner(IncidentRules(case) if planner is None else planner)
    registry = ToolRegistry(tools)
    opened = opening(
        RUN_TYPE,
        decides,
        budget or engine_named("incident").default_budget,
        dataset_hash=case.dataset_hash,
        concurrency=concurrency,
    )
    return Run(opened, IncidentStrategy(case, registry), registry, decides)


def investigated(run: Run, run_dir: Path) -> tuple[RunRecord, IncidentDossier]:
    """The record and the dossier of a run that was checked."""
    return running.investigated(run, run_dir, IncidentDossier)
