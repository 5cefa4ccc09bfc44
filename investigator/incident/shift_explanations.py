"""What may explain that runs differ: a recorded change, a slice of one, or a stretch of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from investigator.incident.changes import Change
from investigator.incident.run_table import Slice

FEWEST_ON_A_SIDE = 5

FEWEST_BEFORE = 3
"""Runs of a slice before its change: its level is also known from what others have."""

FEWEST_OF_A_STRETCH = 8
"""Runs on each side of a stretch that nothing recorded sets apart."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Runs that differ from others, and what they share: a change, a slice, a stretch of time.

    `changes` are one change to several agents; empty for a stretch of time.
    """

    changes: tuple[Change, ...]
    slice: Slice | None
    inside: frozenset[int]
    reference: frozenset[int]


def explanations_of(changes: Sequence[Change], numbers: dict[str, int]) -> Iterator[Explanation]:
    """Each change, and one that came to several agents at once; alone, and with those after it."""
    for event in _events(changes):
        taken, without, since = (
            frozenset(numbers[t] for one in event for t in side(one) if t in numbers)
            for side in (_taken, _not_taken, _since)
        )
        yield Explanation(event, None, taken, without)
        if since != taken:
            yield Explanation(event, None, since, without)


def _taken(change: Change) -> frozenset[str]:
    return change.taken_by


def _not_taken(change: Change) -> frozenset[str]:
    return change.not_taken_by


def _since(change: Change) -> frozenset[str]:
    return change.since


def _events(changes: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    """Every change, and those of one sort that can have come at one moment."""
    yield from ((change,) for change in changes)
    told: list[tuple[Change, ...]] = []
    for change in changes:
        together = [change]
        for other in changes:
            alike = other.kind is change.kind and other.name == change.name
            if other is not change and alike and _at_once([*together, other]):
                together.append(other)
        if len(together) > 1 and not any(
            set(map(id, together)) <= set(map(id, one)) for one in told
        ):
            told.append(tuple(together))
    yield from told


def _at_once(changes: Sequence[Change]) -> bool:
    """Whether there is a moment after the last run without each, before the first with it."""
    latest = max(change.after_ns for change in changes)
    return latest <= min(change.at_ns for change in changes)


def each_once(explanations: Iterable[Explanation]) -> list[Explanation]:
    """Each set of runs once, with all changes that came to just these."""
    found: dict[tuple[frozenset[int], Slice | None], Explanation] = {}
    for one in explanations:
        key = (one.inside, one.slice)
        known = found.get(key)
        if known is None:
            found[key] = one
        else:
            more = tuple(change for change in one.changes if change not in known.changes)
            found[key] = replace(known, changes=(*known.changes, *more))
    return list(found.values())


def in_slices(
    whole: Iterable[Explanation], slices: dict[Slice, frozenset[int]]
) -> Iterator[Explanation]:
    """Each change in each slice that holds some of its runs, not all."""
    for one in whole:
        for name, members in slices.items():
            inside = one.inside & members
            if FEWEST_ON_A_SIDE <= len(inside) < 0.95 * len(one.inside):
                yield Explanation(one.changes, name, inside, one.reference & members)


def is_large_enough(one: Explanation, there: frozenset[int]) -> bool:
    """Whether enough of the measured runs stand on each side."""
    inside = len(one.inside & there)
    outside = len(one.reference & there)
    if not one.changes:
        return min(inside, outside) >= FEWEST_OF_A_STRETCH
    least = FEWEST_ON_A_SIDE if one.slice is None else FEWEST_BEFORE
    return inside >= FEWEST_ON_A_SIDE and outside >= least
