"""The statistics of level shifts: levels by circumstance, contrasts, chance. Pure arithmetic.

Runs of different agents or tenants have levels of their own, so a contrast is taken of what is
left after these: an additive model with shrunken levels, fitted by turns (analysis of covariance).
Residuals are clipped at `CLIP` robust deviations, so that a heavy tail weighs no more than its runs
count. Own code: two tests and a regression by turns need no library of a hundred megabytes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from statistics import median

CLIP = 3.0
"""Robust standard deviations."""

_LEAST_SHRUNK, _MOST_SHRUNK = 0.02, 20.0
"""Runs at the level of all that each value of a circumstance is taken to have besides its own."""

_TURNS = 4
_DAY_NS = 86_400_000_000_000
_TO_SIGMA = 1.4826
_NEGLIGIBLE = 1e-12
_TRIM = 0.2

Levels = Sequence[Sequence[int]]
"""For each circumstance the number of its value in each run."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """How far some runs differ from the others: `difference` in units of the values.

    `gain` is what the difference adds to the logarithm of the likelihood, `chance` the two-sided
    probability of such a difference by chance.
    """

    difference: float
    gain: float
    chance: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is left of values after their circumstances, and how far each of these was shrunken."""

    left: list[float]
    shrinkage: tuple[float, ...]


NO_CONTRAST = Contrast(0.0, 0.0, 1.0)


def residuals(values: Sequence[float], levels: Levels, of: Collection[int] = ()) -> Fitted:
    """What is left of the values after the level of all and that of each circumstance.

    The levels are those of the runs in `of`, if there are any: of the others it is then told how
    far they are from them. A circumstance whose values differ little is shrunken much.
    """
    fitted = range(len(values)) if not of else sorted(of)
    centre = median(values[i] for i in fitted)
    left = [value - centre for value in values]
    shrinkage = [1.0] * len(levels)
    for turn in range(_TURNS):
        bound = CLIP * deviation([left[i] for i in fitted]) if turn else math.inf
        for number, held in enumerate(levels):
            if turn < 2:
                shrinkage[number] = _shrinkage(left, held, fitted, bound)
            _take_out(left, held, fitted, bound, shrinkage[number])
        middle = median(left[i] for i in fitted)
        left = [value - middle for value in left]
    return Fitted(left, tuple(shrinkage))


def _shrinkage(
    left: Sequence[float], held: Sequence[int], of: Sequence[int], bound: float
) -> float:
    """The variance within the values of a circumstance over that between them."""
    groups: dict[int, list[float]] = {}
    for i in of:
        groups.setdefault(held[i], []).append(min(bound, max(-bound, left[i])))
    count, few = len(of), len(groups)
    if few < 2 or count <= few:
        return _MOST_SHRUNK
    mean = sum(map(sum, groups.values())) / count
    means = {key: sum(group) / len(group) for key, group in groups.items()}
    inner = sum((v - means[key]) ** 2 for key, group in groups.items() for v in group)
    within = inner / (count - few)
    apart = sum(len(group) * (means[key] - mean) ** 2 for key, group in groups.items())
    size = count - sum(len(group) ** 2 for group in groups.values()) / count
    between = (apart - (few - 1) * within) / max(size, 1.0)
    if between <= _NEGLIGIBLE:
        return _MOST_SHRUNK
    return min(_MOST_SHRUNK, max(_LEAST_SHRUNK, within / between))


def _take_out(
    left: list[float], held: Sequence[int], of: Sequence[int], bound: float, shrinkage: float
) -> None:
    """Take the level of each value of one circumstance out of what is left, in place."""
    sums: dict[int, float] = {}
    counts: dict[int, int] = {}
    for i in of:
        value = left[i]
        clipped = bound if value > bound else -bound if value < -bound else value
        key = held[i]
        sums[key] = sums.get(key, 0.0) + clipped
        counts[key] = counts.get(key, 0) + 1
    effects = {key: total / (counts[key] + shrinkage) for key, total in sums.items()}
    for i, key in enumerate(held):
        left[i] -= effects.get(key, 0.0)


def deviation(values: Sequence[float]) -> float:
    """A robust standard deviation; where most are equal, the usual one."""
    middle = median(values)
    spread = _TO_SIGMA * median(abs(value - middle) for value in values)
    if spread > _NEGLIGIBLE:
        return spread
    return math.sqrt(sum((value - middle) ** 2 for value in values) / len(values))


def clipped(values: Sequence[float]) -> list[float]:
    """The values, none further than `CLIP` robust deviations from the median."""
    middle, bound = median(values), CLIP * deviation(values)
    return [min(middle + bound, max(middle - bound, value)) for value in values]


@dataclass(frozen=True, slots=True)
class CircumstanceCells:
    """The runs by the combination of their circumstances: what these say is the same in a cell.

    `of` is the cell of each run, `levels` by circumstance the value of each cell.
    """

    of: list[int]
    levels: list[list[int]]
    counts: list[int]


def cells_of(levels: Levels, count: int) -> CircumstanceCells:
    """The cells of so many runs."""
    numbers: dict[tuple[int, ...], int] = {}
    of = [numbers.setdefault(tuple(held[i] for held in levels), len(numbers)) for i in range(count)]
    counts = [0] * len(numbers)
    for cell in of:
        counts[cell] += 1
    return CircumstanceCells(
        of, [[key[at] for key in numbers] for at in range(len(levels))], counts
    )


class Leftover:
    """Clipped residuals of one measure, with the sums that contrasts of them need."""

    def __init__(self, fitted: Fitted, cells: CircumstanceCells) -> None:
        middle = clipped(fitted.left)
        mean = sum(middle) / len(middle)
        self.left = [value - mean for value in middle]
        self.shrinkage = fitted.shrinkage
        self.squares = sum(value * value for value in self.left)
        self._cells = cells
        self._by_cell = [0.0] * len(cells.counts)
        for value, cell in zip(self.left, cells.of, strict=True):
            self._by_cell[cell] += value

    def rough_gain(self, inside: Sequence[int]) -> float:
        """About what a difference of these runs adds to the logarithm of the likelihood."""
        count, few = len(self.left), len(inside)
        if not 0 < few < count or self.squares <= _NEGLIGIBLE:
            return 0.0
        part = sum(self.left[i] for i in inside)
        explained = part * part * count / (few * (count - few))
        return -count / 2 * math.log(max(1e-9, 1 - explained / self.squares))

    def contrast(self, inside: Sequence[int], known: int) -> Contrast:
        """How far these runs differ from the others; `known` levels were fitted before.

        The mark of being inside is freed of what circumstances say of it, as the values were: a
        group that is a circumstance by itself has nothing left to be compared by.
        """
        cells = self._cells
        marked = [0] * len(cells.counts)
        for i in inside:
            marked[cells.of[i]] += 1
        taken = self._taken_out(marked, len(inside) / len(self.left))
        size = sum(
            few * (1 - off) ** 2 + (count - few) * off * off
            for few, count, off in zip(marked, cells.counts, taken, strict=True)
        )
        product = sum(self.left[i] for i in inside) - sum(
            off * part for off, part in zip(taken, self._by_cell, strict=True)
        )
        return _regressed(product, size, self.squares, len(self.left), known)

    def _taken_out(self, marked: Sequence[int], mean: float) -> list[float]:
        """By cell what is taken out of the mark: its mean, and the level of each circumstance."""
        counts = self._cells.counts
        taken = [mean] * len(counts)
        for _ in range(_TURNS):
            for held, shrunk in zip(self._cells.levels, self.shrinkage, strict=True):
                sums: dict[int, float] = {}
                sizes: dict[int, int] = {}
                for cell, key in enumerate(held):
                    over = marked[cell] - counts[cell] * taken[cell]
                    sums[key] = sums.get(key, 0.0) + over
                    sizes[key] = sizes.get(key, 0) + counts[cell]
                effects = {key: total / (sizes[key] + shrunk) for key, total in sums.items()}
                taken = [off + effects[key] for off, key in zip(taken, held, strict=True)]
        return taken


def _regressed(product: float, size: float, squares: float, count: int, known: int) -> Contrast:
    """The contrast of a mark from its product with the values, its size and theirs."""
    freedom = max(2.0, count - 2.0 - min(known, count / 4))
    if size <= 1e-6:
        return NO_CONTRAST
    slope = product / size
    rest = max(squares - slope * slope * size, squares * 1e-9)
    if rest <= _NEGLIGIBLE:
        return NO_CONTRAST
    t_squared = slope * slope * size / (rest / freedom)
    gain = freedom / 2 * math.log1p(t_squared / freedom)
    return Contrast(slope, gain, chance_of_t(math.sqrt(t_squared), freedom))


def without(values: Sequence[float], other: Sequence[float]) -> list[float]:
    """The values with their linear part in `other` taken out."""
    size = sum(x * x for x in other)
    if size <= _NEGLIGIBLE:
        return list(values)
    slope = sum(value * x for value, x in zip(values, other, strict=True)) / size
    return [value - slope * x for value, x in zip(values, other, strict=True)]


def chance_of_t(t: float, freedom: float) -> float:
    """Two-sided tail of Student's distribution (Wallace's approximation by the normal one)."""
    z = math.sqrt(freedom * math.log1p(t * t / freedom)) * (8 * freedom + 1) / (8 * freedom + 3)
    return math.erfc(z / math.sqrt(2))


def trimmed_mean(values: Sequence[float]) -> float:
    """The mean of the middle three fifths."""
    ordered = sorted(values)
    cut = int(len(ordered) * _TRIM)
    kept = ordered[cut : len(ordered) - cut] or ordered
    return sum(kept) / len(kept)


def gain_of_shares(bad_inside: int, inside: int, bad: int, count: int) -> float:
    """What two shares instead of one add to the logarithm of the likelihood."""
    return (
        _log_share(bad_inside, inside)
        + _log_share(bad - bad_inside, count - inside)
        - _log_share(bad, count)
    )


def _log_share(bad: int, count: int) -> float:
    found = 0.0
    for part in (bad, count - bad):
        if part:
            found += part * math.log(part / count)
    return found


def chance_of_share(bad_inside: int, inside: int, bad: float, count: float) -> float:
    """The probability of at least so many bad runs where `bad` of `count` were seen elsewhere.

    The upper tail of the beta-binomial distribution: it heeds how little the others say.
    """
    one, other = bad + 0.5, count - bad + 0.5
    logs = (
        math.lgamma(inside + 1)
        - math.lgamma(k + 1)
        - math.lgamma(inside - k + 1)
        + _log_beta(k + one, inside - k + other)
        - _log_beta(one, other)
        for k in range(bad_inside, inside + 1)
    )
    return min(1.0, sum(math.exp(log) for log in logs))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def smooth_courses(times: Sequence[int]) -> list[list[float]]:
    """A steady trend and, from half a day on, a daily swing, each free of those before it."""
    first = times[0]
    raw = [[(at - first) / _DAY_NS for at in times]]
    if times[-1] - first >= _DAY_NS // 2:
        turns = [(at % _DAY_NS) / _DAY_NS * math.tau for at in times]
        raw += [[math.sin(turn) for turn in turns], [math.cos(turn) for turn in turns]]
    found: list[list[float]] = []
    for course in raw:
        mean = sum(course) / len(course)
        centred = [value - mean for value in course]
        for earlier in found:
            centred = without(centred, earlier)
        found.append(centred)
    return found


def gain_of_courses(left: Sequence[float], courses: Sequence[Sequence[float]]) -> float:
    """What a trend and a daily swing add to the logarithm of the likelihood.

    Less what each further number that is fitted adds by itself (Bayesian information criterion).
    """
    rest = list(left)
    for course in courses:
        rest = without(rest, course)
    total, unexplained = (sum(v * v for v in values) for values in (left, rest))
    if unexplained <= _NEGLIGIBLE or total <= _NEGLIGIBLE:
        return 0.0
    further = (len(courses) - 1) / 2 * math.log(len(left))
    return len(left) / 2 * math.log(total / unexplained) - further


def best_interval(left: Sequence[float], places: Sequence[int]) -> tuple[float, int, int]:
    """The stretch between two places whose mean is furthest off, as (gain, begin, end)."""
    sums = list(accumulate(chain([0.0], left)))
    count, total = len(left), sums[-1]
    squares = sum(value * value for value in left)
    best = (0.0, 0, count)
    for a, begin in enumerate(places):
        for end in places[a + 1 :]:
            width = end - begin
            if width >= count:
                continue
            part = sums[end] - sums[begin]
            apart = part / width - (total - part) / (count - width)
            explained = apart * apart * width * (count - width) / count
            spread = squares - total * total / count
            if spread <= _NEGLIGIBLE:
                continue
            gain = -count / 2 * math.log(max(1e-9, 1 - explained / spread))
            best = max(best, (gain, begin, end))
    return best
