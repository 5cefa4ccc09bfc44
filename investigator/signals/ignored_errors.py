"""An agent that ends its work right after its last call failed, ignored the failure.

"Ended" means that the loop's last model call comes after the failure, asks for nothing more, and
neither it nor a later call got the tool to work. An answer that admits the failure is honest: it
does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.model import Span

_WINDOW = 4_000
_ADMITS = re2.compile(
    r"(?i)\b(?:unable|could ?n[o']t|can ?not|can't|unfortunately|fail(?:ed|ure|s)?|errors?|issue"
    r"|problem|not (?:found|available|possible|able)|sorry|apologi[sz]e|unsuccessful|try again"
    r"|retry|invalid|correct (?:that|this|it))\b"
)


def detect_ignored_errors(readings: Readings) -> Iterator[Signal]:
    """The last attempt of a loop failed, and the next words of its agent do not speak of it."""
    view = readings.view
    last: dict[str | None, Attempt] = {}
    for attempt in view.attempts:
        last[view.scope(attempt.span)] = attempt
    for scope, attempt in last.items():
        answer = _final_answer(view, scope, attempt)
        if attempt.failure is not None and answer is not None:
            yield build_signal(
                view,
                detector="ignored_tool_error",
                fault=Fault.IGNORED_TOOL_ERROR,
                span=answer,
                evidence=[view.spoken_evidence(answer), *view.evidence(attempt)],
                summary=f"the answer passes over that {attempt.tool} failed: "
                f"{view.quote.error(attempt.failure)}",
                strength=0.6,
            )


def _final_answer(view: TraceView, scope: str | None, attempt: Attempt) -> Span | None:
    """The last words of the loop after the attempt, if they are an answer that admits nothing."""
    if view.is_transcript:
        after = [s for s in view.trace.spans if view.position(s) > view.position(attempt.span)]
    else:
        start = view.position(attempt.span) - (attempt.message_index is not None)
        after = [s for s in view.model_calls_in(scope) if view.position(s) > start]
    spoken = [(span, _ends_of(view.said(span))) for span in after]
    if not spoken or any(_ADMITS.search(text) for _, text in spoken):
        return None
    span, text = spoken[-1]
    calls = any(message.tool_calls for message in view.outputs(span))
    return None if calls or not text.strip() else span


def _ends_of(text: str) -> str:
    """Where an answer says what it comes to: its beginning and its end."""
    return text if len(text) <= 2 * _WINDOW else f"{text[:_WINDOW]}\n{text[-_WINDOW:]}"


DETECTOR = Detector("ignored_errors", detect_ignored_errors)
