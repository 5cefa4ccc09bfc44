"""What keeps a trace from being called free of faults, though no detector saw one."""

from __future__ import annotations

from investigator.readings.quoting import shortened
from investigator.traces.model import REDACTED, Span, SpanKind, Trace
from investigator.traces.openinference import messages_of

_NAMED = 3


def completeness(trace: Trace) -> tuple[str, ...]:
    """Reasons, one a line, why the absence of signals proves nothing; empty where it does."""
    if not trace.spans:
        return ("the trace has no spans",)
    timed = not _is_chat(trace)
    reasons = [
        _about(_orphans(trace), "whose parent is not in the trace"),
        _about(trace.cycle_ids, "in a cycle of parents"),
        _about(trace.duplicate_ids, "with an id that another span has"),
        _about([s.span_id for s in trace.spans if _hidden(s)], "with hidden content"),
        _about([s.span_id for s in trace.spans if _silent(s)], "of a model without messages"),
        _about([s.span_id for s in trace.spans if timed and s.start_ns is None], "without a start"),
        _about([s.span_id for s in trace.spans if timed and s.end_ns is None], "without an end"),
        _about([s.span_id for s in trace.spans if _is_reversed(s)], "that ends before it starts"),
    ]
    if not any(span.parent_id is None for span in trace.spans):
        reasons.insert(0, "the trace has no root span")
    return tuple(reason for reason in reasons if reason is not None)


def _orphans(trace: Trace) -> list[str]:
    return [
        span.span_id
        for span in trace.spans
        if span.parent_id is not None and trace.get(span.parent_id) is None
    ]


def _is_chat(trace: Trace) -> bool:
    """A transcript: turns without times, which no such format has."""
    return all(
        span.start_ns is None and span.end_ns is None and span.parent_id is None and _speaks(span)
        for span in trace.spans
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


def _about(ids: list[str] | tuple[str, ...], what: str) -> str | None:
    if not ids:
        return None
    unique = sorted(set(ids))
    named = ", ".join(shortened(i, 40) for i in unique[:_NAMED])
    more = f" and {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return f"{len(unique)} span{'s' * (len(unique) > 1)} {what}: {named}{more}"
