"""The read-only inspection API: the same questions, the same answers, whatever the source.

Every list is in span order (`investigator.traces.model.span_order`); traces are ordered by
their first start time (missing last), then trace id, shorter ids first. Nothing here writes,
and nothing is shortened or redacted: that is the business of the inspection tools.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Message, RetrievalChunk, Span, SpanKind, ToolIO, Trace


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One row of `list_traces`. Times are nanoseconds since the epoch; None where unknown."""

    trace_id: str
    project_name: str | None
    root_name: str | None
    start_ns: int | None
    end_ns: int | None
    span_count: int
    error_count: int


@dataclass(frozen=True, slots=True)
class Match:
    """A hit of `search_trace`: `start` and `end` index into the text of `field`.

    `field` is `name`, `status_message`, `attributes.<key>` or `events.<index>.<key>`.
    """

    span_id: str
    field: str
    start: int
    end: int
    text: str


class InspectionAPI(Protocol):
    """Read-only access to traces.

    Methods that take a trace or span id raise `TraceNotFound` or `SpanNotFound`; any may raise
    `SourceUnavailable`. `filter_expr` selects traces with at least one matching span and raises
    `FilterSyntaxError` with the position where it does not parse.
    """

    def list_traces(
        self,
        *,
        project_name: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        filter_expr: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[TraceSummary]:
        """Traces that have a span in [start_ns, end_ns) and pass the filter."""
        ...

    def close(self) -> None:
        """Free what the API holds; it answers no more."""
        ...

    def count_traces(self) -> int:
        """How many traces the source holds."""
        ...

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text, shorter ones first, then in order; at most `limit`."""
        ...

    def get_trace(self, trace_id: str) -> Trace:
        """All spans of a trace, as one value."""
        ...

    def get_traces(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
        """Several traces, each once, in the order of their ids; one that is not there raises."""
        ...

    def get_evaluations(self, trace_id: str) -> Sequence[Evaluation]:
        """The verdicts that the data carries of a trace and of its spans, earliest first."""
        ...

    def list_spans(self, trace_id: str, kind: SpanKind | None = None) -> Sequence[Span]:
        """The spans of a trace, of one kind if given."""
        ...

    def get_span(self, trace_id: str, span_id: str) -> Span: ...

    def get_children(self, trace_id: str, span_id: str) -> Sequence[Span]:
        """Direct children of a span."""
        ...

    def get_messages(self, trace_id: str, span_id: str) -> Sequence[Message]:
        """Input messages, then output messages; the position is the evidence index."""
        ...

    def get_tool_io(self, trace_id: str, span_id: str) -> ToolIO | None:
        """The tool call that the span is; None where it is none."""
        ...

    def get_retrieval_chunks(self, trace_id: str, span_id: str) -> Sequence[RetrievalChunk]: ...

    def search_trace(
        self, trace_id: str, pattern: str, fields: Sequence[str] | None = None, *, limit: int = 50
    ) -> Sequence[Match]:
        """Matches of an RE2 pattern (linear time) in the texts of a trace.

        `fields` narrows to fields that equal or start with one of the given names. Raises
        `UsageError` where the pattern is no RE2 pattern.
        """
        ...
