"""The composition root: the one place that names concrete sources, planners and engines.

`ainvestigate` is the implementation; `investigate` runs it, in a thread of its own where an
event loop is running already (a notebook). `rebuilt` makes a run again from its journal, for what
is done with stored runs (`investigator.stored_runs`).
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from investigator.errors import (
    SourceError,
    TraceNotFound,
    UsageError,
)
from investigator.inspection.api import InspectionAPI
from investigator.inspection.open import open_source
from investigator.inspection.redaction import Redactor
from investigator.inspection.tools import inspection_tools
from investigator.interrupts import in_charge
from investigator.rca.case import RCACase
from investigator.rca.engine import RCA_REPORT, RUN_TYPE, RCAStrategy
from investigator.rca.report import RCAReport
from investigator.rca.rules import RulePlanner
from investigator.rca.taxonomy import BUILT_IN, Taxonomy, load_taxonomy
from investigator.runtime import runner
from investigator.runtime.budget import DEFAULT_BUDGETS, Budget
from investigator.runtime.events import DatasetRef, InputRef, RunError, RunOpened
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.runtime.strategy import Run
from investigator.runtime.tools import ToolRegistry
from investigator.traces.model import Trace

DEFAULT_RUNS_DIR = Path("artifacts/investigator_runs")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run left. `report` is None where the run failed; `error` says why it is not whole."""

    run_id: str
    run_dir: Path
    status: RunStatus
    report: RCAReport | None
    record: RunRecord
    error: RunError | None


class _Options(BaseModel):
    """What the journal keeps of the engine's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    taxonomy: str
    taxonomy_sha256: str


async def ainvestigate(
    source: str | Path | Sequence[str | Path],
    *,
    engine: Literal["rca"] = "rca",
    trace_id: str | None = None,
    taxonomy: str | Path = "default",
    budget: Budget | None = None,
    concurrency: int = 8,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    run_id: str | None = None,
    cache_dir: Path | None = None,
) -> RunResult:
    """Investigate one trace of a source and leave a run in `runs_dir`/`run_id`.

    `source` is a file, a folder, a glob or several; `trace_id` may be left out where it holds
    one trace. Limits that are not given are the engine's defaults. What is not in canonical form
    is read once into `cache_dir` (`$INVESTIGATOR_CACHE_DIR`, else the user's cache directory).

    Raises:
        UsageError: what was asked cannot be (no such taxonomy, a taken run id, limits too small,
            several traces and none named).
        SourceError: nothing in the source can be read. (A trace that is not in it makes a failed
            run, with its record.)
    """
    paths = _paths(source)
    chosen = load_taxonomy(taxonomy)
    run_id = _new_run_id(engine) if run_id is None else run_id
    require_run_id(run_id)
    run_dir = runs_dir / run_id
    with _opened(paths, cache_dir) as api:
        trace_id = trace_id or _only_trace(api, paths)
        opening = _opening(
            run_id=run_id,
            source=paths,
            options=_options(taxonomy, chosen),
            trace_id=trace_id,
            budget=budget or DEFAULT_BUDGETS[engine],
            concurrency=concurrency,
        )
        try:
            trace = api.get_trace(trace_id)
        except SourceError as error:
            return result_of(run_dir, _fail(opening, run_dir, error, paths, api))
        run = _rca_run(opening, trace, chosen, api)
        return result_of(run_dir, await runner.start(run, run_dir))


def investigate(source: str | Path | Sequence[str | Path], **options: Any) -> RunResult:
    """`ainvestigate`, from code that is not asynchronous; the same arguments."""
    return run_now(lambda: ainvestigate(source, **options))


def require_run_id(run_id: str) -> None:
    """Raise `UsageError` for an id that could not be the name of a folder among the runs."""
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            "a run id (--run-id) names a folder: letters, digits, '.', '_' and '-' (at most 128, "
            f"the first a letter or digit), not '{run_id}'"
        )


def run_now(main: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run a coroutine from code that is not asynchronous, in a loop of its own."""
    if not _in_event_loop():
        with in_charge() as interrupts:
            return interrupts.run(main)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(lambda: asyncio.run(main())).result()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _paths(source: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """The source's paths, absolute, so that a run can be found again from anywhere."""
    one = isinstance(source, str | Path)
    several: Sequence[str | Path] = [source] if one else source  # type: ignore[list-item, assignment]
    return tuple(os.path.abspath(path) for path in several)


@contextmanager
def _opened(paths: Sequence[str], cache_dir: Path | None) -> Iterator[InspectionAPI]:
    api = open_source(paths, cache_dir=cache_dir).api
    try:
        yield api
    finally:
        api.close()


def _only_trace(api: InspectionAPI, paths: Sequence[str]) -> str:
    traces = api.list_traces(limit=2)
    if len(traces) == 1:
        return traces[0].trace_id
    raise UsageError(
        f"{', '.join(paths)} holds {api.count_traces()} traces: name one (trace_id, --trace-id), "
        "or investigate each (--all); `investigator traces` lists them"
    )


def _opening(
    *,
    run_id: str,
    source: tuple[str, ...],
    options: _Options,
    trace_id: str,
    budget: Budget,
    concurrency: int,
) -> RunOpened:
    return RunOpened(
        run_id=run_id,
        run_type=RUN_TYPE,
        engine_version=version("phoenix-rlm-investigator"),
        source=source,
        options=options.model_dump_json(),
        dataset_ref=DatasetRef(dataset_id=", ".join(source), dataset_hash=None),
        input_ref=InputRef(trace_ids=(trace_id,)),
        planner=RulePlanner.identity,
        budget=budget,
        concurrency=concurrency,
    )


def _options(taxonomy: str | Path, loaded: Taxonomy) -> _Options:
    built_in = str(taxonomy) in BUILT_IN
    return _Options(
        taxonomy=str(taxonomy) if built_in else os.path.abspath(taxonomy),
        taxonomy_sha256=loaded.content_hash,
    )


def _rca_run(opening: RunOpened, trace: Trace, taxonomy: Taxonomy, api: InspectionAPI) -> Run:
    case = RCACase.of(trace, taxonomy)
    project = trace.spans[0].text("resource.openinference.project.name")
    opened = msgspec.structs.replace(
        opening,
        dataset_ref=opening.dataset_ref.model_copy(update={"dataset_hash": trace.content_hash}),
        input_ref=opening.input_ref.model_copy(update={"project_name": project}),
    )
    tools = ToolRegistry(inspection_tools(api, Redactor(), trace_id=trace.trace_id))
    return Run(opened, RCAStrategy(case, tools), tools, RulePlanner(case))


@contextmanager
def rebuilt(run_dir: Path, cache_dir: Path | None) -> Iterator[Run]:
    """The run that a journal began, over the same data."""
    opened = _opened_event(run_dir)
    options = _Options.model_validate_json(opened.options)
    taxonomy = load_taxonomy(options.taxonomy)
    if _options(options.taxonomy, taxonomy) != options:
        raise UsageError(
            f"the taxonomy {options.taxonomy} has changed since run '{opened.run_id}'; put the old "
            "one back or start a new run"
        )
    with _opened(opened.source, cache_dir) as api:
        (trace_id,) = opened.input_ref.trace_ids
        run = _rca_run(opened, api.get_trace(trace_id), taxonomy, api)
        then, now = opened.dataset_ref.dataset_hash, run.opened.dataset_ref.dataset_hash
        if then is not None and then != now:
            raise UsageError(
                f"trace '{trace_id}' in {opened.dataset_ref.dataset_id} has changed since run "
                f"'{opened.run_id}' (dataset_hash {then[:12]}…, now {str(now)[:12]}…); put the old "
                "data back or start a new run"
            )
        yield Run(opened, run.strategy, run.tools, run.planner)


def _opened_event(run_dir: Path) -> RunOpened:
    entries = read_entries(run_dir)
    if not entries or not isinstance(entries[0].event, RunOpened):
        raise UsageError(f"{run_dir / FILE} does not begin with the opening of a run")
    return entries[0].event


def _fail(
    opening: RunOpened, run_dir: Path, error: SourceError, paths: Sequence[str], api: InspectionAPI
) -> RunRecord:
    """A run that could not begin, with its record."""
    message = str(error)
    if isinstance(error, TraceNotFound):
        (trace_id,) = opening.input_ref.trace_ids
        count = api.count_traces()
        held = "1 trace" if count == 1 else f"{count} traces"
        message = (
            f"no trace '{trace_id}' in {', '.join(paths)} ({held}); "
            "`investigator traces` lists them"
        )
    code = ErrorCode.SOURCE_UNAVAILABLE
    failed = RunError(code=code, message=message, stage="source")
    return runner.fail(opening, run_dir, failed, artifact=RCA_REPORT)


def result_of(run_dir: Path, record: RunRecord) -> RunResult:
    report = None
    if record.output_ref.artifact_path is not None:
        content = (run_dir / record.output_ref.artifact_path).read_bytes()
        report = RCAReport.model_validate_json(content)
    return RunResult(record.run_id, run_dir, record.status, report, record, record.error)


def _new_run_id(engine: str) -> str:
    return f"{engine}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
