"""Where a fact steps from one value to another over the traces of a window, in order of start.

A step needs consistency: values that vary from trace to trace, or stand side by side all along,
are no step. Two rules find one. Where the traces fall into few runs of equal values, every border
of two runs is a step; fewer still where a value comes back, as after a rollback. Elsewhere a value
that is first seen (or last seen) at a place makes a step if its occurrences would all fall on one
side of that place by chance with a probability of at most `BY_CHANCE`, corrected for the number
of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, lgamma

BY_CHANCE = 0.05
"""The greatest probability with which a step may be mere chance."""

LENGTH_OF_RUNS = 3
"""Runs must be that long on average, unless there are only two."""

LENGTH_OF_RUNS_THAT_RETURN = 4
"""The same where a value comes back, unless there are only three in `RETURNING` traces or more."""

RETURNING = 10

MOST_VALUES = 200
"""A fact with more values than this varies; it is not looked at."""

_NEGLIGIBLE = 1e-9

_Values = frozenset[str]


@dataclass(frozen=True, slots=True)
class ValueStep:
    """Between places `at - 1` and `at` of the sequence; compared are `[begin, at)`, `[at, end)`.

    `gone` and `new` are the values that stop and start here; `strength` (0..1) is how unlikely
    such a step would be if the values were in random order.
    """

    begin: int
    at: int
    end: int
    gone: _Values
    new: _Values
    strength: float

    def taken_by(self, values: _Values) -> bool:
        """Whether a trace of these values has taken the step."""
        return bool(values & self.new) if self.new else not values & self.gone


def steps_in(sequence: Sequence[_Values]) -> tuple[ValueStep, ...]:
    """The steps of a sequence of value sets, one for each trace that has the fact."""
    if not sequence or len(frozenset().union(*sequence)) > MOST_VALUES:
        return ()
    runs = _runs(sequence)
    return tuple(_between_runs(sequence, runs) if _few(sequence, runs) else _of_values(sequence))


def _few(sequence: Sequence[_Values], runs: Sequence[tuple[int, int]]) -> bool:
    """Whether the runs are too few for values that come and go by chance."""
    length = len(sequence)
    if len({sequence[begin] for begin, _ in runs}) == len(runs):
        return len(runs) <= max(2, length // LENGTH_OF_RUNS)
    alone = any(end - begin == 1 for begin, end in runs[1:-1])
    most = max(3 if length >= RETURNING else 2, length // LENGTH_OF_RUNS_THAT_RETURN)
    return len(runs) <= most and not alone


def strength_of(before: int, after: int) -> float:
    """How unlikely it is that as many traces of two kinds would be in order by chance."""
    return 1.0 - exp(-_log_choices(before + after, before))


def chance_of_spread(failing_before: int, before: int, failing_after: int, after: int) -> float:
    """The probability that at least so many of the failing traces come after by mere chance.

    Fisher's exact test, one-sided: the upper tail of the hypergeometric distribution.
    """
    failing, total = failing_before + failing_after, before + after
    ways = _log_choices(total, failing)
    chance = 0.0
    for count in range(failing_after, min(failing, after) + 1):
        part = exp(_log_choices(after, count) + _log_choices(before, failing - count) - ways)
        chance += part
        if part < chance * _NEGLIGIBLE:
            break
    return min(1.0, chance)


def least_chance_of_spread(failing: int, before: int, after: int) -> float:
    """The least that `chance_of_spread` can be for so many failing traces: as many after as can."""
    late = min(failing, after)
    return chance_of_spread(failing - late, before, late, after)


def _runs(sequence: Sequence[_Values]) -> list[tuple[int, int]]:
    """Stretches of equal value sets, as [begin, end)."""
    borders = [place for place in range(1, len(sequence)) if sequence[place] != sequence[place - 1]]
    return list(zip([0, *borders], [*borders, len(sequence)], strict=True))


def _between_runs(sequence: Sequence[_Values], runs: list[tuple[int, int]]) -> Iterator[ValueStep]:
    for (begin, at), (_, end) in pairwise(runs):
        old, new = sequence[begin], sequence[at]
        yield ValueStep(begin, at, end, old - new, new - old, strength_of(at - begin, end - at))


def _of_values(sequence: Sequence[_Values]) -> Iterator[ValueStep]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    count: dict[str, int] = {}
    for place, values in enumerate(sequence):
        for value in values:
            first.setdefault(value, place)
            last[value] = place
            count[value] = count.get(value, 0) + 1
    length = len(sequence)
    places = {*first.values(), *(place + 1 for place in last.values())} - {0, length}
    for at in sorted(places):
        new = [value for value, place in first.items() if place == at]
        gone = [value for value, place in last.items() if place == at - 1]
        chances = [
            *(_chance(length, length - at, count[value]) for value in new),
            *(_chance(length, at, count[value]) for value in gone),
        ]
        chance = min(chances) * len(first)
        if chance <= BY_CHANCE:
            yield ValueStep(0, at, length, frozenset(gone), frozenset(new), 1.0 - chance)


def _chance(length: int, side: int, count: int) -> float:
    """The probability that `count` of `length` places all fall among `side` of them."""
    return exp(_log_choices(side, count) - _log_choices(length, count))


def _log_choices(of: int, count: int) -> float:
    """The logarithm of the number of ways to choose `count` of `of`."""
    if count > of:
        return -inf
    return lgamma(of + 1) - lgamma(count + 1) - lgamma(of - count + 1)
