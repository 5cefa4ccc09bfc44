"""An agent that planned to use its tools and answered without using any made its answer up.

Where such an answer rests what it says on sources, it claims a look as well that nobody took.
The plan is the agent's own: earlier words of the same loop that name tools it was offered. Tools
are known from the request, or from a list in the prompt ("- name: …", "def name("); of listed
names only those count that no prose would use (`snake_case`). The answer itself may be handed in
by a tool call: a last call that the loop makes before it ends observes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import re2

from investigator.readings.assertions import cites_a_source
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.readings.written_calls import is_given_result
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence
from investigator.traces.model import Span, SpanKind
from investigator.traces.openinference import tool_definitions_of, tool_io_of

_WINDOW = 30_000
_LISTED = re2.compile(r"(?m)^\s*(?:[-*•]\s+|def )[`*\"']{0,2}([a-z]\w*_\w+)[`*\"']{0,2}\s*[:(]")


def detect_unsupported_answers(readings: Readings) -> Iterator[Signal]:
    """Agents whose loop ended without one of the observations that they had planned."""
    view = readings.view
    for span in view.trace.spans:
        calls = view.model_calls_in(span.span_id) if span.kind is SpanKind.AGENT else ()
        if len(calls) > 1:
            planned = _planned(view, calls) - _answering(view, span)
            if planned and not _observed(view, span, calls):
                yield _signal(view, calls, planned)
                if cites_a_source(view.said(calls[-1])[:_WINDOW]):
                    yield _claimed(view, calls[-1], span)


def _planned(view: TraceView, calls: tuple[Span, ...]) -> set[str]:
    """The offered tools that the agent named before its last words."""
    offered = {name for call in calls for name in _offered(view, call)}
    said = [view.said(call)[:_WINDOW] for call in calls[:-1]]
    return {name for name in offered if any(_names(text, name) for text in said)}


def _names(text: str, name: str) -> bool:
    """Whether the name stands in the text as a word of its own."""
    at = text.find(name)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
        if not any(char.isalnum() or char == "_" for char in around):
            return True
        at = text.find(name, at + 1)
    return False


def _offered(view: TraceView, call: Span) -> set[str]:
    names = {tool.name for tool in tool_definitions_of(call) if tool.name is not None}
    if not names:
        for message in view.inputs(call)[:2]:
            names |= _listed((message.content or "")[:_WINDOW])
    return names


@lru_cache(maxsize=64)
def _listed(text: str) -> frozenset[str]:
    """The calls of a loop have one prompt, and a trace few loops."""
    return frozenset(listed.group(1) for listed in _LISTED.finditer(text))


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


def _signal(view: TraceView, calls: tuple[Span, ...], planned: set[str]) -> Signal:
    answer = calls[-1]
    texts = ((call, view.said(call)[:_WINDOW]) for call in calls)
    plan = next(call for call, text in texts if any(_names(text, name) for name in planned))
    names = ", ".join(sorted(planned)[:3])
    return build_signal(
        view,
        detector="unsupported_answer",
        fault=Fault.UNSUPPORTED_ANSWER,
        span=answer,
        evidence=[view.spoken_evidence(answer), span_evidence(answer), view.spoken_evidence(plan)],
        summary=f"the answer was given without a single observation; the plan was to use {names}",
        strength=0.7,
    )


DETECTOR = Detector("unsupported_answers", detect_unsupported_answers)
