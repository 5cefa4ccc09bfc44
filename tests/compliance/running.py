"""Compliance runs over one trace in memory, driven to their end."""

from __future__ import annotations

from pathlib import Path

from investigator.compliance.case import ComplianceCase
from investigator.compliance.engine import ComplianceStrategy
from investigator.compliance.library_tools import control_tools
from investigator.compliance.report import RUN_TYPE, ComplianceReport, ControlResult
from investigator.compliance.rules import ComplianceRules
from investigator.controls.library import load_library
from investigator.controls.model import ControlLibrary
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import Prepared
from investigator.inspection.trace_tools import inspection_tools
from investigator.readings.reading import Readings
from investigator.runs.engines import engine_named
from investigator.runs.planners import RULES, PlannerChoice, deciders_for
from investigator.runtime.budget import Budget
from investigator.runtime.deciders import one_planner
from investigator.runtime.events import InputRef
from investigator.runtime.planner import Planner
from investigator.runtime.record import RunRecord
from investigator.runtime.strategy import Run
from investigator.runtime.tools import ToolRegistry
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.model import Trace
from tests import running
from tests.running import ASKING, opening

V1 = load_library("controls-v1")


def compliance_run(
    trace: Trace,
    *,
    library: ControlLibrary = V1,
    control_ids: tuple[str, ...] = (),
    planner: Planner | None = None,
    choice: PlannerChoice = RULES,
    budget: Budget | None = None,
    concurrency: int = 8,
) -> Run:
    """A run over a trace, by rules unless another planner is given or chosen."""
    case = ComplianceCase.of(Readings(trace, Redactor()), library, control_ids)
    reads = inspection_tools(MemoryInspectionAPI([trace]), Redactor(), trace_id=trace.trace_id)
    tools = ToolRegistry([*reads, *control_tools(library)])
    strategy = ComplianceStrategy(case, tools)
    prepared = Prepared(
        strategy,
        tools,
        ComplianceRules(case),
        trace.content_hash,
        InputRef(),
        beside_model=ComplianceRules(case, beside_model=True),
    )
    decides = (
        deciders_for(choice, prepared, Redactor(), ASKING)
        if planner is None
        else one_planner(planner)
    )
    opened = opening(
        RUN_TYPE,
        decides,
        budget or engine_named("compliance").default_budget,
        dataset_hash=trace.content_hash,
        trace_ids=(trace.trace_id,),
        concurrency=concurrency,
    )
    return Run(opened, strategy, tools, decides)


def investigated(run: Run, run_dir: Path) -> tuple[RunRecord, ComplianceReport]:
    """The record and the report of a run that was checked."""
    return running.investigated(run, run_dir, ComplianceReport)


def result_of(report: ComplianceReport, control_id: str) -> ControlResult:
    """The result of one control."""
    return next(r for r in report.controls_evaluated if r.control_id == control_id)
