"""How a failure is spread over the traces without a change and those with it.

A failure is a signature, any of them, or slowness. Spread is told by Fisher's exact test, with the
correction for all the failures that were tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from investigator.incident.clusters import Clusters
from investigator.incident.digest import TraceDigest
from investigator.incident.latency import SlowTrace
from investigator.incident.value_steps import chance_of_spread, least_chance_of_spread
from investigator.traces.evidence import EvidenceRef

AFTER_THE_FAILURE = 0.7
"""What a change's score is multiplied by where its failure was already seen before it."""

_GROUPS = 50
_WAITING = 0.75
_ROUNDING = 1.000001


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of some traces fail."""

    failing: int
    traces: int

    @property
    def share(self) -> float:
        """0 where there are no traces."""
        return self.failing / self.traces if self.traces else 0.0

    def __str__(self) -> str:
        return f"{self.failing:,} of {self.traces:,}"


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Traces that share a failure."""

    name: str
    trace_ids: frozenset[str]
    evidence: dict[str, EvidenceRef]


@dataclass(frozen=True, slots=True)
class Effect:
    """How one failure is spread before and after a change."""

    group: FailureGroup
    before: Rate
    after: Rate
    precedes: bool
    sureness: float
    nearness: float
    first: TraceDigest | None

    @property
    def separation(self) -> float:
        """0 where there is nothing to compare with."""
        return max(0.0, self.after.share - self.before.share) if self.before.traces else 0.0

    @property
    def attributable(self) -> float:
        return self.separation / self.after.share if self.separation else 0.0

    @property
    def rank(self) -> tuple[float, int, str]:
        order = 1.0 if self.precedes else AFTER_THE_FAILURE
        spread = self.attributable * self.sureness * self.nearness
        return (-spread * order, -self.after.failing, self.group.name)


def failure_groups(grouped: Clusters, slow: Sequence[SlowTrace]) -> list[FailureGroup]:
    """Every failure, each signature, and the slow traces."""
    found = [
        FailureGroup(
            cluster.signature.words,
            frozenset(cluster.trace_ids),
            {m.digest.trace_id: m.occurrence.evidence[0] for m in cluster.members},
        )
        for cluster in grouped.by_signature[:_GROUPS]
    ]
    if len(found) > 1:
        found.append(
            FailureGroup(
                "any failure",
                frozenset[str]().union(*(group.trace_ids for group in found)),
                {trace_id: ref for group in found for trace_id, ref in group.evidence.items()},
            )
        )
    if slow:
        found.append(
            FailureGroup(
                "slow",
                frozenset(one.digest.trace_id for one in slow),
                {
                    one.digest.trace_id: one.digest.root_evidence
                    for one in slow
                    if one.digest.root_evidence is not None
                },
            )
        )
    return found


def effect_of(
    before: Sequence[TraceDigest], after: Sequence[TraceDigest], groups: Sequence[FailureGroup]
) -> Effect | None:
    """The failure that is spread least evenly; None where nothing failed."""
    least = [
        least_chance_of_spread(len(failing), len(before), len(after))
        for failing in {
            frozenset(found.trace_id for found in (*before, *after)) & group.trace_ids
            for group in groups
        }
    ]
    effects = (_spread(before, after, group, least) for group in groups)
    return min(effects, key=lambda effect: effect.rank, default=None)


def _spread(
    before: Sequence[TraceDigest],
    after: Sequence[TraceDigest],
    group: FailureGroup,
    least: Sequence[float],
) -> Effect:
    """How one failure is spread. Only failures that could be as uneven by chance are trials."""
    failing_before = sum(found.trace_id in group.trace_ids for found in before)
    places = [i for i, found in enumerate(after) if found.trace_id in group.trace_ids]
    waited = places[0] / len(after) if places else 1.0
    chance = chance_of_spread(failing_before, len(before), len(places), len(after))
    tried = sum(possible <= chance * _ROUNDING for possible in least)
    return Effect(
        group=group,
        before=Rate(failing_before, len(before)),
        after=Rate(len(places), len(after)),
        precedes=failing_before == 0 and bool(places),
        sureness=max(0.0, 1.0 - tried * chance),
        nearness=1.0 - _WAITING * waited,
        first=after[places[0]] if places else None,
    )
