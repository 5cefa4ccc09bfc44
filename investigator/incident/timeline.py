"""What happened when, ascending: only moments that the spans or the snapshots name.

A failure happened when the step where it surfaced began, a trace when its first span began. What
has no time is left out, and the gaps say so. At most `EVENT_LIMIT` events, the most telling kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from investigator.ground.wording import counted, duration
from investigator.incident.changes import Change
from investigator.incident.clusters import Cluster, Clusters, Member, clusters
from investigator.incident.digest import TraceDigest, dated, in_order
from investigator.incident.latency import SlowTrace, slow_traces
from investigator.readings.quoting import one_line
from investigator.traces.evidence import EvidenceRef
from investigator.traces.model import iso_time

EVENT_LIMIT = 40

PEAK_PARTS = 12
"""The most failing traces at once are counted over a part of the window as long as this many-th."""

_UNDATED = "trace has no times", "traces have no times"
_LEFT_OUT = "event of less weight is", "events of less weight are"
_SIGNATURES = 10
_SLOW = 5
_CHANGES = 12
_PEAK_REFS = 5
_MINUTE_NS = 60_000_000_000
_EVENT_TEXT = 400


class EventKind(StrEnum):
    """What sort of moment it is; the order is that in which events are kept."""

    FIRST_FAILURE = "first_failure"
    CHANGE = "change"
    FIRST_SEEN = "first_seen"
    RECOVERY = "recovery"
    PEAK = "peak"
    SLOW = "slow"
    LAST_SEEN = "last_seen"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One moment; `timestamp` is RFC 3339 (UTC), and at least one reference shows it."""

    timestamp: str
    at_ns: int
    kind: EventKind
    event: str
    evidence_refs: tuple[EvidenceRef, ...]
    trace_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Events in order of time, and what had to be left out."""

    events: tuple[TimelineEvent, ...]
    gaps: tuple[str, ...]


def timeline(
    digests: Iterable[TraceDigest],
    changes: Sequence[Change] = (),
    *,
    grouped: Clusters | None = None,
    slow: tuple[SlowTrace, ...] | None = None,
) -> Timeline:
    """The moments of a window; `changes` are those of `detect_changes`."""
    ordered = in_order(digests)
    timed = dated(ordered)
    known = clusters(ordered) if grouped is None else grouped
    found = [
        *_failing(timed),
        *(_change(change) for change in changes[:_CHANGES] if change.evidence_refs),
        *(one for cluster in known.by_signature[:_SIGNATURES] for one in _seen(cluster)),
        *_slow(slow_traces(ordered) if slow is None else slow),
    ]
    kinds = list(EventKind)
    kept = sorted(found, key=lambda event: kinds.index(event.kind))[:EVENT_LIMIT]
    kept.sort(key=lambda event: (event.at_ns, kinds.index(event.kind), event.event))
    return Timeline(tuple(kept), _gaps(ordered, timed, len(found) - len(kept)))


def _event(
    kind: EventKind,
    at_ns: int,
    text: str,
    refs: Iterable[EvidenceRef | None],
    trace_ids: Iterable[str | None],
) -> TimelineEvent:
    return TimelineEvent(
        timestamp=iso_time(at_ns) or "",
        at_ns=at_ns,
        kind=kind,
        event=one_line(text, _EVENT_TEXT),
        evidence_refs=tuple({(r.trace_id, r.ref): r for r in refs if r is not None}.values()),
        trace_ids=tuple(trace_id for trace_id in trace_ids if trace_id is not None),
    )


def _failing(timed: Sequence[TraceDigest]) -> Iterator[TimelineEvent]:
    """The first failing trace, the most at once, and the first that is well after the last."""
    failing = [found for found in timed if found.primary is not None]
    if not failing:
        return
    first, last = failing[0], failing[-1]
    if first.primary is not None and first.start_ns is not None:
        yield _event(
            EventKind.FIRST_FAILURE,
            first.start_ns,
            f"first failing trace begins: {first.primary.summary}",
            (first.root_evidence, *first.primary.evidence),
            [first.trace_id],
        )
    yield from _peak(timed, failing)
    place = timed.index(last) + 1
    if place < len(timed) and timed[place].root_evidence is not None:
        well = timed[place]
        yield _event(
            EventKind.RECOVERY,
            well.start_ns or 0,
            "first trace without a failure after the last failing one; traces from here on: "
            f"{len(timed) - place:,}, none failing",
            [well.root_evidence],
            [well.trace_id],
        )


def _peak(timed: Sequence[TraceDigest], failing: Sequence[TraceDigest]) -> Iterator[TimelineEvent]:
    """The part of the window in which most failing traces began; none where they are too few."""
    starts = [found.start_ns or 0 for found in timed]
    width = max(_MINUTE_NS, -(-(starts[-1] - starts[0]) // PEAK_PARTS // _MINUTE_NS) * _MINUTE_NS)
    began = [found.start_ns or 0 for found in failing]
    counts = [bisect_left(began, start + width) - i for i, start in enumerate(began)]
    most = max(counts)
    if most < 3 or most == len(failing):
        return
    place = counts.index(most)
    there = failing[place : place + most]
    of = bisect_left(starts, began[place] + width) - bisect_left(starts, began[place])
    yield _event(
        EventKind.PEAK,
        began[place],
        f"most failures at once: {most:,} of the {counted(of, 'trace')} that begin within "
        f"{width // _MINUTE_NS:,} min fail",
        [found.primary.evidence[0] for found in there[:_PEAK_REFS] if found.primary is not None],
        [found.trace_id for found in there[:_PEAK_REFS]],
    )


def _change(change: Change) -> TimelineEvent:
    return _event(
        EventKind.CHANGE,
        change.at_ns,
        change.statement,
        change.evidence_refs,
        (change.trace_before, change.trace_after),
    )


def _seen(cluster: Cluster) -> Iterator[TimelineEvent]:
    """When a failure was seen first and, of several traces, last."""
    timed = [
        (member.occurrence.at_ns, member)
        for member in cluster.members
        if member.occurrence.at_ns is not None
    ]
    timed.sort(key=lambda pair: (pair[0], pair[1].digest.trace_id))
    if timed:
        yield _sight(EventKind.FIRST_SEEN, *timed[0], cluster)
    if len(timed) > 1:
        yield _sight(EventKind.LAST_SEEN, *timed[-1], cluster)


def _sight(kind: EventKind, at_ns: int, member: Member, cluster: Cluster) -> TimelineEvent:
    when = "first" if kind is EventKind.FIRST_SEEN else "last"
    others = f" ({counted(cluster.count, 'trace')} in all)" if cluster.count > 1 else ""
    return _event(
        kind,
        at_ns,
        f"{when} seen: {cluster.signature.words}{others}: {member.occurrence.summary}",
        member.occurrence.evidence,
        [member.digest.trace_id],
    )


def _slow(slow: Sequence[SlowTrace]) -> Iterator[TimelineEvent]:
    for one in slow[:_SLOW]:
        if one.digest.start_ns is not None:
            step = one.digest.slowest
            yield _event(
                EventKind.SLOW,
                one.digest.start_ns,
                f"slow trace begins: {duration(one.latency_ms)} against a median of "
                f"{duration(one.median_ms)}",
                (one.digest.root_evidence, step.evidence if step is not None else None),
                [one.digest.trace_id],
            )


def _gaps(
    ordered: Sequence[TraceDigest], timed: Sequence[TraceDigest], left_out: int
) -> tuple[str, ...]:
    undated = len(ordered) - len(timed)
    gaps = []
    if undated:
        gaps.append(f"{undated:,} of {counted(len(ordered), *_UNDATED)}; no event names them")
    if left_out:
        gaps.append(f"{counted(left_out, *_LEFT_OUT)} not in the timeline")
    return tuple(gaps)
