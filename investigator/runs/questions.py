"""The questions that can be asked, and how each becomes a run: what composes the system.

A question is data: a run keeps it in its journal and is rebuilt from it over the same source.
Here alone concrete engines, planners and tools are named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from investigator.compliance.case import ComplianceCase, chosen
from investigator.compliance.engine import COMPLIANCE_REPORT, ComplianceStrategy
from investigator.compliance.engine import RUN_TYPE as COMPLIANCE_RUN
from investigator.compliance.report import ComplianceReport
from investigator.compliance.rules import RulePlanner as ComplianceRules
from investigator.compliance.tools import control_tools
from investigator.controls.library import BUILT_IN as LIBRARIES
from investigator.controls.library import load_library
from investigator.errors import UsageError
from investigator.ground.redaction import Redactor, common, holding
from investigator.incident.case import IncidentCase
from investigator.incident.engine import INCIDENT_DOSSIER, IncidentStrategy
from investigator.incident.engine import RUN_TYPE as INCIDENT_RUN
from investigator.incident.report import IncidentDossier
from investigator.incident.rules import RulePlanner as IncidentRules
from investigator.incident.tools import snapshot_tools
from investigator.inspection.own_patterns import OwnPatterns, Speakers, redacted_speakers
from investigator.inspection.tools import inspection_tools
from investigator.rca.case import RCACase
from investigator.rca.engine import RCA_REPORT, RCAStrategy
from investigator.rca.engine import RUN_TYPE as RCA_RUN
from investigator.rca.report import RCAReport
from investigator.rca.rules import RulePlanner as RCARules
from investigator.rca.taxonomy import BUILT_IN as TAXONOMIES
from investigator.rca.taxonomy import load_taxonomy
from investigator.runtime.events import InputRef
from investigator.runtime.planner import Planner
from investigator.runtime.strategy import Artifact, Strategy
from investigator.runtime.tools import ToolRegistry
from investigator.snapshots import open_snapshots
from investigator.store.api import InspectionAPI
from investigator.traces.model import Trace, iso_time, parse_time

Report: TypeAlias = RCAReport | ComplianceReport | IncidentDossier


class Prepared(NamedTuple):
    """All that a run needs besides its limits.

    `planner` are the rules; `beside_model` are they where a model decides in what they leave
    open, if that makes a difference to them. `redactor` is what the run's tools redact with.
    """

    strategy: Strategy
    tools: ToolRegistry
    planner: Planner
    dataset_hash: str
    input_ref: InputRef
    beside_model: Planner | None = None
    redactor: Redactor = common()


class Engine(NamedTuple):
    """What all runs of an engine have in common."""

    run_type: str
    artifact: Artifact
    report: type[Report]


class _Question(BaseModel):
    """What all questions have: `redact` are patterns of the user's own, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redact: OwnPatterns = Field(default_factory=dict)

    def prepare(self, api: InspectionAPI) -> Prepared:
        """All that the run needs, read from the source and held to the user's own patterns."""
        ids: set[str] = set()
        redactor = Redactor(self.redact, kept=ids) if self.redact else common()
        with holding(redactor):
            prepared = self._prepared(api, redactor, ids)
        if not self.redact:
            return prepared
        said = Speakers(prepared.strategy, prepared.planner, prepared.beside_model)
        return prepared._replace(**redacted_speakers(said, redactor)._asdict(), redactor=redactor)

    def _prepared(self, api: InspectionAPI, redactor: Redactor, ids: set[str]) -> Prepared:
        """The same; adds the ids of what it reads to `ids`, before it tells of it."""
        raise NotImplementedError


class _OfOneTrace(_Question):
    trace_id: str = ""
    """Empty: the only trace of the source."""

    @property
    def input_ref(self) -> InputRef:
        """What is looked at, as far as the question says so."""
        return InputRef(trace_ids=(self.trace_id,))


class RCAQuestion(_OfOneTrace):
    """Why did this trace fail? `taxonomy` is built in (a name) or a file."""

    engine: Literal["rca"] = "rca"
    taxonomy: str = "default"

    def located(self) -> RCAQuestion:
        """With paths that hold from anywhere."""
        return self.model_copy(update={"taxonomy": _located(self.taxonomy, TAXONOMIES)})

    @property
    def materials(self) -> str:
        """What the answer depends on besides the traces, in a message."""
        return f"the taxonomy {self.taxonomy}"

    def materials_hash(self) -> str:
        """sha256 of that content; `UsageError` where it does not hold together."""
        return load_taxonomy(self.taxonomy).content_hash

    def _prepared(self, api: InspectionAPI, redactor: Redactor, ids: set[str]) -> Prepared:
        """Read and narrow the trace."""
        trace = api.get_trace(self.trace_id)
        ids.update(_ids_of(trace))
        case = RCACase.of(trace, load_taxonomy(self.taxonomy))
        tools = _tools_of(api, trace, redactor)
        told = {"project_name": _project(trace, redactor)}
        return Prepared(
            RCAStrategy(case, tools),
            tools,
            RCARules(case),
            trace.content_hash,
            self.input_ref.model_copy(update=told),
        )


class ComplianceQuestion(_OfOneTrace):
    """Which controls does this trace break? `control_ids` empty: all of the library."""

    engine: Literal["compliance"] = "compliance"
    controls: str = "controls-v1"
    control_ids: tuple[str, ...] = ()

    def located(self) -> ComplianceQuestion:
        """With paths that hold from anywhere."""
        return self.model_copy(update={"controls": _located(self.controls, LIBRARIES)})

    @property
    def materials(self) -> str:
        """What the answer depends on besides the traces, in a message."""
        return f"the control library {self.controls}"

    def materials_hash(self) -> str:
        """sha256 of that content; `UsageError` where it does not hold together."""
        library = load_library(self.controls)
        chosen(library, self.control_ids)
        return library.content_hash

    def _prepared(self, api: InspectionAPI, redactor: Redactor, ids: set[str]) -> Prepared:
        """Read the trace and check the controls in code."""
        trace = api.get_trace(self.trace_id)
        ids.update(_ids_of(trace))
        library = load_library(self.controls)
        ids.update(control.control_id for control in library.controls)
        case = ComplianceCase.of(trace, library, self.control_ids)
        reads = _tools_of(api, trace, redactor).tools.values()
        tools = ToolRegistry([*reads, *control_tools(library)])
        told = {
            "project_name": _project(trace, redactor),
            "controls_version": library.version,
        }
        return Prepared(
            ComplianceStrategy(case, tools),
            tools,
            ComplianceRules(case),
            trace.content_hash,
            self.input_ref.model_copy(update=told),
            beside_model=ComplianceRules(case, beside_model=True),
        )


class IncidentQuestion(_Question):
    """What happened in this window, and what changed?

    The window is `start` to `end` (ISO 8601; either may be None), of a project and of the traces
    that pass the filter, if these are given; or the traces named, whatever their times.
    `snapshots` is a folder of config snapshots.
    """

    engine: Literal["incident"] = "incident"
    start: str | None = None
    end: str | None = None
    project_name: str | None = None
    filter_expr: str | None = None
    trace_ids: tuple[str, ...] = ()
    snapshots: str | None = None

    @property
    def input_ref(self) -> InputRef:
        """What is looked at."""
        limited = self.start is not None or self.end is not None
        return InputRef(
            project_name=self.project_name,
            trace_ids=self.trace_ids,
            time_window=(self.start, self.end) if limited else None,
            filter_expr=self.filter_expr,
        )

    def located(self) -> IncidentQuestion:
        """With paths that hold from anywhere."""
        return self.model_copy(
            update={"snapshots": self.snapshots and os.path.abspath(self.snapshots)}
        )

    @property
    def materials(self) -> str:
        """What the answer depends on besides the traces, in a message."""
        return f"the folder of snapshots {self.snapshots}"

    def materials_hash(self) -> str:
        """sha256 of that content; `UsageError` where it does not hold together."""
        self._window()
        return "" if self.snapshots is None else open_snapshots(self.snapshots).content_hash

    def _prepared(self, api: InspectionAPI, redactor: Redactor, ids: set[str]) -> Prepared:
        """Read the traces of the window, each once."""
        start_ns, end_ns = self._window()
        store = None if self.snapshots is None else open_snapshots(self.snapshots)

        def read(trace_id: str) -> Trace:
            trace = api.get_trace(trace_id)
            ids.update(_ids_of(trace))
            return trace

        case = IncidentCase.of(
            self.candidates(api),
            read,
            start=iso_time(start_ns),
            end=iso_time(end_ns),
            snapshots=store,
        )
        tools = inspection_tools(api, redactor)
        if store is not None:
            tools += snapshot_tools(store, redactor)
        registry = ToolRegistry(tools)
        return Prepared(
            IncidentStrategy(case, registry),
            registry,
            IncidentRules(case),
            case.dataset_hash,
            self.input_ref,
        )

    def candidates(self, api: InspectionAPI) -> Sequence[str]:
        """The traces that are looked at: those named, else those of the window."""
        if self.trace_ids:
            return self.trace_ids
        start_ns, end_ns = self._window()
        rows = api.list_traces(
            project_name=self.project_name,
            start_ns=start_ns,
            end_ns=end_ns,
            filter_expr=self.filter_expr,
        )
        return [row.trace_id for row in rows]

    def _window(self) -> tuple[int | None, int | None]:
        start = _time(self.start, "the start of the window (start, --from)")
        end = _time(self.end, "the end of the window (end, --to)")
        if start is not None and end is not None and start >= end:
            raise UsageError(f"the window ends at {self.end}, not after it starts at {self.start}")
        return start, end


Question: TypeAlias = RCAQuestion | ComplianceQuestion | IncidentQuestion
_QUESTION: TypeAdapter[Question] = TypeAdapter(Annotated[Question, Field(discriminator="engine")])

ENGINES: Mapping[str, Engine] = {
    "rca": Engine(RCA_RUN, RCA_REPORT, RCAReport),
    "compliance": Engine(COMPLIANCE_RUN, COMPLIANCE_REPORT, ComplianceReport),
    "incident": Engine(INCIDENT_RUN, INCIDENT_DOSSIER, IncidentDossier),
}


def question_of(engine: str, asked: Mapping[str, Any]) -> Question:
    """The question of an engine with these settings.

    Raises:
        UsageError: no such engine or setting, or a setting of the wrong type.
    """
    if engine not in ENGINES:
        raise UsageError(f"no engine '{engine}'; there are: {', '.join(ENGINES)}")
    given = {name: value for name, value in asked.items() if value is not None}
    try:
        return _QUESTION.validate_python({**_as_text(given), "engine": engine})
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"][1:]))
        raise UsageError(f"{engine} does not take {place}: {error.errors()[0]['msg']}") from None


def engine_of(run_type: str) -> str:
    """The engine whose runs are of that type."""
    return next(name for name, engine in ENGINES.items() if engine.run_type == run_type)


def read_report(engine: str, content: bytes | str) -> Report:
    """A report of an engine; `ValidationError` where it is none."""
    return ENGINES[engine].report.model_validate_json(content)


def _as_text(given: Mapping[str, Any]) -> dict[str, Any]:
    return {n: os.fspath(v) if isinstance(v, os.PathLike) else v for n, v in given.items()}


def _time(text: str | None, what: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise UsageError(
            f"{what} is {text!r}, not an ISO 8601 time such as 2026-03-01T14:00:00Z"
        ) from None


def _located(name_or_path: str, built_in: tuple[str, ...]) -> str:
    return name_or_path if name_or_path in built_in else os.path.abspath(name_or_path)


def _tools_of(api: InspectionAPI, trace: Trace, redactor: Redactor) -> ToolRegistry:
    """The reads of one trace."""
    return ToolRegistry(inspection_tools(api, redactor, trace_id=trace.trace_id))


def _ids_of(trace: Trace) -> Iterator[str]:
    yield trace.trace_id
    yield from (span.span_id for span in trace.spans)


def _project(trace: Trace, redactor: Redactor) -> str | None:
    name = trace.spans[0].text("resource.openinference.project.name")
    return None if name is None else redactor.redact(name).text
