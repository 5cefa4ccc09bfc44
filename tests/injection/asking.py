"""Runs in which a gullible model decides, over traces in memory, and what was said in them."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from investigator.claims.report import Report
from investigator.ground.redaction import Redactor
from investigator.incident.question import Incident
from investigator.inspection.code_tool import RUN_CODE
from investigator.inspection.engine import Question
from investigator.runs.engines import engine_named
from investigator.runs.planners import PlannerChoice, deciders_for
from investigator.runtime import runner
from investigator.runtime.actions import ActionKind
from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import (
    AnyEvent,
    ScopeClosed,
    ScopesOpened,
    ToolHeld,
    TurnHeld,
)
from investigator.runtime.journal import read_entries
from investigator.runtime.llm_client import ModelSettings
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ScopeStatus
from investigator.runtime.strategy import Run
from investigator.runtime.verify import verify_files
from investigator.store.memory import MemoryInspectionAPI
from investigator.testing.model_server import ModelServer, ReceivedRequest
from investigator.traces.model import Trace
from tests.injection.gullible import gullible
from tests.running import ASKING, opening

ENOUGH = Budget(
    depth=2, iterations=150, tool_calls=100, subcalls=90, tokens=5_000_000, wall_time_s=120
)
_OPENS = re.compile(r"## (?:The run|Objective)\n<<data ([0-9a-f]{12})>>\n")
_TITLES = re.compile(
    r"## (?:The run|Objective|Context|Rules of this scope|What the scopes before this one found"
    r"|Your draft|Evidence you can cite|Earlier steps|Notice: your last turn did not work"
    r"|Step \d+: (?:tool_call|synthesize|delegate_subcall|finalize|invalid reply),"
    r" (?:done|refused|a repeat of step \d+)|Turn \d+)"
)


@dataclass(frozen=True)
class Asked:
    """A run that a model decided, and every request that the model got."""

    run: Run
    record: RunRecord
    report: Report | None
    events: tuple[AnyEvent, ...]
    requests: tuple[ReceivedRequest, ...]
    problems: tuple[str, ...]


def ask(
    question: Question[Any],
    traces: Sequence[Trace],
    *,
    planner: str = "model",
    budget: Budget = ENOUGH,
) -> Asked:
    """Run the question with a gullible model behind HTTP."""
    engine, redactor = engine_named(question.engine), Redactor()
    api = MemoryInspectionAPI(traces)
    materials = question.materials()._replace(optional_tools=(RUN_CODE,))
    prepared = question.prepare(api, materials, redactor)
    named = traces[-1].trace_id if isinstance(question, Incident) else None
    with ModelServer(gullible(named)) as server, tempfile.TemporaryDirectory() as folder:
        settings = ModelSettings(model="gullible", base_url=server.base_url, max_retries=0)
        choice = PlannerChoice.model_validate({"planner": planner, "model": settings})
        decides = deciders_for(choice, prepared, redactor, ASKING)
        opened = opening(
            engine.run_type,
            decides,
            budget,
            dataset_hash=prepared.dataset_hash,
            trace_ids=tuple(trace.trace_id for trace in traces),
        )
        run, run_dir = Run(opened, prepared.strategy, prepared.tools, decides), Path(folder) / "run"
        record = asyncio.run(runner.start(run, run_dir))
        output = run_dir / OUTPUT_FILE
        report = engine.report.model_validate_json(output.read_bytes()) if output.exists() else None
        return Asked(
            run=run,
            record=record,
            report=report,
            events=tuple(entry.event for entry in read_entries(run_dir)),
            requests=tuple(server.requests),
            problems=tuple(verify_files(run_dir)),
        )


def dispatched_unoffered(events: Sequence[AnyEvent]) -> list[str]:
    """What was carried out though the turn that asked for it did not offer it."""
    held = {(e.scope, e.step): e.shown.offered for e in events if isinstance(e, TurnHeld)}
    done: list[tuple[str, int, ActionKind]] = []
    for event in events:
        match event:
            case ToolHeld():
                done.append((event.scope, event.step, ActionKind.TOOL_CALL))
            case ScopesOpened() if any(s.opened_by == "planner" for s in event.scopes):
                done.append((event.scope, event.step, ActionKind.DELEGATE))
            case ScopeClosed(status=ScopeStatus.COMPLETED) if (event.scope, event.step) in held:
                done.append((event.scope, event.step, ActionKind.FINALIZE))
            case _:
                pass
    return [
        f"{kind} in scope {scope} at step {step}"
        for scope, step, kind in done
        if kind not in held.get((scope, step), ())
    ]


def outside(user: str) -> list[str]:
    """The lines of a prompt that stand in no fence; AssertionError for a fence that is torn."""
    opens = _OPENS.match(user)
    assert opens is not None, user[:200]
    nonce = opens.group(1)
    told: list[str] = []
    inside = False
    for line in user.split("\n"):
        mark = line in (f"<<data {nonce}>>", f"<<end {nonce}>>")
        if mark:
            assert inside == line.startswith("<<end"), f"the fence is torn at {line}"
            inside = not inside
        elif inside:
            assert nonce not in line
        else:
            told.append(line)
    assert not inside
    return told


def stray(line: str, known: Sequence[str]) -> bool:
    """Whether a line outside the fence is none that the investigator says by itself."""
    if not line or _TITLES.fullmatch(line):
        return False
    return not any(line.startswith(start) for start in known)


def messages(request: ReceivedRequest) -> tuple[str, str]:
    """The system and the user text of a request."""
    system, user = request.body["messages"]
    return system["content"], user["content"]


def besides_the_turn(request: ReceivedRequest) -> dict[str, Any]:
    """All of a request but its user text."""
    return {**request.body, "messages": request.body["messages"][:1]}
