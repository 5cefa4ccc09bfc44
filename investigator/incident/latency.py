"""A trace stands out by its latency against the others of its kind; healthy variation does not.

Traces of one service and root name are compared, at least `FEWEST` of them. Latencies of agents
are skewed, so they are compared as logarithms: slow is what lies more than `DEVIATIONS` robust
standard deviations (1.4826 times the median absolute deviation) above the median, or more than
`DEVIATIONS_APART` where nothing lies between it and a `GAP`-th of it. Slow is also at least
`TIMES` the median and `FLOOR_MS` longer than it. What is usual is told by the traces that came to
their end: one that failed at once says nothing of how long a healthy one takes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from investigator.incident.digest import TraceDigest, in_order

FEWEST = 5
DEVIATIONS = 4.0
DEVIATIONS_APART = 3.0
GAP = 3.0
TIMES = 2.0
FLOOR_MS = 1_000.0

_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class SlowTrace:
    """A trace that stands out, and what it stands out from."""

    digest: TraceDigest
    latency_ms: float
    median_ms: float
    compared_with: int


TAIL = 0.1
"""Slow traces that are a smaller part of the window are the tail that latencies have."""

FEWEST_WITH_A_TAIL = 30
"""Of fewer traces no tail is known: there one that stands out is told."""

HUNG = 100.0
"""Times the median: so long no tail is."""


def is_tail(slow: Sequence[SlowTrace], traces: int) -> bool:
    """Whether slow traces of so many are no more, and no slower, than a usual spread has."""
    return not slow or (
        traces >= FEWEST_WITH_A_TAIL
        and len(slow) < TAIL * traces
        and all(one.latency_ms < HUNG * one.median_ms for one in slow)
    )


def slow_traces(digests: Iterable[TraceDigest]) -> tuple[SlowTrace, ...]:
    """The traces that stand out, the slowest first, then by start and trace id."""
    groups: defaultdict[tuple[str, str], list[tuple[TraceDigest, float]]] = defaultdict(list)
    for found in in_order(digests):
        if found.latency_ms is not None and found.latency_ms > 0:
            groups[found.service, found.root_name].append((found, found.latency_ms))
    slow = [one for group in groups.values() for one in _slow_in(group)]
    return tuple(sorted(slow, key=lambda one: (-one.latency_ms, one.digest.trace_id)))


def _slow_in(group: Sequence[tuple[TraceDigest, float]]) -> list[SlowTrace]:
    if len(group) < FEWEST:
        return []
    whole = [latency for found, latency in group if not found.ended_early]
    usual_ones = whole if len(whole) >= FEWEST else [latency for _, latency in group]
    logs = [math.log(latency) for latency in usual_ones]
    middle = median(logs)
    spread = _TO_SIGMA * median(abs(log - middle) for log in logs)
    usual = math.exp(middle)
    least = max(TIMES * usual, usual + FLOOR_MS)
    far = max(least, math.exp(middle + DEVIATIONS * spread))
    near = max(least, math.exp(middle + DEVIATIONS_APART * spread))
    latencies = sorted(usual_ones)
    apart = (high for low, high in pairwise(latencies) if high > near and high >= GAP * low)
    first = min(next(apart, math.inf), math.nextafter(far, math.inf))
    return [
        SlowTrace(found, latency, usual, len(usual_ones))
        for found, latency in group
        if latency >= first
    ]
