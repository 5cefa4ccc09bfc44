"""A fault is closed when the same agent later got the same thing to work.

For a call: a later call of the same tool, in the same loop, that worked. For another step: a
later step of the same kind, beside it, that did not fail. A model that cannot answer at all is
not recovered by answering something else, so faults of an answer have no recovery here.
"""

from __future__ import annotations

from collections.abc import Callable

from investigator.signals.view import Attempt, TraceView, error_of
from investigator.traces.model import Span, SpanKind


def later_successes(view: TraceView, works: Callable[[Attempt], bool]) -> tuple[str | None, ...]:
    """For each attempt of the view, the span of the first later one of its tool that worked."""
    successes: dict[tuple[str | None, str], str] = {}
    found: list[str | None] = []
    for attempt in reversed(view.attempts):
        key = (view.scope(attempt.span), attempt.tool)
        found.append(successes.get(key))
        if works(attempt):
            successes[key] = attempt.span.span_id
    return tuple(reversed(found))


def succeeded(attempt: Attempt) -> bool:
    """The attempt did not fail."""
    return attempt.failure is None


def later_steps(view: TraceView) -> dict[str, str]:
    """For each span, the next span of its kind beside it that did not fail, where there is one."""
    found: dict[str, str] = {}
    good: dict[tuple[str | None, SpanKind], str] = {}
    for span in reversed(view.trace.spans):
        key = (_parent_id(view, span), span.kind)
        if key in good:
            found[span.span_id] = good[key]
        if error_of(span) is None:
            good[key] = span.span_id
    return found


def _parent_id(view: TraceView, span: Span) -> str | None:
    parent = view.trace.parent(span)
    return None if parent is None else parent.span_id
