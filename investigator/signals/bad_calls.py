"""Calls are checked against the tools that the model was offered in the same request.

A name that was not offered is an unknown tool; arguments that are not JSON, lack a required
property or hold one that the schema does not know are bad arguments. Where a request records no
tools, nothing is known and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.arguments import misnamed
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import offered_tools
from investigator.signals.recovery import ReusedValues
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span, ToolCall


class _Problem(NamedTuple):
    call: ToolCall
    fault: Fault
    reason: str


def detect_bad_calls(readings: Readings) -> Iterator[Signal]:
    """Calls of model spans to tools not offered, or with arguments that cannot be right."""
    view = readings.view
    successes = _Successes(view)
    reused = ReusedValues(view)
    for span in view.model_calls:
        for problem in _problems(view, span):
            yield build_signal(
                view,
                detector=problem.fault.value,
                fault=problem.fault,
                span=span,
                evidence=[view.spoken_evidence(span), span_evidence(span)],
                summary=f"the model called {problem.call.name} {problem.reason}",
                strength=0.8,
                recovered_by=successes.after(span, problem.call.name)
                or reused.after(span, problem.call.arguments),
            )


def _problems(view: TraceView, span: Span) -> Iterator[_Problem]:
    calls = [call for message in view.outputs(span) for call in message.tool_calls]
    offered = offered_tools(span) if calls else {}
    for call in calls:
        if offered and call.name and call.name not in offered:
            reason = f"which is none of the {len(offered)} tools offered"
            yield _Problem(call, Fault.UNKNOWN_TOOL, reason)
            continue
        problem = misnamed(call.arguments, offered.get(call.name))
        if problem is not None:
            yield _Problem(call, Fault.BAD_ARGUMENTS, f"with {problem}")


class _Successes:
    """When each tool last worked in each loop; a bad call before that was made good."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._last = {
            (view.scope(attempt.span), attempt.tool): attempt.span
            for attempt in view.attempts
            if attempt.failure is None
        }

    def after(self, span: Span, tool: str) -> str | None:
        """The last success of the tool in the loop of `span`, if it came after `span`."""
        last = self._last.get((self._view.scope(span), tool))
        later = last is not None and self._view.position(last) > self._view.position(span)
        return last.span_id if last is not None and later else None


DETECTOR = Detector("bad_calls", detect_bad_calls)
