"""A whole RCA run over one trace in memory, with any planner."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from investigator.controls.model import ControlLibrary
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.redaction import Redactor
from investigator.inspection.trace_tools import inspection_tools
from investigator.rca.case import RCACase
from investigator.rca.engine import RCAStrategy
from investigator.rca.report import RUN_TYPE, RCAReport
from investigator.rca.rules import RCARules
from investigator.rca.taxonomy import Taxonomy, load_taxonomy
from investigator.readings.reading import Readings
from investigator.runs.engines import engine_named
from investigator.runtime import runner
from investigator.runtime.budget import Budget
from investigator.runtime.deciders import one_planner
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import AnyEvent
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.planner import Planner
from investigator.runtime.record import RunRecord
from investigator.runtime.strategy import Run
from investigator.runtime.told import UNTOLD, ToldOutcome
from investigator.runtime.tools import ToolRegistry
from investigator.runtime.verify import verify_files
from investigator.store.memory import MemoryInspectionAPI
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.traces.model import Trace
from tests.running import adds_up, opening

DEFAULT = load_taxonomy("default")
FULL = engine_named("rca").default_budget


@dataclass(frozen=True)
class Ran:
    """What a run left behind; `output` is empty where there is no report."""

    record: RunRecord
    output: bytes
    journal: bytes
    events: tuple[AnyEvent, ...]
    strategy: RCAStrategy

    @property
    def report(self) -> RCAReport:
        """The report that there is."""
        return RCAReport.model_validate_json(self.output)


def run_rca(
    trace: Trace,
    *,
    planner: Planner | None = None,
    budget: Budget = FULL,
    concurrency: int = 8,
    taxonomy: Taxonomy = DEFAULT,
    library: ControlLibrary | None = None,
    good: Trace | None = None,
    failed: bool = False,
) -> Ran:
    """Run the engine, by the rules unless told otherwise, and check what it wrote."""
    told = ToldOutcome(trace_id=trace.trace_id, outcome="failed") if failed else UNTOLD
    beside = None if good is None else Readings(good, Redactor())
    case = RCACase.narrowed(Readings(trace, Redactor(), told), taxonomy, library, beside)
    api = MemoryInspectionAPI([trace])
    tools = ToolRegistry(inspection_tools(api, Redactor(), trace_id=trace.trace_id))
    strategy = RCAStrategy(case, tools)
    decides = one_planner(planner or RCARules(case))
    opened = opening(
        RUN_TYPE,
        decides,
        budget,
        dataset_hash=trace.content_hash,
        trace_ids=(trace.trace_id,),
        concurrency=concurrency,
    )
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        run = Run(opened, strategy, tools, decides)
        record = asyncio.run(runner.start(run, run_dir))
        assert verify_files(run_dir) == []
        adds_up(record)
        output = run_dir / OUTPUT_FILE
        return Ran(
            record=record,
            output=output.read_bytes() if output.exists() else b"",
            journal=(run_dir / FILE).read_bytes(),
            events=tuple(entry.event for entry in read_entries(run_dir)),
            strategy=strategy,
        )


def scripted(*turns: str, **children: Sequence[str]) -> ScriptedPlanner:
    """A planner that says these turns in scope 0; `c0=…` those of its first child, and so on."""
    below = {f"0/{name.removeprefix('c')}": said for name, said in children.items()}
    return ScriptedPlanner({"0": turns, **below})


def call(tool_name: str, **args: JsonValue) -> str:
    """A turn that calls a tool."""
    return canonical_json({"action": {"type": "tool_call", "tool_name": tool_name, "args": args}})


LIST_SPANS = call("list_spans", kind=None, errors_only=False, offset=0)


def reads(*span_ids: str) -> tuple[str, ...]:
    """Turns that read these spans, and so make them citable: e1, e2, … in order."""
    return tuple(call("get_span", span_id=span_id, field=None, offset=0) for span_id in span_ids)


def stated(id_: str = "f1", **fields: JsonValue) -> dict[str, JsonValue]:
    """A finding as a planner states it."""
    finding: dict[str, JsonValue] = {
        "id": id_,
        "category": "tool_failure",
        "span_id": "t",
        "description": f"what {id_} says",
        "confidence": 0.9,
        "evidence": ["e1", "e2"],
    }
    return {**finding, **fields}


def says(kind: str, *findings: dict[str, JsonValue], gaps: Sequence[str] = ()) -> str:
    """A turn that synthesizes or finalizes."""
    output: JsonValue = {"findings": list(findings), "gaps": list(gaps), "summary": "so it is"}
    return canonical_json({"action": {"type": kind, "output": output}})
