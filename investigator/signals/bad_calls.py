"""Calls are checked against the tools that the model was offered in the same request.

A name that was not offered is an unknown tool, or one that is missing from this request if a
request beside it in the loop offered it. Arguments that are not JSON, lack a required property or
hold one that the schema does not know are bad arguments. Where a request records no tools, nothing
is known and nothing is said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from investigator.ground.wording import counted
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView, same_arguments
from investigator.signals.arguments import misnamed
from investigator.signals.building import asked_evidence, build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import offered_tools
from investigator.signals.recovery import ReusedValues
from investigator.signals.tool_sets import offered_beside
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span, ToolCall

_CANDIDATES = 30
"""So many later calls are looked at for the one that is better."""


class _Problem(NamedTuple):
    call: ToolCall
    fault: Fault
    reason: str


def detect_bad_calls(readings: Readings) -> Iterator[Signal]:
    """Calls of model spans to tools not offered, or with arguments that cannot be right."""
    view = readings.view
    found = [(span, bad) for span in view.model_calls for bad in _problems(view, span)]
    if not found:
        return
    successes = _Successes(view)
    for span, problem in found:
        yield build_signal(
            view,
            detector=problem.fault.value,
            fault=problem.fault,
            span=span,
            evidence=[
                view.spoken_evidence(span),
                span_evidence(span),
                *successes.outcome(span, problem.call),
            ],
            summary=f"the model called {problem.call.name} {problem.reason}",
            strength=0.8,
            recovered_by=successes.correcting(span, problem.call),
        )


def _problems(view: TraceView, span: Span) -> Iterator[_Problem]:
    calls = [call for message in view.outputs(span) for call in message.tool_calls]
    offered = offered_tools(view, span) if calls else {}
    for call in calls:
        if offered and call.name and call.name not in offered:
            reason = f"which is none of the {counted(len(offered), 'tool')} offered"
            known = offered_beside(view, span, call.name)
            fault = Fault.MISSING_TOOL if known else Fault.UNKNOWN_TOOL
            yield _Problem(call, fault, f"{reason}, but is of another request" if known else reason)
            continue
        problem = misnamed(call.arguments, offered.get(call.name))
        if problem is not None:
            yield _Problem(call, Fault.BAD_ARGUMENTS, f"with {problem}")


class _Successes:
    """The calls that worked, by loop and tool; a bad call is made good by a better one.

    That the bad call itself worked makes it no better: a tool that swallows an argument it does
    not know answers another question than the one that was asked.
    """

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._reused = ReusedValues(view)
        self._of_tool: dict[tuple[str | None, str], list[Attempt]] = {}
        self._swallowed: set[tuple[str | None, str, str]] = set()
        self._ran: dict[tuple[str, str, str], Attempt] = {}
        for attempt in view.attempts:
            if attempt.author is not None:
                key = attempt.author.span_id, attempt.tool, attempt.arguments
                self._ran.setdefault(key, attempt)
            if attempt.failure is None:
                scope = view.scope(attempt.span)
                self._of_tool.setdefault((scope, attempt.tool), []).append(attempt)
                self._swallowed.add((scope, attempt.tool, attempt.arguments))

    def outcome(self, span: Span, call: ToolCall) -> Sequence[EvidenceRef]:
        """What came of a call, else what the model was asked when it wrote it."""
        ran = self._ran.get((span.span_id, call.name, same_arguments(call.arguments)))
        return asked_evidence(self._view, span) if ran is None else self._view.evidence(ran)

    def correcting(self, span: Span, call: ToolCall) -> str | None:
        """The span of a later call of the tool that is not wrong in its turn, else of another
        tool that took a value of a call that was refused."""
        scope, arguments = self._view.scope(span), same_arguments(call.arguments)
        offered = offered_tools(self._view, span).get(call.name)
        good = self._of_tool.get((scope, call.name), [])
        start = self._view.position(span)
        first = bisect_right(good, start, key=lambda one: self._view.position(one.span))
        for attempt in good[first : first + _CANDIDATES]:
            same_turn = attempt.author is span
            if not same_turn and misnamed(attempt.arguments, offered) is None:
                return attempt.span.span_id
        if (scope, call.name, arguments) in self._swallowed:
            return None
        return self._reused.after(span, call.arguments)


DETECTOR = Detector("bad_calls", detect_bad_calls)
