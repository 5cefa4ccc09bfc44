"""Level shifts and patterns in words: how much, from what to what, in how many runs, how surely."""

from __future__ import annotations

from collections.abc import Sequence

from investigator.incident.changes import Change
from investigator.incident.recurrence import BadRunPattern
from investigator.incident.run_measures import COST, LATENCY, MODEL_TIME, Scale
from investigator.incident.shifts import Shift
from investigator.traces.model import iso_time

_MILLISECONDS = frozenset({LATENCY, MODEL_TIME})
_SURE = 0.001
_NAMED = 4


def unit_of(shift: Shift) -> str:
    """What the levels of a shift are counted in."""
    if shift.measure in _MILLISECONDS:
        return "ms"
    if shift.measure == COST:
        return "USD"
    return "share of runs" if shift.scale is Scale.SHARE else ""


def amount(shift: Shift) -> str:
    """How much: `×4.2`, `by 38 points`."""
    if shift.scale is Scale.AMOUNT:
        return f"×{shift.effect:.1f}" if shift.effect >= 1 else f"×{shift.effect:.2f}"
    if shift.scale is Scale.SHARE:
        return f"by {abs(shift.effect) * 100:.0f} points"
    return f"by {abs(shift.effect):.3g}"


def headline(shift: Shift) -> str:
    """In a few words: `latency rose ×4.2 in region eu`."""
    where = f" for {shift.slice.words}" if shift.slice is not None else ""
    return f"{shift.measure} {_verb(shift)} {amount(shift)}{where}"


def statement(shift: Shift) -> str:
    """In one sentence, with levels, runs and chance."""
    kind = "from" if shift.scale is Scale.SHARE else "from a median of"
    when = f" from {_clock(shift.at_ns)} on"
    if shift.until_ns is not None:
        when = f" from {_clock(shift.at_ns)} to {_clock(shift.until_ns)}"
    return (
        f"{headline(shift)}{when}: {kind} {level(shift, shift.before)} "
        f"({_runs(shift.runs_before)}) to {level(shift, shift.after)} "
        f"({_runs(shift.runs_after)}), {chance_words(shift.chance)}"
    )


def level(shift: Shift, value: float) -> str:
    """A level with its unit."""
    if shift.measure in _MILLISECONDS:
        return f"{value / 1e3:,.1f} s" if value >= 100 else f"{value:,.0f} ms"
    if shift.measure == COST:
        return f"${value:.3g}"
    if shift.scale is Scale.SHARE:
        return f"{value * 100:.0f} %"
    if shift.scale is Scale.SCORE:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def chance_words(chance: float) -> str:
    """The corrected probability of chance, no finer than it can be known."""
    return f"p < {_SURE}" if chance < _SURE else f"p = {chance:.2g}"


def pattern_statement(pattern: BadRunPattern) -> str:
    """In one sentence, with counts inside and outside and chance."""
    there = f"{pattern.bad_there:,} of {_runs(pattern.runs_there)}"
    elsewhere = f"{pattern.bad_elsewhere:,} of {pattern.runs_elsewhere:,} elsewhere"
    again = ""
    if pattern.recurs:
        again = f", {pattern.cycles} times of {pattern.of_cycles}"
    return (
        f"{pattern.what}: {pattern.place}, {there} there against {elsewhere}{again}, "
        f"{chance_words(pattern.chance)}"
    )


def named_changes(changes: Sequence[Change]) -> str:
    """What changed, each subject once; of many the first few."""
    names = list(dict.fromkeys(change.subject for change in changes))
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def shift_list(shifts: Sequence[Shift]) -> str:
    """Several headlines in a row."""
    return ", ".join(headline(shift) for shift in shifts)


def _verb(shift: Shift) -> str:
    grew = shift.effect > 1 if shift.scale is Scale.AMOUNT else shift.effect > 0
    return "rose" if grew else "fell"


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"


def _clock(at_ns: int) -> str:
    return (iso_time(at_ns) or "?")[:16].replace("T", " ") + "Z"
