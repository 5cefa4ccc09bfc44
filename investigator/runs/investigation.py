"""One run, from a request to what it leaves: the composition root.

`ainvestigate` is the implementation; `investigate` runs it, in a thread of its own where an
event loop is running already (a notebook). `rebuilt` makes a run again from its journal, for what
is done with stored runs (`investigator.runs.run_store`). The source is opened once a run, and
what the answer depends on besides it (a taxonomy, controls, snapshots) is read once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from investigator.claims.report import Report
from investigator.errors import (
    SourceError,
    SourceUnavailable,
    UsageError,
)
from investigator.ground.garbage import cycle_search_at_rest
from investigator.ground.interrupts import in_charge
from investigator.ground.notebook_html import html_by
from investigator.ground.own_patterns import OwnPatterns
from investigator.ground.plugins import installed
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted
from investigator.inspection.engine import Materials, Prepared, Question, ReportT, TraceQuestion
from investigator.model_planner.fence import Asking, new_code
from investigator.runs.engines import engine_named, engine_of_run
from investigator.runs.fingerprint import fingerprint, own_version
from investigator.runs.freezing import as_read, frozen_input
from investigator.runs.good_runs import found_good_run, good_run_again, keep_good_run
from investigator.runs.planners import (
    RULES,
    PlannerChoice,
    deciders_for,
    optional_tools,
    ready,
    require_price,
)
from investigator.runs.run_progress import RunProgress, told_while
from investigator.runs.session_traces import session_named, with_session
from investigator.runs.settings import DEFAULTS, Settings
from investigator.runs.sources import TraceSource, open_source
from investigator.runs.trace_names import trace_named
from investigator.runs.write_back import require_annotated, write_annotations, write_back_place
from investigator.runtime import runner
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
from investigator.runtime.told import ToldOutcome
from investigator.store.api import InspectionAPI
from investigator.store.open import OpenedSource

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

    def _repr_html_(self) -> str:
        """The result in a notebook, under the name by which notebooks ask."""
        return html_by("result_html", self)


class Options(BaseModel):
    """What the journal keeps of a request, and of what its answer depends on.

    `question` are the question's fields and, as `engine`, the name of the engine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: dict[str, Any]
    materials_sha256: str
    planner: PlannerChoice = RULES
    freeze: bool | None = None
    redact: OwnPatterns = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _redact_was_part_of_the_question(cls, options: Any) -> Any:
        """Runs of version 0.1 kept the patterns with the question."""
        question = options.get("question") if isinstance(options, dict) else None
        if not isinstance(question, dict) or "redact" not in question:
            return options
        kept = {name: value for name, value in question.items() if name != "redact"}
        return {**options, "question": kept, "redact": question["redact"]}

    @classmethod
    def of(cls, question: Question[Any], materials: Materials, settings: Settings) -> Options:
        """The options of a run that begins."""
        return cls(
            question={"engine": question.engine, **question.model_dump(mode="json")},
            materials_sha256=materials.sha256,
            planner=settings.planner,
            freeze=settings.freeze,
            redact=settings.redact,
        )

    @property
    def asked(self) -> Question[Report]:
        """The question.

        Raises:
            UsageError: its engine is a plug-in that is not there.
        """
        told = dict(self.question)
        engine = engine_named(str(told.pop("engine")))
        return engine.question.model_validate(told)

    @property
    def redactor(self) -> Redactor:
        """What the run's texts are redacted with."""
        return Redactor(self.redact)

    @property
    def but_for_the_trace(self) -> dict[str, Any]:
        """What was asked, whatever the trace and what was told of it, and of whom."""
        asked = self.model_dump(mode="json", exclude={"freeze"})
        asked["question"] = {
            name: value
            for name, value in self.asked.model_dump(mode="json").items()
            if name not in ToldOutcome.model_fields
        }
        return {"engine": self.question["engine"], **asked}

    def same_but_for_the_trace(self, opened: RunOpened) -> bool:
        """Whether a run was asked the same, perhaps of another trace."""
        other = Options.model_validate_json(opened.options)
        return self.but_for_the_trace == other.but_for_the_trace


async def ainvestigate(
    source: TraceSource | OpenedSource,
    question: Question[ReportT],
    settings: Settings = DEFAULTS,
    *,
    on_progress: Callable[[RunProgress], None] | None = None,
) -> RunResult[ReportT]:
    """Ask a question of a source and leave a run in the runs folder.

    `source` is a file, a folder, a glob or several, a live one, or traces that the program
    holds (span dicts, a data frame, OpenTelemetry's spans, messages); one that is open already is
    used as it is and left open. The trace of a question about one trace may be left out where the
    source holds one. `on_progress` is told how far the run is, from another thread.

    Raises:
        UsageError: what was asked cannot be (no such taxonomy, a taken run id, limits too small,
            several traces and none named).
        TraceNotFound: the source has no trace of that id, and none whose id begins so.
        SourceError: nothing in the source can be read.
    """
    materials = question.materials()
    budget = settings.budget_for(question)
    require_price(settings.planner, budget)
    settings = settings.model_copy(update={"planner": ready(settings.planner)})
    run_id = settings.run_id or new_run_id(question.engine)
    run_dir = settings.runs / run_id
    require_new(run_dir)
    with ExitStack() as held:
        opened = held.enter_context(_open(source, settings))
        if settings.write_back:
            require_annotated(opened.paths)
        redactor = Redactor(settings.redact)
        question = _of_the_only_trace(question, opened)
        good = found_good_run(question, opened, settings.cache, redactor)
        if good is not None:
            question = question.with_good_run(good.ref)
            materials = materials._replace(good=good.trace)
        question = question.located().redacted(redactor)
        options = Options.of(question, materials, settings)
        opening = _opening(run_id, opened.paths, question, options, settings)
        materials = materials._replace(optional_tools=opening.optional_tools)
        try:
            read = opened.api
            read = held.enter_context(as_read(read, question, run_dir, freeze=settings.freeze))
            if good is not None:
                keep_good_run(good, run_dir, freeze=settings.freeze)
            prepared = _prepared(question, with_session(read, question), materials, redactor)
        except SourceError as error:
            return result_of(run_dir, _fail(opening, run_dir, error))
        run = _run_of(opening, prepared, settings.planner, redactor)
        with told_while(run_dir, on_progress):
            result: RunResult[ReportT] = result_of(run_dir, await runner.start(run, run_dir))
        if settings.write_back and result.report is not None:
            return annotated(result, read, opened.paths)
        return result


async def investigate_in_memory(
    api: InspectionAPI,
    source: tuple[str, ...],
    question: Question[Any],
    materials: Materials,
    settings: Settings,
) -> runner.MemoryRun:
    """Make one run by rules of many: its source is open, and its files are the caller's to keep.

    Raises:
        BudgetTooSmall: the limits cannot carry it.
        SourceError: the traces cannot be read.
    """
    assert settings.run_id is not None, "whoever keeps the files names the run"
    redactor = Redactor(settings.redact)
    question = question.located().redacted(redactor)
    options = Options.of(question, materials, settings)
    opening = _opening(settings.run_id, source, question, options, settings)
    materials = materials._replace(optional_tools=opening.optional_tools)
    prepared = question.prepare(api, materials, redactor)
    return await runner.start_in_memory(_run_of(opening, prepared, settings.planner, redactor))


def _opening(
    run_id: str,
    source: tuple[str, ...],
    question: Question[Any],
    options: Options,
    settings: Settings,
) -> RunOpened:
    """The first event of a run: all that is needed to make it again."""
    return RunOpened(
        run_id=run_id,
        run_type=engine_named(question.engine).run_type,
        engine_version=own_version(),
        source=source,
        options=options.model_dump_json(),
        dataset_ref=DatasetRef(dataset_id=", ".join(source), dataset_hash=None),
        input_ref=question.input_ref,
        planner=PlannerIdentity(planner=settings.planner.planner),
        budget=settings.budget_for(question),
        concurrency=settings.concurrency,
        best_effort=settings.best_effort,
        fingerprint=fingerprint(),
        plugins=tuple(map(str, installed())),
        optional_tools=optional_tools(settings.planner),
        fence="" if settings.planner.planner == "rules" else new_code(),
    )


def investigate(
    source: TraceSource | OpenedSource,
    question: Question[ReportT],
    settings: Settings = DEFAULTS,
    *,
    on_progress: Callable[[RunProgress], None] | None = None,
) -> RunResult[ReportT]:
    """`ainvestigate`, from code that is not asynchronous; the same arguments."""
    return run_now(lambda: ainvestigate(source, question, settings, on_progress=on_progress))


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
def _open(source: TraceSource | OpenedSource, settings: Settings) -> Iterator[OpenedSource]:
    """The source, open; closed again by whoever opened it."""
    if isinstance(source, OpenedSource):
        yield source
        return
    opened = open_source(source, cache_dir=settings.cache)
    try:
        yield opened
    finally:
        opened.api.close()


def _of_the_only_trace(question: Question[ReportT], opened: OpenedSource) -> Question[ReportT]:
    """The question with its trace named, where there is one trace that it can mean."""
    if not isinstance(question, TraceQuestion):
        return question
    if question.session_traces:
        return question
    if question.session_id is not None:
        return question.of_session(*session_named(opened, question.session_id))
    if question.trace_id:
        return question.about(trace_named(opened, question.trace_id))
    traces = opened.api.list_traces(limit=2)
    if len(traces) == 1:
        return question.about(traces[0].trace_id)
    raise UsageError(
        f"{', '.join(opened.paths)} holds {opened.api.count_traces()} traces: name one (trace_id, "
        "--trace-id), or investigate each (--all); `investigator traces` lists them"
    )


def _prepared(
    question: Question[Any], api: InspectionAPI, materials: Materials, redactor: Redactor
) -> Prepared:
    """What the run starts from; a question of many traces drops each before the next."""
    if not isinstance(question, TraceQuestion):
        return question.prepare(api, materials, redactor)
    with cycle_search_at_rest():
        return question.prepare(api, materials, redactor)


def _run_of(
    opening: RunOpened, prepared: Prepared, choice: PlannerChoice, redactor: Redactor
) -> Run:
    asking = Asking(opening.fence, opening.budget.tokens)
    deciders = deciders_for(choice, prepared, redactor, asking)
    dataset = {
        "dataset_hash": prepared.dataset_hash,
        "evaluations_hash": prepared.evaluations_hash,
    }
    opened = msgspec.structs.replace(
        opening,
        dataset_ref=opening.dataset_ref.model_copy(update=dataset),
        input_ref=prepared.input_ref,
        planner=deciders.identity,
    )
    return Run(opened, prepared.strategy, prepared.tools, deciders)


def _require_same_code(opened: RunOpened) -> None:
    """Raise `UsageError` where other code would decide than that of the run."""
    if not is_made_by_this_code(opened):
        raise UsageError(
            f"run '{opened.run_id}' was made by version {opened.engine_version} with "
            f"{code_of(opened)}, and this is version {own_version()} with "
            "other code: it can be listed, shown, verified and exported here, but not made again; "
            "use the version that made it"
        )


def code_of(opened: RunOpened) -> str:
    """What decided in a run, in a message: its fingerprint and its plug-ins."""
    plugins = f" and the plug-ins {', '.join(opened.plugins)}" if opened.plugins else ""
    return f"fingerprint {opened.fingerprint[:12] or 'none'}{plugins}"


def is_made_by_this_code(opened: RunOpened) -> bool:
    """Whether a run could be made again here."""
    return opened.fingerprint == fingerprint()


def planner_of_run(run_dir: Path) -> PlannerChoice:
    """Who decides in a stored run."""
    return Options.model_validate_json(opened_event(run_dir).options).planner


@contextmanager
def rebuilt(run_dir: Path, cache_dir: Path | None, source: str | None = None) -> Iterator[Run]:
    """The run that a journal began, over the same data, which lies at `source` if it moved.

    Raises:
        UsageError: the code that decides, the data or the materials are not the same any more.
    """
    opened = opened_event(run_dir)
    _require_same_code(opened)
    options = Options.model_validate_json(opened.options)
    question = options.asked
    materials = question.materials()
    if materials.sha256 != options.materials_sha256:
        raise UsageError(
            f"{materials.name} has changed since run '{opened.run_id}'; put the old one back or "
            "start a new run"
        )
    materials = materials._replace(optional_tools=opened.optional_tools)
    with _read_again(run_dir, opened, options, cache_dir, source) as api:
        good = good_run_again(question, api, run_dir, cache_dir)
        materials = materials._replace(good=good)
        redactor = options.redactor
        prepared = _prepared(question, api, materials, redactor)
        run = _run_of(opened, prepared, options.planner, redactor)
        if opened.dataset_ref.dataset_hash is None:
            yield run
            return
        _require_same_data(opened, run.opened.dataset_ref)
        yield Run(opened, run.strategy, run.tools, run.deciders)


def _require_same_data(opened: RunOpened, now: DatasetRef) -> None:
    """Raise `UsageError` where the traces, or the verdicts on them, have changed."""
    then, named = opened.dataset_ref, _named(opened.input_ref)
    for what, name, before, after in (
        (named, "dataset_hash", then.dataset_hash, now.dataset_hash),
        (
            f"what is said of {named}",
            "evaluations_hash",
            then.evaluations_hash,
            now.evaluations_hash,
        ),
    ):
        if before != after:
            raise UsageError(
                f"{what} in {then.dataset_id} has changed since run '{opened.run_id}' "
                f"({name} {_start(before)}, now {_start(after)}); put the old data back or start a "
                "new run"
            )


def _start(sha256: str | None) -> str:
    return "none" if sha256 is None else f"{sha256[:12]}…"


@contextmanager
def source_of(run_dir: Path, cache_dir: Path | None) -> Iterator[tuple[RunOpened, InspectionAPI]]:
    """How a stored run was opened, and what it read."""
    opened = opened_event(run_dir)
    options = Options.model_validate_json(opened.options)
    with _read_again(run_dir, opened, options, cache_dir) as api:
        yield opened, api


@contextmanager
def _read_again(
    run_dir: Path,
    opened: RunOpened,
    options: Options,
    cache_dir: Path | None,
    source: str | None = None,
) -> Iterator[InspectionAPI]:
    """What a run read: its frozen input, else its source; one that had not begun reads now."""
    with ExitStack() as held:
        read: InspectionAPI | None = frozen_input(run_dir)
        if read is not None:
            held.callback(read.close)
        else:
            where = Settings(cache_dir=cache_dir)
            read = held.enter_context(_open(source or opened.source, where)).api
            if opened.dataset_ref.dataset_hash is None:
                kept = as_read(read, options.asked, run_dir, freeze=options.freeze)
                read = held.enter_context(kept)
        yield with_session(read, options.asked)


def _named(asked: InputRef) -> str:
    """What a run looked at, in a message."""
    if asked.session_id is not None:
        return f"session '{asked.session_id}'"
    if len(asked.trace_ids) == 1:
        return f"trace '{asked.trace_ids[0]}'"
    return "the window" if not asked.trace_ids else f"the {counted(len(asked.trace_ids), 'trace')}"


def opened_event(run_dir: Path) -> RunOpened:
    """The opening of the run; the last one, where it failed before it began."""
    opened = [e.event for e in read_entries(run_dir) if isinstance(e.event, RunOpened)]
    if not opened:
        raise UsageError(f"{run_dir / FILE} does not begin with the opening of a run")
    return opened[-1]


def _fail(opening: RunOpened, run_dir: Path, error: SourceError) -> RunRecord:
    """A run that could not begin, with its record."""
    code = ErrorCode.SOURCE_UNAVAILABLE
    down = isinstance(error, SourceUnavailable)
    failed = RunError(code=code, message=str(error), stage="source", retryable=down)
    return runner.fail(opening, run_dir, failed, artifact=engine_of_run(opening.run_type).artifact)


def result_of(run_dir: Path, record: RunRecord) -> RunResult[Any]:
    """The result of a run that has ended, its report read from its folder."""
    report = None
    if record.output_ref.artifact_path is not None:
        content = (run_dir / record.output_ref.artifact_path).read_bytes()
        report = engine_of_run(record.run_type).report.model_validate_json(content)
    return RunResult(record.run_id, run_dir, record.status, report, record, record.error)


def annotated(
    result: RunResult[ReportT], api: InspectionAPI, source: tuple[str, ...], to: str | None = None
) -> RunResult[ReportT]:
    """The run with its report written back, to where it says or where it was read from."""
    assert result.report is not None
    address = write_back_place(result.record, source, to)
    record = write_annotations(result.run_dir, result.record, result.report, api, address)
    return result_of(result.run_dir, record)


def new_run_id(engine: str) -> str:
    """An id that no other run has: when it was made, and chance."""
    return f"{engine}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
