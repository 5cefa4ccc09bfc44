"""A request that no longer contains what its loop was asked, although the loop continues.

It goes on where it holds later messages of the request before it; a source that records only what
is new of each request holds none of them, and a summary takes the place of what it drops. The
loss is a fault where its harm shows: the last words ask for what had been said.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.assertions import asks
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import message_evidence, span_evidence
from investigator.traces.model import Message, Span

_PEOPLE = frozenset({"user", "human"})
_LACKS = re2.compile(
    r"(?i)\b(?:do not|don't|cannot|can't) (?:see|have|find|recall|know)\b|\b(?:could|can|please)"
    r" (?:you )?(?:please )?(?:provide|share|tell|clarify|specify|remind)\b|\bwhat (?:would|do) you"
)
_WINDOW = 4_000


def detect_trimmed_histories(readings: Readings) -> Iterator[Signal]:
    """Of each loop the first request that lost what was asked, where that did harm."""
    view = readings.view
    for scope in dict.fromkeys(view.scope(span) for span in view.model_calls):
        calls = view.model_calls_in(scope)
        said = well_formed(view.said(calls[-1])[:_WINDOW])
        if len(calls) < 2 or not (asks(said) or _LACKS.search(said)):
            continue
        lost = next((pair for pair in pairwise(calls) if _is_lost(view, *pair)), None)
        if lost is not None:
            yield _signal(view, lost[0], lost[1], calls[-1])


def _is_lost(view: TraceView, before: Span, after: Span) -> bool:
    """Whether a request holds messages of the one before it, and nothing that a person said."""
    now = view.inputs(after)
    if any(message.role in _PEOPLE for message in now):
        return False
    earlier = view.inputs(before)
    if not any(message.role in _PEOPLE and message.content for message in earlier):
        return False
    kept = {_key(message) for message in now if message.role not in ("system", "developer")}
    return any(_key(message) in kept for message in earlier)


def _key(message: Message) -> tuple[str, str]:
    return message.role, message.full_text


def _signal(view: TraceView, before: Span, after: Span, last: Span) -> Signal:
    asked = next(
        (index, message)
        for index, message in enumerate(view.inputs(before))
        if message.role in _PEOPLE and message.content
    )
    return build_signal(
        view,
        detector="trimmed_history",
        fault=Fault.LOST_CONTEXT,
        span=last,
        origin=after,
        evidence=[
            view.spoken_evidence(last),
            message_evidence(before, *asked),
            span_evidence(after),
        ],
        summary="the request no longer holds what was asked, and the last words ask for it",
        strength=0.7,
    )


DETECTOR = Detector("trimmed_histories", detect_trimmed_histories)
