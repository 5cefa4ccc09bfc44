"""A canonical Parquet file behind the inspection API, read by parts, never as a whole.

One trace is one lookup: the file is sorted by trace id, so all row groups but one or two are
skipped by their statistics. Lists read the narrow columns. Memory is bounded by DuckDB's limit
and by the answer. Every call has a cursor of its own, so worker threads may share one API.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from investigator.errors import SourceUnavailable, TraceNotFound, UnreadableInput
from investigator.ground.garbage import cycle_search_at_rest
from investigator.store.api import TraceSummary
from investigator.store.reads import TraceReads
from investigator.store.trace_selection import EVERY_TRACE, TraceSelection, conditions
from investigator.traces.bounded_rows import MAX_TRACE_BYTES, BoundedColumn, bounded_rows, too_large
from investigator.traces.databases import LISTS, LOOKUPS, NUMBERED, PARQUET, Row
from investigator.traces.model import Trace
from investigator.traces.parquet import (
    EVALUATION,
    LONG_COLUMNS,
    SPAN_COLUMNS,
    FileFacts,
    canonical_facts,
    read_row,
    said_of,
    trace_of,
)

_REMEMBERED_TRACES = 4
_TOGETHER = 500
"""Traces that one pass over the file reads: few enough to look for their ids in each row."""
_COLUMNS = tuple(
    BoundedColumn(name, f"coalesce(strlen({name}), 0)" if name in LONG_COLUMNS else None)
    for name in SPAN_COLUMNS
)
_LIST = f"""
    with wanted as (
        select trace_id, min(start_ns) as first_ns
        from {PARQUET} where kind <> '{EVALUATION}'
        group by trace_id having {{conditions}}
        order by first_ns nulls last, length(trace_id), trace_id {{page}}
    ),
    kept as (
        select * from (
            select trace_id, span_id, parent_id, name, start_ns, end_ns, status, project_name,
                row_number() over (
                    partition by trace_id, span_id order by start_ns nulls last, file_row_number
                ) as occurrence, file_row_number as place
            from {NUMBERED}
            where trace_id in (select trace_id from wanted) and kind <> '{EVALUATION}'
        ) where occurrence = 1
    ),
    rooted as (
        select kept.*, parent.span_id is null as is_root
        from kept left join (select trace_id, span_id from kept) as parent
            on kept.trace_id = parent.trace_id and kept.parent_id = parent.span_id
    ),
    summaries as (
        select trace_id,
            arg_min(project_name, place) filter (coalesce(project_name, '') <> '') as project_name,
            coalesce(arg_min(name, place) filter (is_root), arg_min(name, place)) as root_name,
            min(start_ns) as start_ns, max(end_ns) as end_ns,
            count(*) as span_count, count(*) filter (status = 'ERROR') as error_count
        from rooted group by trace_id
    )
    select trace_id, project_name, root_name, start_ns, end_ns, span_count, error_count
    from summaries order by start_ns nulls last, length(trace_id), trace_id
"""


_SMALL_BYTES = 64_000


class TraceExtent(NamedTuple):
    """A trace of the file: how many spans it has, and when the first began (None: unknown)."""

    trace_id: str
    spans: int
    start_ns: int | None


class ParquetInspectionAPI(TraceReads):
    """The inspection API over one canonical Parquet file, as `write_spans` writes it.

    Raises:
        SourceUnavailable: the file is missing, damaged, or no canonical file.
    """

    def __init__(self, path: Path | str, facts: FileFacts | None = None) -> None:
        """`facts` are what the file says of itself, where they are known already."""
        self.path = Path(path)
        said = canonical_facts(self.path) if facts is None else facts
        if said is None:
            raise SourceUnavailable(_why_not_readable(self.path))
        self._facts = said
        self._lookups = LOOKUPS.open(self.path, room_mb=said.room_mb)
        # One more database takes longer than to list a small file.
        small = self.path.stat().st_size <= _SMALL_BYTES
        self._lists = (LOOKUPS if small else LISTS).open(self.path, room_mb=said.room_mb)
        self._remembered: OrderedDict[str, Trace] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Free what the API holds; it answers no more."""
        self._lookups.close()
        self._lists.close()
        self._remembered.clear()

    def count_traces(self) -> int:
        """How many traces the file holds, as written in its metadata."""
        return self._facts.traces

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text; a scan of one narrow column."""
        found = self._lists.rows(
            f"select distinct trace_id from {PARQUET} where starts_with(trace_id, $2)"
            f" and kind <> '{EVALUATION}'"
            f" order by length(trace_id), trace_id limit {limit:d}",
            prefix,
        )
        return tuple(str(trace_id) for (trace_id,) in found)

    def get_trace(self, trace_id: str) -> Trace:
        """All spans of a trace; the last few traces are remembered."""
        with self._lock:
            known = self._remembered.get(trace_id)
            if known is not None:
                self._remembered.move_to_end(trace_id)
                return known
        trace = self._read_trace(trace_id)
        with self._lock:
            self._remembered[trace_id] = trace
            while len(self._remembered) > _REMEMBERED_TRACES:
                self._remembered.popitem(last=False)
        return trace

    def get_traces(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
        """Several traces in one pass over the file for each `_TOGETHER` of them."""
        wanted = sorted(set(trace_ids))
        for begin in range(0, len(wanted), _TOGETHER):
            yield from self._read_traces(wanted[begin : begin + _TOGETHER])

    def _read_traces(self, wanted: Sequence[str]) -> Iterator[Trace]:
        """They in order; one whose rows do not come in one piece, or not at all, is read alone."""
        batches = bounded_rows(
            self._lookups,
            _COLUMNS,
            list(wanted),
            wanted[0],
            wanted[-1],
            where="trace_id between $3 and $4 and list_contains($2, trace_id)",
        )
        rows = (row for batch in batches for row in batch)
        pieces = groupby(rows, key=_trace_id_of)
        following = next(pieces, None)
        for trace_id in wanted:
            if following is None or following[0] != trace_id:
                yield self.get_trace(trace_id)
                continue
            yield self._made(trace_id, _bounded(following[1]))
            following = next(pieces, None)

    def _read_trace(self, trace_id: str) -> Trace:
        batches = bounded_rows(
            self._lookups, _COLUMNS, trace_id, where="trace_id = $2", most=MAX_TRACE_BYTES
        )
        with cycle_search_at_rest():
            return self._made(trace_id, (row for rows in batches for row in rows))

    def _made(self, trace_id: str, rows: Iterable[Row]) -> Trace:
        """The trace of these rows."""
        try:
            trace = trace_of(trace_id, map(read_row, rows))
        except UnreadableInput as error:
            raise SourceUnavailable(
                f"trace '{trace_id}' of '{self.path}' cannot be read: {error}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise SourceUnavailable(f"'{self.path}' is damaged: {error}") from error
        if not trace.spans:
            raise TraceNotFound(
                f"no trace '{trace_id}' in {self.path.name} ({self._facts.traces} traces);"
                f" 'investigator traces {self.path.name}' lists them",
                trace_id=trace_id,
            )
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
        selection = TraceSelection(project_name, start_ns, end_ns, filter_expr)
        chosen = conditions(selection, first=2)
        page = f"offset {offset}" if limit is None else f"limit {limit} offset {offset}"
        query = _LIST.format(conditions=chosen.sql, page=page)
        return [TraceSummary(*row) for row in self._rows(query, list(chosen.parameters))]

    def extents(self, selection: TraceSelection = EVERY_TRACE) -> Iterator[TraceExtent]:
        """How long each trace of a selection is, in the order of the file."""
        chosen = conditions(selection, first=2)
        query = (
            f"select trace_id, count(*), min(start_ns) from {PARQUET}"
            f" where kind <> '{EVALUATION}' group by trace_id having {chosen.sql} order by trace_id"
        )
        try:
            for rows in self._lists.stream(query, *chosen.parameters, size=_TOGETHER):
                yield from (TraceExtent(*row) for row in rows)
        except UnreadableInput as error:
            raise SourceUnavailable(f"'{self.path}' cannot be read: {error}") from error

    def traces_between(
        self, first: str, last: str, selection: TraceSelection = EVERY_TRACE
    ) -> Iterator[Trace]:
        """The traces of a selection from one id to another, in one pass over their row groups."""
        within = "trace_id between $2 and $3"
        chosen = conditions(selection, first=4)
        if selection != EVERY_TRACE:
            within += (
                f" and trace_id in (select trace_id from {PARQUET} where {within}"
                f" and kind <> '{EVALUATION}' group by trace_id having {chosen.sql})"
            )
        batches = bounded_rows(
            self._lookups, _COLUMNS, first, last, *chosen.parameters, where=within
        )
        rows = (row for batch in batches for row in batch)
        for trace_id, of_trace in groupby(rows, key=_trace_id_of):
            yield self._made(str(trace_id), _bounded(of_trace))

    def _rows(self, query: str, parameters: list[object]) -> list[Row]:
        try:
            return self._lists.rows(query, *parameters)
        except UnreadableInput as error:
            raise SourceUnavailable(f"'{self.path}' cannot be read: {error}") from error


def _bounded(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of one trace, which may not be longer than a trace may be.

    Raises:
        UnreadableInput: they are.
    """
    total = 0
    for row in rows:
        total += sum(len(value) for value in row if isinstance(value, str))
        if total > MAX_TRACE_BYTES:
            raise UnreadableInput(too_large("a trace", total, limit=MAX_TRACE_BYTES, at_least=True))
        yield row


def _trace_id_of(row: Row) -> object:
    return row[0]


def _why_not_readable(path: Path) -> str:
    if not path.is_file():
        return f"no file '{path}'"
    try:
        said_of(path)
    except UnreadableInput as error:
        return f"'{path}' cannot be read: {error}"
    return (
        f"'{path}' is a Parquet file, but none that 'investigator ingest' wrote;"
        f" 'investigator ingest {path.name} -o traces.parquet' makes one of it"
    )
