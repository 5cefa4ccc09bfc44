"""Repeating an act after a time-out without checking may do it twice.

A call that timed out, or whose connection broke, may have done what it was to do. Who sends, pays,
buys or creates again with the same arguments, with nothing read in between, has made two of them
for all that is known. A key by which the service knows the repeat, or undoing one of the two, makes
that safe. To set or to save again what was set is no second act.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.readings.assertions import acts_of
from investigator.readings.directives import tool_words
from investigator.readings.faults import Fault
from investigator.readings.languages import word_set
from investigator.readings.reading import Readings
from investigator.readings.view import Attempt, TraceView
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.signals.recovery import is_look, outcome_is_unknown

_TWICE = frozenset({"send", "pay", "buy", "create"})
"""Acts that leave two things when they are done twice."""

_SETS = word_set("set put save write store update upsert sync replace ensure edit")
_UNDOES = frozenset({"delete"})
_KEYED = re2.compile(
    r"(?i)\"(?:idempoten\w*|request_?id|client_?(?:token|reference|request_?id)|dedup\w*"
    r"|external_?id|correlation_?id)\":"
)
_WINDOW = 20_000


def detect_repeated_acts(readings: Readings) -> Iterator[Signal]:
    """Acts that were done again with the same arguments after their outcome had been lost."""
    view = readings.view
    lost: dict[tuple[str | None, str, str], Attempt] = {}
    waiting: dict[str | None, list[tuple[str | None, str, str]]] = {}
    for place, attempt in enumerate(view.attempts):
        scope = view.scope(attempt.span)
        key = (scope, attempt.tool, attempt.arguments)
        first = lost.pop(key, None)
        if first is not None:
            yield _signal(view, first, attempt, undone_by=_undone(view, place))
        if is_look(attempt) and attempt.failure is None:
            for looked_after in waiting.pop(scope, ()):
                lost.pop(looked_after, None)
        elif _may_be_done_twice(attempt) and outcome_is_unknown(attempt):
            lost[key] = attempt
            waiting.setdefault(scope, []).append(key)


def _may_be_done_twice(attempt: Attempt) -> bool:
    leads = tool_words(attempt.tool)[:1]
    keyed = _KEYED.search(attempt.arguments[:_WINDOW]) is not None
    return bool(acts_of(attempt.tool) & _TWICE) and not _SETS.intersection(leads) and not keyed


def _undone(view: TraceView, place: int) -> str | None:
    """The call right after the repeat's answer was known that took one of the two back."""
    scope = view.scope(view.attempts[place].span)
    later = (a for a in view.attempts[place + 1 : place + 30] if view.scope(a.span) == scope)
    undone = (a for a in later if a.failure is None and acts_of(a.tool) & _UNDOES)
    return next((one.span.span_id for one in undone), None)


def _signal(view: TraceView, first: Attempt, again: Attempt, *, undone_by: str | None) -> Signal:
    same_turn = again.author is first.author
    return build_signal(
        view,
        detector="repeated_act",
        fault=Fault.REPEATED_ACT,
        span=again.span,
        origin=again.span if same_turn else again.author,
        evidence=[*view.evidence(again), *view.evidence(first)],
        summary=f"{again.tool} was done again though its first outcome was not known: "
        f"{view.quote.error(first.failure or '')}",
        strength=0.7,
        recovered_by=undone_by,
    )


DETECTOR = Detector("repeated_acts", detect_repeated_acts)
