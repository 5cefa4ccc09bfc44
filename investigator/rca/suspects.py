"""Under a known failure somebody is to be named: who, where no detector saw a fault.

Suspects rest on how the run hangs together, not on a fault that was seen, and are no surer than
that: none has a strength of a half. They are, in this order, the first step that acted, which all
later ones rest on; the first that states figures which nothing observed gives and the end of the
run repeats; the one whose act was the first to fail; the last turn before the answer and the first
of all; and the answer itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from investigator.readings.conversation import UNTRUSTED, Action, Source, Utterance
from investigator.readings.faults import Fault
from investigator.readings.grounding import figures_in
from investigator.readings.reading import Readings
from investigator.signals.building import build_signal
from investigator.signals.model import Signal
from investigator.traces.evidence import EvidenceRef, span_evidence
from investigator.traces.model import Span

LIKELY = 0.4
_FIRST, _LATER, _ANSWER = LIKELY, 0.15, 0.1
"""How often the first, a further one and the answer were the step where a failure began, in
conversations of several agents of which people had named it."""

SUSPECTED = "suspected"
"""How their summaries begin."""

SUSPECTS = "suspects"
"""The name under which somebody is named since somebody has to be."""

_END = 4
"""So many last messages tell what the run came to."""


class _Suspect(NamedTuple):
    span: Span
    fault: Fault
    why: str
    strength: float


def suspects_of(readings: Readings, seen: Iterable[Signal] = ()) -> tuple[Signal, ...]:
    """The suspects, the likeliest first, each step once, but for those where a fault was `seen`."""
    began = {signal.origin_id for signal in seen}
    found: dict[str, _Suspect] = {}
    for one in _suspected(readings):
        if one.span.span_id not in began:
            found.setdefault(one.span.span_id, one)
    return tuple(_signal(readings, one) for one in found.values())


def _suspected(readings: Readings) -> Iterator[_Suspect]:
    conversation = readings.conversation
    acted = next(iter(conversation.actions), None)
    said = conversation.said_by(Source.ASSISTANT)
    if acted is not None:
        why = "the first step that acted, which all that follows rests on"
        yield _Suspect(acted.span, Fault.UNEXPLAINED, why, _FIRST)
    elif len(said) > 1:
        why = "the first step of the work, which all that follows rests on"
        yield _Suspect(said[min(1, len(said) - 2)].span, Fault.UNEXPLAINED, why, _FIRST)
    made_up = _made_up(readings)
    if made_up is not None:
        yield made_up
    failed = (a.author for a in readings.view.attempts if a.failure is not None)
    author = next((span for span in failed if span is not None), None)
    if author is not None:
        why = "the step whose act was the first to fail"
        yield _Suspect(author, Fault.UNEXPLAINED, why, _LATER)
    if len(said) > 1:
        why = "the last turn before the answer, which takes it over"
        yield _Suspect(said[-2].span, Fault.UNEXPLAINED, why, _LATER)
        why = "the first turn, which the others follow"
        yield _Suspect(said[0].span, Fault.UNEXPLAINED, why, _LATER)
    if said:
        why = "the answer, which is not what it should have been"
        yield _Suspect(said[-1].span, Fault.UNEXPLAINED, why, _ANSWER)


def _made_up(readings: Readings) -> _Suspect | None:
    """The first step whose figures nothing observed gives, and the end of the run repeats."""
    conversation = readings.conversation
    told = conversation.said_by(Source.ASSISTANT)[-_END:]
    last = {number: one.position for one in told for number in figures_in(one.text)}
    known: set[float] = set()
    for place, item in enumerate(conversation.items):
        text = item.arguments if isinstance(item, Action) else item.text
        figures = frozenset(figures_in(text))
        given = isinstance(item, Utterance) and item.source is not Source.ASSISTANT
        repeated = {number for number in figures - known if last.get(number, place) > place}
        if place and not given and repeated:
            new = sorted(repeated)
            why = f"states figures that nothing observed gives ({', '.join(map(_plain, new[:3]))})"
            return _Suspect(item.span, Fault.UNSUPPORTED_CLAIM, why, _LATER)
        if given or not place:
            known |= figures
    return None


def _plain(number: float) -> str:
    return f"{number:g}" if number < 1e6 else f"{number:,.0f}"


def _signal(readings: Readings, one: _Suspect) -> Signal:
    return build_signal(
        readings.view,
        detector=SUSPECTS,
        fault=one.fault,
        span=one.span,
        evidence=_evidence(readings, one.span),
        summary=f"{SUSPECTED}, since the run is known to have failed: {one.why}",
        strength=one.strength,
    )


def _evidence(readings: Readings, span: Span) -> Iterator[EvidenceRef]:
    """What the step said, the step, and the observation that it had before it."""
    yield readings.view.spoken_evidence(span)
    yield span_evidence(span)
    before = [
        one
        for one in readings.conversation.said_by(*UNTRUSTED)
        if readings.view.position(one.span) < readings.view.position(span)
    ]
    if before:
        yield before[-1].evidence
