"""The runs that a server shows and makes: those of its runs folder that are about its sources."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import anyio
from pydantic import BaseModel, ConfigDict, Field

from investigator.errors import JournalError, RunExists, RunNotFound, UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.mcp_server.run_jobs import RunJob, RunJobs
from investigator.mcp_server.served_sources import ServedSources
from investigator.runs.engines import engine_of_run
from investigator.runs.investigation import new_run_id, opened_event, result_of
from investigator.runs.run_progress import RunProgress, RunWatch
from investigator.runs.run_rows import newest_first, run_row, runs_asked
from investigator.runs.run_store import (
    RUNNING,
    StoredRun,
    folder_of,
    list_runs,
    stored_run,
)
from investigator.runs.settings import Request, Settings, require_run_id
from investigator.runtime.journal import FILE
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode

QUEUED = "queued"
CANCELLED_EARLY = "cancelled before it began"
REFUSED = "refused"
_GOES_ON = ("interrupted", "failed", "partial")
_NEAR_RUNS = 3


class RunView(BaseModel):
    """What a client is told of a run; `run_id` is the handle by which it asks again.

    `state` is queued, running, succeeded, partial, failed, interrupted, unreadable, refused (no
    run was begun, `error` says why) or cancelled before it began.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    state: str
    engine: str | None = None
    source: str | None = None
    trace_ids: tuple[str, ...] = ()
    progress: RunProgress = RunProgress()
    verdict: str | None = None
    error: str | None = None
    report: dict[str, Any] | None = None
    resources: tuple[str, ...] = ()
    what_next: str = Field(description="What can be done with it now.")

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in (QUEUED, RUNNING)


class ServedRuns:
    """Runs of one folder."""

    def __init__(self, runs_dir: Path, sources: ServedSources, jobs: RunJobs) -> None:
        self.runs_dir = runs_dir
        self._sources = sources
        self._jobs = jobs

    def start(self, run_id: str | None, request: Request[Any]) -> RunJob:
        """Have a run made.

        Raises:
            UsageError: the id is none, or it is taken.
        """
        chosen = require_run_id(run_id) or new_run_id(request.question.engine)
        if (self.runs_dir / chosen / FILE).exists() or self._jobs.named(chosen) is not None:
            raise RunExists(
                f"run '{chosen}' exists: run_status shows it; choose another run_id, or null for "
                "a new one"
            )
        return self._jobs.accept(chosen, request)

    def resume(self, run_id: str) -> RunJob:
        """Go on with a run that was interrupted, cancelled or cut off.

        Raises:
            UsageError: there is none, or it is under way.
        """
        stored = self.stored(run_id)
        if self._jobs.named(run_id) is not None or stored.state == RUNNING:
            raise UsageError(f"run '{run_id}' is under way: run_status follows it")
        if stored.state not in _GOES_ON:
            raise UsageError(f"run '{run_id}' has {stored.state}: there is nothing to go on with")
        opened = opened_event(stored.run_dir)
        engine = engine_of_run(opened.run_type)
        question = engine.question.model_construct()
        settings = Settings(runs_dir=self.runs_dir, run_id=run_id, budget=opened.budget)
        return self._jobs.accept(run_id, Request(opened.source, question, settings, resumes=True))

    def cancel(self, run_id: str) -> bool:
        """Cancel a run that this server makes; False where it has ended already.

        Raises:
            UsageError: there is none of that id, or another process makes it.
        """
        job = self._jobs.named(run_id)
        if job is not None and not job.ended.is_set():
            self._jobs.cancel(job)
            return True
        if job is None and self.stored(run_id).state == RUNNING:
            raise UsageError(f"run '{run_id}' is made by another process: only that can cancel it")
        return False

    def job(self, run_id: str) -> RunJob | None:
        """A run that is under way here."""
        return self._jobs.named(run_id)

    def watch(self, run_id: str) -> RunWatch:
        """Its progress, also while it has no folder yet."""
        return RunWatch(self.runs_dir / run_id)

    def stored(self, run_id: str) -> StoredRun:
        """A run of the folder.

        Raises:
            RunNotFound: there is none, with those that are like it; or it is of another source.
        """
        try:
            run = stored_run(folder_of(run_id, self.runs_dir))
        except RunNotFound:
            raise RunNotFound(self._not_found(run_id)) from None
        if self._source_of(run) is None:
            raise RunNotFound(
                f"run '{run_id}' is of a source that is not served here; there are: "
                f"{', '.join(self._sources.names)}"
            )
        return run

    def record(self, run_id: str) -> RunRecord:
        """The record of a run that has one.

        Raises:
            RunNotFound: there is no such run, or it has none yet.
        """
        run = self.stored(run_id)
        if run.record is None:
            said = run.problem or "run_status follows it, resume_run goes on with one interrupted"
            raise RunNotFound(f"run '{run_id}' is {run.state} and has no record: {said}")
        return run.record

    def listed(
        self, *, engine: str | None, state: str | None, trace_id: str | None, limit: int
    ) -> list[dict[str, JsonValue]]:
        """The newest runs that are asked for, a row each."""
        own = [run for run in list_runs(self.runs_dir) if self._source_of(run) is not None]
        found = list(runs_asked(newest_first(own), engine, state, trace_id))[:limit]
        return [{**run_row(run), "source": self._source_of(run)} for run in found]

    def is_served(self, run: StoredRun) -> bool:
        """Whether it is of a source that is served here."""
        return self._source_of(run) is not None

    async def view(self, run_id: str, *, with_report: bool = True) -> RunView:
        """A run as it is now.

        Raises:
            RunNotFound: there is none of that id.
        """
        job = self._jobs.named(run_id)
        begun = (self.runs_dir / run_id / FILE).is_file()
        if job is not None and not begun:
            return _without_folder(job)
        view = await anyio.to_thread.run_sync(lambda: self._view(run_id, with_report=with_report))
        if job is not None and not job.ended.is_set():
            return view.model_copy(update={"state": RUNNING, "what_next": _next(RUNNING, None)})
        return view

    def _view(self, run_id: str, *, with_report: bool) -> RunView:
        run = self.stored(run_id)
        report: dict[str, Any] | None = None
        record, engine = run.record, None
        trace_ids: tuple[str, ...] = ()
        if record is not None:
            engine, trace_ids = engine_of_run(record.run_type).name, record.input_ref.trace_ids
            found = result_of(run.run_dir, record).report if with_report else None
            report = None if found is None else found.model_dump(mode="json")
        return RunView(
            run_id=run_id,
            state=run.state,
            engine=engine,
            source=self._source_of(run),
            trace_ids=trace_ids,
            progress=RunWatch(run.run_dir).look(),
            verdict=run.verdict,
            error=_error(run),
            report=report,
            resources=resources_of(run),
            what_next=_next(run.state, record),
        )

    def _source_of(self, run: StoredRun) -> str | None:
        """The served source that a run is about; None for another one."""
        if run.record is not None:
            return self._sources.of_places(run.record.dataset_ref.dataset_id)
        try:
            return self._sources.of_places(", ".join(opened_event(run.run_dir).source))
        except (JournalError, UsageError):
            return None

    def _not_found(self, run_id: str) -> str:
        own = [run.run_id for run in list_runs(self.runs_dir) if self._source_of(run) is not None]
        ids: Sequence[str] = [*self._jobs.ids, *own]
        near = get_close_matches(run_id, ids, n=_NEAR_RUNS)
        like = f"; like it are {', '.join(map(repr, near))}" if near else ""
        return f"no run '{run_id}' here ({counted(len(ids), 'run')}){like}; list_runs shows them"


def resources_of(run: StoredRun) -> tuple[str, ...]:
    """The addresses of what a run left."""
    if run.record is None:
        return ()
    own = ["record"]
    if run.record.output_ref.artifact_path is not None:
        own += ["report", "report.md", "page"]
    return tuple(f"run://{run.run_id}/{one}" for one in own)


def _error(run: StoredRun) -> str | None:
    error = None if run.record is None else run.record.error
    return run.problem if error is None else f"{error.code}: {error.message}"


def _without_folder(job: RunJob) -> RunView:
    """A run that waits for its worker, or never began."""
    question = job.request.question
    outcome, state, error = job.outcome, QUEUED, None
    if job.is_cancelled:
        state = CANCELLED_EARLY
    elif outcome is not None:
        state, error = REFUSED, outcome.error
    elif job.worker is not None:
        state = RUNNING
    return RunView(
        run_id=job.run_id,
        state=state,
        engine=question.engine,
        trace_ids=question.input_ref.trace_ids,
        error=error,
        what_next=_next(state, None),
    )


def _next(state: str, record: RunRecord | None) -> str:
    """What can be done with a run in that state."""
    if state in (QUEUED, RUNNING):
        return "run_status with this run_id follows it, cancel_run cancels it"
    cancelled = record is not None and record.error and record.error.code is ErrorCode.CANCELLED
    if state == "interrupted" or cancelled:
        return "resume_run goes on with it"
    if state in (REFUSED, CANCELLED_EARLY):
        return "ask again; nothing was used"
    return "show_run has its record, verify_run checks it; its resources are the report and a page"
