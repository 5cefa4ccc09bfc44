"""An answer that has nothing in common with the question, nor with anything looked up, is to
something else.

Only answers of loops that looked something up are judged, and only long ones: words, names and
numbers are compared by their stems with all that the model was given but its instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from investigator.readings.faults import Fault
from investigator.readings.languages import common_words
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.signals.building import build_signal
from investigator.signals.formats import answer_of
from investigator.signals.ignored_instructions import final_calls
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import message_evidence, span_evidence
from investigator.traces.model import Message, Span

MOST_SHARED = 0.2
"""The share of an answer's words that may be known by chance."""

_WINDOW = 20_000
_LEAST_WORDS = 10
_STEM = 5
_INSTRUCTS = ("system", "developer")
_WORD = re.compile(r"[^\W\d_]{4,}|\d[\d.,:]*\d|[^\W\d_]+[-\d](?:[^\W_]|-)*")
"""Linear without RE2: no part can match what the next one does. It finds thousands of words, and
each match of RE2 is an object."""


def detect_off_task_answers(readings: Readings) -> Iterator[Signal]:
    """Final answers that share next to nothing with what the model was asked and told."""
    view = readings.view
    worked = frozenset(view.scope(one.span) for one in view.attempts if one.failure is None)
    for span in final_calls(view):
        answer = answer_of(view, span)
        question = _question(view, span)
        if answer is None or question is None or view.scope(span) not in worked:
            continue
        if view.inputs(span)[0].role not in _INSTRUCTS:
            continue
        words = _stems(answer)
        if len(words) < _LEAST_WORDS:
            continue
        given = "\n".join(m.full_text for m in view.inputs(span)[1:])
        shared = len(words & _stems(given)) / len(words)
        if shared <= MOST_SHARED and not words & _stems(question[1].content or ""):
            yield build_signal(
                view,
                detector="off_task_answer",
                fault=Fault.OFF_TASK_ANSWER,
                span=span,
                evidence=[
                    view.spoken_evidence(span),
                    message_evidence(span, *question),
                    span_evidence(span),
                ],
                summary="the answer has nothing in common with the question or what was looked up",
                strength=0.6,
            )


def _question(view: TraceView, span: Span) -> tuple[int, Message] | None:
    found = [(i, m) for i, m in enumerate(view.inputs(span)) if m.role == "user" and m.content]
    return found[-1] if found else None


def _stems(text: str) -> frozenset[str]:
    words = {word.lower() for word in _WORD.findall(text[:_WINDOW])}
    return frozenset(word[:_STEM] for word in words - common_words())


DETECTOR = Detector("off_task_answers", detect_off_task_answers)
