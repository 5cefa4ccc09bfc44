"""A run that goes in circles: agents hand the case back and forth, or repeat the same words.

A limit of steps, turns or recursion only shows that a run did not end. What kept it from ending is
the circle, which begins where the case was first handed straight back, or the words first
repeated. Handing back after work was done (a call, a result, another thing said) is no circle, nor
is waiting for something that changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from investigator.ground.wording import times
from investigator.readings.directives import letters_of
from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.steps import Step, StepKind
from investigator.readings.view import error_of
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import EvidenceRef, unique

_HANDOVERS = 4
"""Hand-overs in a row with no work in between: there, back, and both again."""
_SAME_WORDS = 3
_TELLING = range(25, 2_000)
"""Characters of a text that counts as said: a shorter one two agents may well share (`ok`), a
longer one is a page or a document that is handed on."""


def detect_circles(readings: Readings) -> Iterator[Signal]:
    """Hand-overs in a circle, and turns that repeat one another."""
    needed = _HANDOVERS - 1 if _met_limit(readings) else _HANDOVERS
    row: list[Step] = []
    for step in readings.steps:
        if step.kind is StepKind.HANDOFF:
            row.append(step)
        elif _is_work(step):
            if signal := _ping_pong(readings, row, needed):
                yield signal
            row = []
    if signal := _ping_pong(readings, row, needed):
        yield signal
    yield from _repeated_words(readings)


def _met_limit(readings: Readings) -> bool:
    errors = (error_of(span) for span in readings.trace.spans)
    return any(error and fault_of(error) is Fault.INCOMPLETE_RUN for error in errors)


def _is_work(step: Step) -> bool:
    """A call, what was found, a person's words: something that the next agent did not know."""
    return step.kind in (StepKind.TOOL, StepKind.RETRIEVAL, StepKind.USER)


def _ping_pong(readings: Readings, row: Sequence[Step], needed: int) -> Signal | None:
    """The same hand-overs more than once, with the same words."""
    calls = [(step.call.tool, step.call.arguments) for step in row if step.call is not None]
    if len(row) < needed or len(set(calls)) * 2 > len(calls) + (needed < _HANDOVERS):
        return None
    back, again = row[1], row[2]
    author = back if back.asked_by is None else readings.steps[back.asked_by]
    named = " and ".join(dict.fromkeys(step.agent or "an agent" for step in row[:2]))
    return _signal(
        readings,
        author,
        [author, back, again, row[-1]],
        f"{named} handed the case back and forth {times(len(row))}, and nobody worked on it",
        0.8,
    )


def _repeated_words(readings: Readings) -> Iterator[Signal]:
    """One signal for each agent that said the same thing again and again, with nothing learned."""
    said: dict[tuple[str | None, str], list[Step]] = {}
    learned: dict[str, int] = {}
    for step in readings.steps:
        if step.call is not None:
            known = f"{step.call.tool}({step.call.arguments}) {step.call.result}"
            if learned.setdefault(known, step.number) == step.number:
                said.clear()
        elif step.kind in (StepKind.USER, StepKind.RETRIEVAL):
            said.clear()
        spoken = step.kind in (StepKind.MODEL, StepKind.ANSWER) and not step.asks
        if not spoken or len(step.text) not in _TELLING:
            continue
        letters = letters_of(step.text)
        alike = said.setdefault((step.agent, letters), [])
        alike.append(step)
        if len(alike) == _SAME_WORDS:
            why = f"{step.agent or 'the agent'} said the same {_SAME_WORDS} times and more"
            yield _signal(readings, alike[1], alike, f"{why}, and nothing new was learned", 0.7)


def _signal(
    readings: Readings, began: Step, shown: Sequence[Step], why: str, strength: float
) -> Signal:
    refs: Iterator[EvidenceRef] = (ref for step in shown for ref in step.evidence)
    span = readings.trace.get(began.span_id)
    assert span is not None
    return build_signal(
        readings.view,
        detector="circle",
        fault=Fault.LOOP,
        span=span,
        evidence=unique(refs),
        summary=why,
        strength=strength,
    )


DETECTOR = Detector("circles", detect_circles)
