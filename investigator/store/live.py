"""A live source goes on changing, so what is asked of a list is asked of a file made for it.

One trace is asked for by its id, so it is always whole. Lists are answered from a canonical file
of the traces that may be in them: a window or a filter means the same as in a frozen file, because
the same code answers. A run freezes what it is about before it begins.
"""

from __future__ import annotations

import tempfile
import threading
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from investigator.errors import TraceNotFound
from investigator.formats.source_files import Unreadable
from investigator.ground.wording import counted
from investigator.store.api import TraceSummary
from investigator.store.filter_parser import parse_filter
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.store.reads import TraceReads
from investigator.traces.model import Span, Trace
from investigator.traces.parquet import TraceRow, WriteSummary, write_spans

_REMEMBERED_TRACES = 4
_COUNTED_SPANS = 500

OnCount = Callable[[int], None]
R = TypeVar("R", Span, TraceRow)


class LiveInspectionAPI(TraceReads):
    """The inspection API over what changes; every read may raise `SourceUnavailable`."""

    place: str
    """What the source is called, as it can be opened again."""

    def __init__(self, place: str, *, on_span_count: OnCount | None = None) -> None:
        self.place = place
        self._on_span_count = on_span_count
        self._remembered: OrderedDict[str, Trace] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """What could not be read, of what was read so far."""
        return ()

    @abstractmethod
    def close(self) -> None:
        """Free what the API holds; it answers no more."""

    @abstractmethod
    def count_traces(self) -> int:
        """How many traces the source holds now."""

    @abstractmethod
    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text, shorter ones first, then in order; at most `limit`."""

    @abstractmethod
    def trace_ids_in(self, start_ns: int | None, end_ns: int | None) -> Sequence[str]:
        """The traces that may have a span in the window; who lists them compares exactly."""

    @abstractmethod
    def read_rows(self, trace_ids: Sequence[str] | None) -> Iterator[TraceRow]:
        """The spans of whole traces, of those named or of all, and the verdicts on them."""

    @abstractmethod
    def read_trace(self, trace_id: str) -> Trace | None:
        """All of one trace; None where there is none of that id."""

    def get_trace(self, trace_id: str) -> Trace:
        """All spans of a trace; the last few traces are remembered."""
        with self._lock:
            known = self._remembered.get(trace_id)
        if known is not None:
            return known
        trace = self.read_trace(trace_id)
        if trace is None:
            raise TraceNotFound(
                f"no trace '{trace_id}' in {self.place} ({counted(self.count_traces(), 'trace')})",
                trace_id=trace_id,
            )
        with self._lock:
            self._remembered[trace_id] = trace
            while len(self._remembered) > _REMEMBERED_TRACES:
                self._remembered.popitem(last=False)
        return trace

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
        if filter_expr is not None:
            parse_filter(filter_expr)
        with tempfile.TemporaryDirectory(prefix="investigator-") as folder:
            frozen = Path(folder) / "traces.parquet"
            write_spans(self.spans(start_ns=start_ns, end_ns=end_ns), frozen)
            api = ParquetInspectionAPI(frozen)
            try:
                return api.list_traces(
                    project_name=project_name,
                    start_ns=start_ns,
                    end_ns=end_ns,
                    filter_expr=filter_expr,
                    limit=limit,
                    offset=offset,
                )
            finally:
                api.close()

    def freeze(
        self,
        target: Path,
        *,
        trace_ids: Sequence[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> WriteSummary:
        """Write whole traces to one canonical file: those named, those of a window, or all."""
        return write_spans(self.stored(trace_ids, start_ns=start_ns, end_ns=end_ns), target)

    def stored(
        self,
        trace_ids: Sequence[str] | None = None,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[TraceRow]:
        """The spans of whole traces, those named, those of a window or all, with the verdicts."""
        if trace_ids is None and (start_ns is not None or end_ns is not None):
            trace_ids = self.trace_ids_in(start_ns, end_ns)
        return self.counted_out(self.read_rows(trace_ids))

    def spans(
        self,
        trace_ids: Sequence[str] | None = None,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[Span]:
        """The spans of whole traces."""
        rows = self.stored(trace_ids, start_ns=start_ns, end_ns=end_ns)
        return (row for row in rows if isinstance(row, Span))

    def counted_out(self, rows: Iterator[R]) -> Iterator[R]:
        """The rows, while whoever asked for it is told how many spans there were so far."""
        count = 0
        for row in rows:
            yield row
            count += isinstance(row, Span)
            if self._on_span_count is not None and count % _COUNTED_SPANS == 0:
                self._on_span_count(count)
