"""The inspection API as tools of a planner: pages, never wholes; redacted, never raw.

What a page shows carries the short id of its evidence, so what a planner cites it has read. A row
of a list of spans is a place to look at, not a reading, and says where it is. A page ends with how
to go on: `next_offset`, to be given as `offset` of the same call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.patterns import Pattern
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted
from investigator.inspection.pages import (
    JsonObject,
    Lens,
    Rows,
    answer_rows,
    answer_text,
    shows_a_part,
)
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.step_pages import StepRange, answer_steps
from investigator.inspection.step_search import evidence_in, excerpt_row, excerpts
from investigator.inspection.tool_args import (
    GetChildren,
    GetChildrenOf,
    GetMessages,
    GetMessagesOf,
    GetRetrievalChunks,
    GetRetrievalChunksOf,
    GetSpan,
    GetSpanOf,
    GetToolIO,
    GetToolIOOf,
    InTrace,
    ListSpans,
    ListSpansOf,
    ListTraces,
    ReadDetail,
    ReadSteps,
    ReadStepsOf,
    SearchTrace,
    SearchTraceOf,
)
from investigator.inspection.tool_rows import (
    chunk_head,
    chunk_row,
    evaluation_row,
    field_row,
    hit_of,
    hit_row,
    message_row,
    no_evidence,
    read_on,
    span_row,
    time_of,
    tool_io,
    trace_row,
)
from investigator.readings.reading import Readings
from investigator.readings.steps import Step
from investigator.runtime.tools import Cite, Tool, ToolAnswer, ToolArgs
from investigator.store.api import InspectionAPI
from investigator.store.reads import texts_of
from investigator.traces.evidence import (
    evaluation_evidence,
    message_evidence,
    retrieval_evidence,
    span_evidence,
    tool_evidence,
)
from investigator.traces.model import Span, StatusCode, Trace

_ALL = 100_000
_SEARCH_CHARS = 9_500
"""A search shows as much as it was asked for with lines around; a prompt with less room cuts it."""

_FETCHED_ROWS = 60
"""More than fit on a page of rows, and few enough to read for one page."""

LISTED_VERDICTS = 6
"""As many as leave most of the first page to spans."""

_READABLE = 16
"""So many traces' readings are kept; a scope asks of one."""

_READ_STEPS = "Steps of the run, as the overview numbers them."
_LIST_TRACES = "Traces by first start: id, project, root, start, duration, spans, errors."
_LIST_SPANS = "Spans in time order: id, parent, kind, name, error, duration, first step and text."
_GET_SPAN = "The fields of a span."
_CHILDREN = "Direct children of a span, as list_spans gives them."
_MESSAGES = "Chat messages of a span, input then output."
_TOOL_IO = "What a TOOL span was asked and what it answered."
_CHUNKS = "Documents that a span retrieved."
_SEARCH = "What matches a pattern in the steps, each text once; or in fields of spans."

ReadingsOf = Callable[[str], Readings]
"""The readings of a trace by its id."""

NamesOf = Callable[[str], ReferenceNames]
"""How a run calls what is in a trace, by the trace's id."""

ArgsT = TypeVar("ArgsT", bound=ToolArgs)
InTraceT = TypeVar("InTraceT", bound=InTrace)


def inspection_tools(
    api: InspectionAPI,
    redactor: Redactor,
    *,
    trace_id: str | None = None,
    ignore_evaluations: bool = False,
    optional: Collection[str] = (),
    readings_of: ReadingsOf | None = None,
    names_of: NamesOf | None = None,
) -> list[Tool[Any]]:
    """The tools over an API; bound to one trace if given.

    Bound tools take no `trace_id`, and `list_traces` is not among them. With `ignore_evaluations`
    no page shows the verdicts that the data carries. `optional` names the tools to offer that are
    not offered everywhere (`run_code`). `readings_of` are those that a run has made already, and
    `names_of` how it calls what is in a trace.
    """
    made = readings_of or _readings_of(api, redactor, ignore_evaluations=ignore_evaluations)
    names = names_of or lru_cache(_READABLE)(lambda trace_id: ReferenceNames(made(trace_id)))
    reads = _Reads(api, redactor, made, names, ignore_evaluations=ignore_evaluations)
    tools = _pages(reads, trace_id)
    if optional:
        from investigator.inspection.code_tool import RUN_CODE, code_tool

        if RUN_CODE in optional:
            tools.append(code_tool(names, redactor, trace_id=trace_id))
    return tools


def _pages(reads: _Reads, trace_id: str | None) -> list[Tool[Any]]:
    """Those that every run has."""
    if trace_id is not None:
        return [
            Tool("read_steps", _READ_STEPS, ReadSteps, _bound(reads.read_steps, trace_id)),
            Tool("list_spans", _LIST_SPANS, ListSpans, _bound(reads.list_spans, trace_id)),
            Tool("get_span", _GET_SPAN, GetSpan, _bound(reads.get_span, trace_id)),
            Tool("get_children", _CHILDREN, GetChildren, _bound(reads.get_children, trace_id)),
            Tool("get_messages", _MESSAGES, GetMessages, _bound(reads.get_messages, trace_id)),
            Tool("get_tool_io", _TOOL_IO, GetToolIO, _bound(reads.get_tool_io, trace_id)),
            Tool(
                "get_retrieval_chunks",
                _CHUNKS,
                GetRetrievalChunks,
                _bound(reads.get_retrieval_chunks, trace_id),
            ),
            Tool("search_trace", _SEARCH, SearchTrace, _bound(reads.search_trace, trace_id)),
        ]
    return [
        Tool("list_traces", _LIST_TRACES, ListTraces, reads.list_traces),
        Tool("read_steps", _READ_STEPS, ReadStepsOf, _named(reads.read_steps)),
        Tool("list_spans", _LIST_SPANS, ListSpansOf, _named(reads.list_spans)),
        Tool("get_span", _GET_SPAN, GetSpanOf, _named(reads.get_span)),
        Tool("get_children", _CHILDREN, GetChildrenOf, _named(reads.get_children)),
        Tool("get_messages", _MESSAGES, GetMessagesOf, _named(reads.get_messages)),
        Tool("get_tool_io", _TOOL_IO, GetToolIOOf, _named(reads.get_tool_io)),
        Tool(
            "get_retrieval_chunks",
            _CHUNKS,
            GetRetrievalChunksOf,
            _named(reads.get_retrieval_chunks),
        ),
        Tool("search_trace", _SEARCH, SearchTraceOf, _named(reads.search_trace)),
    ]


def _readings_of(api: InspectionAPI, redactor: Redactor, *, ignore_evaluations: bool) -> ReadingsOf:
    """Readings of traces as they are asked for, those of the last few kept."""

    def made(trace_id: str) -> Readings:
        return Readings(api.get_trace(trace_id), redactor, ignore_evaluations=ignore_evaluations)

    return lru_cache(_READABLE)(made)


def _bound(
    read: Callable[[str, ArgsT, Cite], ToolAnswer], trace_id: str
) -> Callable[[ArgsT, Cite], Awaitable[ToolAnswer]]:
    """The read of one trace."""

    async def run(args: ArgsT, cite: Cite) -> ToolAnswer:
        return read(trace_id, args, cite)

    return run


def _named(
    read: Callable[[str, InTraceT, Cite], ToolAnswer],
) -> Callable[[InTraceT, Cite], Awaitable[ToolAnswer]]:
    """The read of the trace that the arguments name."""

    async def run(args: InTraceT, cite: Cite) -> ToolAnswer:
        return read(args.trace_id, args, cite)

    return run


def _no_head(_: Lens) -> JsonObject:
    return {}


def spans_of(step: Step) -> tuple[str, ...]:
    """The spans that a step stands in: where it ran, and where its result is."""
    result = None if step.call is None else step.call.result_span_id
    return (step.span_id,) if result is None else (step.span_id, result)


class _Reads:
    """One read a tool. They are quick and local; nothing in them waits."""

    def __init__(
        self,
        api: InspectionAPI,
        redactor: Redactor,
        readings_of: ReadingsOf,
        names_of: NamesOf,
        *,
        ignore_evaluations: bool,
    ) -> None:
        self._readings_of = readings_of
        self._names = names_of
        self._api = api
        self._redactor = redactor
        self._hides_verdicts = ignore_evaluations

    async def list_traces(self, args: ListTraces, cite: Cite) -> ToolAnswer:
        found = self._api.list_traces(
            start_ns=time_of(args.start_time),
            end_ns=time_of(args.end_time),
            filter_expr=args.filter,
            limit=_FETCHED_ROWS,
            offset=args.offset,
        )
        return self._rows(Rows(found, trace_row, no_evidence, args.offset), cite)

    def read_steps(self, trace_id: str, args: ReadSteps, cite: Cite) -> ToolAnswer:
        steps = self._readings_of(trace_id).steps
        if args.first >= len(steps):
            raise UsageError(f"the run has {counted(len(steps), 'step')}, numbered from 0")
        if args.last is not None and args.last < args.first:
            raise UsageError(f"'to' ({args.last}) comes before 'from' ({args.first})")
        outlined = args.detail is ReadDetail.OUTLINE
        asked = StepRange(
            steps[args.first : None if args.last is None else args.last + 1],
            outlined=outlined,
            offset=args.offset,
            total=len(steps),
        )
        name_of = self._names(trace_id).of_step
        return answer_steps(asked, name_of=name_of, redactor=self._redactor, cite=cite)

    def _span_id(self, trace_id: str, named: str) -> str:
        """The span that is meant: by its own id, or by that of a step."""
        return self._names(trace_id).span_named(named) or named

    def list_spans(self, trace_id: str, args: ListSpans, cite: Cite) -> ToolAnswer:
        trace = self._api.get_trace(trace_id)
        spans = [
            span
            for span in trace.spans
            if (args.kind is None or span.kind is args.kind)
            and (not args.errors_only or span.status is StatusCode.ERROR)
        ]
        shown = args.offset == 0 and not self._hides_verdicts
        head = self._verdicts(trace, cite) if shown else _no_head
        return self._span_rows(trace, spans, args.offset, cite, head)

    def _verdicts(self, trace: Trace, cite: Cite) -> Callable[[Lens], JsonObject]:
        """The first verdicts on the trace, each with its id, and how many more there are."""
        shown = trace.evaluations[:LISTED_VERDICTS]
        ids = [cite(evaluation_evidence(one).model_dump(mode="json")) for one in shown]
        more = len(trace.evaluations) - len(shown)

        def head(lens: Lens) -> JsonObject:
            rows: list[JsonValue] = [
                {**evaluation_row(one, lens), "evidence": cited}
                for one, cited in zip(shown, ids, strict=True)
            ]
            counted: JsonObject = {"more_evaluations": more} if more else {}
            return {"evaluations": rows, **counted} if rows else {}

        return head

    def get_children(self, trace_id: str, args: GetChildren, cite: Cite) -> ToolAnswer:
        children = self._api.get_children(trace_id, self._span_id(trace_id, args.span_id))
        return self._span_rows(self._api.get_trace(trace_id), children, args.offset, cite)

    def get_span(self, trace_id: str, args: GetSpan, cite: Cite) -> ToolAnswer:
        span = self._api.get_span(trace_id, self._span_id(trace_id, args.span_id))
        trace = self._api.get_trace(trace_id)
        if args.field is not None:
            return self._field(span, args.field, args.offset, cite)
        own = cite(span_evidence(span).model_dump(mode="json"))
        fields = [found for found in texts_of(span) if found[0] not in ("name", "status_message")]
        rows = Rows(
            fields[args.offset :],
            field_row,
            no_evidence,
            args.offset,
            total=len(fields),
            head=lambda lens: {**span_row(trace, span, lens), "evidence": own},
        )
        return self._rows(rows, cite)

    def _field(self, span: Span, field: str, offset: int, cite: Cite) -> ToolAnswer:
        texts = dict(texts_of(span))
        if field not in texts:
            raise UsageError(
                f"span '{span.span_id}' has no field '{field}';"
                " get_span with field null lists its fields"
            )
        return answer_text(
            lambda lens: {
                "field": lens.short(field),
                **read_on(lens, texts[field], offset, field=field),
            },
            ref=span_evidence(span),
            redactor=self._redactor,
            cite=cite,
        )

    def get_messages(self, trace_id: str, args: GetMessages, cite: Cite) -> ToolAnswer:
        span = self._api.get_span(trace_id, self._span_id(trace_id, args.span_id))
        messages = list(enumerate(self._api.get_messages(trace_id, span.span_id)))
        if args.index is None:
            rows = Rows(
                messages[args.offset :],
                message_row,
                lambda found: message_evidence(span, *found),
                args.offset,
                total=len(messages),
                in_part=shows_a_part,
            )
            return self._rows(rows, cite)
        if args.index >= len(messages):
            raise UsageError(
                f"span '{span.span_id}' has {counted(len(messages), 'message')}, from index 0"
            )
        index, message = messages[args.index]
        return answer_text(
            lambda lens: {
                "index": index,
                "role": lens.short(message.role),
                **read_on(lens, message.full_text, args.offset),
            },
            ref=message_evidence(span, index, message),
            redactor=self._redactor,
            cite=cite,
        )

    def get_tool_io(self, trace_id: str, args: GetToolIO, cite: Cite) -> ToolAnswer:
        span = self._api.get_span(trace_id, self._span_id(trace_id, args.span_id))
        io = self._api.get_tool_io(trace_id, span.span_id)
        if io is None:
            raise UsageError(
                f"span '{span.span_id}' is of kind {span.kind}, not a tool call;"
                " list_spans with kind TOOL lists those"
            )
        return answer_text(
            lambda lens: tool_io(io, args.part, args.offset, lens),
            ref=tool_evidence(span, io),
            redactor=self._redactor,
            cite=cite,
        )

    def get_retrieval_chunks(
        self, trace_id: str, args: GetRetrievalChunks, cite: Cite
    ) -> ToolAnswer:
        span = self._api.get_span(trace_id, self._span_id(trace_id, args.span_id))
        chunks = self._api.get_retrieval_chunks(trace_id, span.span_id)
        if args.position is None:
            rows = Rows(
                chunks[args.offset :],
                chunk_row,
                lambda chunk: retrieval_evidence(span, chunk, self._redactor),
                args.offset,
                total=len(chunks),
                in_part=shows_a_part,
            )
            return self._rows(rows, cite)
        chunk = next((chunk for chunk in chunks if chunk.position == args.position), None)
        if chunk is None:
            raise UsageError(
                f"span '{span.span_id}' has no document at position {args.position}"
                f" ({counted(len(chunks), 'document')})"
            )
        return answer_text(
            lambda lens: {
                **chunk_head(chunk, lens),
                **read_on(lens, chunk.full_text, args.offset),
            },
            ref=retrieval_evidence(span, chunk, self._redactor),
            redactor=self._redactor,
            cite=cite,
        )

    def search_trace(self, trace_id: str, args: SearchTrace, cite: Cite) -> ToolAnswer:
        span_id = None if args.span_id is None else self._known_span(trace_id, args.span_id)
        if args.fields is not None:
            return self._search_fields(trace_id, args, span_id, cite)
        names, lens = self._names(trace_id), Lens(self._redactor)
        steps = [
            step
            for step in self._readings_of(trace_id).steps
            if span_id is None or span_id in spans_of(step)
        ]
        found = excerpts(steps, Pattern(args.pattern), lens.whole, args.context)
        every = list(islice(found, args.offset, args.offset + _FETCHED_ROWS))
        rows = Rows(
            every,
            lambda one, lens: excerpt_row(one, lens, names.of_step(one.step)),
            evidence_in,
            args.offset,
            in_part=lambda _: True,
            chars=_SEARCH_CHARS,
        )
        return self._rows(rows, cite)

    def _known_span(self, trace_id: str, named: str) -> str:
        """The span that is meant; it is there."""
        return self._api.get_span(trace_id, self._span_id(trace_id, named)).span_id

    def _search_fields(
        self, trace_id: str, args: SearchTrace, span_id: str | None, cite: Cite
    ) -> ToolAnswer:
        """In the fields of spans as the source has them: each span that repeats a text has it."""
        limit = args.offset + _FETCHED_ROWS
        every = limit if span_id is None else _ALL
        matches = self._api.search_trace(trace_id, args.pattern, args.fields, limit=every)
        found = [match for match in matches if span_id is None or match.span_id == span_id]
        trace = self._api.get_trace(trace_id)
        hits = [hit_of(trace, match) for match in found[args.offset : limit]]
        rows = Rows(
            hits,
            hit_row,
            lambda hit: span_evidence(hit.span),
            args.offset,
            in_part=lambda _: True,
        )
        return self._rows(rows, cite)

    def _span_rows(
        self,
        trace: Trace,
        spans: Sequence[Span],
        offset: int,
        cite: Cite,
        head: Callable[[Lens], JsonObject] = _no_head,
    ) -> ToolAnswer:
        first_step = self._first_steps(trace.trace_id)
        place = self._names(trace.trace_id).place
        rows = Rows(
            spans[offset:],
            lambda span, lens: {
                **span_row(trace, span, lens, first_step.get(span.span_id)),
                "at": place(span.span_id),
            },
            no_evidence,
            offset,
            total=len(spans),
            head=head,
        )
        return self._rows(rows, cite)

    def _first_steps(self, trace_id: str) -> dict[str, Step]:
        """The first step of each span that has one."""
        first: dict[str, Step] = {}
        for step in self._readings_of(trace_id).steps:
            first.setdefault(step.span_id, step)
        return first

    def _rows(self, rows: Rows[Any], cite: Cite) -> ToolAnswer:
        return answer_rows(rows, redactor=self._redactor, cite=cite)
