"""Which traces stand for the window: a few that failed, a few that were slow, each kind once.

Up to `BY_ERROR` by signature of failure, then up to `BY_LATENCY` that are typical of a level shift
or stand out by root latency, then up to `BY_CLUSTER` from clusters of messages that none of these
belongs to. No signature is told twice, and the choice does not depend on the order of the traces. A
window in which nothing happened has no representatives: it is no incident.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from investigator.ground.wording import counted, duration
from investigator.incident.clusters import Cluster, Clusters, Member, clusters
from investigator.incident.digest import TraceDigest, in_order
from investigator.incident.latency import SlowTrace, slow_traces
from investigator.incident.shift_words import statement
from investigator.incident.shifts import Shift, shift_groups
from investigator.incident.signature import Signature
from investigator.readings.quoting import one_line
from investigator.traces.evidence import EvidenceRef, unique

BY_ERROR = 5
BY_LATENCY = 5
BY_SHIFT = 3
BY_CLUSTER = 2

SLOW = "slow"
"""The error type in the signature of a trace that was chosen for its latency."""

SHIFTED = "shifted"
"""What the error type in the signature of a shift ends with."""

_REASON_LIMIT = 240
_SHIFT_REASON_LIMIT = 400


class Why(StrEnum):
    """What a representative was chosen for."""

    ERROR = "error"
    SHIFT = "shift"
    LATENCY = "latency"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Representative:
    """A trace that stands for others; `why_selected` says for which, in plain words."""

    trace_id: str
    why: Why
    why_selected: str
    evidence_refs: tuple[EvidenceRef, ...]
    signature: Signature
    shared_by: int


def select(
    digests: Iterable[TraceDigest],
    *,
    grouped: Clusters | None = None,
    slow: tuple[SlowTrace, ...] | None = None,
    shifts: Sequence[Shift] = (),
) -> tuple[Representative, ...]:
    """At most twelve representatives: by error, by shift and latency, by cluster.

    `grouped` and `slow` are made from the digests unless given.
    """
    ordered = in_order(digests)
    known = clusters(ordered) if grouped is None else grouped
    chosen = _Chosen()
    for cluster in sorted(known.by_signature, key=_gravity):
        chosen.take(Why.ERROR, _by_error(cluster, chosen), BY_ERROR)
    for first, *_ in shift_groups(shifts):
        chosen.take(Why.SHIFT, _by_shift(first), BY_SHIFT)
    shifted = {run.trace_id for shift in shifts for run in shift.inside}
    room = BY_LATENCY - sum(one.why is Why.SHIFT for one in chosen.representatives)
    for slow_one in slow_traces(ordered) if slow is None else slow:
        if slow_one.digest.trace_id not in shifted:
            chosen.take(Why.LATENCY, _by_latency(slow_one), room)
    for cluster in known.by_template:
        if not chosen.traces.intersection(cluster.trace_ids):
            chosen.take(Why.CLUSTER, _by_cluster(cluster), BY_CLUSTER)
    return tuple(chosen.representatives)


class _Chosen:
    """What was chosen so far; no trace and no signature comes twice."""

    def __init__(self) -> None:
        self.representatives: list[Representative] = []
        self.traces: set[str] = set()
        self._signatures: set[Signature] = set()

    def take(self, why: Why, one: Representative, at_most: int) -> None:
        """Add a representative unless its kind is full, or its trace or signature is there."""
        full = sum(found.why is why for found in self.representatives) >= at_most
        if full or one.trace_id in self.traces or one.signature in self._signatures:
            return
        self.representatives.append(one)
        self.traces.add(one.trace_id)
        self._signatures.add(one.signature)


def _gravity(cluster: Cluster) -> tuple[bool, float, int, bool, int, str]:
    """Failures that ended their trace first, then by strength, count, first time and name."""
    return (
        not any(member.digest.root_failed for member in cluster.members),
        -round(cluster.strength, 1),
        -cluster.count,
        cluster.first_ns is None,
        cluster.first_ns or 0,
        cluster.name,
    )


def _standing_for(cluster: Cluster, taken: set[str]) -> Member:
    """The member that shows the failure best: it is its main one, it is strong, it came first."""
    return min(
        cluster.members,
        key=lambda member: (
            member.digest.trace_id in taken,
            member.digest.primary is not member.occurrence,
            -member.occurrence.strength,
            member.digest.start_ns is None,
            member.digest.start_ns or 0,
            member.digest.trace_id,
        ),
    )


def _by_error(cluster: Cluster, chosen: _Chosen) -> Representative:
    member = _standing_for(cluster, chosen.traces)
    words = f"error signal: {member.occurrence.summary}; {_shared(cluster.count)}"
    return _representative(member, Why.ERROR, words, cluster)


def _by_cluster(cluster: Cluster) -> Representative:
    member = _standing_for(cluster, set())
    words = f"cluster of like messages: {member.occurrence.summary}; {_shared(cluster.count)}"
    return _representative(member, Why.CLUSTER, words, cluster)


def _representative(member: Member, why: Why, words: str, cluster: Cluster) -> Representative:
    return Representative(
        trace_id=member.digest.trace_id,
        why=why,
        why_selected=one_line(words, _REASON_LIMIT),
        evidence_refs=member.occurrence.evidence,
        signature=member.occurrence.signature,
        shared_by=cluster.count,
    )


def _by_latency(slow: SlowTrace) -> Representative:
    found, step = slow.digest, slow.digest.slowest
    words = (
        f"root latency: {duration(slow.latency_ms)} against a median of "
        f"{duration(slow.median_ms)} in {counted(slow.compared_with, 'trace')}"
    )
    if step is not None:
        words += f"; longest in {step.component}, {duration(step.own_ms)}"
    refs = (found.root_evidence, step.evidence if step is not None else None)
    return Representative(
        trace_id=found.trace_id,
        why=Why.LATENCY,
        why_selected=one_line(words, _REASON_LIMIT),
        evidence_refs=unique(ref for ref in refs if ref is not None),
        signature=Signature(found.service, step.component if step else found.root_name, SLOW),
        shared_by=1,
    )


def _by_shift(shift: Shift) -> Representative:
    """The run nearest to the new level, and where its time went."""
    found = typical(shift)
    step = found.slowest
    words = f"typical of the new level: {statement(shift)}"
    refs = (found.root_evidence, step.evidence if step is not None else None)
    return Representative(
        trace_id=found.trace_id,
        why=Why.SHIFT,
        why_selected=one_line(words, _SHIFT_REASON_LIMIT),
        evidence_refs=unique(ref for ref in refs if ref is not None),
        signature=shift_signature(shift),
        shared_by=shift.runs_after,
    )


def shift_signature(shift: Shift) -> Signature:
    """What a shift is known by: the agent, the step that takes longest in it, the measure."""
    found = typical(shift)
    component = found.slowest.component if found.slowest is not None else found.root_name
    return Signature(found.service, component, f"{shift.measure} {SHIFTED}")


def typical(shift: Shift) -> TraceDigest:
    """The run at the new level that is nearest to it."""

    def away(run: TraceDigest) -> tuple[float, int, str]:
        value = next((one.value for one in run.measures if one.name == shift.measure), None)
        far = abs(value - shift.after) if value is not None else float("inf")
        return (far, run.start_ns or 0, run.trace_id)

    return min(shift.inside, key=away)


def _shared(count: int) -> str:
    return (
        "no other trace shares it"
        if count == 1
        else f"{counted(count, 'trace shares', 'traces share')} it"
    )
