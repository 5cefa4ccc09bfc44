"""The same call with the same arguments and the same answer, again and again, brings nothing new.

Paging and polling repeat a call too, but their answers differ; so only equal answers (or equal
failures) of one agent count, and a call that worked must come three times before it is a fault.
A failure that came twice is a slip, and made good when the tool worked in the end; one that came
more often is not, and neither are needless successes.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground.wording import times
from investigator.readings.faults import Fault
from investigator.readings.reading import Readings
from investigator.readings.view import CODE, Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import Corrections

_SAME_SUCCESSES = 3
_SAME_FAILURES = 2


def detect_repeated_calls(readings: Readings) -> Iterator[Signal]:
    """One signal for each group of equal calls, at the first one that was needless."""
    view = readings.view
    corrections = Corrections(view)
    groups: dict[tuple[str | None, str, str, str], list[Attempt]] = {}
    places = {id(attempt): place for place, attempt in enumerate(view.attempts)}
    for attempt in view.attempts:
        answer = attempt.failure if attempt.failure is not None else attempt.result
        if answer is None or (attempt.tool == CODE and not attempt.arguments):
            continue
        agent = view.scope(attempt.span) or view.trace.agent_of(attempt.author or attempt.span)
        groups.setdefault((agent, attempt.tool, attempt.arguments, answer), []).append(attempt)
    for group in groups.values():
        needed = _SAME_FAILURES if group[0].failure is not None else _SAME_SUCCESSES
        if len(group) >= needed:
            slip = len(group) == _SAME_FAILURES
            mended = corrections.of(places[id(group[-1])]) if slip else None
            yield _signal(view, group, mended)


def _signal(view: TraceView, group: list[Attempt], recovered_by: str | None) -> Signal:
    first, repeat = group[0], group[1]
    outcome = "the same failure" if first.failure is not None else "the same answer"
    return build_signal(
        view,
        detector="repeated_call",
        fault=Fault.REPEATED_CALL,
        span=repeat.span,
        origin=repeat.author,
        evidence=[*view.evidence(repeat), *view.evidence(first)],
        summary=f"{first.tool} was called {times(len(group))} alike, each time with {outcome}",
        strength=min(0.9, 0.4 + 0.1 * len(group)),
        recovered_by=recovered_by,
    )


DETECTOR = Detector("repeated_calls", detect_repeated_calls)
