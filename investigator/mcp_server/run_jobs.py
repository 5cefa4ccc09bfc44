"""Runs that a server was asked for: each is a worker's whole work, whatever becomes of its caller.

A run that is accepted has its id at once and waits for a worker. It ends by itself or by being
cancelled, never because nobody listens any more. A worker that was interrupted is not used again:
the interrupt may have come after the end of the run that it was meant for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import Any

from investigator.runs.batch import BatchOutcome, attempt_run, run_request
from investigator.runs.plugin_faults import broken_plugins
from investigator.runs.settings import Request
from investigator.runs.workers import Workers

_KEPT = 200
"""Runs without a folder whose ends are remembered."""


@dataclass(eq=False, slots=True)
class RunJob:
    """A run that was asked for. `outcome` is None until it has ended, and of one cancelled before
    it began.
    """

    run_id: str
    request: Request[Any]
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: BatchOutcome | None = None
    is_cancelled: bool = False
    worker: Workers | None = None

    @property
    def state(self) -> str:
        """`queued`, `running` or, once it has ended, `ended`."""
        if self.ended.is_set():
            return "ended"
        return "queued" if self.worker is None else "running"


class RunJobs:
    """The runs under way on a server, `count` at a time; lives in one event loop."""

    def __init__(self, count: int) -> None:
        self._free: list[Workers | None] = [None] * count
        self._waiting: deque[RunJob] = deque()
        self._jobs: dict[str, RunJob] = {}

    def named(self, run_id: str) -> RunJob | None:
        """A run that was asked for here and is under way, or left no folder."""
        return self._jobs.get(run_id)

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(self._jobs)

    def accept(self, run_id: str, request: Request[Any]) -> RunJob:
        """Have a run made; it begins as soon as a worker is free."""
        job = RunJob(run_id, request.with_settings(run_id=run_id))
        self._jobs[run_id] = job
        self._waiting.append(job)
        self._begin_waiting()
        return job

    def cancel(self, job: RunJob) -> None:
        """End a run as Ctrl-C would; one that has ended stays as it is."""
        if job.ended.is_set():
            return
        job.is_cancelled = True
        if job.worker is None:
            self._waiting.remove(job)
            self._end(job, None)
        else:
            job.worker.interrupt()

    async def close(self, *, patient: bool) -> None:
        """Let the runs end by themselves, where `patient`; else cancel them."""
        try:
            if patient:
                await self._all_ended()
        finally:
            under_way = [job for job in self._jobs.values() if not job.ended.is_set()]
            for job in under_way:
                self.cancel(job)
            await asyncio.shield(self._all_ended())
            for worker in self._free:
                if worker is not None:
                    worker.shutdown()

    async def _all_ended(self) -> None:
        for job in list(self._jobs.values()):
            await job.ended.wait()

    def _begin_waiting(self) -> None:
        while self._waiting and self._free:
            self._begin(self._waiting.popleft(), self._free.pop() or _worker())

    def _begin(self, job: RunJob, worker: Workers) -> None:
        loop = asyncio.get_running_loop()
        job.worker = worker
        future = worker.submit(attempt_run, run_request, job.request)
        future.add_done_callback(lambda ended: loop.call_soon_threadsafe(self._settle, job, ended))

    def _settle(self, job: RunJob, future: Future[BatchOutcome]) -> None:
        worker, broken = job.worker, isinstance(future.exception(), BrokenProcessPool)
        if broken or job.is_cancelled:
            if worker is not None:
                worker.shutdown(wait=False)
            worker = None
        self._free.append(worker)
        outcome = _died(job) if broken else future.result()
        if job.is_cancelled and outcome.status is None:
            outcome = replace(outcome, error="cancelled")
        self._end(job, outcome)
        self._begin_waiting()

    def _end(self, job: RunJob, outcome: BatchOutcome | None) -> None:
        job.outcome = outcome
        job.ended.set()
        run_dir = job.request.settings.runs / job.run_id
        if run_dir.exists():
            del self._jobs[job.run_id]
        without_folder = [one for one in self._jobs.values() if one.ended.is_set()]
        for old in without_folder[:-_KEPT]:
            del self._jobs[old.run_id]


def _worker() -> Workers:
    broken_plugins()  # warns of them here, once: workers keep quiet
    return Workers(1)


def _died(job: RunJob) -> BatchOutcome:
    question = job.request.question
    error = (
        "the worker process died (killed, or out of memory); what the run did is in its journal: "
        "resume_run goes on with it"
    )
    return BatchOutcome(
        question.engine, question.subject, job.run_id, None, None, None, error, used=None
    )
