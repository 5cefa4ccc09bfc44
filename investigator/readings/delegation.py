"""An agent below another agent works for it: what it does was delegated."""

from __future__ import annotations

from investigator.traces.model import Span, SpanKind, Trace


def delegated_agents(trace: Trace) -> tuple[Span, ...]:
    """AGENT spans that stand below another agent, in order."""
    found, stack = set[str](), [(root, False) for root in trace.roots]
    while stack:
        span, below = stack.pop()
        is_agent = span.kind is SpanKind.AGENT
        if is_agent and below:
            found.add(span.span_id)
        children = trace.children(span.span_id)
        stack += [(child, below or is_agent) for child in children]
    return tuple(span for span in trace.spans if span.span_id in found)
