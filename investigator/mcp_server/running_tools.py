"""The engines as tools, and what is done with the runs that they leave.

A call of an engine announces its run id at once and waits for the report a while, with progress.
When that is over, or nobody waits any more, the run goes on: `run_status` finds it by its id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anyio
from pydantic import BaseModel, ConfigDict, Field

from investigator.inspection.engine import Question, TraceQuestion
from investigator.mcp_server.engine_calls import (
    MOST_WAIT_S,
    EngineCall,
    call_model,
    narrowed_budget,
    question_of,
)
from investigator.mcp_server.mcp_tools import (
    MOVES_A_RUN,
    CallEffect,
    Caller,
    RunArgs,
    ServedTool,
    ToolReply,
    in_thread,
)
from investigator.mcp_server.served_runs import RunView, ServedRuns
from investigator.mcp_server.served_sources import ServedSource, ServedSources
from investigator.reports.renderers import PLAIN, RENDERERS
from investigator.reports.stored_reports import reported_in
from investigator.runs.config import Config
from investigator.runs.engines import AnyEngine, engine_named, engine_names
from investigator.runs.planners import PlannerChoice
from investigator.runs.settings import Request, Settings
from investigator.runs.verification import verify_run

_LOOK_S = 0.2
"""How often a run's journal is looked at while somebody waits: progress that people can follow."""

_AFTER = (
    " Makes a run that goes on whatever becomes of this call, and leaves traces as they are."
    " Returns the report, or after wait_s the run id to ask run_status with."
)


@dataclass(frozen=True, slots=True)
class RunMaking:
    """How the server makes runs: what a client does not decide."""

    settings: Settings
    config: Config
    materials: tuple[str, ...] = ()

    @property
    def planner(self) -> PlannerChoice:
        """Who decides."""
        return self.settings.planner


class RunFollowing:
    """Waits for runs on behalf of callers, and knows whose call began which."""

    def __init__(self, runs: ServedRuns) -> None:
        self._runs = runs
        self._begun_by: dict[object, str] = {}

    def cancel_call(self, request_id: object) -> None:
        """Cancel the run that a call waits for, since its client cancelled the call."""
        run_id = self._begun_by.pop(request_id, None)
        if run_id is not None:
            self._runs.cancel(run_id)

    async def began(self, run_id: str, call: EngineCall, caller: Caller) -> ToolReply:
        """Wait for a run that a call has begun."""
        self._begun_by[caller.request_id] = run_id
        try:
            reply = await self.follow(run_id, call.wait_s, caller)
        except anyio.get_cancelled_exc_class():
            if call.cancel_if_disconnected:
                self._runs.cancel(run_id)
            raise
        self._begun_by.pop(caller.request_id, None)
        return reply

    async def follow(self, run_id: str, wait_s: float, caller: Caller) -> ToolReply:
        """Wait for a run so long, telling how far it is; what it is then."""
        watch, job, events = self._runs.watch(run_id), self._runs.job(run_id), 0
        with anyio.move_on_after(wait_s):
            while True:
                progress = watch.look()
                if progress.events > events:
                    events = progress.events
                    text = f"run {run_id}: {progress.text}"
                    await caller.tell(events, None, text)
                if job is None and (await self._runs.view(run_id, with_report=False)).has_ended:
                    break
                if job is not None and job.ended.is_set():
                    break
                with anyio.move_on_after(_LOOK_S):
                    await (anyio.sleep_forever() if job is None else job.ended.wait())
        return await self.told(run_id)

    async def told(self, run_id: str) -> ToolReply:
        """A run as it is now, with its report in words."""
        view = await self._runs.view(run_id)
        text = await in_thread(lambda: self._in_words(view))
        return ToolReply(
            content=view.model_dump(mode="json"),
            text=text,
            links=view.resources,
            is_error=view.state == "refused",
        )

    def _in_words(self, view: RunView) -> str:
        lines = [f"run {view.run_id}: {view.state}"]
        if view.error is not None:
            lines.append(view.error)
        if view.report is not None:
            reports = reported_in([view.run_id], self._runs.runs_dir)
            lines += ["", RENDERERS["text"].render(reports, PLAIN).rstrip(), ""]
        elif view.progress.events:
            lines.append(view.progress.text)
        return "\n".join([*lines, view.what_next])


def engine_tools(
    sources: ServedSources, runs: ServedRuns, making: RunMaking, following: RunFollowing
) -> Iterator[ServedTool]:
    """A tool for each engine."""
    for name in engine_names():
        yield _engine_tool(engine_named(name), sources, runs, making, following)


def _engine_tool(
    engine: AnyEngine,
    sources: ServedSources,
    runs: ServedRuns,
    making: RunMaking,
    following: RunFollowing,
) -> ServedTool:
    async def answer(call: EngineCall, caller: Caller) -> ToolReply:
        source = sources.named(call.source)
        question = making.config.added_to(question_of(engine, call, making.materials))
        allowed = making.config.budget_for(engine.name)
        budget = narrowed_budget(engine, allowed, call.budget)
        question = await in_thread(lambda: _checked(question, source))
        settings = making.settings.model_copy(update={"budget": budget})
        job = runs.start(call.run_id, Request(source.places, question, settings))
        await caller.tell(0, None, f"run {job.run_id}: accepted")
        return await following.began(job.run_id, call, caller)

    asks_a_model = making.planner.planner != "rules"
    return ServedTool(
        name=engine.name,
        title=engine.manual.summary,
        description=f"{engine.manual.summary} {engine.manual.text}{_AFTER}",
        args=call_model(engine, sources.names, making.materials),
        answer=answer,
        effect=CallEffect(adds_runs=True, repeats=False, asks_a_model=asks_a_model),
        output=RunView,
    )


def _checked(question: Question[Any], source: ServedSource) -> Question[Any]:
    """The question with its trace named in full, so that a wrong id is told at once."""
    question.materials()
    if isinstance(question, TraceQuestion) and question.trace_id:
        return question.about(source.trace_id(question.trace_id))
    return question


class StatusArgs(RunArgs):
    """Names a run, and how long to wait for it."""

    wait_s: float = Field(
        default=0,
        ge=0,
        le=MOST_WAIT_S,
        description="Seconds to wait for its end, with progress; 0 answers at once",
    )


class ListRunsArgs(BaseModel):
    """Which runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str | None = Field(default=None, description="Runs of that engine; null for all")
    state: str | None = Field(
        default=None,
        description="succeeded, partial, failed, interrupted, running or unreadable; null for all",
    )
    trace_id: str | None = Field(
        default=None, description="Runs about that trace; the beginning of its id will do"
    )
    limit: int = Field(default=20, ge=1, le=200, description="Rows at most, the newest first")


def run_tools(runs: ServedRuns, following: RunFollowing) -> Iterator[ServedTool]:
    """What is done with runs by their ids."""

    async def status(args: StatusArgs, caller: Caller) -> ToolReply:
        await runs.view(args.run_id, with_report=False)  # a wrong id is told before the wait
        return await following.follow(args.run_id, args.wait_s, caller)

    async def cancelled(args: RunArgs, _caller: Caller) -> ToolReply:
        runs.cancel(args.run_id)
        job = runs.job(args.run_id)
        if job is not None:
            await job.ended.wait()
        return await following.told(args.run_id)

    async def resumed(args: StatusArgs, caller: Caller) -> ToolReply:
        runs.resume(args.run_id)
        await caller.tell(0, None, f"run {args.run_id}: goes on")
        return await following.follow(args.run_id, args.wait_s, caller)

    async def listed(args: ListRunsArgs, _caller: Caller) -> ToolReply:
        rows = await in_thread(lambda: runs.listed(**args.model_dump()))
        return ToolReply(content={"runs": rows})

    async def shown(args: RunArgs, _caller: Caller) -> ToolReply:
        record = await in_thread(lambda: runs.record(args.run_id))
        return ToolReply(content=record.model_dump(mode="json"))

    async def verified(args: RunArgs, _caller: Caller) -> ToolReply:
        return ToolReply(content=await in_thread(lambda: _verified(runs, args.run_id)))

    yield ServedTool("run_status", "Status of a run", _STATUS, StatusArgs, status, output=RunView)
    yield ServedTool(
        "cancel_run", "Cancel a run", _CANCEL, RunArgs, cancelled, MOVES_A_RUN, output=RunView
    )
    yield ServedTool(
        "resume_run", "Resume a run", _RESUME, StatusArgs, resumed, MOVES_A_RUN, output=RunView
    )
    yield ServedTool("list_runs", "Runs", _LIST, ListRunsArgs, listed)
    yield ServedTool("show_run", "Record of a run", _SHOW, RunArgs, shown)
    yield ServedTool("verify_run", "Verify a run", _VERIFY, RunArgs, verified)


_STATUS = "How far a run is, or its report once it has ended; also of a run whose call was lost."
_CANCEL = "Cancel a run that is under way; its record says so, and resume_run goes on with it."
_RESUME = "Go on with a run that was interrupted, cancelled or cut off; nothing is charged twice."
_LIST = "The newest runs over the sources that are served here: state, verdict, traces, error."
_SHOW = "The record of a run: what it was asked, what it used, what came out, what each scope did."
_VERIFY = "Check a run: journal, ledger, record and report, and the evidence against the source."


def _verified(runs: ServedRuns, run_id: str) -> dict[str, Any]:
    runs.stored(run_id)
    found = verify_run(run_id, runs.runs_dir)
    return {
        "run_id": run_id,
        "is_consistent": not found.problems,
        "problems": list(found.problems),
        "unchecked": list(found.unchecked),
        "head": None if found.head is None else found.head.chain,
    }
