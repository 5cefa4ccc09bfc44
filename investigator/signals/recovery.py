"""Recovery is earned: only a corrected call, or the same act confirmed, makes a failure good.

A later call of the same tool in the same loop corrects a failed one if it worked and was for the
same thing. It was for another thing if both were asked for side by side, in one turn, or if it
differs in what the request names both times ("check atlas and borealis"); a search that found
nothing is corrected by any later one that finds something, and a call that its tool could not
take by any that it could. A call that the model got
wrong is also made good where another tool later took one of its values. An act whose outcome is not
known (a time-out) is made good by a later look that shows what it made; doing it again is a fault
of its own (see `repeated_acts`).

For a step that is no call: a later step beside it that was given the same, or is of the same name,
and did not fail, or what made good the call that it was a part of. A model that cannot answer at
all is not recovered by answering something else, so faults of an answer have no recovery here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import json_object
from investigator.readings.assertions import STATE_CHANGES, acts_of
from investigator.readings.failure_text import fault_of
from investigator.readings.faults import Fault
from investigator.readings.view import CODE, Attempt, TraceView, error_of
from investigator.signals.loops import Loops
from investigator.traces.model import Span, SpanKind

_ARGUMENTS_LIMIT = 20_000
_TELLING = 3
_VALUE_LIMIT = 200
_CANDIDATES = 30
"""So many later calls are looked at for the one that corrects a failed call."""

_WRONG_CALLS = frozenset({Fault.BAD_ARGUMENTS, Fault.UNKNOWN_TOOL, Fault.WRONG_QUERY})
_EVERY = re2.compile(r"(?i)\b(?:all|every|each|both)\b")
_EARLIER = 4_000
_LOST = re2.compile(
    r"(?i)timed? ?-?out|timeout|deadline|connection (?:was )?(?:reset|aborted|closed|lost)"
    r"|\b(?:502|504)\b|no (?:answer|response|reply)\b|disconnected"
)

Works = Callable[[Attempt], bool]


def attempt_succeeded(attempt: Attempt) -> bool:
    """The attempt did not fail."""
    return attempt.failure is None


def outcome_is_unknown(attempt: Attempt) -> bool:
    """Whether a call may have done its act though it failed: nobody waited for its end."""
    failure = (attempt.failure or "")[:_EARLIER]
    return _LOST.search(failure) is not None and bool(acts_of(attempt.tool) & STATE_CHANGES)


class Corrections:
    """For each call of a trace the later one that corrected it, if any did."""

    def __init__(self, view: TraceView, works: Works = attempt_succeeded) -> None:
        self._view = view
        self._loops = Loops(view)
        self._works = works
        self._given = (-1, "")
        self._later: dict[tuple[str | None, str], list[int]] = {}
        self._places: dict[str | None, list[int]] = {}
        for place, attempt in enumerate(view.attempts):
            scope = view.scope(attempt.span)
            self._places.setdefault(scope, []).append(place)
            if works(attempt):
                self._later.setdefault((scope, attempt.tool), []).append(place)

    def of(self, place: int) -> str | None:
        """The span that made good the call at this place of `view.attempts`."""
        failed = self._view.attempts[place]
        scope = self._view.scope(failed.span)
        later = _after(self._later.get((scope, failed.tool), []), place)
        found = next((p for p in later if self._corrects(place, p)), None)
        if found is None and outcome_is_unknown(failed):
            found = self._shown(place, scope)
        return None if found is None else self._view.attempts[found].span.span_id

    def _corrects(self, place: int, later: int) -> bool:
        failed, good = self._view.attempts[place], self._view.attempts[later]
        if failed.tool == CODE or failed.arguments == good.arguments:
            return True
        if failed.author is not None and failed.author is good.author:
            return False
        fault = None if failed.failure is None else fault_of(failed.failure)
        if failed.failure is None or fault is Fault.EMPTY_RETRIEVAL or fault in _WRONG_CALLS:
            return True
        before, after = telling_values(failed.arguments), telling_values(good.arguments)
        gone, new = before - after, after - before
        if not gone or not new:
            return True
        given = self._given_to(place)
        return not (any(map(given.__contains__, gone)) and any(map(given.__contains__, new)))

    def _given_to(self, place: int) -> str:
        """What named the things to be done: the request, and, where all are to be, what came."""
        if self._given[0] != place:
            self._given = place, self._named_before(place)
        return self._given[1]

    def _named_before(self, place: int) -> str:
        attempt = self._view.attempts[place]
        request = self._loops.request(attempt)
        if _EVERY.search(request) is None:
            return request
        places = self._places[self._view.scope(attempt.span)]
        end = bisect_left(places, place)
        earlier = (self._view.attempts[p] for p in places[max(end - _CANDIDATES, 0) : end])
        return "\n".join([request, *((one.result or "")[:_EARLIER] for one in earlier)])

    def _shown(self, place: int, scope: str | None) -> int | None:
        """The later look whose result holds most of what the act was to make."""
        wanted = telling_values(self._view.attempts[place].arguments)
        for later in _after(self._places[scope], place):
            look = self._view.attempts[later]
            if wanted and self._works(look) and is_look(look):
                held = sum(value in (look.result or "") for value in wanted)
                if 2 * held >= len(wanted):
                    return later
        return None


def _after(places: Sequence[int], place: int) -> Sequence[int]:
    """The next few of ordered places behind one."""
    start = bisect_right(places, place)
    return places[start : start + _CANDIDATES]


def is_look(attempt: Attempt) -> bool:
    """Whether a call only reads, by the name of its tool."""
    return not acts_of(attempt.tool) & STATE_CHANGES


def telling_values(arguments: str) -> frozenset[str]:
    """The short texts and the numbers among the arguments; none where they are no JSON object."""
    if len(arguments) > _ARGUMENTS_LIMIT:
        return frozenset()
    values = (json_object(arguments) or {}).values()
    return frozenset(
        str(value)
        for value in values
        if isinstance(value, str | int | float)
        and not isinstance(value, bool)
        and _TELLING <= len(str(value)) <= _VALUE_LIMIT
    )


class Recoveries:
    """What made each failed span good, if anything did."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._corrections = Corrections(view)
        self._places = {a.span.span_id: place for place, a in enumerate(view.attempts)}
        self._reused = ReusedValues(view)

    def of(self, span: Span, fault: Fault) -> str | None:
        """The span that made good the fault, or the failed call that it was a part of."""
        call = self._view.scope(span)
        return self._of_step(span, fault) or (self._of_call(call, fault) if call else None)

    def _of_step(self, span: Span, fault: Fault) -> str | None:
        if span.kind is not SpanKind.TOOL:
            return self._later_step(span)
        return self._of_call(span.span_id, fault)

    def _of_call(self, span_id: str, fault: Fault) -> str | None:
        place = self._places.get(span_id)
        if place is None or self._view.attempts[place].failure is None:
            return None
        found = self._corrections.of(place)
        if found is None and fault in _WRONG_CALLS:
            attempt = self._view.attempts[place]
            return self._reused.after(attempt.span, attempt.arguments)
        return found

    def _later_step(self, span: Span) -> str | None:
        """The next step of the kind beside the span that did not fail and was for the same."""
        parent = self._view.trace.parent(span)
        key = (None if parent is None else parent.span_id, span.kind)
        start = self._view.position(span)
        later = bisect_right(self._good_steps.get(key, []), start, key=self._view.position)
        beside = self._good_steps.get(key, [])[later : later + _CANDIDATES]
        return next((s.span_id for s in beside if self._is_same(span, s)), None)

    @cached_property
    def _good_steps(self) -> dict[tuple[str | None, SpanKind], list[Span]]:
        found: dict[tuple[str | None, SpanKind], list[Span]] = {}
        for span in self._view.trace.spans:
            if error_of(span) is None:
                parent = self._view.trace.parent(span)
                key = (None if parent is None else parent.span_id, span.kind)
                found.setdefault(key, []).append(span)
        return found

    def _is_same(self, failed: Span, later: Span) -> bool:
        """Whether a later step did what a failed one was to do."""
        if failed.kind is SpanKind.LLM:
            asked = self._view.inputs(failed)[-1:]
            return not asked or asked[0] in self._view.inputs(later)
        given = failed.text("input.value")
        same_input = given is not None and given == later.text("input.value")
        return failed.name == later.name or same_input


class ReusedValues:
    """Which values calls that worked were given: a wrong call is mended by handing them on."""

    def __init__(self, view: TraceView) -> None:
        self._view = view
        self._worked: dict[tuple[str | None, str], Span] = {}
        for attempt in view.attempts:
            if attempt.failure is None:
                for value in telling_values(attempt.arguments):
                    self._worked[view.scope(attempt.span), value] = attempt.span

    def after(self, span: Span, arguments: str) -> str | None:
        """The last call after `span`, in its loop, that worked with one of these arguments."""
        scope = self._view.scope(span)
        found = (self._worked.get((scope, value)) for value in sorted(telling_values(arguments)))
        start = self._view.position(span)
        later = (one for one in found if one is not None and self._view.position(one) > start)
        return next((one.span_id for one in later), None)
