"""An agent below another agent works for it: what it does was delegated."""

from __future__ import annotations

from investigator.controls.checking import Subject
from investigator.traces.model import Span, SpanKind


def delegated_agents(subject: Subject) -> tuple[Span, ...]:
    """AGENT spans that stand below another agent, in order."""
    found, stack = set[str](), [(root, False) for root in subject.trace.roots]
    while stack:
        span, below = stack.pop()
        is_agent = span.kind is SpanKind.AGENT
        if is_agent and below:
            found.add(span.span_id)
        children = subject.trace.children(span.span_id)
        stack += [(child, below or is_agent) for child in children]
    return tuple(span for span in subject.trace.spans if span.span_id in found)
