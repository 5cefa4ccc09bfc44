"""The traces of one session as one trace, each span of which still says which trace it is of.

They follow each other in the order of their times; where one has none, in the order in which a
source lists traces. A span id that two of them have is written `TRACE/SPAN` in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span, Trace

SESSION_KEYS = (
    "session.id",
    "gen_ai.conversation.id",
    "conversation.id",
    "thread.id",
    "session_id",
    "conversation_id",
    "thread_id",
    "metadata.session_id",
    "metadata.conversation_id",
    "metadata.thread_id",
)
"""Where a span names its session, whatever the source calls it; most formats say `session.id`."""


def sessions_of(spans: Iterable[Span]) -> Iterator[str]:
    """The sessions that spans name, as they come."""
    for span in spans:
        for key in SESSION_KEYS:
            named = span.text(key)
            if named:
                yield named


def session_trace(session_id: str, traces: Sequence[Trace]) -> Trace:
    """The traces, at least one, as one trace of that id."""
    ordered = sorted(traces, key=_began)
    seen = Counter(span.span_id for trace in ordered for span in trace.spans)
    shared = {span_id for span_id, count in seen.items() if count > 1}
    return Trace(
        session_id,
        [_named(span, shared) for trace in ordered for span in trace.spans],
        [_verdict(one, shared) for trace in ordered for one in trace.evaluations],
        trace_ids=[trace.trace_id for trace in ordered],
    )


def _began(trace: Trace) -> tuple[bool, int, int, str]:
    starts = [span.start_ns for span in trace.spans if span.start_ns is not None]
    return (not starts, min(starts, default=0), len(trace.trace_id), trace.trace_id)


def _named(span: Span, shared: set[str]) -> Span:
    span_id, parent_id = _id(span.trace_id, span.span_id, shared), span.parent_id
    if parent_id is not None:
        parent_id = _id(span.trace_id, parent_id, shared)
    if (span_id, parent_id) == (span.span_id, span.parent_id):
        return span
    return replace(span, span_id=span_id, parent_id=parent_id)


def _verdict(one: Evaluation, shared: set[str]) -> Evaluation:
    if one.span_id is None or one.span_id not in shared:
        return one
    return replace(one, span_id=_id(one.trace_id, one.span_id, shared))


def _id(trace_id: str, span_id: str, shared: set[str]) -> str:
    return f"{trace_id}/{span_id}" if span_id in shared else span_id
