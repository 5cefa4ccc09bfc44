"""A live Phoenix project behind the inspection API.

Phoenix's time window cuts spans, so the traces that have a span in it are read whole afterwards.
Spans of Phoenix's project `default` name no project, like those that were sent without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from investigator.connectors.phoenix.address import DEFAULT_PROJECT
from investigator.connectors.phoenix.annotating import annotations_on
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.errors import SourceUnavailable, UnreadableInput
from investigator.formats.phoenix import decode_phoenix
from investigator.store.live import LiveInspectionAPI, OnCount
from investigator.store.reads import first_ids
from investigator.traces.model import Span, Trace, iso_time
from investigator.traces.parquet import TraceRow

PROJECT_KEY = "resource.openinference.project.name"
PAGE_SPANS = 500
"""How many spans one request asks for; memory holds one page at a time."""
BATCH_TRACES = 40
"""How many traces one request names; more would make its address too long."""

_SPANS_SINCE = "Phoenix 8.0"
_BY_TRACE_SINCE = "Phoenix 13.9"
_TRACES_SINCE = "Phoenix 14.0"


class PhoenixInspectionAPI(LiveInspectionAPI):
    """The inspection API over one project of a live Phoenix.

    Every read may raise `SourceUnavailable`, which says what Phoenix said and what to do.
    """

    def __init__(self, connection: PhoenixConnection, *, on_span_count: OnCount | None = None):
        super().__init__(str(connection.address), on_span_count=on_span_count)
        self._connection = connection

    def close(self) -> None:
        """Close the connection; the API answers no more."""
        self._connection.close()

    def count_traces(self) -> int:
        """How many traces the project holds now."""
        return sum(1 for _ in self._pages("traces", {}, page=1000, since=_TRACES_SINCE))

    def trace_ids_from(self, prefix: str, *, limit: int) -> Sequence[str]:
        """The ids that begin with a text; Phoenix cannot be asked for them, so all are listed."""
        listed = self._pages("traces", {}, page=1000, since=_TRACES_SINCE)
        ids = (str(item.get("trace_id")) for item in listed)
        return first_ids(ids, prefix, limit=limit)

    def read_trace(self, trace_id: str) -> Trace | None:
        """All spans of a trace, with what was annotated on it."""
        spans = tuple(self._spans_of([trace_id]))
        return Trace(trace_id, spans, annotations_on(self._connection, spans)) if spans else None

    def read_rows(self, trace_ids: Sequence[str] | None) -> Iterator[TraceRow]:
        """The spans of whole traces, each batch followed by what was annotated on it."""
        spans = self._read_spans(trace_ids)
        asked: set[str] = set()
        while batch := tuple(islice(spans, PAGE_SPANS)):
            yield from batch
            yield from annotations_on(self._connection, batch, asked_traces=asked)

    def spans(
        self,
        trace_ids: Sequence[str] | None = None,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[Span]:
        """The spans of whole traces, page by page, without asking for annotations."""
        if trace_ids is None and (start_ns is not None or end_ns is not None):
            trace_ids = self.trace_ids_in(start_ns, end_ns)
        return self.counted_out(self._read_spans(trace_ids))

    def _read_spans(self, trace_ids: Sequence[str] | None) -> Iterator[Span]:
        return self._all_spans() if trace_ids is None else self._spans_of(trace_ids)

    def _all_spans(self) -> Iterator[Span]:
        return map(self._span, self._pages("spans", {}, page=PAGE_SPANS, since=_SPANS_SINCE))

    def _spans_of(self, trace_ids: Sequence[str]) -> Iterator[Span]:
        """The spans of the traces; a Phoenix that gives others too is too old to be asked."""
        for first in range(0, len(trace_ids), BATCH_TRACES):
            asked = list(trace_ids[first : first + BATCH_TRACES])
            items = self._pages(
                "spans", {"trace_id": asked}, page=PAGE_SPANS, since=_BY_TRACE_SINCE
            )
            for span in map(self._span, items):
                if span.trace_id not in asked:
                    raise SourceUnavailable(
                        f"{self._connection.address} cannot be asked for one trace: "
                        f"{_BY_TRACE_SINCE} or newer is needed"
                    )
                yield span

    def trace_ids_in(self, start_ns: int | None, end_ns: int | None) -> Sequence[str]:
        """The traces that have a span in the window.

        Phoenix keeps microseconds, so the bounds are widened to whole ones; who lists the traces
        compares exactly.
        """
        ids: dict[str, None] = {}
        params = {"start_time": _micro(start_ns, 0), "end_time": _micro(end_ns, 999)}
        for item in self._pages("spans", params, page=PAGE_SPANS, since=_SPANS_SINCE):
            ids[self._span(item).trace_id] = None
        return tuple(ids)

    def _pages(
        self, what: str, params: dict[str, Any], *, page: int, since: str
    ) -> Iterator[dict[str, Any]]:
        """The items of a list, oldest first, asked for page by page."""
        given = {name: value for name, value in params.items() if value is not None}
        url = self._connection.project_url(what)
        return self._connection.pages(url, {**given, "order": "asc"}, page=page, since=since)

    def _span(self, item: dict[str, Any]) -> Span:
        try:
            span = decode_phoenix(item)
        except UnreadableInput as error:
            raise SourceUnavailable(
                f"{self._connection.address} gave a span that is none: {error}"
            ) from error
        project = self._connection.address.project
        if project == DEFAULT_PROJECT or PROJECT_KEY in span.attributes:
            return span
        return replace(span, attributes={**span.attributes, PROJECT_KEY: project})


def _micro(time_ns: int | None, add_ns: int) -> str | None:
    return None if time_ns is None else iso_time((time_ns + add_ns) // 1000 * 1000)
