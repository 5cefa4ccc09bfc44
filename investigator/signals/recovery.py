"""A fault is closed when the same agent later got the same thing to work.

For a call: a later call of the same tool, in the same loop, that worked; a call that the model
got wrong is also made good where another tool later took one of its values. For another step: a
later step of the same kind, beside it, that did not fail, or what made good the call that it was
a part of. A model that cannot answer at all is not recovered by answering something else, so
faults of an answer have no recovery here.
"""

from __future__ import annotations

from collections.abc import Callable

from investigator.ground.canonical_json import json_object
from investigator.readings.faults import Fault
from investigator.readings.view import Attempt, TraceView, error_of
from investigator.traces.model import Span, SpanKind

_ARGUMENTS_LIMIT = 20_000
_TELLING = 3
_VALUE_LIMIT = 200
_WRONG_CALLS = frozenset({Fault.BAD_ARGUMENTS, Fault.UNKNOWN_TOOL})


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


def attempt_succeeded(attempt: Attempt) -> bool:
    """The attempt did not fail."""
    return attempt.failure is None


def _later_steps(view: TraceView) -> dict[str, str]:
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


class Recoveries:
    """What made each failed span good, if anything did."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        later = later_successes(view, attempt_succeeded)
        self._steps = _later_steps(view)
        self._attempts = {a.span.span_id: (later[i], a) for i, a in enumerate(view.attempts)}
        self._reused = ReusedValues(view)

    def of(self, span: Span, fault: Fault) -> str | None:
        """The span that made good the fault, or the failed call that it was a part of."""
        call = self._view.scope(span)
        return self._of_step(span, fault) or (self._of_call(call, fault) if call else None)

    def _of_step(self, span: Span, fault: Fault) -> str | None:
        if span.kind is not SpanKind.TOOL:
            return self._steps.get(span.span_id)
        return self._of_call(span.span_id, fault)

    def _of_call(self, span_id: str, fault: Fault) -> str | None:
        again, attempt = self._attempts.get(span_id, (None, None))
        if attempt is None or attempt.failure is None:
            return None
        if again is None and fault in _WRONG_CALLS:
            return self._reused.after(attempt.span, attempt.arguments)
        return again


class ReusedValues:
    """Which values calls that worked were given: a wrong call is mended by handing them on."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._worked: dict[tuple[str | None, str], Span] = {}
        for attempt in view.attempts:
            if attempt.failure is None:
                for value in _telling_values(attempt.arguments):
                    self._worked[view.scope(attempt.span), value] = attempt.span

    def after(self, span: Span, arguments: str) -> str | None:
        """The last call after `span`, in its loop, that worked with one of these arguments."""
        scope = self._view.scope(span)
        found = (self._worked.get((scope, value)) for value in _telling_values(arguments))
        start = self._view.position(span)
        later = (one for one in found if one is not None and self._view.position(one) > start)
        return next((one.span_id for one in later), None)


def _telling_values(arguments: str) -> tuple[str, ...]:
    """The short texts and the numbers among the arguments; none where they are no JSON object."""
    if len(arguments) > _ARGUMENTS_LIMIT:
        return ()
    values = (json_object(arguments) or {}).values()
    return tuple(
        str(value)
        for value in values
        if isinstance(value, str | int | float)
        and not isinstance(value, bool)
        and _TELLING <= len(str(value)) <= _VALUE_LIMIT
    )


def _parent_id(view: TraceView, span: Span) -> str | None:
    parent = view.trace.parent(span)
    return None if parent is None else parent.span_id
