"""Whatever can read one whole trace can answer every question about its spans.

`TraceReads` derives the span-level half of the inspection API from `get_trace`, so that all
sources answer alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from investigator.errors import SpanNotFound
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.patterns import Pattern
from investigator.ground.wording import counted
from investigator.store.api import Match
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Message, RetrievalChunk, Span, SpanKind, ToolIO, Trace
from investigator.traces.openinference import messages_of, retrieval_chunks_of, tool_io_of


class TraceReads(ABC):
    """The reads of `InspectionAPI` that need one trace only."""

    @abstractmethod
    def get_trace(self, trace_id: str) -> Trace:
        """All spans of a trace, as one value; raises `TraceNotFound`."""

    def get_traces(self, trace_ids: Sequence[str]) -> Iterator[Trace]:
        """Several traces, each once, in the order of their ids; raises `TraceNotFound`."""
        return (self.get_trace(trace_id) for trace_id in sorted(set(trace_ids)))

    def get_evaluations(self, trace_id: str) -> Sequence[Evaluation]:
        """The verdicts on a trace and its spans: by time (missing last), then span and name."""
        return self.get_trace(trace_id).evaluations

    def list_spans(self, trace_id: str, kind: SpanKind | None = None) -> Sequence[Span]:
        """The spans of a trace, in order, of one kind if given."""
        spans = self.get_trace(trace_id).spans
        return spans if kind is None else tuple(span for span in spans if span.kind is kind)

    def get_span(self, trace_id: str, span_id: str) -> Span:
        """One span; raises `SpanNotFound`, which says how many spans there are."""
        trace = self.get_trace(trace_id)
        span = trace.get(span_id)
        if span is None:
            raise SpanNotFound(
                f"no span '{span_id}' in trace '{trace_id}' ({counted(len(trace.spans), 'span')});"
                " list_spans gives their ids"
            )
        return span

    def get_children(self, trace_id: str, span_id: str) -> Sequence[Span]:
        """Direct children of a span, in order."""
        self.get_span(trace_id, span_id)
        return self.get_trace(trace_id).children(span_id)

    def get_messages(self, trace_id: str, span_id: str) -> Sequence[Message]:
        """Input messages, then output messages."""
        return messages_of(self.get_span(trace_id, span_id))

    def get_tool_io(self, trace_id: str, span_id: str) -> ToolIO | None:
        """The tool call that the span is; None where it is none."""
        return tool_io_of(self.get_span(trace_id, span_id))

    def get_retrieval_chunks(self, trace_id: str, span_id: str) -> Sequence[RetrievalChunk]:
        """Retrieved documents, by position."""
        return retrieval_chunks_of(self.get_span(trace_id, span_id))

    def search_trace(
        self, trace_id: str, pattern: str, fields: Sequence[str] | None = None, *, limit: int = 50
    ) -> Sequence[Match]:
        """The first `limit` non-empty matches, by span, then field, then place in the text."""
        found = _matches(self.get_trace(trace_id), Pattern(pattern), fields)
        return tuple(islice(found, max(limit, 0)))


def first_ids(ids: Iterable[str], prefix: str, *, limit: int) -> tuple[str, ...]:
    """The first of the ids that begin with a text: shorter ones first, then in order."""
    found = sorted((one for one in ids if one.startswith(prefix)), key=lambda one: (len(one), one))
    return tuple(found[:limit])


def texts_of(span: Span) -> Iterator[tuple[str, str]]:
    """Every text of a span with the field it stands in; attribute keys in sorted order."""
    yield "name", span.name
    yield "status_message", span.status_message
    for key in sorted(span.attributes):
        yield f"attributes.{key}", _text(span.attributes[key])
    for index, event in enumerate(span.events):
        for key in sorted(event.attributes):
            yield f"events.{index}.{key}", _text(event.attributes[key])


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value)


def _matches(trace: Trace, pattern: Pattern, fields: Sequence[str] | None) -> Iterator[Match]:
    for span in trace.spans:
        for field, text in texts_of(span):
            if fields is None or any(field.startswith(start) for start in fields):
                for hit in pattern.hits(text):
                    yield Match(span.span_id, field, hit.start, hit.end, hit.text)
