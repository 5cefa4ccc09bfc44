"""What is known of a window before any scope opens: digests, who stands for them, what changed.

Traces are read one after the other and only digests are kept, so memory does not grow with the
traces' size; evidence is checked against the traces read again. All of it is pure, so a resumed
or replayed run has the same case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from investigator.ground.canonical_json import sha256_json
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted
from investigator.incident.changes import Change, detect_changes
from investigator.incident.clusters import Clusters, clusters
from investigator.incident.digest import TraceDigest, digest, in_order
from investigator.incident.latency import (
    FEWEST_WITH_A_TAIL,
    TAIL,
    SlowTrace,
    is_tail,
    slow_traces,
)
from investigator.incident.level_shifts import level_shifts
from investigator.incident.recurrence import BadRunPattern, far_above, patterns
from investigator.incident.run_measures import Scale
from investigator.incident.run_table import RunTable
from investigator.incident.selection import Representative, select
from investigator.incident.shifts import Shift
from investigator.incident.suspicion import Suspicion, suspected_change
from investigator.incident.timeline import Timeline, timeline
from investigator.incident.views import WindowViews
from investigator.readings.producers import Producers
from investigator.readings.quoting import Quoting
from investigator.readings.reading import Readings
from investigator.runtime.told import UNTOLD, ToldOutcome
from investigator.snapshots.store import SnapshotStore
from investigator.traces.evidence import EvidenceIndex, EvidenceKind, EvidenceRef, Quoted
from investigator.traces.model import Trace

_INDEXES = 16
_SORTS_OF_BAD_RUNS = 8
_LEADS_A_TRACE = 5
_FAILURES_TOLD = 3
_LEADS_SHARED = 5


@dataclass(frozen=True, slots=True)
class WindowLead:
    """A failure that code saw, to be confirmed or refuted in one trace or (`trace_id` None) in all.

    `span_id` is where it was seen.
    """

    id: str
    signature: str
    statement: str
    trace_id: str | None = None
    span_id: str | None = None


@dataclass(frozen=True)
class IncidentCase:
    """One window. `start` and `end` are what it was limited to (RFC 3339), None for no limit.

    `incomplete` are the traces whose absence of failures proves nothing; `read` reads a trace,
    and what is told of the snapshots goes through `quote`. `told_of_others` are traces on which the
    caller gave its word and that are not in the window.
    """

    start: str | None
    end: str | None
    digests: tuple[TraceDigest, ...]
    incomplete: tuple[str, ...]
    dataset_hash: str
    evaluations_hash: str | None
    snapshots: SnapshotStore | None
    read: Callable[[str], Trace]
    quote: Quoting
    readings_of: Callable[[str], Readings]
    told_of_others: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        traces: Iterable[Trace],
        read: Callable[[str], Trace],
        redactor: Redactor,
        *,
        start: str | None = None,
        end: str | None = None,
        snapshots: SnapshotStore | None = None,
        told: Mapping[str, ToldOutcome] | None = None,
        ignore_evaluations: bool = False,
    ) -> IncidentCase:
        """Digest the traces of a window, each once; `read` reads one of them again.

        `told` is the caller's word on some of them.
        """
        said = told or {}

        def readings_in(trace: Trace) -> Readings:
            known = said.get(trace.trace_id, UNTOLD)
            return Readings(trace, redactor, known, ignore_evaluations=ignore_evaluations)

        digests: list[TraceDigest] = []
        incomplete: list[str] = []
        hashes: dict[str, str] = {}
        judged: dict[str, str] = {}
        for trace in traces:
            trace_id, readings = trace.trace_id, readings_in(trace)
            digests.append(digest(readings))
            hashes[trace_id] = readings.trace.content_hash
            if (verdicts := readings.trace.evaluations_hash) is not None:
                judged[trace_id] = verdicts
            if readings.gaps:
                incomplete.append(trace_id)
        return cls(
            start=start,
            end=end,
            digests=tuple(in_order(digests)),
            incomplete=tuple(incomplete),
            dataset_hash=sha256_json(dict(hashes)),
            evaluations_hash=sha256_json(dict(judged)) if judged else None,
            snapshots=snapshots,
            read=read,
            quote=Quoting(redactor),
            told_of_others=tuple(sorted(set(said) - set(hashes))),
            readings_of=lambda trace_id: readings_in(read(trace_id)),
        )

    @cached_property
    def failing(self) -> tuple[TraceDigest, ...]:
        """The traces in which something failed."""
        return tuple(found for found in self.digests if found.failing)

    @cached_property
    def clusters(self) -> Clusters:
        """The failing traces by what they have in common."""
        return clusters(self.digests)

    @cached_property
    def slow(self) -> tuple[SlowTrace, ...]:
        """The traces that stand out by their latency."""
        return slow_traces(self.digests)

    @cached_property
    def shifts(self) -> tuple[Shift, ...]:
        """What runs measure at another level, for the worse first."""
        return level_shifts(self.digests, self.changes)

    @cached_property
    def worse(self) -> tuple[Shift, ...]:
        """The shifts for the worse."""
        return tuple(shift for shift in self.shifts if shift.worse)

    @cached_property
    def mostly_broken(self) -> bool:
        """Whether more traces broke than hold the first shift: then it comes of the failures."""
        broken = sum(found.ended_early for found in self.digests)
        return bool(broken) and all(broken >= shift.runs_after for shift in self.worse[:1])

    @cached_property
    def patterns(self) -> tuple[BadRunPattern, ...]:
        """When, and in which slice, bad runs come again and again."""
        table = RunTable.of(self.digests)
        return patterns(table, _bad_runs(self, table))

    @cached_property
    def told_failures(self) -> frozenset[str]:
        """The traces of which the caller says that they failed."""
        return frozenset(d.trace_id for d in self.digests if d.outcome.given and d.outcome.failed)

    @cached_property
    def background(self) -> tuple[TraceDigest, ...]:
        """Failing traces that are no incident: few poor answers, spread over a large window.

        None where anything else happened, or where somebody told of one.
        """
        found = self.failing
        steady = not self.worse and not self.patterns and not self.told_failures
        few = len(self.digests) >= FEWEST_WITH_A_TAIL and len(found) < TAIL * len(self.digests)
        return found if steady and few and not any(d.ended_early for d in found) else ()

    @cached_property
    def happened(self) -> bool:
        """Whether anything happened that is worth a scope."""
        failed = bool(self.failing) and not self.background
        slow = bool(self.slow) and not is_tail(self.slow, len(self.digests))
        return failed or slow or bool(self.worse) or any(one.recurs for one in self.patterns)

    @cached_property
    def representatives(self) -> tuple[Representative, ...]:
        """The traces that stand for the window; none where nothing happened."""
        if not self.happened:
            return ()
        return select(
            self.digests,
            grouped=self.clusters,
            slow=() if is_tail(self.slow, len(self.digests)) else self.slow,
            shifts=self.worse,
        )

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What changed in the window, the best explanation of a failure first."""
        return detect_changes(
            self.digests, self.snapshots, self.quote, grouped=self.clusters, slow=self.slow
        )

    @cached_property
    def suspicion(self) -> Suspicion:
        """The change that is suspected of the incident, or why none is."""
        return suspected_change(
            self.digests,
            self.changes,
            slow=() if is_tail(self.slow, len(self.digests)) else self.slow,
            shifts=self.worse,
        )

    @cached_property
    def shared(self) -> Counter[str]:
        """For each signature, by its text, how many representatives show it."""
        return Counter(
            signature.text
            for one in self.representatives
            for signature in self.digest_of(one.trace_id).signatures
        )

    @cached_property
    def leads(self) -> dict[str, WindowLead]:
        """What scopes start from, by id: those of each representative, and causes."""
        found: list[WindowLead] = []
        for one in self.representatives:
            number = self.views.numbers[one.trace_id]
            digest = self.digest_of(one.trace_id)
            told_of = digest.outcome.line  # that it failed is the question, no lead
            seen = [o for o in digest.occurrences if o.summary != told_of][:_LEADS_A_TRACE]
            told: list[tuple[str, str, str | None]] = [
                (o.signature.text, o.summary, o.span_id) for o in seen
            ]
            if not digest.occurrences:
                told = [(one.signature.text, one.why_selected, None)]
            found += [
                WindowLead(f"{number}:h{n}", signature, statement, one.trace_id, span_id)
                for n, (signature, statement, span_id) in enumerate(told, 1)
            ]
        shown = {lead.signature for lead in found}
        common = [one for one in self.clusters.by_signature if one.signature.text in shown]
        found += [
            WindowLead(
                f"c{number}",
                cluster.signature.text,
                f"in {cluster.count} of {counted(len(self.failing), 'failing trace')}",
            )
            for number, cluster in enumerate(common[:_LEADS_SHARED], 1)
        ]
        return {lead.id: lead for lead in found}

    @cached_property
    def timeline(self) -> Timeline:
        """What happened when."""
        return timeline(self.digests, self.changes, grouped=self.clusters, slow=self.slow)

    @cached_property
    def views(self) -> WindowViews:
        """What is shown of each trace, and how its references are called."""
        chosen = {one.trace_id: one.why_selected for one in self.representatives}
        seen = {
            found.trace_id: [
                one.summary
                for one in found.occurrences[:_FAILURES_TOLD]
                if one.summary != found.outcome.line  # which the view tells by itself
            ]
            for found in self.digests
        }
        return WindowViews(self.readings_of, seen, chosen)

    def digest_of(self, trace_id: str) -> TraceDigest:
        """The digest of a trace of the window."""
        return self._by_id[trace_id]

    @cached_property
    def _by_id(self) -> dict[str, TraceDigest]:
        return {found.trace_id: found for found in self.digests}

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """The references that resolve in no trace of the window and in no snapshot."""
        return [ref.ref for ref in refs if not self._resolves(ref)]

    def _resolves(self, ref: EvidenceRef) -> bool:
        if ref.kind is EvidenceKind.CONFIG_DIFF:
            return self.snapshots is not None and self.snapshots.problem(ref) is None
        if ref.trace_id not in self._by_id:
            return False
        return self._index(ref.trace_id).problem(ref) is None

    def quoted(self, ref: EvidenceRef, words: str) -> Quoted:
        """Whether words that are quoted stand in the text that a reference names."""
        if ref.trace_id not in self._by_id:
            return Quoted(None, "cannot be checked: cite it without one")
        return self.views.readings_of(ref.trace_id).quotations.quoted(ref, words)

    def produced_by(self, ref: EvidenceRef) -> str:
        """Who produced the text that a reference names: a step of its trace, or the diff."""
        if ref.trace_id not in self._by_id:
            return ref.ref
        return f"{ref.trace_id} {self._producers(ref.trace_id).of(ref)}"

    @cached_property
    def _producers(self) -> Callable[[str], Producers]:
        return lru_cache(_INDEXES)(
            lambda trace_id: Readings(self.read(trace_id), self.quote.redactor).producers
        )

    @cached_property
    def _index(self) -> Callable[[str], EvidenceIndex]:
        return lru_cache(_INDEXES)(lambda trace_id: EvidenceIndex(self.read(trace_id)))


def _bad_runs(case: IncidentCase, table: RunTable) -> dict[str, frozenset[str]]:
    """By name the runs that failed alike, gave a poor answer, or took far more than others.

    Runs that a level shift holds are told by it.
    """
    found = {
        cluster.signature.words: frozenset(cluster.trace_ids)
        for cluster in case.clusters.by_signature[:_SORTS_OF_BAD_RUNS]
    }
    shifted = {shift.measure: {run.trace_id for run in shift.inside} for shift in case.worse}
    for name, column in table.measures.items():
        if column.scale is Scale.SHARE:
            worst = float(column.worse_up)
            bad = {table.runs[i].trace_id for i, v in column.values.items() if v == worst}
        elif column.scale is Scale.AMOUNT:
            bad = set(far_above(table, name))
        else:
            continue
        found[f"much {name}" if column.scale is Scale.AMOUNT else name] = frozenset(
            bad - shifted.get(name, set())
        )
    return found
