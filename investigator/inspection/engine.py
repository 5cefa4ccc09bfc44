"""An engine is one value; whatever runs, stores, shows or exports its runs asks that value.

A question is data: a run keeps it in its journal and is rebuilt from it over the same source.
It knows how it becomes a run, and nothing above it knows which engine it is for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    Self,
    TypeAlias,
    TypeVar,
)

from pydantic import AfterValidator, Field, StrictBool, model_validator

from investigator.claims.annotations import Annotator, Remarks
from investigator.claims.document import Document, Overview
from investigator.claims.report import Report
from investigator.claims.rows import FindingRow, ReportRows, TraceVerdict, signature_of
from investigator.errors import UsageError
from investigator.ground.given import Given
from investigator.runtime.budget import Budget
from investigator.runtime.events import InputRef
from investigator.runtime.status import Artifact
from investigator.runtime.told import UNTOLD, Ending, GoodRunRef, KnownOutcomeRef, ToldOutcome
from investigator.traces.evidence import evaluation_evidence

if TYPE_CHECKING:
    from investigator.claims.screening import Readable
    from investigator.ground.redaction import Redactor
    from investigator.model_planner.overview import OutlineOf
    from investigator.readings.outcome import KnownOutcome
    from investigator.readings.reading import Readings
    from investigator.runtime.driver import Result
    from investigator.runtime.planner import Planner
    from investigator.runtime.strategy import Strategy
    from investigator.runtime.tools import Tool, ToolRegistry
    from investigator.store.api import InspectionAPI
    from investigator.traces.evidence import EvidenceRef
    from investigator.traces.model import Trace

ReportT = TypeVar("ReportT", bound=Report, covariant=True)


PathOrName: TypeAlias = Annotated[str | Path, AfterValidator(str)]
"""A file or folder, or the name of something built in; text once it is validated."""


class Flag(NamedTuple):
    """How a field of a question is spelled on the command line, in an `Annotated` type.

    Without one, `some_field` is `--some-field`. The field's description is the option's help.
    """

    name: str
    metavar: str


class FromConfig(NamedTuple):
    """A field of a question that is no option: a table of the config file says it, for every run.

    In an `Annotated` type, as `Flag` is.
    """

    table: str


class Materials(NamedTuple):
    """What an answer depends on besides the traces, read once a run.

    `name` says in a message what it is, `sha256` names its content; `content` is the question's
    own affair. `good` is the good run that the question compares its own with, where it does.
    `optional_tools` are those that this run offers and others may not: the run's
    record names them, so that it is resumed and replayed with the same.
    """

    name: str = ""
    sha256: str = ""
    content: Any = None
    good: Trace | None = None
    optional_tools: tuple[str, ...] = ()


class Prepared(NamedTuple):
    """All that a run needs besides its limits.

    `planner` are the rules; `beside_model` are they where a model decides in what they leave
    open, if that makes a difference to them. `outline_of` is what a model is shown of the run.
    """

    strategy: Strategy
    tools: ToolRegistry
    planner: Planner
    dataset_hash: str
    input_ref: InputRef
    beside_model: Planner | None = None
    evaluations_hash: str | None = None
    outline_of: OutlineOf = lambda _: None


IGNORE_EVALUATIONS = "Leave out of account what the data itself says of how runs ended."

SameT = TypeVar("SameT", bound="Question[Any]")


class Question(Given, Generic[ReportT]):
    """What is asked of a source. A question of one trace is a `TraceQuestion`."""

    engine: ClassVar[str]
    """The name of the engine that answers it."""

    ignore_evaluations: StrictBool = Field(default=False, description=IGNORE_EVALUATIONS)

    @property
    def subject(self) -> str:
        """What it is about, in a word, for tables and messages."""
        return "window"

    @property
    def input_ref(self) -> InputRef:
        """What is looked at, as far as the question says so."""
        return InputRef()

    def located(self) -> Question[ReportT]:
        """The question with paths that hold from any folder."""
        return self

    def redacted(self: SameT, redactor: Redactor) -> SameT:  # noqa: ARG002
        """The question as it is recorded: what a caller says in it may hold a secret."""
        return self

    @property
    def told(self) -> tuple[ToldOutcome, ...]:
        """What the caller says of how runs ended."""
        return ()

    def with_told(self: SameT, told: Sequence[ToldOutcome]) -> SameT:  # noqa: ARG002
        """The same question, with the caller's word on those of its traces that are among these.

        Raises:
            UsageError: this question takes none.
        """
        raise UsageError(f"'{self.engine}' can't be told how a run ended")

    @property
    def good_run(self) -> GoodRunRef | str | None:
        """The good run that the trace is compared with, as the caller names it, then as found."""
        return None

    def with_good_run(self: SameT, found: GoodRunRef) -> SameT:  # noqa: ARG002
        """The same question, with its good run as it was found."""
        raise UsageError(f"'{self.engine}' can't compare with a good run")

    def known_outcome(self, *outcomes: KnownOutcome) -> KnownOutcomeRef | None:
        """What the record says of what was known beforehand; None where nothing was."""
        said_by = {sayer.value: None for known in outcomes for sayer in known.sayers}
        if not (self.told or said_by or self.ignore_evaluations):
            return None
        return KnownOutcomeRef(
            told=self.told,
            said_by=tuple(sorted(said_by)),
            evaluations_ignored=self.ignore_evaluations,
        )

    def materials(self) -> Materials:
        """Read what the answer depends on besides the traces.

        Raises:
            UsageError: it is not there or does not hold together.
        """
        return Materials()

    def trace_ids_in(self, api: InspectionAPI) -> Sequence[str]:
        """The traces that are looked at."""
        raise NotImplementedError

    def prepare(self, api: InspectionAPI, materials: Materials, redactor: Redactor) -> Prepared:
        """Read and narrow the traces; all that is shown of them goes through the redactor.

        Raises:
            SourceError: they cannot be read.
        """
        raise NotImplementedError


QuestionT = TypeVar("QuestionT", bound="TraceQuestion[Any]")


class TraceQuestion(Question[ReportT], Generic[ReportT]):
    """A question of one trace; `trace_id` empty: the only trace of the source.

    With `session_id` it is of all traces of that session as one, whose id is the session's;
    `session_traces` are those that were found.

    `outcome` (passed, failed), `symptom` and `expected` are what the caller knows of how the run
    ended: no evidence, but it comes before what the data says of it.
    """

    trace_id: str = ""
    session_id: str | None = Field(default=None, min_length=1)
    session_traces: tuple[str, ...] = ()
    outcome: Ending | None = None
    symptom: str | None = None
    expected: str | None = None

    @property
    def subject(self) -> str:
        """The trace."""
        return self.trace_id

    @property
    def input_ref(self) -> InputRef:
        """The trace."""
        return InputRef(
            trace_ids=self.session_traces or (self.trace_id,),
            session_id=self.session_id,
            known_outcome=self.known_outcome(),
        )

    @property
    def word(self) -> ToldOutcome:
        """What the caller says of how the run ended."""
        return ToldOutcome(
            trace_id=self.trace_id,
            outcome=self.outcome,
            symptom=self.symptom,
            expected=self.expected,
        )

    @property
    def told(self) -> tuple[ToldOutcome, ...]:
        """That, where anything is said."""
        return (self.word,) if self.word.says_something else ()

    def with_told(self: QuestionT, told: Sequence[ToldOutcome]) -> QuestionT:
        """The same question, with the caller's word on its trace if it is among these."""
        own = next((one for one in told if one.trace_id == self.trace_id), UNTOLD)
        return self.model_copy(update=own.model_dump(exclude={"trace_id"}))

    def redacted(self: QuestionT, redactor: Redactor) -> QuestionT:
        """Without the secrets of symptom and expectation."""
        return self.model_copy(update=redacted_texts(self.word, redactor))

    def readings_of(self, trace: Trace, redactor: Redactor) -> Readings:
        """The readings of the trace, which know what the caller said of it."""
        from investigator.readings.reading import Readings

        return Readings(trace, redactor, self.word, ignore_evaluations=self.ignore_evaluations)

    def screen(self, readings: Readings, materials: Materials) -> Result:  # noqa: ARG002
        """What rules conclude of the trace that meet no limit, without a run.

        Raises:
            UsageError: this question has no such short way.
        """
        raise UsageError(f"'{self.engine}' is asked by runs alone; it cannot be screened")

    def trace_ids_in(self, api: InspectionAPI) -> Sequence[str]:  # noqa: ARG002
        """The trace, or those of the session."""
        return self.session_traces or (self.trace_id,)

    def of_session(self: QuestionT, session_id: str, trace_ids: Sequence[str]) -> QuestionT:
        """The same question of these traces of a session, as one."""
        found = {"session_id": session_id, "session_traces": tuple(trace_ids)}
        return self.model_copy(update={"trace_id": session_id, **found})

    @model_validator(mode="after")
    def _of_a_trace_or_of_a_session(self) -> Self:
        if self.session_id is None:
            return self
        if self.trace_id not in ("", self.session_id):
            raise UsageError(
                f"a trace ('{self.trace_id}') and a session ('{self.session_id}') are named: "
                "leave one out"
            )
        if self.good_run is not None:
            raise UsageError("a good run is compared with one trace, not with a session")
        return self

    def about(self: QuestionT, trace_id: str) -> QuestionT:
        """The same question of that trace."""
        return self.model_copy(update={"trace_id": trace_id})

    def input_of(self, trace: Trace, redactor: Redactor) -> InputRef:
        """What is looked at, once the trace is read."""
        return self.input_in(self.readings_of(trace, redactor))

    def input_in(self, read: Readings) -> InputRef:
        """What is looked at, of a trace whose readings are there already."""
        name = read.trace.spans[0].text("resource.openinference.project.name")
        return self.input_ref.model_copy(
            update={
                "project_name": None if name is None else read.quote.whole(name),
                "known_outcome": self.known_outcome(read.outcome),
            }
        )


def redacted_texts(word: ToldOutcome, redactor: Redactor) -> dict[str, str | None]:
    """What a caller says in words, as it may be recorded."""
    texts = {"symptom": word.symptom, "expected": word.expected}
    return {name: text and redactor.redact(text).text for name, text in texts.items()}


class Manual(NamedTuple):
    """What an engine's command says in its help: a sentence, more about it, and examples."""

    summary: str
    text: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine(Generic[ReportT]):
    """Everything about an engine that others need.

    `verdicts` are those that a threshold can name (`--fail-on`), the most severe first; naming
    one includes those before it.
    """

    name: str
    run_type: str
    artifact: Artifact
    question: type[Question[ReportT]]
    report: type[ReportT]
    default_budget: Budget
    verdicts: tuple[str, ...]
    manual: Manual
    document: Callable[[Any], Document]
    overview: Overview[Any]
    remarks: Callable[[Any, Annotator], Remarks]
    rows: Callable[[Any], ReportRows] | None = None

    def rows_of(self, report: Report) -> ReportRows:
        """The report as rows; an engine that makes none of its own gets them from its remarks."""
        if self.rows is not None:
            return self.rows(report)
        return rows_of_remarks(self.remarks(report, "CODE"), report, self.name, self.verdicts)

    @property
    def is_of_one_trace(self) -> bool:
        """Whether a run is about one trace, so that a batch can ask it of every one."""
        return issubclass(self.question, TraceQuestion)


def rows_of_remarks(
    remarks: Remarks, report: Report, engine: str, verdicts: Sequence[str]
) -> ReportRows:
    """What an engine remarks as rows: the verdict, and each piece of evidence as a finding.

    The gravest of the `verdicts` fails a build, with all that is remarked.
    """
    trace_id = remarks.trace_ids[0] if len(remarks.trace_ids) == 1 else None
    fails = report.verdict in verdicts[:1]
    findings = tuple(
        FindingRow(
            trace_id=trace_id,
            rank=rank,
            category=one.label,
            description=one.text,
            confidence=one.score,
            fails=fails,
            began_span_id=next((ref.span_id for ref in one.refs), None),
            evidence=tuple(ref.ref for ref in one.refs),
            signature=signature_of(engine, one.label, one.name),
        )
        for rank, one in enumerate(remarks.evidence, 1)
    )
    verdict = remarks.verdict
    trace = TraceVerdict(
        trace_id=trace_id,
        verdict=report.verdict,
        label=verdict.label,
        confidence=verdict.score,
        summary=verdict.text,
        findings=len(findings),
    )
    return ReportRows(trace, findings)


def read_trace(api: InspectionAPI, trace_id: str, redactor: Redactor) -> Trace:
    """A trace that a run is about; the redactor keeps its ids whole from now on.

    Raises:
        TraceNotFound: the source has no trace of that id.
    """
    trace = api.get_trace(trace_id)
    redactor.keep((trace.trace_id, *trace.trace_ids, *(span.span_id for span in trace.spans)))
    return trace


def read_traces(
    api: InspectionAPI, trace_ids: Sequence[str], redactor: Redactor
) -> Iterator[Trace]:
    """Several traces that a run is about, as `read_trace`, in the order of their ids."""
    for trace in api.get_traces(trace_ids):
        redactor.keep((trace.trace_id, *(span.span_id for span in trace.spans)))
        yield trace


def reads_of(
    api: InspectionAPI,
    readings: Readings,
    *,
    ignore_evaluations: bool = False,
    optional: Collection[str] = (),
    others: Sequence[Tool[Any]] = (),
) -> ToolRegistry:
    """The inspection tools over one trace, whose verdicts may be left out, and an engine's own."""
    from investigator.inspection.reference_names import ReferenceNames, names_by
    from investigator.inspection.trace_tools import inspection_tools
    from investigator.runtime.tools import ToolRegistry

    names = ReferenceNames(readings)
    tools = inspection_tools(
        api,
        readings.quote.redactor,
        trace_id=readings.trace.trace_id,
        ignore_evaluations=ignore_evaluations,
        optional=optional,
        readings_of=lambda _: readings,
        names_of=lambda _: names,
    )
    return ToolRegistry([*tools, *others], names_by(lambda _: names))


def readable_in(readings: Readings) -> Readable:
    """What rules can cite of one trace once they have read it."""
    from investigator.claims.screening import Readable
    from investigator.inspection.trace_tools import LISTED_VERDICTS

    heard = readings.trace.evaluations if readings.heeds_evaluations else ()
    refs = (evaluation_evidence(one).ref for one in heard[:LISTED_VERDICTS])
    return Readable(readings.evidence, frozenset(refs))


def outline_of(readings: Readings, wanted: Sequence[EvidenceRef] = ()) -> OutlineOf:
    """The overview of one trace, the same for every scope, with what several are to read."""
    from investigator.inspection.reference_names import ReferenceNames
    from investigator.inspection.run_overview import TraceOutline

    outline = TraceOutline(readings, ReferenceNames(readings), wanted)
    return lambda _: outline


def absolute(name_or_path: str | Path, built_in: tuple[str, ...]) -> str:
    """A built-in thing by its name, a user's own by a path that holds from any folder."""
    name = str(name_or_path)
    return name if name in built_in else os.path.abspath(name)
