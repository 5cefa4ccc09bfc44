"""The runs of a window side by side: what each measures, and the circumstances to compare within.

A circumstance is held constant in comparisons where several runs share each of its values and where
it does not itself step with a change or drift away over the window; any circumstance can be the
slice in which something happens.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from investigator.incident.circumstances import AGENT, MODEL, TOOL
from investigator.incident.digest import TraceDigest, dated
from investigator.incident.run_measures import Scale

_SERVICE = "service"
_RUN = "run"
"""The name of the root, where it is not the agent's."""

_MOST_VALUES = 40
"""A circumstance with more values than this tells runs apart, not groups of them."""

FEWEST_IN_A_SLICE = 8
_SLICES = 60
_MOST_OF_ALL = 0.9
_TOLD_BY = 0.6
_RARE = 3
_DRIFTS_FROM = 4.0
_NAMED = frozenset({AGENT, _SERVICE, _RUN, "tenant", "user", "region"})
"""Who asks and who answers: these are held constant even where their mix drifts."""


class Slice(NamedTuple):
    """The runs of one circumstance, such as region `eu-west`."""

    name: str
    value: str

    @property
    def words(self) -> str:
        """For a sentence."""
        return f"{self.name} {self.value}"


@dataclass(frozen=True, slots=True)
class MeasureColumn:
    """One measure: its value by the number of the run."""

    name: str
    scale: Scale
    worse_up: bool
    values: dict[int, float]

    def among(self, runs: Collection[int]) -> list[float]:
        """The values of these runs."""
        return [self.values[i] for i in runs if i in self.values]


class RunTable:
    """Dated runs in order of time."""

    def __init__(self, runs: Sequence[TraceDigest]) -> None:
        self.runs = tuple(runs)
        self.number = {run.trace_id: i for i, run in enumerate(self.runs)}

    @classmethod
    def of(cls, digests: Sequence[TraceDigest]) -> RunTable:
        """Of the digests whose start is known."""
        return cls(dated(digests))

    @cached_property
    def measures(self) -> dict[str, MeasureColumn]:
        """Each measure, in the order in which runs have them."""
        found: dict[str, MeasureColumn] = {}
        for i, run in enumerate(self.runs):
            for one in run.measures:
                column = found.get(one.name)
                if column is None:
                    column = found[one.name] = MeasureColumn(one.name, one.scale, one.worse_up, {})
                if one.scale is Scale.SHARE or i not in self._broken:
                    column.values[i] = one.value
        return {name: _as_share(column) for name, column in found.items()}

    @cached_property
    def _broken(self) -> frozenset[int]:
        """Runs that failed before their end: they do not say how long a healthy one takes."""
        broken = frozenset(i for i, run in enumerate(self.runs) if run.ended_early)
        return broken if len(broken) * 2 <= len(self.runs) else frozenset()

    @cached_property
    def circumstances(self) -> dict[str, list[str | None]]:
        """By name the value of each run; of names that split the runs alike only the first."""
        by_name: defaultdict[str, list[str | None]] = defaultdict(lambda: [None] * len(self.runs))
        for i, run in enumerate(self.runs):
            held = dict(run.circumstances)
            held.setdefault(_SERVICE, run.service)
            if run.root_name != held.get(AGENT):
                held[_RUN] = run.root_name
            for name, value in held.items():
                if value:
                    by_name[name][i] = value
        found: dict[tuple[int, ...], str] = {}
        for name in sorted(by_name, key=lambda name: (name not in _NAMED, name)):
            values = by_name[name]
            told = sum(value is not None for value in values)
            distinct = len(set(values) - {None})
            if told >= _TOLD_BY * len(values) and 1 < distinct <= _MOST_VALUES:
                found.setdefault(tuple(_codes(values)), name)
        return {name: by_name[name] for name in found.values()}

    @cached_property
    def slices(self) -> dict[Slice, frozenset[int]]:
        """The groups by one circumstance that are neither few nor nearly all, large first."""
        groups: dict[Slice, set[int]] = {}
        for name, values in self.circumstances.items():
            for i, value in enumerate(values):
                if value is not None:
                    for part in value.split("+") if name in (TOOL, MODEL) else (value,):
                        groups.setdefault(Slice(name, part), set()).add(i)
        most = _MOST_OF_ALL * len(self.runs)
        once: dict[frozenset[int], Slice] = {}
        for one, members in groups.items():
            if FEWEST_IN_A_SLICE <= len(members) <= most:
                once.setdefault(frozenset(members), one)
        ranked = sorted(once.items(), key=lambda item: (-len(item[0]), item[1]))
        return {one: members for members, one in ranked[:_SLICES]}

    def held_constant(
        self, steps: Sequence[tuple[frozenset[int], frozenset[int]]]
    ) -> list[list[int]]:
        """The circumstances that comparisons are made within, as numbers of values by run.

        Not those that step with one of `steps` (the runs that have a change, those that have it
        not), and not what the run itself chose (its tools).
        """
        return [
            _codes(values)
            for name, values in self.circumstances.items()
            if name != TOOL
            and (name in _NAMED or not _drifts(values))
            and not any(_tells(values, *step) for step in steps)
        ]


def _as_share(column: MeasureColumn) -> MeasureColumn:
    """A score that is only ever 0 or 1 is a share."""
    if column.scale is Scale.SCORE and set(column.values.values()) <= {0.0, 1.0}:
        if column.worse_up:
            return MeasureColumn(column.name, Scale.SHARE, True, column.values)
        return MeasureColumn(column.name, Scale.SHARE, False, column.values)
    return column


def _codes(values: Sequence[str | None]) -> list[int]:
    """Values as numbers in the order of their first runs; those of a few runs are one."""
    counts = Counter(values)
    numbers: dict[str | None, int] = {}
    return [
        -1 if counts[value] < _RARE else numbers.setdefault(value, len(numbers)) for value in values
    ]


def _tells(values: Sequence[str | None], inside: frozenset[int], reference: frozenset[int]) -> bool:
    """Whether most runs with a change have values that those without it hardly have."""
    if not inside or not reference:
        return False
    within, before = Counter(values[i] for i in inside), Counter(values[i] for i in reference)
    own = sum(
        count
        for value, count in within.items()
        if before[value] / len(reference) <= 0.1 * count / len(inside)
    )
    return own >= 0.5 * len(inside)


def _drifts(values: Sequence[str | None]) -> bool:
    """Whether a value is much more frequent in one part of the window than in another."""
    total = len(values)
    places: defaultdict[str | None, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        places[value].append(place)
    for found in places.values():
        count = len(found)
        if count in (0, total):
            continue
        spread = math.sqrt((total + 1) * (total - count) / (12 * count))
        if abs(sum(found) / count - (total - 1) / 2) > _DRIFTS_FROM * spread:
            return True
    return False
