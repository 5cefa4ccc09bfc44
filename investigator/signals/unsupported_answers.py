"""An agent that planned to use its tools, used none, and answered anyway made its answer up.

Where such an answer rests what it says on sources, it claims a look as well that nobody took.
The plan is the agent's own: earlier words of the same loop that name tools it was offered, or
list a look at a source outside ("2. Retrieve the list from the archive's website"). Tools
are known from the request, or from a list in the prompt ("- name: …", "def name("); of listed
names only those count that no prose would use (`snake_case`). The answer itself may be handed in
by a tool call: a last call that the loop makes before it ends observes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.readings.assertions import cites_a_source, plans_a_look
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.readings.written_calls import is_given_result
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.offered_tools import names, tools_told
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import tool_io_of

_WINDOW = 30_000


def detect_unsupported_answers(readings: Readings) -> Iterator[Signal]:
    """Agents whose loop ended without one of the observations that they had planned."""
    view = readings.view
    for span in view.trace.spans:
        calls = view.model_calls_in(span.span_id) if span.kind is SpanKind.AGENT else ()
        if len(calls) > 1:
            planned = _planned(view, calls, _answering(view, span))
            if planned and not _observed(view, span, calls):
                yield _signal(view, calls, planned)
                if cites_a_source(view.said(calls[-1])[:_WINDOW]):
                    yield _claimed(view, calls[-1], span)


def _planned(view: TraceView, calls: tuple[Span, ...], answering: set[str]) -> set[str]:
    """The offered tools that the agent named before its last words; all, if it meant to look."""
    offered = {name for call in calls for name in tools_told(view, call)} - answering
    said = [view.said(call)[:_WINDOW] for call in calls[:-1]]
    planned = {name for name in offered if any(names(text, name) for text in said)}
    return planned or (offered if any(map(plans_a_look, said)) else set())


def _answering(view: TraceView, agent: Span) -> set[str]:
    """The tool that hands the answer in: the last of the loop, with no model call after it."""
    tools = [s for s in view.spans_in(agent.span_id) if s.kind is SpanKind.TOOL]
    calls = view.model_calls_in(agent.span_id)
    if tools and view.position(tools[-1]) > view.position(calls[-1]):
        io = tool_io_of(tools[-1])
        return {(io.name if io is not None else None) or tools[-1].name}
    return set()


def _observed(view: TraceView, agent: Span, calls: tuple[Span, ...]) -> bool:
    """Whether anything was asked of a tool or another agent before the last words."""
    end = view.position(calls[-1])
    given = view.inputs(calls[-1])
    if any(m.tool_call_id is not None or is_given_result(m.content or "") for m in given[1:]):
        return True
    return any(
        span.kind in (SpanKind.TOOL, SpanKind.AGENT, SpanKind.RETRIEVER)
        and view.position(span) < end
        for span in view.spans_in(agent.span_id)
    )


def _claimed(view: TraceView, answer: Span, agent: Span) -> Signal:
    return build_signal(
        view,
        detector="unsupported_answer",
        fault=Fault.CLAIMED_ACT,
        span=answer,
        evidence=[view.spoken_evidence(answer), span_evidence(agent)],
        summary="the answer rests what it says on sources, and none was looked at",
        strength=0.7,
    )


def _is_plan(text: str, planned: set[str]) -> bool:
    return any(names(text, name) for name in planned) or plans_a_look(text)


def _signal(view: TraceView, calls: tuple[Span, ...], planned: set[str]) -> Signal:
    answer = calls[-1]
    texts = ((call, view.said(call)[:_WINDOW]) for call in calls)
    plan = next(c for c, text in texts if _is_plan(text, planned))
    tools = ", ".join(sorted(planned)[:3])
    return build_signal(
        view,
        detector="unsupported_answer",
        fault=Fault.UNSUPPORTED_ANSWER,
        span=answer,
        evidence=[view.spoken_evidence(answer), span_evidence(answer), view.spoken_evidence(plan)],
        summary=f"the answer was given without a single observation; the plan was to use {tools}",
        strength=0.7,
    )


DETECTOR = Detector("unsupported_answers", detect_unsupported_answers)
