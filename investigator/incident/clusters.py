"""Failing traces grouped twice: by signature, and by what their error messages have in common.

A trace is in the cluster of each of its failures. Templates that share most of their words are
one cluster, named by the most frequent. Clusters do not depend on the order of the traces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from investigator.incident.digest import TraceDigest, in_order
from investigator.incident.signature import Occurrence, Signature
from investigator.readings.likenesses import led_by


@dataclass(frozen=True, slots=True)
class Member:
    """One trace of a cluster, with the strongest of its failures that belong there."""

    digest: TraceDigest
    occurrence: Occurrence


@dataclass(frozen=True, slots=True)
class Cluster:
    """Traces that failed alike, in order of start.

    `name` is the text of the signature or the template; `signature` is the most frequent one of
    the members. Times are nanoseconds, None where no member has one.
    """

    name: str
    signature: Signature
    members: tuple[Member, ...]
    strength: float
    first_ns: int | None
    last_ns: int | None

    @property
    def count(self) -> int:
        """How many traces share it."""
        return len(self.members)

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """The traces in order."""
        return tuple(member.digest.trace_id for member in self.members)


@dataclass(frozen=True, slots=True)
class Clusters:
    """Both groupings, each by count, then strength, then name."""

    by_signature: tuple[Cluster, ...]
    by_template: tuple[Cluster, ...]


def clusters(digests: Iterable[TraceDigest]) -> Clusters:
    """The failing traces grouped by signature and by message template."""
    ordered = in_order(digests)
    by_signature: defaultdict[str, dict[str, Member]] = defaultdict(dict)
    by_template: defaultdict[str, dict[str, Member]] = defaultdict(dict)
    leaders = _leaders(ordered)
    for found in ordered:
        for occurrence in found.occurrences:
            member = Member(found, occurrence)
            by_signature[occurrence.signature.text].setdefault(found.trace_id, member)
            leader = leaders[occurrence.template]
            by_template[leader].setdefault(found.trace_id, member)
    return Clusters(_ranked(by_signature), _ranked(by_template))


def _leaders(ordered: Iterable[TraceDigest]) -> dict[str, str]:
    """For each template the one that its cluster is named by."""
    counts: defaultdict[str, int] = defaultdict(int)
    for found in ordered:
        for template in {occurrence.template for occurrence in found.occurrences}:
            counts[template] += 1
    return led_by(counts)


def _ranked(groups: dict[str, dict[str, Member]]) -> tuple[Cluster, ...]:
    found = [_cluster(name, tuple(members.values())) for name, members in groups.items()]
    return tuple(sorted(found, key=lambda c: (-c.count, -c.strength, c.name)))


def _cluster(name: str, members: tuple[Member, ...]) -> Cluster:
    times = [m.digest.start_ns for m in members if m.digest.start_ns is not None]
    counts: defaultdict[Signature, int] = defaultdict(int)
    for member in members:
        counts[member.occurrence.signature] += 1
    return Cluster(
        name=name,
        signature=min(counts, key=lambda signature: (-counts[signature], signature)),
        members=members,
        strength=max(member.occurrence.strength for member in members),
        first_ns=min(times, default=None),
        last_ns=max(times, default=None),
    )
