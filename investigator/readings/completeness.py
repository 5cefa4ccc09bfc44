"""What keeps a trace from being called free of faults, though no detector saw one."""

from __future__ import annotations

from collections.abc import Sequence

from investigator.readings.quoting import Quoting
from investigator.traces.model import REDACTED, Span, SpanKind, Trace
from investigator.traces.openinference import messages_of

_NAMED = 3


def completeness(trace: Trace, quote: Quoting) -> tuple[str, ...]:
    """Reasons, one a line, why the absence of signals proves nothing; empty where it does."""
    if not trace.spans:
        return ("the trace has no spans",)
    timed = not _is_chat(trace)
    kinds: list[tuple[Sequence[str], str]] = [
        (_orphans(trace), "whose parent is not in the trace"),
        (trace.cycle_ids, "in a cycle of parents"),
        (trace.duplicate_ids, "with an id that another span has"),
        ([s.span_id for s in trace.spans if _hidden(s)], "with hidden content"),
        ([s.span_id for s in trace.spans if _silent(s)], "of a model without messages"),
        ([s.span_id for s in trace.spans if timed and s.start_ns is None], "without a start"),
        ([s.span_id for s in trace.spans if timed and s.end_ns is None], "without an end"),
        ([s.span_id for s in trace.spans if _is_reversed(s)], "that ends before it starts"),
    ]
    rooted = any(span.parent_id is None for span in trace.spans)
    lines = [_about(ids, what, quote) for ids, what in kinds if ids]
    return tuple(lines if rooted else ["the trace has no root span", *lines])


def _orphans(trace: Trace) -> list[str]:
    return [
        span.span_id
        for span in trace.spans
        if span.parent_id is not None and trace.get(span.parent_id) is None
    ]


def _is_chat(trace: Trace) -> bool:
    """A transcript: turns that speak, and agents with turns below them."""
    return all(
        span.is_turn and (_speaks(span) or span.kind is SpanKind.AGENT) for span in trace.spans
    )


def _speaks(span: Span) -> bool:
    return bool(messages_of(span)) or span.text("output.value") is not None


def _is_reversed(span: Span) -> bool:
    return span.latency_ms is not None and span.latency_ms < 0


def _hidden(span: Span) -> bool:
    return any(isinstance(v, str) and REDACTED in v for v in span.attributes.values())


def _silent(span: Span) -> bool:
    """A model call that shows neither messages nor an output."""
    if span.kind is not SpanKind.LLM:
        return False
    return not messages_of(span) and not span.text("output.value")


def _about(ids: Sequence[str], what: str, quote: Quoting) -> str:
    unique = sorted(set(ids))
    named = ", ".join(quote.line(i, 40) for i in unique[:_NAMED])
    more = f" and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return f"{len(unique)} span{'s' * (len(unique) > 1)} {what}: {named}{more}"
