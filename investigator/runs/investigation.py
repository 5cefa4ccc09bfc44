"""The composition root: the one place that names concrete sources, planners and engines.

`ainvestigate` is the implementation; `investigate` runs it, in a thread of its own where an
event loop is running already (a notebook). `rebuilt` makes a run again from its journal, for what
is done with stored runs (`investigator.runs.run_store`).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from investigator.compliance.report import ComplianceReport
from investigator.errors import (
    SourceError,
    SourceUnavailable,
    TraceNotFound,
    UsageError,
)
from investigator.ground.interrupts import in_charge
from investigator.incident.report import IncidentDossier
from investigator.rca.report import RCAReport
from investigator.runs.freezing import as_read, frozen_input
from investigator.runs.planners import RULES, PlannerChoice, planner_for, ready, require_price
from investigator.runs.questions import (
    ENGINES,
    ComplianceQuestion,
    Prepared,
    Question,
    RCAQuestion,
    Report,
    engine_of,
    question_of,
    read_report,
)
from investigator.runs.sources import Source, located, open_source
from investigator.runs.write_back import address_of, annotate, require_phoenix
from investigator.runtime import runner
from investigator.runtime.budget import DEFAULT_BUDGETS, Budget
from investigator.runtime.events import (
    DatasetRef,
    InputRef,
    PlannerIdentity,
    RunError,
    RunOpened,
)
from investigator.runtime.journal import FILE, read_entries, require_new
from investigator.runtime.record import RunRecord
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.runtime.strategy import Run
from investigator.store.api import InspectionAPI

DEFAULT_RUNS_DIR = Path("artifacts/investigator_runs")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
ReportT = TypeVar("ReportT", bound=Report, covariant=True)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RunResult(Generic[ReportT]):
    """What a run left. `report` is None where the run failed; `error` says why it is not whole."""

    run_id: str
    run_dir: Path
    status: RunStatus
    report: ReportT | None
    record: RunRecord
    error: RunError | None


class Options(BaseModel):
    """What the journal keeps of a question, and of what its answer depends on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: Question = Field(discriminator="engine")
    materials_sha256: str
    planner: PlannerChoice = RULES
    freeze: bool = True

    @property
    def but_for_the_trace(self) -> dict[str, Any]:
        """What was asked, whatever the trace, and of whom."""
        asked = self.model_dump(mode="json", exclude={"freeze"})
        asked["question"].pop("trace_id", None)
        return asked

    def same_but_for_the_trace(self, opened: RunOpened) -> bool:
        """Whether a run was asked the same, perhaps of another trace."""
        other = Options.model_validate_json(opened.options)
        return self.but_for_the_trace == other.but_for_the_trace


@overload
async def ainvestigate(
    source: Source, *, engine: Literal["rca"] = "rca", **options: Any
) -> RunResult[RCAReport]: ...


@overload
async def ainvestigate(
    source: Source, *, engine: Literal["compliance"], **options: Any
) -> RunResult[ComplianceReport]: ...


@overload
async def ainvestigate(
    source: Source, *, engine: Literal["incident"], **options: Any
) -> RunResult[IncidentDossier]: ...


async def ainvestigate(
    source: Source,
    *,
    engine: str = "rca",
    planner: PlannerChoice = RULES,
    budget: Budget | None = None,
    concurrency: int = 8,
    best_effort: bool = False,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    run_id: str | None = None,
    cache_dir: Path | None = None,
    freeze: bool = True,
    write_back: bool = False,
    **asked: Any,
) -> RunResult[Report]:
    """Ask an engine about a source and leave a run in `runs_dir`/`run_id`.

    `source` is a file, a folder, a glob or several. `asked` are the settings of the engine's
    question (`investigator.runs.questions`): for `rca` trace_id and taxonomy, for `compliance`
    trace_id, controls and control_ids; a trace_id may be left out where the source holds one
    trace. `planner` says who decides. Limits that are not given are the
    engine's defaults; with `best_effort` the least important scopes are left out where the limits
    do not cover all. What is not in canonical form is read once into `cache_dir`
    (`$INVESTIGATOR_CACHE_DIR`, else the user's cache). A live source is read once, into the run's
    folder, unless `freeze` is false; then the run cannot be replayed once the source is gone. With
    `write_back` the report is annotated there.

    Raises:
        UsageError: what was asked cannot be (no such setting or taxonomy, a taken run id, limits
            too small, several traces and none named).
        SourceError: nothing in the source can be read. (A trace that is not in it makes a failed
            run, with its record.)
    """
    question = question_of(engine, asked)
    return await ainvestigate_question(
        source,
        question,
        planner=planner,
        budget=budget,
        concurrency=concurrency,
        best_effort=best_effort,
        runs_dir=runs_dir,
        run_id=run_id,
        cache_dir=cache_dir,
        freeze=freeze,
        write_back=write_back,
    )


async def ainvestigate_question(
    source: Source,
    question: Question,
    *,
    planner: PlannerChoice = RULES,
    budget: Budget | None = None,
    concurrency: int = 8,
    best_effort: bool = False,
    runs_dir: Path = DEFAULT_RUNS_DIR,
    run_id: str | None = None,
    cache_dir: Path | None = None,
    freeze: bool = True,
    write_back: bool = False,
) -> RunResult[Report]:
    """`ainvestigate` for a question that is there as a value."""
    paths = located(source)
    if write_back:
        require_phoenix(paths)
    materials = question.materials_hash()
    budget = budget or DEFAULT_BUDGETS[question.engine]
    require_price(planner, budget)
    planner = ready(planner)
    run_id = _new_run_id(question.engine) if run_id is None else run_id
    require_run_id(run_id)
    run_dir = runs_dir / run_id
    require_new(run_dir)
    with ExitStack() as held:
        api = held.enter_context(_opened(paths, cache_dir))
        question = _of_the_only_trace(question, api, paths).located()
        opening = RunOpened(
            run_id=run_id,
            run_type=ENGINES[question.engine].run_type,
            engine_version=version("phoenix-rlm-investigator"),
            source=paths,
            options=Options(
                question=question, materials_sha256=materials, planner=planner, freeze=freeze
            ).model_dump_json(),
            dataset_ref=DatasetRef(dataset_id=", ".join(paths), dataset_hash=None),
            input_ref=question.input_ref,
            planner=PlannerIdentity(planner=planner.planner),
            budget=budget,
            concurrency=concurrency,
            best_effort=best_effort,
        )
        try:
            read = held.enter_context(as_read(api, question, run_dir)) if freeze else api
            prepared = question.prepare(read)
        except SourceError as error:
            return result_of(run_dir, _fail(opening, run_dir, error, paths, api))
        run = _run_of(opening, prepared, planner)
        result = result_of(run_dir, await runner.start(run, run_dir))
        if write_back and result.report is not None:
            return annotated(result, read, paths)
        return result


@overload
def investigate(
    source: Source, *, engine: Literal["rca"] = "rca", **options: Any
) -> RunResult[RCAReport]: ...


@overload
def investigate(
    source: Source, *, engine: Literal["compliance"], **options: Any
) -> RunResult[ComplianceReport]: ...


@overload
def investigate(
    source: Source, *, engine: Literal["incident"], **options: Any
) -> RunResult[IncidentDossier]: ...


def investigate(source: Source, **options: Any) -> RunResult[Any]:
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


@contextmanager
def _opened(paths: Sequence[str], cache_dir: Path | None) -> Iterator[InspectionAPI]:
    api = open_source(paths, cache_dir=cache_dir).api
    try:
        yield api
    finally:
        api.close()


def _of_the_only_trace(question: Question, api: InspectionAPI, paths: Sequence[str]) -> Question:
    """The question with its trace named, where there is one trace that it can mean."""
    if not isinstance(question, RCAQuestion | ComplianceQuestion) or question.trace_id:
        return question
    traces = api.list_traces(limit=2)
    if len(traces) == 1:
        return question.model_copy(update={"trace_id": traces[0].trace_id})
    raise UsageError(
        f"{', '.join(paths)} holds {api.count_traces()} traces: name one (trace_id, --trace-id), "
        "or investigate each (--all); `investigator traces` lists them"
    )


def _run_of(opening: RunOpened, prepared: Prepared, choice: PlannerChoice) -> Run:
    planner = planner_for(choice, prepared)
    dataset = {"dataset_hash": prepared.dataset_hash}
    opened = msgspec.structs.replace(
        opening,
        dataset_ref=opening.dataset_ref.model_copy(update=dataset),
        input_ref=prepared.input_ref,
        planner=planner.identity,
    )
    return Run(opened, prepared.strategy, prepared.tools, planner)


def planner_of_run(run_dir: Path) -> PlannerChoice:
    """Who decides in a stored run."""
    return Options.model_validate_json(_opened_event(run_dir).options).planner


@contextmanager
def rebuilt(run_dir: Path, cache_dir: Path | None) -> Iterator[Run]:
    """The run that a journal began, over the same data."""
    opened = _opened_event(run_dir)
    options = Options.model_validate_json(opened.options)
    if options.question.materials_hash() != options.materials_sha256:
        raise UsageError(
            f"{options.question.materials} has changed since run '{opened.run_id}'; put the old "
            "one back or start a new run"
        )
    then = opened.dataset_ref.dataset_hash
    with _read_again(run_dir, opened, options, cache_dir) as api:
        run = _run_of(opened, options.question.prepare(api), options.planner)
        now = run.opened.dataset_ref.dataset_hash
        if then is None:
            yield run
            return
        if then != now:
            raise UsageError(
                f"{_named(opened.input_ref)} in {opened.dataset_ref.dataset_id} has changed since "
                f"run '{opened.run_id}' (dataset_hash {then[:12]}…, now {str(now)[:12]}…); put "
                "the old data back or start a new run"
            )
        yield Run(opened, run.strategy, run.tools, run.planner)


@contextmanager
def source_of(run_dir: Path, cache_dir: Path | None) -> Iterator[tuple[RunOpened, InspectionAPI]]:
    """How a stored run was opened, and what it read."""
    opened = _opened_event(run_dir)
    options = Options.model_validate_json(opened.options)
    with _read_again(run_dir, opened, options, cache_dir) as api:
        yield opened, api


@contextmanager
def _read_again(
    run_dir: Path, opened: RunOpened, options: Options, cache_dir: Path | None
) -> Iterator[InspectionAPI]:
    """What a run read: its frozen input, else its source; one that had not begun reads now."""
    with ExitStack() as held:
        read: InspectionAPI | None = frozen_input(run_dir)
        if read is not None:
            held.callback(read.close)
        else:
            read = held.enter_context(_opened(opened.source, cache_dir))
            if options.freeze and opened.dataset_ref.dataset_hash is None:
                read = held.enter_context(as_read(read, options.question, run_dir))
        yield read


def _named(asked: InputRef) -> str:
    """What a run looked at, in a message."""
    if len(asked.trace_ids) == 1:
        return f"trace '{asked.trace_ids[0]}'"
    return "the window" if not asked.trace_ids else f"the {len(asked.trace_ids)} traces"


def _opened_event(run_dir: Path) -> RunOpened:
    """The opening of the run; the last one, where it failed before it began."""
    opened = [e.event for e in read_entries(run_dir) if isinstance(e.event, RunOpened)]
    if not opened:
        raise UsageError(f"{run_dir / FILE} does not begin with the opening of a run")
    return opened[-1]


def _fail(
    opening: RunOpened, run_dir: Path, error: SourceError, paths: Sequence[str], api: InspectionAPI
) -> RunRecord:
    """A run that could not begin, with its record."""
    message = str(error)
    if isinstance(error, TraceNotFound):
        count = api.count_traces()
        held = "1 trace" if count == 1 else f"{count} traces"
        message = (
            f"no trace '{error.trace_id}' in {', '.join(paths)} ({held}); "
            "`investigator traces` lists them"
        )
    code = ErrorCode.SOURCE_UNAVAILABLE
    down = isinstance(error, SourceUnavailable)
    failed = RunError(code=code, message=message, stage="source", retryable=down)
    question = Options.model_validate_json(opening.options).question
    return runner.fail(opening, run_dir, failed, artifact=ENGINES[question.engine].artifact)


def result_of(run_dir: Path, record: RunRecord) -> RunResult[Report]:
    report = None
    if record.output_ref.artifact_path is not None:
        content = (run_dir / record.output_ref.artifact_path).read_bytes()
        report = read_report(engine_of(record.run_type), content)
    return RunResult(record.run_id, run_dir, record.status, report, record, record.error)


def annotated(
    result: RunResult[Report], api: InspectionAPI, source: tuple[str, ...], to: str | None = None
) -> RunResult[Report]:
    """The run with its report written back, to where it says or where it was read from."""
    assert result.report is not None
    address = address_of(result.record, source, to)
    record = annotate(result.run_dir, result.record, result.report, api, address)
    return result_of(result.run_dir, record)


def _new_run_id(engine: str) -> str:
    return f"{engine}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
