"""A shift of level: one measure, before and after, what explains it, and what does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from investigator.incident.changes import Change
from investigator.incident.digest import TraceDigest
from investigator.incident.run_measures import (
    CALLS,
    COST,
    EMPTY_ANSWER,
    LATENCY,
    MODEL_TIME,
    NOT_KNOWN_ANSWER,
    OUTPUT_TOKENS,
    SCORE,
    TOKENS,
    Scale,
)
from investigator.incident.run_table import Slice


@dataclass(frozen=True, slots=True)
class RefutedChange:
    """A change that does not explain a shift, and why not."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Shift:
    """One measure at another level.

    `before` and `after` are medians of amounts and scores, or shares; `ratio` and `difference` are
    freed of what circumstances explain. `chance` is corrected for the number of looks.
    """

    measure: str
    scale: Scale
    worse: bool
    before: float
    after: float
    runs_before: int
    runs_after: int
    effect: float
    chance: float
    gain: float
    slice: Slice | None
    at_ns: int
    until_ns: int | None
    changes: tuple[Change, ...]
    also: tuple[Change, ...]
    refuted: tuple[RefutedChange, ...]
    inside: tuple[TraceDigest, ...]
    reference: tuple[TraceDigest, ...]


def shift_groups(shifts: Iterable[Shift]) -> list[list[Shift]]:
    """The shifts by explanation, what a user notices first; groups in the given order."""
    groups: dict[tuple[bool, Slice | None, tuple[str, ...]], list[Shift]] = {}
    for shift in shifts:
        same = tuple(change.words for change in shift.changes) or (str(shift.at_ns),)
        groups.setdefault((shift.worse, shift.slice, same), []).append(shift)
    return [sorted(group, key=_as_noticed) for group in groups.values()]


def _as_noticed(shift: Shift) -> tuple[int, str]:
    order = (
        EMPTY_ANSWER,
        NOT_KNOWN_ANSWER,
        LATENCY,
        COST,
        TOKENS,
        CALLS,
        OUTPUT_TOKENS,
        MODEL_TIME,
    )
    if shift.measure.startswith(SCORE):
        return (-1, shift.measure)
    return (order.index(shift.measure) if shift.measure in order else len(order), shift.measure)
