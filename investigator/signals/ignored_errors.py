"""An agent that ends its work right after its last call failed, ignored the failure.

"Ended" means that the loop's last model call comes after the failure, asks for nothing more, and
neither it nor a later call got the tool to work. An answer that admits the failure is honest: it
does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.loops import Loops
from investigator.signals.model import Detector, Signal
from investigator.signals.reported import Reported
from investigator.traces.model import Span


def detect_ignored_errors(readings: Readings) -> Iterator[Signal]:
    """The last attempt of a loop failed, and the next words of its agent do not speak of it."""
    view = readings.view
    last: dict[str | None, Attempt] = {}
    for attempt in view.attempts:
        last[view.scope(attempt.span)] = attempt
    loops, reported = Loops(view), Reported(view)
    for attempt in last.values():
        answer = loops.answer_after(attempt) if attempt.failure is not None else None
        if answer is not None and not reported.told(attempt):
            yield _signal(view, attempt, answer[0])


def _signal(view: TraceView, attempt: Attempt, answer: Span) -> Signal:
    return build_signal(
        view,
        detector="ignored_tool_error",
        fault=Fault.IGNORED_TOOL_ERROR,
        span=answer,
        evidence=[view.spoken_evidence(answer), *view.evidence(attempt)],
        summary=f"the answer passes over that {attempt.tool} failed: "
        f"{view.quote.error(attempt.failure or '')}",
        strength=0.6,
    )


DETECTOR = Detector("ignored_errors", detect_ignored_errors)
