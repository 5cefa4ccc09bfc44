"""What changed in a window, each change with where it is seen before and after, and how far it
separates traces that fail from traces that do not.

Facts are compared among the traces that have them. A deployed config snapshot is a change where
its content differs from the one before; it is compared over all traces. Changes are ranked by
`score`: how surely it is a step, how far the failures after it go with it, and how soon they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from investigator.incident.clusters import Clusters, clusters
from investigator.incident.digest import TraceDigest, dated, in_order
from investigator.incident.failure_spread import (
    AFTER_THE_FAILURE,
    Effect,
    FailureGroup,
    Rate,
    effect_of,
    failure_groups,
)
from investigator.incident.latency import SlowTrace, slow_traces
from investigator.incident.setup_facts import (
    COARSER_FORMS,
    SYSTEM_MESSAGE,
    Fact,
    FactKind,
    FactSubject,
)
from investigator.incident.value_steps import (
    ValueStep,
    steps_in,
    strength_of,
)
from investigator.readings.quoting import Quoting, one_line
from investigator.snapshots import ConfigDiff, SnapshotStore
from investigator.traces.evidence import EvidenceRef

CHANGE_LIMIT = 50
"""How many changes are told, the best ranked first."""

_NAMED_VALUES = 3
_STATEMENT_LIMIT = 600


_Sides: TypeAlias = tuple[Sequence[TraceDigest], Sequence[TraceDigest], Sequence[TraceDigest]]
"""The compared traces without a change, those with it, and those with a later one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, and the failure that it separates best.

    `at_ns` is the start of the first trace with it, or the time of deployment; the change lies
    between `trace_before` and `trace_after` (None where the window has none). `failure` names the
    failures that are counted in `failing_before` (of the traces without the change) and
    `failing_after` (of those with it); it is empty where nothing failed. With
    `precedes_first_failure` none of these failures was seen without the change.
    All from 0 to 1: `strength` is how surely it is a step at all; `separation` how much greater
    the share of failing traces is with it; `attributable` which part of the failures with it
    would not be there at the share of those without; `sureness` how unlikely such a spread is by
    chance (Fisher's exact test, one-sided, corrected after Tarone for the failures that were
    tried); `nearness` how soon after it traces failed. `name` is the subject without
    its agent, `words` the statement without the failures, `after_ns` the start of the last trace
    before it. `taken_by` are the compared traces that have the change, `not_taken_by` those that
    have it not, `since` those that have it or a later one.
    """

    kind: FactKind
    subject: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    at_ns: int
    trace_before: str | None
    trace_after: str | None
    evidence_refs: tuple[EvidenceRef, ...]
    failure: str
    failing_before: Rate
    failing_after: Rate
    precedes_first_failure: bool
    strength: float
    separation: float
    attributable: float
    sureness: float
    nearness: float
    statement: str
    diff: ConfigDiff | None = None
    name: str = ""
    words: str = ""
    after_ns: int = 0
    taken_by: frozenset[str] = frozenset()
    not_taken_by: frozenset[str] = frozenset()
    since: frozenset[str] = frozenset()

    @property
    def score(self) -> float:
        """0..1; 0 where traces do not fail more often after the change."""
        order = 1.0 if self.precedes_first_failure else AFTER_THE_FAILURE
        spread = self.attributable * self.sureness * self.nearness
        return self.strength * spread * order


def detect_changes(
    digests: Iterable[TraceDigest],
    snapshots: SnapshotStore | None,
    quote: Quoting,
    *,
    grouped: Clusters | None = None,
    slow: tuple[SlowTrace, ...] | None = None,
) -> tuple[Change, ...]:
    """What changed, the best explanation of a failure first, then by time.

    Only traces whose start is known are compared. `grouped` and `slow` are made from the digests
    unless given; what is told of the snapshots goes through `quote`.
    """
    ordered = in_order(digests)
    groups = failure_groups(
        clusters(ordered) if grouped is None else grouped,
        slow_traces(ordered) if slow is None else slow,
    )
    timed = dated(ordered)
    found = [*_fact_changes(timed, groups, snapshots, quote)]
    if snapshots is not None:
        found += _deployments(timed, groups, snapshots, quote)
    order = list(FactKind)
    ranked = sorted(found, key=lambda c: (-c.score, c.at_ns, order.index(c.kind), c.subject))
    return tuple(ranked[:CHANGE_LIMIT])


def _fact_changes(
    timed: Sequence[TraceDigest],
    groups: Sequence[FailureGroup],
    snapshots: SnapshotStore | None,
    quote: Quoting,
) -> Iterator[Change]:
    carriers: defaultdict[FactSubject, list[tuple[TraceDigest, dict[str, Fact]]]] = defaultdict(
        list
    )
    for found in timed:
        held: defaultdict[FactSubject, dict[str, Fact]] = defaultdict(dict)
        for fact in found.facts:
            held[fact.subject][fact.key] = fact
        for subject, facts in held.items():
            carriers[subject].append((found, facts))
    steps = {
        subject: steps_in([frozenset(facts) for _, facts in carrying])
        for subject, carrying in carriers.items()
    }
    told: set[tuple[str, str, str]] = set()
    for subject in sorted(carriers, key=_finest_first):
        carrying = carriers[subject]
        places = {step: carrying[step.at][0].trace_id for step in steps[subject]}
        for step, trace_id in places.items():
            place = (subject.service, subject.agent, trace_id)
            if subject.name not in COARSER_FORMS or place not in told:
                yield _fact_change(subject, carrying, step, groups, snapshots, quote)
        if subject.name == SYSTEM_MESSAGE or subject.name in COARSER_FORMS:
            told.update((subject.service, subject.agent, at) for at in places.values())


def _finest_first(subject: FactSubject) -> int:
    """A message as it is before its coarser forms, which are told only where it says nothing."""
    return COARSER_FORMS.index(subject.name) + 1 if subject.name in COARSER_FORMS else 0


def _fact_change(
    subject: FactSubject,
    carrying: Sequence[tuple[TraceDigest, dict[str, Fact]]],
    step: ValueStep,
    groups: Sequence[FailureGroup],
    snapshots: SnapshotStore | None,
    quote: Quoting,
) -> Change:
    before, after = carrying[step.at - 1], carrying[step.at]
    old = _values(carrying[step.begin : step.at], step.gone, before[1])
    new = _values(carrying[step.at : step.end], step.new, after[1])
    compared = carrying[step.begin : step.end]
    without = [found for found, facts in compared if not step.taken_by(frozenset(facts))]
    with_it = [found for found, facts in compared if step.taken_by(frozenset(facts))]
    held_before = {key for _, facts in carrying[step.begin : step.at] for key in facts}
    later = [found for found, facts in carrying[step.end :] if not held_before & facts.keys()]
    effect = effect_of(without, with_it, groups)
    diff = _named_diff(old, new, snapshots) if subject.kind is FactKind.RELEASE else None
    return _change(
        subject.kind,
        subject.words,
        (tuple(fact.shown for fact in old), tuple(fact.shown for fact in new)),
        at_ns=after[0].start_ns or 0,
        traces=(before[0], after[0]),
        evidence=[fact.evidence for fact in (*old[:_NAMED_VALUES], *new[:_NAMED_VALUES])],
        effect=effect,
        sides=(without, with_it, later),
        strength=step.strength,
        diff=diff,
        files=_files(diff, quote),
        name=subject.name,
    )


def _values(
    side: Sequence[tuple[TraceDigest, dict[str, Fact]]],
    changed: frozenset[str],
    nearest: dict[str, Fact],
) -> list[Fact]:
    """The values of one side that changed, as the trace nearest to the step says them.

    Where none of that side stopped or started, what the nearest trace holds.
    """
    if not changed:
        return sorted(nearest.values(), key=lambda fact: fact.shown)
    said = {key: fact for _, facts in side for key, fact in facts.items() if key in changed}
    said.update((key, fact) for key, fact in nearest.items() if key in changed)
    return sorted(said.values(), key=lambda fact: fact.shown)


def _named_diff(
    old: Sequence[Fact], new: Sequence[Fact], snapshots: SnapshotStore | None
) -> ConfigDiff | None:
    """The diff of two snapshots that the spans name as their release, where it is not empty."""
    if snapshots is None:
        return None
    tags = {info.tag for info in snapshots.list_config_snapshots()}
    pairs = [(o.shown, n.shown) for o in old for n in new if {o.shown, n.shown} <= tags]
    diffs = (snapshots.get_config_diff(*pair) for pair in pairs)
    return next((diff for diff in diffs if diff.entries), None)


def _deployments(
    timed: Sequence[TraceDigest],
    groups: Sequence[FailureGroup],
    snapshots: SnapshotStore,
    quote: Quoting,
) -> Iterator[Change]:
    """Snapshots deployed in the window, and the last one before it, where their content differs."""
    known = [info for info in snapshots.list_config_snapshots() if info.created_ns is not None]
    starts = [found.start_ns for found in timed if found.start_ns is not None]
    if not starts:
        return
    times = [info.created_ns or 0 for info in known]
    last_before = max((i for i, time in enumerate(times) if time <= starts[0]), default=0)
    for place in range(max(1, last_before), len(known)):
        diff = snapshots.get_config_diff(known[place - 1].tag, known[place].tag)
        if diff.entries and times[place] <= starts[-1]:
            until = times[place + 1] if place + 1 < len(known) else None
            began = [found for found in timed if (found.start_ns or 0) >= times[place - 1]]
            yield _deployment(
                [found for found in began if until is None or (found.start_ns or 0) < until],
                [found for found in began if until is not None and (found.start_ns or 0) >= until],
                groups,
                times[place],
                diff,
                quote,
            )


def _deployment(
    timed: Sequence[TraceDigest],
    later: Sequence[TraceDigest],
    groups: Sequence[FailureGroup],
    at_ns: int,
    diff: ConfigDiff,
    quote: Quoting,
) -> Change:
    """One deployment, among the traces from the one before it to the one after it."""
    before = [found for found in timed if (found.start_ns or 0) < at_ns]
    after = [found for found in timed if (found.start_ns or 0) >= at_ns]
    beside = (before[-1] if before else None, after[0] if after else None)
    roots = [found.root_evidence for found in beside if found is not None]
    return _change(
        FactKind.CONFIG,
        "config snapshot",
        ((quote.whole(diff.base),), (quote.whole(diff.target),)),
        at_ns=at_ns,
        traces=beside,
        evidence=[ref for ref in roots if ref is not None],
        effect=effect_of(before, after, groups),
        sides=(before, after, later),
        strength=strength_of(len(before), len(after)),
        diff=diff,
        files=_files(diff, quote),
    )


def _change(
    kind: FactKind,
    subject: str,
    values: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    at_ns: int,
    traces: tuple[TraceDigest | None, TraceDigest | None],
    evidence: list[EvidenceRef],
    effect: Effect | None,
    sides: _Sides,
    strength: float,
    diff: ConfigDiff | None,
    files: tuple[str, ...],
    name: str = "",
) -> Change:
    refs = [*([diff.evidence] if diff is not None else []), *evidence]
    if effect is not None and effect.separation > 0 and effect.first is not None:
        refs += [ref for ref in [effect.group.evidence.get(effect.first.trace_id)] if ref]
    none = Rate(0, 0)
    before, after = traces
    words = _words(subject, values, traces, files)
    without, with_it, later = (frozenset(found.trace_id for found in side) for side in sides)
    return Change(
        kind=kind,
        subject=subject,
        before=values[0],
        after=values[1],
        at_ns=at_ns,
        trace_before=before.trace_id if before is not None else None,
        trace_after=after.trace_id if after is not None else None,
        evidence_refs=tuple({(ref.trace_id, ref.ref): ref for ref in refs}.values()),
        failure=effect.group.name if effect is not None else "",
        failing_before=effect.before if effect is not None else none,
        failing_after=effect.after if effect is not None else none,
        precedes_first_failure=effect is not None and effect.precedes,
        strength=strength,
        separation=effect.separation if effect is not None else 0.0,
        attributable=effect.attributable if effect is not None else 0.0,
        sureness=effect.sureness if effect is not None else 0.0,
        nearness=effect.nearness if effect is not None else 0.0,
        statement=_statement(words, effect),
        words=one_line(words, _STATEMENT_LIMIT),
        diff=diff,
        name=name or subject,
        after_ns=(before.start_ns or 0) if before is not None else 0,
        not_taken_by=without,
        taken_by=with_it,
        since=with_it | later,
    )


def _words(
    subject: str,
    values: tuple[tuple[str, ...], tuple[str, ...]],
    traces: tuple[TraceDigest | None, TraceDigest | None],
    files: tuple[str, ...],
) -> str:
    old, new = (tuple(map(_quoted, held)) for held in values)
    words = f"{subject} changed from {_listed(old)} to {_listed(new)}"
    before, after = traces
    if before is not None and after is not None:
        words += f" between trace {before.trace_id} and trace {after.trace_id}"
    return f"{words} ({_listed(files)})" if files else words


def _statement(words: str, effect: Effect | None) -> str:
    if effect is not None and effect.before.traces and effect.after.traces:
        words += (
            f"; “{effect.group.name}” in {effect.before} traces without it and in "
            f"{effect.after} with it"
        )
    return one_line(words, _STATEMENT_LIMIT)


def _files(diff: ConfigDiff | None, quote: Quoting) -> tuple[str, ...]:
    """What became of each file."""
    entries = () if diff is None else diff.entries
    return tuple(f"{quote.whole(entry.path)} {entry.status.value}" for entry in entries)


def _quoted(value: str) -> str:
    """A name as it is, a text in quotes: where it ends could not be seen in a sentence."""
    return f"“{value}”" if " " in value and "“" not in value else value


def _listed(values: tuple[str, ...]) -> str:
    named = ", ".join(values[:_NAMED_VALUES])
    more = len(values) - _NAMED_VALUES
    return f"{named} and {more:,} more" if more > 0 else named
