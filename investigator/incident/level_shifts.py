"""Level shifts: what runs measure steps to another level, with a recorded change or without one.

For each measure two sorts of explanation are tried: a recorded change (all runs that have it, or
one slice of them), and a stretch of time that no record explains (again, all runs or one slice).
The best is the one that the runs are most likely under, less what the number of others of its sort
allows by chance. It is a shift where chance, corrected for all that was tried, is at most
`SHIFT_BY_CHANCE`, and the level differs enough to matter; a trend or a daily swing that tells it
better is none. A change whose explanation is as likely is named beside it; the others are refuted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from investigator.ground.wording import counted
from investigator.incident.changes import Change
from investigator.incident.digest import TraceDigest
from investigator.incident.run_measures import (
    LATENCY,
    MODEL_TIME,
    OUTPUT_TOKENS,
    TOKENS,
    Scale,
)
from investigator.incident.run_table import MeasureColumn, RunTable
from investigator.incident.shift_explanations import (
    FEWEST_OF_A_STRETCH,
    Explanation,
    each_once,
    explanations_of,
    in_slices,
    is_large_enough,
)
from investigator.incident.shift_statistics import (
    CircumstanceCells,
    Contrast,
    Leftover,
    Levels,
    best_interval,
    cells_of,
    chance_of_share,
    gain_of_courses,
    gain_of_shares,
    residuals,
    smooth_courses,
    trimmed_mean,
)
from investigator.incident.shifts import RefutedChange, Shift, shift_groups

SHIFT_BY_CHANCE = 0.05
"""The greatest probability, corrected, with which a shift may be chance. The correction adds up
looks that are much alike, so that about one quiet window in a hundred has such a shift."""

RATIO = 1.5
"""Amounts that differ less from one side to the other are told of no shift: load does as much."""

SHIFT_POINTS = 0.2
"""The same for shares."""

OF_THE_SCALE = 0.15
"""The same for scores, as a part of their scale."""

FEWEST_MEASURED = 12
"""Runs that have a measure, for it to be looked at."""

AS_LIKELY = 2.0
"""Explanations whose likelihoods (logarithms) differ by less cannot be told apart."""

_UNRECORDED_WINS_BY = 4.0
"""A stretch of time always fits a little better than the change that began it."""

_PLACES = 40
_PLACES_IN_A_SLICE = 16
_STRETCHES = 100
"""How many independent looks a search over all stretches is worth."""

_LOOKED_AT_CLOSELY = 25
_SHARES = {"whole": 2, "sliced": 4, "part": 8, "stretch": 16, "sliced stretch": 16}
"""By sort of explanation the inverse of its share of the chance that is allowed."""

_ALIKE = {MODEL_TIME: LATENCY, OUTPUT_TOKENS: TOKENS}
"""Measures that go with another one are no further look."""

_ROUNDS = 2
_BORROWED = 10.0
"""Runs at the share of all others that a group is taken to have had before, besides its own: a
group that hardly ran before is not taken to have been free of what others have."""

_CHANGES = 20
_SHARE_OF_BEST = 0.6


@dataclass(frozen=True, slots=True)
class _Tried:
    """An explanation with what it says of one measure."""

    of: Explanation
    sort: str
    found: Contrast
    looks: int

    @property
    def weight(self) -> float:
        """Likelihood less what so many looks allow."""
        return self.found.gain - math.log(self.looks)


def level_shifts(digests: Sequence[TraceDigest], changes: Sequence[Change]) -> tuple[Shift, ...]:
    """The shifts of a window, those for the worse first, then the surest."""
    table = RunTable.of(digests)
    if len(table.runs) < FEWEST_MEASURED:
        return ()
    search = _Search(table, tuple(changes[:_CHANGES]))
    found = [shift for name in table.measures for shift in search.shifts_of(name)]
    ranked = sorted(found, key=lambda shift: (not shift.worse, -shift.gain, shift.measure))
    return tuple(shift for group in shift_groups(ranked) for shift in group)


@dataclass(frozen=True)
class _Sample:
    """The runs that have one set of measures, with what comparisons among them need."""

    numbers: tuple[int, ...]
    levels: Levels
    cells: CircumstanceCells
    courses: list[list[float]]
    known: int

    def places(self, inside: frozenset[int]) -> list[int]:
        """Where the runs inside stand in it."""
        if len(inside) * 4 < len(self.numbers):
            return sorted(self._place[number] for number in inside if number in self._place)
        return [place for place, number in enumerate(self.numbers) if number in inside]

    @cached_property
    def _place(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self.numbers)}


class _Search:
    """All explanations of the shifts of one window."""

    def __init__(self, table: RunTable, changes: tuple[Change, ...]) -> None:
        self._table = table
        self._changes = changes
        self._samples: dict[tuple[int, ...], _Sample] = {}
        numbers = table.number
        whole = each_once(explanations_of(changes, numbers))
        together = [set(map(id, one.changes)) for one in whole if len(one.changes) > 1]
        parts = [one for one in whole if any(set(map(id, one.changes)) < all_ for all_ in together)]
        self._recorded = (
            ("whole", [one for one in whole if one not in parts]),
            ("part", parts),
            ("sliced", each_once(in_slices(whole, table.slices))),
        )
        self._levels = table.held_constant([(one.inside, one.reference) for one in whole])
        self._measured = len(
            {
                _ALIKE.get(column.name, column.name)
                for column in table.measures.values()
                if len(column.values) >= FEWEST_MEASURED and len(set(column.values.values())) > 1
            }
        )

    def shifts_of(self, name: str) -> Iterator[Shift]:
        """The shifts of one measure, the surest first."""
        column = self._table.measures[name]
        if len(column.values) < FEWEST_MEASURED or len(set(column.values.values())) < 2:
            return
        if column.scale is Scale.SHARE:
            tried = [*self._shares(column)]
            if (shift := self._best(column, tried)) is not None:
                yield shift
            return
        values = _compared(column)
        for _ in range(_ROUNDS):
            sample = self._sample(tuple(values))
            rest = Leftover(residuals(list(values.values()), sample.levels), sample.cells)
            shift = self._best(column, [*self._contrasts(sample, rest)], (sample, rest.left))
            if shift is None:
                return
            yield shift
            moved = {self._table.number[run.trace_id] for run in shift.inside}
            step = math.log(shift.effect) if column.scale is Scale.AMOUNT else shift.effect
            values = {i: value - step * (i in moved) for i, value in values.items()}

    def _sample(self, numbers: tuple[int, ...]) -> _Sample:
        known = self._samples.get(numbers)
        if known is None:
            levels = [[held[i] for i in numbers] for held in self._levels]
            times = [self._table.runs[i].start_ns or 0 for i in numbers]
            fitted = sum(len(set(held)) - 1 for held in levels)
            known = _Sample(
                numbers, levels, cells_of(levels, len(numbers)), smooth_courses(times), fitted
            )
            self._samples[numbers] = known
        return known

    def _contrasts(self, sample: _Sample, rest: Leftover) -> Iterator[_Tried]:
        """Every explanation of an amount or a score that may be likely, each with its contrast."""
        there = frozenset(sample.numbers)
        for sort, explanations in self._recorded:
            rough = [
                (-rest.rough_gain(sample.places(one.inside)), number)
                for number, one in enumerate(explanations)
                if is_large_enough(one, there)
            ]
            for _, number in sorted(rough)[:_LOOKED_AT_CLOSELY]:
                one = explanations[number]
                found = rest.contrast(sample.places(one.inside), sample.known)
                yield _Tried(one, sort, found, len(explanations))
        for sort, one, looks in self._stretches(sample, rest.left):
            if is_large_enough(one, there):
                found = rest.contrast(sample.places(one.inside), sample.known)
                yield _Tried(one, sort, found, looks)

    def _stretches(
        self, sample: _Sample, left: Sequence[float]
    ) -> Iterator[tuple[str, Explanation, int]]:
        """The stretch of time that differs most, over all runs and in each slice."""
        numbers = sample.numbers
        found = _stretch(left, _PLACES)
        if found is not None:
            begin, end = found
            inside = frozenset(numbers[begin:end])
            yield "stretch", Explanation((), None, inside, frozenset(numbers) - inside), _STRETCHES
        slices = self._table.slices
        for one, members in slices.items():
            places = [place for place, number in enumerate(numbers) if number in members]
            found = _stretch([left[place] for place in places], _PLACES_IN_A_SLICE)
            if found is not None:
                begin, end = found
                inside = frozenset(numbers[place] for place in places[begin:end])
                reference = frozenset(numbers[place] for place in places) - inside
                looks = _STRETCHES * len(slices)
                yield "sliced stretch", Explanation((), one, inside, reference), looks

    def _shares(self, column: MeasureColumn) -> Iterator[_Tried]:
        """Every explanation of a share, each with its chance."""
        numbers = tuple(column.values)
        there = frozenset(numbers)
        bad = frozenset(i for i, value in column.values.items() if value == 1.0)
        if not column.worse_up:
            bad = there - bad
        for sort, explanations in self._recorded:
            for one in explanations:
                if is_large_enough(one, there):
                    yield _Tried(one, sort, _share(one, bad, there), max(1, len(explanations)))
        sample = self._sample(numbers)
        marked = [float(i in bad) for i in numbers]
        mean = sum(marked) / len(marked)
        for sort, one, looks in self._stretches(sample, [value - mean for value in marked]):
            if is_large_enough(one, there):
                yield _Tried(one, sort, _share(one, bad, there), looks)

    def _best(
        self,
        column: MeasureColumn,
        tried: Sequence[_Tried],
        fitted: tuple[_Sample, Sequence[float]] | None = None,
    ) -> Shift | None:
        """The likeliest explanation that is no chance and that matters; None without one."""
        if not tried:
            return None
        ranked = sorted(tried, key=_likeliest)
        best = max(one.found.gain for one in ranked)
        for one in ranked:
            if one.found.gain < _SHARE_OF_BEST * best:
                continue
            chance = self._corrected(one)
            if chance > SHIFT_BY_CHANCE:
                continue
            effect = self._effect(column, one.of)
            if not _matters(column, effect):
                continue
            if fitted is not None and _is_course(one, *fitted):
                return None
            return self._shift(column, one, ranked, effect, chance)
        return None

    def _corrected(self, one: _Tried) -> float:
        """Chance, corrected for the measures and for the looks of its sort, which share it."""
        return min(1.0, one.found.chance * one.looks * _SHARES[one.sort] * self._measured)

    def _effect(self, column: MeasureColumn, one: Explanation) -> float:
        """The ratio or difference between the sides, freed of what circumstances explain."""
        inside = [i for i in column.values if i in one.inside]
        outside = [i for i in column.values if i in one.reference]
        if column.scale is Scale.SHARE:
            shares = [sum(column.among(side)) / max(1, len(side)) for side in (inside, outside)]
            return shares[0] - shares[1]
        values = _compared(column)
        sample = self._sample(tuple(values))
        places = {number: place for place, number in enumerate(sample.numbers)}
        others = {place for number, place in places.items() if number not in one.inside}
        left = residuals(list(values.values()), sample.levels, others).left
        sides = [trimmed_mean([left[places[i]] for i in side]) for side in (inside, outside)]
        apart = sides[0] - sides[1]
        return math.exp(apart) if column.scale is Scale.AMOUNT else apart

    def _shift(
        self,
        column: MeasureColumn,
        best: _Tried,
        ranked: Sequence[_Tried],
        effect: float,
        chance: float,
    ) -> Shift:
        of = best.of
        inside = sorted(i for i in of.inside if i in column.values)
        reference = sorted(i for i in of.reference if i in column.values)
        runs = self._table.runs
        middle = (lambda v: sum(v) / len(v)) if column.scale is Scale.SHARE else median
        grew = effect > 1 if column.scale is Scale.AMOUNT else effect > 0
        following = [i for i in sorted(column.values) if i > inside[-1]]
        also, refuted = self._others(column, best, ranked)
        return Shift(
            measure=column.name,
            scale=column.scale,
            worse=grew == column.worse_up,
            before=middle(column.among(reference)),
            after=middle(column.among(inside)),
            runs_before=len(reference),
            runs_after=len(inside),
            effect=effect,
            chance=chance,
            gain=best.found.gain,
            slice=of.slice,
            at_ns=runs[inside[0]].start_ns or 0,
            until_ns=runs[following[0]].start_ns if following and not of.changes else None,
            changes=of.changes,
            also=also,
            refuted=refuted,
            inside=tuple(runs[i] for i in inside),
            reference=tuple(runs[i] for i in reference),
        )

    def _others(
        self, column: MeasureColumn, best: _Tried, ranked: Sequence[_Tried]
    ) -> tuple[tuple[Change, ...], tuple[RefutedChange, ...]]:
        """The other recorded changes: those that explain it as well, and those that do not."""
        also, refuted = [], []
        for change in self._changes:
            if change in best.of.changes:
                continue
            own = [one.weight for one in ranked if change in one.of.changes]
            same = any(change.taken_by == one.taken_by for one in best.of.changes)
            if same or max(own, default=-math.inf) >= best.weight - AS_LIKELY:
                if best.of.changes:
                    also.append(change)
                continue
            refuted.append(RefutedChange(change, self._why_not(column, change, best)))
        return tuple(also), tuple(refuted)

    def _why_not(self, column: MeasureColumn, change: Change, best: _Tried) -> str:
        """What speaks against a change, in counts of runs."""
        inside = {i for i in best.of.inside if i in column.values}
        numbers = self._table.number
        with_it = {numbers[t] for t in change.since if t in numbers and numbers[t] in column.values}
        early, spared = inside - with_it, with_it - inside
        first = min(inside)
        if early and len(early) >= len(spared):
            runs = counted(len(inside), "run")
            return f"{len(early):,} of the {runs} at the new level do not have it"
        before = sum(i < first for i in spared)
        if before * 2 >= len(spared) and before:
            runs = counted(before, "run that has it was", "runs that have it were")
            return f"{runs} before the shift, at the old level"
        runs = counted(len(with_it), "run that has it", "runs that have it")
        return f"{len(spared):,} of the {runs} are at the old level"


def _compared(column: MeasureColumn) -> dict[int, float]:
    """The values as they are compared: amounts as logarithms."""
    if column.scale is Scale.AMOUNT:
        return {i: math.log(value) for i, value in column.values.items()}
    return dict(column.values)


def _stretch(left: Sequence[float], places: int) -> tuple[int, int] | None:
    """The stretch of runs that differs most, both sides large enough."""
    count = len(left)
    if count < 2 * FEWEST_OF_A_STRETCH:
        return None
    width = max(1, count // places)
    _, begin, end = best_interval(left, [*range(0, count, width), count])
    return (begin, end) if 0 < end - begin < count else None


def _share(one: Explanation, bad: frozenset[int], there: frozenset[int]) -> Contrast:
    """How much more often the runs inside are bad than those they are compared with.

    In a slice they must be so against its own runs and against all others: a slice that always
    was worse has no shift, and one that hardly ran before says little by itself.
    """
    inside, reference, others = one.inside & there, one.reference & there, there - one.inside
    hit, seen, elsewhere = len(inside & bad), len(reference & bad), len(others & bad)
    share = hit / len(inside)
    apart = share - seen / len(reference)
    if apart <= 0 or share <= elsewhere / max(1, len(others)):
        return Contrast(apart, 0.0, 1.0)
    gain = gain_of_shares(hit, len(inside), hit + elsewhere, len(inside) + len(others))
    chance = max(
        chance_of_share(hit, len(inside), elsewhere, len(others)),
        chance_of_share(
            hit,
            len(inside),
            seen + _BORROWED * elsewhere / max(1, len(others)),
            len(reference) + _BORROWED,
        ),
    )
    return Contrast(apart, gain, chance)


def _matters(column: MeasureColumn, effect: float) -> bool:
    match column.scale:
        case Scale.AMOUNT:
            return abs(math.log(effect)) >= math.log(RATIO)
        case Scale.SHARE:
            return abs(effect) >= SHIFT_POINTS
        case Scale.SCORE:
            return abs(effect) >= OF_THE_SCALE * _width(column.values.values())


def _width(values: Collection[float]) -> float:
    """How wide the scale of a score is: the least usual one that holds all values."""
    high, low = max(values), min(values)
    top = next((scale for scale in (1.0, 5.0, 10.0, 100.0) if high <= scale), high)
    return top - min(0.0, low)


def _likeliest(one: _Tried) -> tuple[float, str]:
    behind = 0.0 if one.of.changes else _UNRECORDED_WINS_BY
    name = "" if one.of.slice is None else one.of.slice.words
    return (behind - one.weight, name)


def _is_course(one: _Tried, sample: _Sample, raw: Sequence[float]) -> bool:
    """Whether a trend or the time of day tells the same, over most runs, at least as well."""
    if len(one.of.inside) + len(one.of.reference) < 0.5 * len(sample.numbers):
        return False
    return gain_of_courses(raw, sample.courses) > one.found.gain + AS_LIKELY
