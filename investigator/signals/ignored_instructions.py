"""The last answer of a loop is held to what its own system prompt demands of every answer.

A loop that could not do its work has other things to say, so such a signal is weaker than those
of what went wrong before it.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.demands import demands_of
from investigator.signals.formats import answer_of, instruction_of
from investigator.signals.model import Detector, Signal
from investigator.signals.stops import stops_of
from investigator.traces.evidence import message_evidence, span_evidence
from investigator.traces.model import Span

_NAMED = 3


def detect_ignored_instructions(readings: Readings) -> Iterator[Signal]:
    """Final answers of model calls that go against a demand of their system prompt."""
    view = readings.view
    for span in final_calls(view):
        answer = answer_of(view, span)
        prompt = instruction_of(view, span)
        if answer is None or prompt is None or prompt[1].role == "user":
            continue
        demands = [d for d in demands_of(prompt[1].content or "") if d.broken(answer)]
        stops = stops_of(view, span) if demands else ()
        broken = [d.words for d in demands if not d.cut_off(answer, stops)]
        if broken:
            yield build_signal(
                view,
                detector="ignored_instruction",
                fault=Fault.IGNORED_INSTRUCTION,
                span=span,
                evidence=[
                    view.spoken_evidence(span),
                    message_evidence(span, *prompt),
                    span_evidence(span),
                ],
                summary=f"the answer goes against its instructions: {'; '.join(broken[:_NAMED])}",
                strength=0.55,
            )


def final_calls(view: TraceView) -> Iterator[Span]:
    """The last model call of each loop."""
    for scope in dict.fromkeys(view.scope(span) for span in view.model_calls):
        yield view.model_calls_in(scope)[-1]


DETECTOR = Detector("ignored_instructions", detect_ignored_instructions)
