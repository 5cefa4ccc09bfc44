"""Traces that are values already, behind the inspection API: the public test double.

It answers as the Parquet implementation does; one conformance suite runs against both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from investigator.errors import TraceNotFound
from investigator.ground.wording import counted
from investigator.store.api import TraceSummary
from investigator.store.filter import Filter, matches
from investigator.store.filter_parser import parse_filter
from investigator.store.reads import TraceReads, first_ids
from investigator.traces.model import Span, StatusCode, Trace
from investigator.traces.parquet import project_of


class MemoryInspectionAPI(TraceReads):
    """The inspection API over traces given as values; a later trace of an id wins."""

    def __init__(self, traces: Iterable[Trace]) -> None:
        self._traces = {trace.trace_id: trace for trace in traces if trace.spans}

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
        """Traces that have a span in the window and pass the filter."""
        wanted = None if filter_expr is None else parse_filter(filter_expr)
        found = sorted(
            (
                summary_of(trace)
                for trace in self._traces.values()
                if _in_window(trace, start_ns, end_ns)
                and _passes(trace, wanted)
                and _in_project(trace, project_name)
            ),
            key=_trace_order,
        )
        return found[offset:] if limit is None else found[offset : offset + limit]

    def count_traces(self) -> int:
        """How many traces there are."""
        return len(self._traces)

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text."""
        return first_ids(self._traces, prefix, limit=limit)

    def get_trace(self, trace_id: str) -> Trace:
        """The trace of that id; raises `TraceNotFound`."""
        try:
            return self._traces[trace_id]
        except KeyError:
            raise TraceNotFound(
                f"no trace '{trace_id}' in memory ({counted(len(self._traces), 'trace')})",
                trace_id=trace_id,
            ) from None

    def close(self) -> None:
        """Nothing is held open."""


def summary_of(trace: Trace) -> TraceSummary:
    """The row of a trace in `list_traces`."""
    starts = [span.start_ns for span in trace.spans if span.start_ns is not None]
    ends = [span.end_ns for span in trace.spans if span.end_ns is not None]
    return TraceSummary(
        trace_id=trace.trace_id,
        project_name=next(filter(None, map(project_of, trace.spans)), None),
        root_name=next((root.name for root in trace.roots), None),
        start_ns=min(starts, default=None),
        end_ns=max(ends, default=None),
        span_count=len(trace.spans),
        error_count=sum(span.status is StatusCode.ERROR for span in trace.spans),
    )


def _trace_order(row: TraceSummary) -> tuple[bool, int, int, str]:
    return (row.start_ns is None, row.start_ns or 0, len(row.trace_id), row.trace_id)


def _in_window(trace: Trace, start_ns: int | None, end_ns: int | None) -> bool:
    if start_ns is None and end_ns is None:
        return True
    return any(_starts_within(span, start_ns, end_ns) for span in trace.spans)


def _starts_within(span: Span, start_ns: int | None, end_ns: int | None) -> bool:
    at = span.start_ns
    if at is None:
        return False
    return (start_ns is None or start_ns <= at) and (end_ns is None or at < end_ns)


def _passes(trace: Trace, wanted: Filter | None) -> bool:
    return wanted is None or any(matches(wanted, span) for span in trace.spans)


def _in_project(trace: Trace, name: str | None) -> bool:
    return name is None or any(project_of(span) == name for span in trace.spans)
