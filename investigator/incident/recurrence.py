"""When and for whom something bad happens again and again: at an hour, on a day, in one slice.

Looked at are runs that failed, by failure, and runs that are far above the level of their kind.
Chance is that of at least so many among those runs, corrected for the number of hours, days and
slices that were tried. What comes back at a time was there in three hours, days or weeks at least
(two weeks for a day of the week). Times are UTC.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from investigator.incident.digest import TraceDigest
from investigator.incident.run_table import RunTable
from investigator.incident.shift_statistics import (
    chance_of_share,
    deviation,
    gain_of_shares,
    residuals,
)

PATTERN_BY_CHANCE = 0.01
PATTERN_POINTS = 0.3
"""How much greater the share of bad runs is there than elsewhere."""

FEWEST_BAD_RUNS = 4
"""Bad runs, for a pattern to be told of them."""

_CYCLES = 3
_WEEKS = 2
_HOURS = (1, 2, 3, 4, 6)
_MINUTES = (5, 10, 15)
_DAYS = (1, 2, 5)
_PART_OF_CYCLES = 0.5
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class BadRunPattern:
    """Where the runs of `what` are: `place` says which runs, `recurs` whether it is a time.

    Counted are bad runs and all runs there and elsewhere; `cycles` in how many of the hours, days
    or weeks (`of_cycles` with runs there) it happened, 0 for a slice.
    """

    what: str
    place: str
    recurs: bool
    bad_there: int
    runs_there: int
    bad_elsewhere: int
    runs_elsewhere: int
    chance: float
    gain: float
    cycles: int
    of_cycles: int
    examples: tuple[TraceDigest, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Runs at one time of the clock, or in one slice; `cycle` numbers the hour, day or week."""

    words: str
    members: frozenset[int]
    cycle: Mapping[int, int] | None
    least_cycles: int = _CYCLES


def patterns(table: RunTable, bad: Mapping[str, Collection[str]]) -> tuple[BadRunPattern, ...]:
    """By sort of bad runs (trace ids by name) the time and the slice that hold most of them."""
    times = [*_times(table.runs)]
    slices = [_Place(one.words, members, None) for one, members in table.slices.items()]
    found: list[BadRunPattern] = []
    for what, trace_ids in bad.items():
        hit = frozenset(table.number[t] for t in trace_ids if t in table.number)
        if len(hit) < FEWEST_BAD_RUNS:
            continue
        for places, recurs in ((times, True), (slices, False)):
            best = _best(table, what, hit, places, len(places) * len(bad), recurs=recurs)
            if best is not None:
                found.append(best)
    return tuple(sorted(found, key=lambda one: (not one.recurs, -one.gain, one.what)))


def _best(
    table: RunTable,
    what: str,
    hit: frozenset[int],
    places: Sequence[_Place],
    looks: int,
    *,
    recurs: bool,
) -> BadRunPattern | None:
    tried = [
        one for place in places if (one := _pattern(table, what, hit, place, looks, recurs=recurs))
    ]
    return max(tried, key=lambda one: (one.gain, one.place), default=None)


def _pattern(
    table: RunTable, what: str, hit: frozenset[int], place: _Place, looks: int, *, recurs: bool
) -> BadRunPattern | None:
    """What a place says of the bad runs; None where that is nothing, or chance."""
    there = hit & place.members
    runs, others = len(place.members), len(table.runs) - len(place.members)
    if len(there) < FEWEST_BAD_RUNS or not others:
        return None
    elsewhere = len(hit) - len(there)
    apart = len(there) / runs - elsewhere / others
    cycles = {place.cycle[i] for i in there} if place.cycle is not None else set()
    of_cycles = {place.cycle[i] for i in place.members} if place.cycle is not None else set()
    rare = place.cycle is not None and (
        len(cycles) < place.least_cycles or len(cycles) < _PART_OF_CYCLES * len(of_cycles)
    )
    if apart < PATTERN_POINTS or rare:
        return None
    chance = min(1.0, chance_of_share(len(there), runs, elsewhere, others) * looks)
    if chance > PATTERN_BY_CHANCE:
        return None
    return BadRunPattern(
        what=what,
        place=place.words,
        recurs=recurs,
        bad_there=len(there),
        runs_there=runs,
        bad_elsewhere=elsewhere,
        runs_elsewhere=others,
        chance=chance,
        gain=gain_of_shares(len(there), runs, len(hit), len(table.runs)),
        cycles=len(cycles),
        of_cycles=len(of_cycles),
        examples=tuple(table.runs[i] for i in sorted(there)),
    )


def _times(runs: Sequence[TraceDigest]) -> Iterator[_Place]:
    """The hours, parts of the hour and days of the week that the window holds often enough."""
    moments = [datetime.fromtimestamp((run.start_ns or 0) / 1e9, UTC) for run in runs]
    days = {i: moment.toordinal() for i, moment in enumerate(moments)}
    hours = {i: days[i] * 24 + moment.hour for i, moment in enumerate(moments)}
    weeks = {i: (days[i] - 1) // 7 for i in days}
    for width in _HOURS:
        for hour in range(24):
            yield from _place(
                f"daily from {hour:02}:00 to {(hour + width) % 24:02}:00 UTC",
                (i for i, at in enumerate(moments) if (at.hour - hour) % 24 < width),
                # A stretch over midnight is one night: it counts for the day on which it began.
                {i: days[i] - (moments[i].hour < hour) for i in days},
            )
    for width in _MINUTES:
        for minute in range(0, 60, 5):
            yield from _place(
                f"hourly from minute {minute} to {(minute + width) % 60}",
                (i for i, at in enumerate(moments) if (at.minute - minute) % 60 < width),
                {i: hours[i] - (moments[i].minute < minute) for i in hours},
            )
    for width in _DAYS:
        for day in range(7):
            last = _DAY_NAMES[(day + width - 1) % 7]
            yield from _place(
                f"weekly on {_DAY_NAMES[day]}" + (f" to {last}" if width > 1 else ""),
                (i for i, at in enumerate(moments) if (at.weekday() - day) % 7 < width),
                weeks,
                _WEEKS,
            )


def _place(
    words: str, members: Iterator[int], cycle: Mapping[int, int], least: int = _CYCLES
) -> Iterator[_Place]:
    """The place, where enough cycles have runs in it."""
    found = frozenset(members)
    if len({cycle[i] for i in found}) >= least:
        yield _Place(words, found, cycle, least)


def far_above(table: RunTable, measure: str) -> frozenset[str]:
    """The runs that are at least twice the level of their kind, and far from its spread."""
    column = table.measures[measure]
    numbers = tuple(column.values)
    if len(numbers) < 3 * FEWEST_BAD_RUNS:
        return frozenset()
    levels = [[held[i] for i in numbers] for held in table.held_constant(())]
    left = residuals([math.log(value) for value in column.values.values()], levels).left
    least = max(math.log(2.0), 2.5 * deviation(left))
    return frozenset(
        table.runs[i].trace_id for i, rest in zip(numbers, left, strict=True) if rest > least
    )
