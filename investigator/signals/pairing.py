"""Calls and results pair up: each call is answered once, each result has its call, no id twice.

A call that nobody answered is a fault where the run went on without it and other calls were
answered: then it was dropped. Hand-overs and the call that hands an answer in wait for nothing.
Ids are looked at within one request, as the provider sees it; where a request holds a result
whose call it no longer holds, though an earlier one did, its history was cut in the wrong place.
Some sources write the tool's name where an id should be: that is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from investigator.ground.wording import counted
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.utterances import Action, Item, Source
from investigator.readings.view import TraceView, same_arguments
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import EvidenceKind, message_evidence, span_evidence
from investigator.traces.model import Message, Span

_TOOL_ROLES = frozenset({"tool", "function", "tool-response", "tool_response"})


def detect_unpaired_calls(readings: Readings) -> Iterator[Signal]:
    """Calls that were dropped, results without a call, ids that stand for two calls."""
    for items in readings.loops.values():
        yield from _dropped(readings, items)
    told: set[str] = set()
    for span in readings.view.model_calls:
        yield from _of_turn(readings, span)
    for request in readings.view.model_calls:
        for key, signal in _of_request(readings, request):
            if key not in told:
                told.add(key)
                yield signal


def _dropped(readings: Readings, items: Sequence[Item]) -> Iterator[Signal]:
    """One signal for each turn of which a call was never answered though the loop went on."""
    actions = [item for item in items if isinstance(item, Action)]
    answered = {action.tool for action in actions if action.result is not None}
    unasked = {a.tool for a in actions if a.shown.kind is EvidenceKind.TOOL_IO}
    last = max((item.position for item in items if _is_own(item)), default=-1)
    turns: dict[str, list[Action]] = {}
    for action in actions:
        open_ = action.result is None and not action.hands_over and action.ran is None
        if open_ and action.tool not in unasked and action.position < last:
            turns.setdefault(action.shown.ref, []).append(action)
    beside = {action.shown.ref for action in actions if action.result is not None}
    own = [item for item in items if _is_own(item)]
    for ref, lost in turns.items():
        if ref in beside or answered & {action.tool for action in lost}:
            yield _lost(readings, lost, own)


def _is_own(item: Item) -> bool:
    return isinstance(item, Action) or (item.source is Source.ASSISTANT and bool(item.text.strip()))


def _lost(readings: Readings, lost: Sequence[Action], own: Sequence[Item]) -> Signal:
    first = lost[0]
    later = own[bisect_right(own, lost[-1].position, key=lambda item: item.position)]
    tools = ", ".join(dict.fromkeys(action.tool for action in lost))
    count = "a call" if len(lost) == 1 else counted(len(lost), "call")
    return build_signal(
        readings.view,
        detector="unpaired_call",
        fault=Fault.UNANSWERED_CALL,
        span=first.span,
        evidence=[first.evidence, span_evidence(first.span), later.evidence],
        summary=f"{count} of {tools} got no result, and the run went on without",
        strength=0.75,
    )


def _of_turn(readings: Readings, span: Span) -> Iterator[Signal]:
    """Two calls of one turn that have one id, so that nobody can tell their results apart.

    In a transcript alone: elsewhere the next request shows it.
    """
    messages = readings.view.outputs(span) if readings.view.is_transcript else ()
    asked: dict[str, tuple[str, str]] = {}
    for call in (call for message in messages for call in message.tool_calls):
        one = (call.name, same_arguments(call.arguments))
        if (
            call.call_id
            and call.call_id != call.name
            and asked.setdefault(call.call_id, one) != one
        ):
            yield build_signal(
                readings.view,
                detector="unpaired_call",
                fault=Fault.MISMATCHED_RESULT,
                span=span,
                evidence=[readings.view.spoken_evidence(span), span_evidence(span)],
                summary=f"two different calls of one turn have the id {call.call_id}",
                strength=0.7,
            )
            return


def _of_request(readings: Readings, request: Span) -> Iterator[tuple[str, Signal]]:
    """What is wrong with the ids of one request, each with what tells it from other faults."""
    asked: dict[str, tuple[str, str]] = {}
    answered: dict[str, str] = {}
    messages = readings.view.inputs(request)
    names = {call.name for message in messages for call in message.tool_calls}
    for index, message in enumerate(messages):
        for call in message.tool_calls:
            one = (call.name, same_arguments(call.arguments))
            if call.call_id and call.call_id not in names:
                if asked.get(call.call_id, one) != one:
                    why = f"two different calls have the id {call.call_id}"
                    yield f"twice {call.call_id}", _mixed(readings, request, index, why)
                asked[call.call_id] = one
        call_id = message.tool_call_id
        if message.role not in _TOOL_ROLES or not call_id or call_id in names:
            continue
        if answered.get(call_id, message.content or "") != (message.content or ""):
            why = f"the call {call_id} has two different results"
            yield f"results {call_id}", _mixed(readings, request, index, why)
        answered[call_id] = message.content or ""
        if call_id not in asked and _has_ids(messages, readings.view, call_id):
            yield f"orphan {call_id}", _orphan(readings, request, index)


def _has_ids(messages: Sequence[Message], view: TraceView, call_id: str) -> bool:
    """Whether calls of this run have ids at all, so that one without its call is amiss."""
    here = any(call.call_id for message in messages for call in message.tool_calls)
    return here or view.caller_of(call_id) is not None


def _orphan(readings: Readings, request: Span, index: int) -> Signal:
    message = readings.view.inputs(request)[index]
    caller = readings.view.caller_of(message.tool_call_id or "")
    if caller is not None:
        why = "the request holds a result and no longer the call that it answers: history was cut"
        signal = _mixed(readings, request, index, why, fault=Fault.LOST_CONTEXT)
    else:
        signal = _mixed(readings, request, index, "a result answers a call that nobody made")
    return signal


def _mixed(
    readings: Readings,
    request: Span,
    index: int,
    why: str,
    *,
    fault: Fault = Fault.MISMATCHED_RESULT,
) -> Signal:
    message = readings.view.inputs(request)[index]
    return build_signal(
        readings.view,
        detector="unpaired_call",
        fault=fault,
        span=request,
        evidence=[message_evidence(request, index, message), span_evidence(request)],
        summary=f"in the request of {request.name} {why}",
        strength=0.7,
    )


DETECTOR = Detector("unpaired_calls", detect_unpaired_calls)
