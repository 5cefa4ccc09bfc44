"""Which change is suspected of an incident: asserted, only a hypothesis, none, or unknown.

The confidence is the score of the best change: how surely it is a step, times which part of the
failures goes with it and how unlikely that is by chance, times how soon they came (and less where
the failure was seen before).
It is asserted from `ASSERTED_FROM`, with evidence on both sides of it, if it is at
least `SURE_STEP` sure that it is a step and `SURE_SPREAD` that the failures go with it; a weaker
one is a hypothesis from `HYPOTHESIS_FROM`. Changes
that came together cannot be told apart and are named together.

Where nothing broke but a measure shifted, its own explanation decides: the change is asserted where
chance is at most `SURE_SHIFT` and no change of another time explains it as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from investigator.ground.wording import counted
from investigator.incident.changes import Change
from investigator.incident.digest import TraceDigest, dated, in_order
from investigator.incident.latency import SlowTrace, slow_traces
from investigator.incident.report import SuspicionStatus
from investigator.incident.setup_facts import FactKind
from investigator.incident.shift_words import shift_list, statement
from investigator.incident.shifts import Shift, shift_groups
from investigator.readings.quoting import one_line
from investigator.traces.evidence import EvidenceRef

ASSERTED_FROM = 0.5
HYPOTHESIS_FROM = 0.2
SURE_STEP = 0.75
"""How sure a step must be to be asserted; one trace against three is that sure."""

SURE_SPREAD = 0.9
"""How sure it must be that failures go with the change, for it to be asserted."""

SURE_SHIFT = 0.001
"""The greatest probability of chance with which a shift is blamed on a change outright."""

MOST_SURE = 0.95
"""What comes before need not be the cause: no suspicion is surer than this."""

_NOT_COMPARED = (
    "trace has no times and was not compared",
    "traces have no times and were not compared",
)
_ONLY_EARLIER = 0.1
_NONE_FOUND = 0.5
_RIVAL = 0.8
_SURE, _LIKELY, _ONE_OF_SEVERAL = 0.9, 0.7, 0.45
_STATEMENT_LIMIT = 900


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The answer to "what changed?".

    `changes` came together, the most telling first; empty for `NONE_FOUND` and `UNKNOWN`, where
    `statement` says what was compared, or why nothing could be. `gaps` say what was not seen.
    """

    status: SuspicionStatus
    confidence: float
    statement: str
    changes: tuple[Change, ...] = ()
    evidence_refs: tuple[EvidenceRef, ...] = ()
    gaps: tuple[str, ...] = ()


def suspected_change(
    digests: Iterable[TraceDigest],
    changes: Sequence[Change],
    *,
    slow: tuple[SlowTrace, ...] | None = None,
    shifts: Sequence[Shift] = (),
) -> Suspicion:
    """The change that explains the failures or shifts of the window best, or why none is named.

    `changes` are those of `detect_changes` over the same digests, `shifts` those for the worse.
    """
    by_failures = _of_failures(digests, changes, slow)
    if not shifts:
        return by_failures
    groups = shift_groups(shifts)
    group = next((one for one in groups if one[0].changes), groups[0])
    broken = any(found.ended_early for found in in_order(digests))
    if broken and by_failures.status is SuspicionStatus.ASSERTED:
        return by_failures
    return _of_shift(group, by_failures)


def _of_shift(group: Sequence[Shift], by_failures: Suspicion) -> Suspicion:
    """The change that explains level shifts; where none does, what the failures say."""
    shift = min(group, key=lambda one: (len(one.also), one.chance))
    if not shift.changes:
        if by_failures.changes:
            return by_failures
        words = f"{statement(shift)}; no recorded change explains it"
        told = Suspicion(SuspicionStatus.NONE_FOUND, _NONE_FOUND, one_line(words, _STATEMENT_LIMIT))
        return replace(told, gaps=by_failures.gaps)
    together = (*shift.changes, *(one for one in shift.also if _came_with(one, shift.changes)))
    others = tuple(one for one in shift.also if one not in together)
    sure = (
        not others
        and shift.chance <= SURE_SHIFT
        and all(change.strength >= SURE_STEP for change in shift.changes[:1])
    )
    words = f"{_together(together)}; with it {shift_list(group)}"
    if others:
        words += "; as likely by these runs: " + ", ".join(_named(others))
    evidence = [*(run.root_evidence for run in (*shift.reference[-1:], *shift.inside[:1]))]
    refs = (*_evidence((*together, *others)), *(ref for ref in evidence if ref is not None))
    return Suspicion(
        SuspicionStatus.ASSERTED if sure else SuspicionStatus.HYPOTHESIS,
        _SURE if sure else _LIKELY if not others else _ONE_OF_SEVERAL,
        one_line(words, _STATEMENT_LIMIT),
        (*together, *others),
        tuple({(ref.trace_id, ref.ref): ref for ref in refs}.values()),
        by_failures.gaps,
    )


def _came_with(change: Change, others: Sequence[Change]) -> bool:
    return any(change.taken_by == one.taken_by for one in others)


def _together(changes: Sequence[Change]) -> str:
    """The first change in full, the others by name."""
    words = changes[0].words
    more = [name for name in _named(changes) if name != changes[0].subject]
    return f"{words}; at the same place changed: {', '.join(more)}" if more else words


def _named(changes: Sequence[Change]) -> list[str]:
    return list(dict.fromkeys(change.subject for change in changes))


def _of_failures(
    digests: Iterable[TraceDigest], changes: Sequence[Change], slow: tuple[SlowTrace, ...] | None
) -> Suspicion:
    """The change that explains the failures best, or why none is named."""
    ordered = in_order(digests)
    outliers = slow_traces(ordered) if slow is None else slow
    failed = {found.trace_id for found in ordered if found.failing}
    failed |= {one.digest.trace_id for one in outliers}
    gaps = _gaps(ordered)
    if not ordered:
        return Suspicion(SuspicionStatus.UNKNOWN, 0.0, "there is no trace to compare")
    if not failed:
        return Suspicion(
            SuspicionStatus.NONE_FOUND,
            1.0,
            f"nothing failed or shifted in {counted(len(ordered), 'trace')}, so no change is "
            "suspected",
            gaps=gaps,
        )
    best = changes[0] if changes else None
    if best is None or best.score < HYPOTHESIS_FROM:
        return _without_change(ordered, failed, changes, gaps)
    together = tuple(
        change
        for change in changes
        if change.score >= HYPOTHESIS_FROM and _borders(change) == _borders(best)
    )
    asserted = (
        best.score >= ASSERTED_FROM
        and best.strength >= SURE_STEP
        and best.sureness >= SURE_SPREAD
        and best.trace_before is not None
        and len({(ref.trace_id, ref.ref) for ref in best.evidence_refs}) > 1
    )
    return Suspicion(
        SuspicionStatus.ASSERTED if asserted else SuspicionStatus.HYPOTHESIS,
        round(min(best.score, MOST_SURE), 2),
        _statement(together, _rivals(changes, best, together)),
        together,
        _evidence(together),
        gaps,
    )


def _borders(change: Change) -> tuple[str | None, str | None]:
    return (change.trace_before, change.trace_after)


def _rivals(changes: Sequence[Change], best: Change, together: Sequence[Change]) -> list[Change]:
    """Changes of another place that explain the failures nearly as well."""
    return [
        change
        for change in changes
        if change not in together and change.score >= max(HYPOTHESIS_FROM, _RIVAL * best.score)
    ]


def _statement(together: Sequence[Change], rivals: Sequence[Change]) -> str:
    words = together[0].statement
    if len(together) > 1:
        words += "; at the same place changed: " + ", ".join(c.subject for c in together[1:])
    if rivals:
        words += "; nearly as likely by these runs: " + ", ".join(_named(rivals))
    return one_line(words, _STATEMENT_LIMIT)


def _evidence(together: Sequence[Change]) -> tuple[EvidenceRef, ...]:
    refs = [ref for change in together for ref in change.evidence_refs]
    return tuple({(ref.trace_id, ref.ref): ref for ref in refs}.values())


def _without_change(
    ordered: Sequence[TraceDigest],
    failed: set[str],
    changes: Sequence[Change],
    gaps: tuple[str, ...],
) -> Suspicion:
    """Nothing changed, or nothing could be compared."""
    timed = dated(ordered)
    failing = [found for found in timed if found.trace_id in failed]
    reason = None
    if not failing:
        reason = "no failing trace has a time, so there is no before and after"
    elif not any(found.facts for found in timed):
        reason = "the spans name no model, prompt, tools, parameters or release"
    elif failing[0] is timed[0]:
        first = "the first trace of the window failed already"
        known = set(failing[0].signatures)
        if all(known.issuperset(found.signatures) for found in failing):
            reason = f"{first}, so there is no healthy before"
        gaps = (*gaps, f"{first}: what changed before it is not seen")
    earlier = [c for c in changes if c.kind is FactKind.CONFIG and c.trace_before is None]
    if reason is not None and earlier:
        return Suspicion(
            SuspicionStatus.HYPOTHESIS,
            _ONLY_EARLIER,
            one_line(
                f"{earlier[0].statement}, before the window began; {reason}", _STATEMENT_LIMIT
            ),
            tuple(earlier),
            _evidence(earlier),
            gaps,
        )
    if reason is not None:
        return Suspicion(SuspicionStatus.UNKNOWN, 0.0, reason, gaps=gaps)
    kinds = {fact.subject.kind for found in timed for fact in found.facts}
    compared = ", ".join(kind.value for kind in FactKind if kind in kinds)
    unrelated = f"; changed without them: {_subjects(changes)}" if changes else ""
    return Suspicion(
        SuspicionStatus.NONE_FOUND,
        _NONE_FOUND,
        one_line(
            f"nothing that the spans record changed with the failures (compared: {compared})"
            f"{unrelated}",
            _STATEMENT_LIMIT,
        ),
        gaps=gaps,
    )


def _subjects(changes: Sequence[Change]) -> str:
    """What the changes are changes of, each once."""
    return ", ".join(dict.fromkeys(change.subject for change in changes))


def _gaps(ordered: Sequence[TraceDigest]) -> tuple[str, ...]:
    undated = sum(found.start_ns is None for found in ordered)
    cut = sum(found.facts_left_out > 0 for found in ordered)
    return tuple(
        text
        for count, text in (
            (undated, counted(undated, *_NOT_COMPARED)),
            (cut, f"{counted(cut, 'trace holds', 'traces hold')} more facts than were compared"),
        )
        if count
    )
