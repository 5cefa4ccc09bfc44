"""The first step where a failed run departs from a good run of the same task.

Both runs are walked side by side. What was answered otherwise, and look-ups that only one of them
made, wait: they are departures once a later act or the answer departs, for which they may be the
reason, and none where nothing does. The earliest that the later departure can rest on is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from investigator.readings.acts import Act, ActKind, run_acts
from investigator.readings.empty_results import is_empty_result
from investigator.readings.reading import Readings
from investigator.readings.same_values import Alike, Difference, SameValues, value_tokens
from investigator.readings.setups import Setup, change_of, setups_of
from investigator.readings.steps import Step, StepKind
from investigator.readings.templates import likeness, masked, template_words
from investigator.traces.model import Span, iso_time

_AHEAD = 12
"""So many acts further the runs are looked at for where they come together again."""

_RECENT = 6
"""A call that was made so few acts ago is made again, not anew."""

_ALIKE_ERRORS = 0.5
_TASK = 0.25
"""Share of words that two tellings of one task have in common at least."""


class Ground(StrEnum):
    """What departed: the setup, what the model did, what was answered, what was found."""

    SETUP = "setup"
    ACT = "act"
    RESULT = "result"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class Departure:
    """One departure, which began at `span`.

    `act` is None for a setup, `good` where the good run did nothing of the kind. `change` says in
    words how the setup differs. One that `waits` counts only for what it leads to.
    """

    ground: Ground
    span: Span
    act: Act | None = None
    good: Act | None = None
    differences: tuple[Difference, ...] = ()
    change: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs side by side. `first` is the departure that decides, `beside` what else differs.

    `other_task` are the two requests where they are no telling of one task; then nothing else was
    compared. `twins` are the spans of the good run that did the same as those of the failed one.
    """

    first: Departure | None = None
    beside: Departure | None = None
    other_task: tuple[str, str] | None = None
    twins: Mapping[str, str] = field(default_factory=dict)


def compared(failed: Readings, good: Readings) -> Compared:
    """Walk two runs side by side."""
    same = SameValues(_given(failed.steps, good.steps), (_day(failed), _day(good)))
    asked = (_asked(failed.steps), _asked(good.steps))
    if not _is_one_task(*asked, same):
        return Compared(other_task=asked)
    setup = _setup_departure(failed, good, same)
    walk = _Walk(run_acts(failed), run_acts(good), same)
    found = walk.first()
    if setup is None:
        return Compared(found, None if found else walk.came_to_nothing, twins=walk.twins)
    if found is None or found.ground is Ground.ACT:
        return Compared(setup, found, twins=walk.twins)
    return Compared(found, setup, twins=walk.twins)


def _asked(steps: Sequence[Step]) -> str:
    """What the run was to do: the first words of a user; in a chat of agents, the first words."""
    users = (step.text for step in steps if step.kind is StepKind.USER and step.text.strip())
    others = (s.text for s in steps if s.kind is not StepKind.SYSTEM and s.text.strip())
    is_chat = not any(step.call is not None for step in steps)
    return next(users, next(others, "") if is_chat else "")


def _given(failed: Sequence[Step], good: Sequence[Step]) -> list[tuple[str, str]]:
    """What people told each run."""
    kinds = (StepKind.USER, StepKind.SYSTEM)
    ours, theirs = ("\n".join(s.text for s in steps if s.kind in kinds) for steps in (failed, good))
    return [(ours, theirs)]


def _day(readings: Readings) -> str:
    """The day on which a run began, which it may name as today."""
    starts = [span.start_ns for span in readings.trace.roots if span.start_ns is not None]
    told = iso_time(min(starts)) if starts else None
    return (told or "")[:10]


def _is_one_task(failed: str, good: str, same: SameValues) -> bool:
    """Whether both were asked the same, or where the traces don't tell what was asked."""
    if not failed or not good:
        return True
    found = same.texts(failed, good)
    if found.alike is not Alike.OTHER:
        return True
    ours, theirs = (frozenset(map(str.casefold, value_tokens(text))) for text in (failed, good))
    changed = any(d.failed and d.good and d.failed != failed for d in found.differences)
    return likeness(ours, theirs) >= _TASK and not changed


def _setup_departure(failed: Readings, good: Readings, same: SameValues) -> Departure | None:
    """The first model call that was set up otherwise than any of the agent's in the good run."""
    theirs: dict[str, list[Setup]] = {}
    for agent, setup in setups_of(good):
        theirs.setdefault(agent, []).append(setup)
    for agent, setup in setups_of(failed):
        changes = [change_of(setup, other, same) for other in theirs.get(agent, [])]
        if changes and all(changes):
            return Departure(Ground.SETUP, setup.span, change=changes[0] or "")
    return None


class _Walk:
    """Two runs, walked side by side once."""

    def __init__(self, failed: Sequence[Act], good: Sequence[Act], same: SameValues) -> None:
        self._ours, self._theirs, self._same = list(failed), list(good), same
        self._waiting: list[Departure] = []
        self._our_past: list[Act] = []
        self._their_past: list[Act] = []
        self.twins: dict[str, str] = {}

    def first(self) -> Departure | None:
        """The departure that decides; None where the runs come to the same."""
        while self._ours or self._theirs:
            found = self._next()
            if found is not None and not found.waits:
                return self._reason_for(found)
            if found is not None:
                self._same.take_over(found.differences)
                self._waiting.append(found)
        return next((one for one in self._waiting if self._same.followed(one.differences)), None)

    @property
    def came_to_nothing(self) -> Departure | None:
        """What waited, where nothing decided."""
        return next(iter(self._waiting), None)

    def _next(self) -> Departure | None:
        ours = self._ours[0] if self._ours else None
        theirs = self._theirs[0] if self._theirs else None
        if ours is not None and theirs is not None and self._are_one(ours, theirs):
            return self._side_by_side(ours, theirs)
        if self._passed_over(ours, theirs) or self._tried_again(ours, theirs):
            return None
        if ours is not None and _is_musing(ours):
            self._our_past.append(self._ours.pop(0))
            worked_out = (Difference("", ours.came or None, None),)
            return _did(ours, None, worked_out, waits=True) if ours.came else None
        if theirs is not None and _is_musing(theirs):
            self._their_past.append(self._theirs.pop(0))
            return None
        if ours is None or theirs is None:
            return self._ended(theirs) if theirs is not None else self._went_on()
        if self._out_of_order(ours, theirs):
            return None
        return self._apart(ours, theirs)

    def _are_one(self, ours: Act, theirs: Act) -> bool:
        """Whether both did the same there, whatever came of it."""
        if ours.kind is not theirs.kind or ours.name.casefold() != theirs.name.casefold():
            return False
        if ours.kind is not ActKind.CALL:
            return True
        with self._same.trying():
            found = self._same.arguments(ours.given, theirs.given)
        only_one_has = bool(found.differences)
        return found.alike is not Alike.OTHER and not (only_one_has and ours.changes)

    # What came of the same act

    def _side_by_side(self, ours: Act, theirs: Act) -> Departure | None:
        if _later_try(self._ours, ours, theirs) or _later_try(self._theirs, theirs, ours):
            return None
        self._our_past.append(self._ours.pop(0))
        self._their_past.append(self._theirs.pop(0))
        worded = self._same.arguments(ours.given, theirs.given).alike is Alike.REWORDED
        if ours.kind is ActKind.SAY:
            found = self._said(ours, theirs)
        else:
            found = self._came_of(ours, theirs)
        if found is None:
            pairs = ((ours.span, theirs.span), (ours.by, theirs.by))
            self.twins.update({one.span_id: other.span_id for one, other in pairs})
            self._same.learn(ours.came, theirs.came)
        elif ours.kind is ActKind.CALL and worded:
            return Departure(
                Ground.ACT, ours.by, ours, theirs, found.differences, waits=found.waits
            )
        return found

    def _came_of(self, ours: Act, theirs: Act) -> Departure | None:
        """A failure, or something else that was answered or found; less than nothing decides."""
        ground = Ground.FOUND if ours.kind is ActKind.SEARCH else Ground.RESULT
        if ours.failed is not None:
            alike = theirs.failed is not None and _one_error(ours.failed, theirs.failed)
            return None if alike else Departure(ground, ours.began, ours, theirs)
        if theirs.failed is not None:
            return None
        found = self._same.texts(ours.came, theirs.came)
        if found.alike is not Alike.OTHER or ours.unknown or theirs.unknown:
            return None
        waits = not (_is_nothing(ours) and not _is_nothing(theirs))
        return Departure(ground, ours.began, ours, theirs, found.differences, waits=waits)

    def _said(self, ours: Act, theirs: Act) -> Departure | None:
        """Other words: the answer decides, on the way only figures that something rests on."""
        found = self._same.texts(ours.came, theirs.came)
        if found.alike is Alike.SAME or _has_calls(self._ours):
            return None
        if found.alike is Alike.REWORDED:
            shown = found.differences if ours.is_last else ()
            told = Departure(Ground.ACT, ours.by, ours, theirs, shown, waits=True)
            return told if shown else None
        if ours.is_last != theirs.is_last and not _was_refused(self._ours):
            return None  # in a dialogue, words before the last are no answer yet
        if ours.is_last or theirs.is_last:
            later = (act for act in self._ours if act.kind is ActKind.SAY)
            if any(self._says_the_same(act, theirs) for act in later):
                return None
            return Departure(Ground.ACT, ours.by, ours, theirs, found.differences)
        figures = tuple(d for d in found.differences if d.failed != ours.came)
        if not figures:
            return None
        return Departure(Ground.ACT, ours.by, ours, theirs, figures, waits=True)

    def _says_the_same(self, ours: Act, theirs: Act) -> bool:
        with self._same.trying():
            return self._same.texts(ours.came, theirs.came).alike is not Alike.OTHER

    # What is passed over

    def _passed_over(self, ours: Act | None, theirs: Act | None) -> bool:
        """Words on the way, and work that only one of the runs has and that did not fail."""
        for act, queue, other in ((ours, self._ours, theirs), (theirs, self._theirs, ours)):
            if act is None or (act.failed is not None and act is ours):
                continue
            talk = act.kind is ActKind.SAY and not act.is_last and _has_calls(queue)
            if talk or (act.kind is ActKind.WORK and not _comes(act, other)):
                queue.pop(0)
                return True
        return False

    def _tried_again(self, ours: Act | None, theirs: Act | None) -> bool:
        """A call that was made a moment ago, made once more, or a model call that was."""
        sides = (ours, self._ours, self._our_past), (theirs, self._theirs, self._their_past)
        for act, queue, past in sides:
            if act is None or act.kind is ActKind.SAY:
                continue
            recovers = act.kind is ActKind.MODEL and not all(_is_again(a, act) for a in queue)
            again = act.kind is not ActKind.MODEL and any(
                _is_again(act, earlier) for earlier in past[-_RECENT:]
            )
            if recovers or again:
                queue.pop(0)
                return True
        return False

    def _out_of_order(self, ours: Act, theirs: Act) -> bool:
        """Calls that were made together, and look-ups, may come in another order."""
        for place, other in enumerate(self._theirs[1:_AHEAD], 1):
            if ours.kind is not ActKind.CALL or not self._are_one(ours, other):
                continue
            between = self._theirs[:place]
            if not all(self._comes_later(act) for act in between):
                return False
            together = other.turn is not None and other.turn == theirs.turn
            if not together and any(act.changes for act in (*between, ours)):
                return False
            self._theirs.insert(0, self._theirs.pop(place))
            return True
        return False

    def _comes_later(self, theirs: Act) -> bool:
        return any(self._are_one(act, theirs) for act in self._ours[1:_AHEAD])

    # Where they part

    def _apart(self, ours: Act, theirs: Act) -> Departure | None:
        """Both did something else there, and perhaps come together again."""
        more, fewer = self._together_again()
        if more and not fewer:
            self._our_past.append(self._ours.pop(0))
            return _did(ours, None) if ours.changes or ours.failed else None
        if fewer and not more:
            self._their_past.append(self._theirs.pop(0))
            return _did(ours, theirs, waits=not theirs.changes)
        if ours.kind is ActKind.SAY and theirs.kind is ActKind.SAY and more == fewer == 1:
            self._our_past.append(self._ours.pop(0))
            self._their_past.append(self._theirs.pop(0))
            return _did(ours, theirs, waits=True)
        alike = (ours.kind, ours.name) == (theirs.kind, theirs.name)
        asked = self._same.texts(ours.given, theirs.given).differences if alike else ()
        return _did(ours, theirs, asked)

    def _together_again(self) -> tuple[int, int]:
        """How many acts of each run come before both do the same again; (0, 0) for never."""
        for total in range(1, _AHEAD):
            for more in range(total + 1):
                ours, theirs = self._ours[more:], self._theirs[total - more :]
                if ours and theirs and self._are_one(ours[0], theirs[0]):
                    return more, total - more
        return 0, 0

    def _ended(self, theirs: Act) -> Departure | None:
        """The failed run is over, and the good one isn't."""
        self._their_past.append(self._theirs.pop(0))
        last = self._our_past[-1] if self._our_past else None
        is_act = theirs.kind not in (ActKind.WORK, ActKind.MODEL)
        if last is None or not is_act or _has_answered(self._our_past):
            return None
        return Departure(Ground.ACT, last.by, None, theirs)

    def _went_on(self) -> Departure | None:
        """The good run is over, and the failed one isn't."""
        ours = self._ours.pop(0)
        self._our_past.append(ours)
        is_work = ours.kind is ActKind.WORK and ours.failed is None
        if is_work or (ours.kind is ActKind.SAY and _has_answered(self._their_past)):
            return None
        return _did(ours, None)

    def _can_follow(self, found: Departure) -> bool:
        """Acts of a model can follow from anything before, work from what it was given."""
        ours, theirs = found.act, found.good
        if found.ground is Ground.ACT:
            return True
        if ours is None or theirs is None or ours.kind is not ActKind.WORK:
            return False
        is_same = self._same.texts(ours.given, theirs.given).alike is Alike.SAME
        return not is_same or any(self._same.followed(w.differences) for w in self._waiting)

    def _reason_for(self, found: Departure) -> Departure:
        """The earliest thing that waited on which the departure can rest, else itself."""
        if not self._waiting or not self._can_follow(found):
            return found
        later = [act for act in (found.act, *self._ours) if act is not None]
        told = {token.casefold() for act in later for token in value_tokens(act.text)}
        leads = next((one for one in self._waiting if _leads_to(one, told)), None)
        answered = next((one for one in self._waiting if one.ground is not Ground.ACT), None)
        if leads is None or answered is None:
            return leads or answered or found
        # A look-up that was left out may itself follow from what was answered before.
        first = min(leads, answered, key=self._waiting.index)
        return first if leads.ground is Ground.ACT else leads


def _leads_to(one: Departure, told: set[str]) -> bool:
    """Whether a later act has what differed, or a look-up or a value is not there at all."""
    if not one.differences or any(d.failed is None for d in one.differences):
        return True
    return any(set(map(str.casefold, value_tokens(d.failed or ""))) & told for d in one.differences)


def _later_try(queue: list[Act], failing: Act, other: Act) -> bool:
    """Skip a try that failed where a later one comes to what the other run came to at once."""
    if failing.failed is None or other.failed is not None:
        return False
    later = enumerate(queue[1:_AHEAD], 1)
    place = next((n for n, a in later if _is_again(a, failing) and a.failed is None), None)
    if place is not None:
        del queue[:place]
    return place is not None


def _is_again(act: Act, earlier: Act) -> bool:
    """Whether one run does a thing again."""
    if ActKind.MODEL in (act.kind, earlier.kind):
        return act.kind is earlier.kind
    return (act.kind, act.name, act.given) == (earlier.kind, earlier.name, earlier.given)


def _one_error(failed: str, good: str) -> bool:
    return likeness(template_words(masked(failed)), template_words(masked(good))) >= _ALIKE_ERRORS


def _is_nothing(act: Act) -> bool:
    return not act.came.strip() or is_empty_result(act.came)


def _has_calls(acts: Iterable[Act]) -> bool:
    return any(act.kind is ActKind.CALL for act in acts)


def _is_musing(act: Act) -> bool:
    """A call that looks at nothing: to think aloud, to work a number out."""
    plain = act.kind is ActKind.CALL and not act.changes and act.failed is None
    return plain and not act.unknown and not any(map(str.isalpha, act.came)) and "[" not in act.came


def _was_refused(acts: Sequence[Act]) -> bool:
    """Whether the application could not use what was said just before."""
    return bool(acts) and acts[0].kind is ActKind.WORK and acts[0].failed is not None


def _has_answered(acts: Iterable[Act]) -> bool:
    return any(act.is_last for act in acts)


def _comes(act: Act, other: Act | None) -> bool:
    return other is not None and other.kind is act.kind and other.name == act.name


def _did(
    ours: Act,
    theirs: Act | None,
    differences: tuple[Difference, ...] = (),
    *,
    waits: bool = False,
) -> Departure:
    """Something else was done with the same input; what fails by itself is no act of a model."""
    by_itself = ours.kind in (ActKind.MODEL, ActKind.WORK)
    ground, span = (Ground.RESULT, ours.began) if by_itself else (Ground.ACT, ours.by)
    return Departure(ground, span, ours, theirs, differences, waits=waits)
