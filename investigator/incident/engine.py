"""The incident engine: what happened in this window, and what changed? A strategy, nothing more.

Narrow (no planner): digests of all traces, clusters, representatives, timeline, changes. Scopes:
one for each representative, then a synthesis over them. Conclude (pure): the synthesis' causes;
where it came to none, those that follow from what the scopes could show; then failures that
representatives share and that no scope stated, with little confidence since nobody looked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel

from investigator.claims.confidence import UNEXAMINED, capped_confidence
from investigator.claims.refutations import Refutation, RefutedLead, by_lead
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.wording import counted, sentence
from investigator.incident.case import IncidentCase, WindowLead
from investigator.incident.hypotheses import MAX_CAUSES, PossibleCause, ShownFailure, causes
from investigator.incident.outputs import IncidentAnswer, IncidentDraft, IncidentOutputs
from investigator.incident.recurrence import BadRunPattern
from investigator.incident.remedies import action_for
from investigator.incident.report import (
    DOSSIER,
    ChangeSeen,
    Component,
    Event,
    Hypothesis,
    IncidentDossier,
    IncidentOutcome,
    PatternSeen,
    RepresentativeTrace,
    ShiftSeen,
    SuspectedChange,
    SuspicionStatus,
    Window,
)
from investigator.incident.rules import SYNTHESIS
from investigator.incident.run_measures import Scale
from investigator.incident.selection import Representative, shift_signature, typical
from investigator.incident.shift_words import (
    named_changes,
    pattern_statement,
    shift_list,
    statement,
    unit_of,
)
from investigator.incident.shifts import Shift, shift_groups
from investigator.incident.suspicion import HYPOTHESIS_FROM, SURE_SHIFT
from investigator.readings.outcome import ignored_line
from investigator.runtime.actions import ActionSpace
from investigator.runtime.events import OpenedScope
from investigator.runtime.status import ScopeStatus
from investigator.runtime.strategy import Brief, Ended, Plan
from investigator.runtime.tools import ToolRegistry
from investigator.traces.evidence import EvidenceRef, unique
from investigator.traces.model import iso_time

_GUIDE = (
    "In the scope of a trace a finding is one failure in it, with its signature as the context "
    "gives it (service | component | error type). The synthesis sees each trace in a few lines and "
    "what the scopes found. In it a finding is one possible "
    "cause of what several traces share, the broadest first, citing evidence of two or more; say "
    "why it and not the next. A lead that doesn't hold (in its trace, or in the synthesis as a "
    "cause) goes into refuted, with what you read."
)
_COMPONENTS = 20
_NAMED = 5
_UNTOLD = 2
"""How many failures that no scope stated keep a place, however many causes scopes state."""
_OF_A_FAILED_MODEL = 2
"""How many causes are kept that a model had stated before it failed."""
_NAMED = 5
_SURE, _LIKELY, _UNEXPLAINED = 0.9, 0.75, 0.6
"""How sure a shift is as a cause: with its change, with less chance excluded, without a change."""


class IncidentStrategy:
    """One window, one run."""

    artifact = DOSSIER
    finalize_tokens = (6000, 2000)
    guide = _GUIDE

    def __init__(self, case: IncidentCase, tools: ToolRegistry) -> None:
        self._case = case
        self.space = ActionSpace(tools.tools, IncidentDraft, IncidentDraft)
        self.outputs = IncidentOutputs(case)

    @property
    def plan(self) -> Plan:
        """A scope for each representative and a synthesis; none where nothing happened."""
        chosen = self._case.representatives
        if not chosen:
            return Plan()
        suspicion = self._case.suspicion
        context: JsonValue = {
            "of": SYNTHESIS,
            "traces": len(self._case.digests),
            "failing": len(self._case.failing),
            "suspected_change": suspicion.statement,
            "status": suspicion.status.value,
            "leads": [_told(lead) for lead in self._case.leads.values() if lead.trace_id is None],
        }
        synthesis = Brief(
            "What do the failures of the representative traces share, and what caused them?",
            canonical_json(context),
        )
        return Plan(scopes=tuple(map(self._brief, chosen)), synthesis=synthesis)

    def _brief(self, chosen: Representative) -> Brief:
        place = self._case.views.place
        leads = [
            _told(lead, place(chosen.trace_id, lead.span_id))
            for lead in self._case.leads.values()
            if lead.trace_id == chosen.trace_id
        ]
        context: dict[str, JsonValue] = {
            "of": chosen.trace_id,
            "why_selected": chosen.why_selected,
            "leads": list(leads),
        }
        return Brief(f"What went wrong in trace {chosen.trace_id}?", canonical_json(context))

    def conclude(self, ended: Ended) -> IncidentDossier:
        """The dossier of the window, whatever became of the scopes."""
        case = self._case
        outcome = self._outcome()
        refuted = self._refuted(ended)
        chosen = [one.trace_id for one in case.representatives]
        found = self._found(ended, refuted) if outcome is IncidentOutcome.INCIDENT else []
        hypotheses = tuple(self._hypothesis(rank, cause) for rank, cause in enumerate(found, 1))
        return IncidentDossier(
            outcome=outcome,
            window=self._window(),
            incident_summary=self._summary(outcome, hypotheses),
            impacted_components=self._components(),
            timeline=tuple(
                Event(timestamp=e.timestamp, event=e.event, evidence_refs=e.evidence_refs)
                for e in case.timeline.events
            ),
            representative_traces=tuple(
                RepresentativeTrace(
                    trace_id=one.trace_id,
                    why_selected=one.why_selected,
                    evidence_refs=one.evidence_refs,
                )
                for one in case.representatives
            ),
            suspected_change=self._change(),
            shifts=tuple(map(_shift_seen, case.shifts)),
            patterns=tuple(map(_pattern_seen, case.patterns)),
            hypotheses=hypotheses,
            refuted=(*self._told_refuted(refuted, found), *self._refuted_changes()),
            recommended_actions=self._actions(found),
            confidence=_confidence(outcome, hypotheses),
            gaps=tuple(dict.fromkeys((*self._gaps(), *_answer_gaps(ended, chosen), *ended.gaps))),
        )

    def takes_model(self, scope: OpenedScope) -> bool:  # noqa: ARG002
        """Everywhere: what rules found out is a lead, in each scope."""
        return True

    def check(self, report: BaseModel) -> list[str]:
        """Traces that are not in the window, references that do not resolve."""
        if not isinstance(report, IncidentDossier):
            return [f"not an incident dossier: {type(report).__name__}"]
        known = {found.trace_id for found in self._case.digests}
        problems = [
            f"trace {one.trace_id} is not in the window"
            for one in report.representative_traces
            if one.trace_id not in known
        ]
        lost = dict.fromkeys(self._case.unresolved(report.cited))
        return problems + [f"evidence {ref} does not resolve in the source" for ref in lost]

    def _outcome(self) -> IncidentOutcome:
        case = self._case
        if case.happened:
            return IncidentOutcome.INCIDENT
        nothing_seen = len(case.incomplete) == len(case.digests)
        return IncidentOutcome.UNDETERMINED if nothing_seen else IncidentOutcome.NO_INCIDENT

    def _refuted(self, ended: Ended) -> Mapping[str, Refutation]:
        """The leads that a scope refuted which came to its end."""
        return by_lead(
            [
                one
                for closed in ended.closed.values()
                if closed.answer is not None and closed.status is ScopeStatus.COMPLETED
                for one in IncidentAnswer.model_validate_json(closed.answer).refuted
            ]
        )

    def _told_refuted(
        self, refuted: Mapping[str, Refutation], found: Sequence[PossibleCause[EvidenceRef]]
    ) -> tuple[RefutedLead, ...]:
        """They as the dossier tells of them, but for a cause that is stated all the same."""
        stated = {cause.signature for cause in found}
        leads = ((self._case.leads[lead], one) for lead, one in refuted.items())
        return tuple(
            RefutedLead(
                statement=f"{lead.signature}: {lead.statement}",
                place=lead.trace_id,
                reason=one.reason,
                evidence_refs=one.evidence_refs,
            )
            for lead, one in leads
            if lead.trace_id is not None or lead.signature not in stated
        )

    def _found(
        self, ended: Ended, refuted: Mapping[str, Refutation]
    ) -> list[PossibleCause[EvidenceRef]]:
        """The causes that scopes stated, then those that nobody stated or refuted.

        What a model had stated before it failed comes after the rules' causes, in nobody's place.
        """
        shifted = list(shift_causes(self._case.worse))
        others = self._not_told_by(shifted, ended)
        found = [*others, *shifted] if self._case.mostly_broken else [*shifted, *others]
        if ended.fell_short:
            found = self._completed(found, refuted)
        told = {cause.signature for cause in found}
        untold = [cause for cause in self._unexamined(refuted) if cause.signature not in told]
        room = MAX_CAUSES - len(untold[:_UNTOLD])
        before_it_failed = found[MAX_CAUSES:][:_OF_A_FAILED_MODEL] if ended.made_good else []
        return [*[*found[:room], *untold][:MAX_CAUSES], *before_it_failed]

    def _not_told_by(
        self, shifted: Sequence[PossibleCause[EvidenceRef]], ended: Ended
    ) -> list[PossibleCause[EvidenceRef]]:
        """What scopes stated, but for the shifts, which all runs tell of better than one."""
        told = {cause.signature for cause in shifted}
        return [one for one in self._stated(ended) if one.signature not in told]

    def _stated(self, ended: Ended) -> Iterator[PossibleCause[EvidenceRef]]:
        """The synthesis' causes; without any, what follows from the scopes' findings."""
        last = ended.synthesis
        if last is not None and last.answer is not None:
            for one in IncidentAnswer.model_validate_json(last.answer).findings:
                yield PossibleCause(
                    one.signature, one.description, one.confidence, one.evidence_refs
                )
            return
        yield from self._causes(
            ShownFailure(
                chosen.trace_id, one.signature, one.description, one.confidence, one.evidence_refs
            )
            for chosen, end in zip(self._case.representatives, ended.scopes, strict=True)
            if end is not None and end.answer is not None
            for one in IncidentAnswer.model_validate_json(end.answer).findings
        )

    def _completed(
        self, found: Sequence[PossibleCause[EvidenceRef]], refuted: Collection[str]
    ) -> list[PossibleCause[EvidenceRef]]:
        """The causes that rules would have stated, had a model left them the means, then others.

        Of one that was stated all the same, the surer of both stands.
        """
        stated = {cause.signature: cause for cause in found}
        by_code = self._unexamined(refuted, at_most=1.0)
        surer = [
            max(cause, stated.get(cause.signature, cause), key=lambda one: one.confidence)
            for cause in by_code
        ]
        known = {cause.signature for cause in by_code}
        return [*surer, *(cause for cause in found if cause.signature not in known)]

    def _unexamined(
        self, refuted: Collection[str], at_most: float = UNEXAMINED
    ) -> list[PossibleCause[EvidenceRef]]:
        """Failures that representatives share (of single ones, where none is shared).

        One that was refuted in a trace counts there no more, one refuted as a cause nowhere.
        """
        least = min(2, max(self._case.shared.values(), default=0))
        leads = [self._case.leads[lead] for lead in refuted]
        dropped = {(lead.trace_id, lead.signature) for lead in leads}
        return self._causes(
            (
                ShownFailure(
                    one.trace_id,
                    seen.signature.text,
                    seen.summary,
                    seen.strength,
                    seen.evidence,
                )
                for one in self._case.representatives
                for seen in self._case.digest_of(one.trace_id).occurrences
                if self._case.shared[seen.signature.text] >= least
                and dropped.isdisjoint(
                    ((one.trace_id, seen.signature.text), (None, seen.signature.text))
                )
            ),
            at_most=at_most,
        )

    def _causes(
        self, shown: Iterable[ShownFailure[EvidenceRef]], *, at_most: float = 1.0
    ) -> list[PossibleCause[EvidenceRef]]:
        return causes(
            shown,
            self._case.clusters.by_signature,
            failing=len(self._case.failing),
            at_most=at_most,
        )

    def _window(self) -> Window:
        case = self._case
        starts = [found.start_ns for found in case.digests if found.start_ns is not None]
        return Window(
            start=case.start,
            end=case.end,
            first_trace=iso_time(min(starts, default=None)),
            last_trace=iso_time(max(starts, default=None)),
            traces=len(case.digests),
            failing=len(case.failing),
            slow=len(case.slow),
        )

    def _components(self) -> tuple[Component, ...]:
        """What failed, the most often first."""
        traces: dict[tuple[str, str], set[str]] = {}
        types: dict[tuple[str, str], dict[str, None]] = {}
        for cluster in self._case.clusters.by_signature:
            key = (cluster.signature.component, cluster.signature.service)
            traces.setdefault(key, set()).update(cluster.trace_ids)
            types.setdefault(key, {})[cluster.signature.error_type] = None
        ranked = sorted(traces, key=lambda key: (-len(traces[key]), key))
        return tuple(
            Component(
                name=key[0],
                service=key[1] or None,
                error_types=tuple(types[key]),
                traces=len(traces[key]),
            )
            for key in ranked[:_COMPONENTS]
        )

    def _change(self) -> SuspectedChange:
        found = self._case.suspicion
        return SuspectedChange(
            status=found.status,
            statement=found.statement,
            changes=tuple(
                ChangeSeen(
                    kind=change.kind.value,
                    subject=change.subject,
                    before=change.before,
                    after=change.after,
                    at=iso_time(change.at_ns) or "",
                    trace_before=change.trace_before,
                    trace_after=change.trace_after,
                    diff=None
                    if change.diff is None
                    else change.diff.shown(self._case.quote.redactor),
                )
                for change in found.changes
            ),
            confidence=found.confidence if found.changes else 0.0,
            evidence_refs=found.evidence_refs,
        )

    def _actions(self, found: Sequence[PossibleCause[EvidenceRef]]) -> tuple[str, ...]:
        suspicion = self._case.suspicion
        actions: list[str] = []
        if found and suspicion.changes:
            verb = "Undo" if suspicion.status is SuspicionStatus.ASSERTED else "Check"
            subjects = ", ".join(dict.fromkeys(change.subject for change in suspicion.changes))
            compared = self._case.worse[0].measure if self._case.worse else "the failures"
            actions.append(f"{verb} the change of {subjects}, and compare {compared} after it.")
        actions += (action_for(cause.signature) for cause in found)
        return tuple(dict.fromkeys(actions))

    def _refuted_changes(self) -> tuple[RefutedLead, ...]:
        """The changes that do not explain what happened, each with what speaks against it."""
        suspected = self._case.suspicion.changes
        if not suspected:
            return ()
        first = next((shift for shift in self._case.worse if shift.changes), None)
        if first is not None and first.changes[0] in suspected:
            found = [(one.change, f"{first.measure}: {one.reason}") for one in first.refuted]
        else:
            found = [
                (
                    one,
                    f"“{one.failure}” in {one.failing_before} without, {one.failing_after} with it",
                )
                for one in self._case.changes
                if one.score < HYPOTHESIS_FROM and one.failing_after.traces
            ]
        return tuple(
            RefutedLead(
                statement=change.words,
                place=None,
                reason=reason,
                evidence_refs=change.evidence_refs,
            )
            for change, reason in found
            if change not in suspected and change.evidence_refs
        )[:_NAMED]

    def _gaps(self) -> Iterator[str]:
        case = self._case
        if not case.digests:
            yield "no trace is in the window"
        if case.incomplete:
            told = (
                "is incomplete or hides content; that nothing failed in it"
                if len(case.incomplete) == 1
                else "are incomplete or hide content; that nothing failed in them"
            )
            of = counted(len(case.digests), "trace")
            yield f"{len(case.incomplete):,} of {of} {told} cannot be said"
        ignored = sum(digest.outcome.ignored for digest in case.digests)
        if ignored:
            yield ignored_line(ignored)
        if case.told_of_others:
            others = ", ".join(case.told_of_others[:_NAMED])
            told = counted(len(case.told_of_others), "trace that is", "traces that are")
            yield f"an outcome was told of {told} not in the window: {others}"
        yield from case.timeline.gaps
        yield from case.suspicion.gaps

    def _hypothesis(self, rank: int, cause: PossibleCause[EvidenceRef]) -> Hypothesis:
        borne = capped_confidence(cause.confidence, cause.evidence, self._case.produced_by)
        return Hypothesis(
            rank=rank,
            statement=cause.statement,
            confidence=round(borne, 2),
            evidence_refs=cause.evidence,
        )

    def _summary(self, outcome: IncidentOutcome, hypotheses: Sequence[Hypothesis]) -> str:
        case = self._case
        count = len(case.digests)
        if outcome is IncidentOutcome.NO_INCIDENT:
            return f"No incident: {self._quiet()} in {counted(count, 'trace')}.{self._better()}"
        if outcome is IncidentOutcome.UNDETERMINED:
            return f"Nothing can be said of the {counted(count, 'trace')} of the window."
        failed = f"{len(case.failing):,} of {counted(count, 'trace')} failed"
        if case.worse and not case.mostly_broken:
            return f"{self._shifted()}{failed}.{self._better()}"
        slow = f", {len(case.slow):,} stood out by their latency" if case.slow else ""
        again = next((f" {pattern_statement(one)}." for one in case.patterns if one.recurs), "")
        first = f" First: {sentence(hypotheses[0].statement)}" if hypotheses else ""
        return f"{failed}{slow}.{again}{first}{self._better()}"

    def _shifted(self) -> str:
        """The shifts of the first group, with their change, in one sentence."""
        (group, *others) = shift_groups(self._case.worse)
        told = shift_list(group[:_NAMED])
        first = group[0]
        why = ", which no recorded change explains"
        if first.changes:
            why = f" with the change of {named_changes(first.changes)}"
        more = (
            f" Further shifts: {shift_list([one[0] for one in others[:_NAMED]])}." if others else ""
        )
        return f"{told[0].upper()}{told[1:]}{why}, in {counted(first.runs_after, 'run')}.{more} "

    def _quiet(self) -> str:
        """What was there all along, where that is something."""
        case = self._case
        steady = [
            (len(case.background), "gave a poor answer"),
            (len(case.slow), "were slow, as the tail of latencies is"),
        ]
        told = [f"{number:,} {words}" for number, words in steady if number]
        if not told:
            return "nothing failed and nothing stood out"
        return f"nothing shifted; {' and '.join(told)}, no more at one time than at another,"

    def _better(self) -> str:
        better = [shift for shift in self._case.shifts if not shift.worse]
        return f" For the better: {shift_list(better[:_NAMED])}." if better else ""


def shift_causes(shifts: Sequence[Shift]) -> Iterator[PossibleCause[EvidenceRef]]:
    """One cause for all shifts of the same runs, the surest shift first."""
    for group in shift_groups(shifts):
        first = group[0]
        words = statement(first)
        if first.changes:
            words = f"the change of {named_changes(first.changes)}: {words}"
        more = {one.measure: one for one in group[1:] if one.measure != first.measure}
        if more:
            words += f"; with it {shift_list(list(more.values()))}"
        sure = _SURE if first.chance <= SURE_SHIFT else _LIKELY
        yield PossibleCause(
            signature=shift_signature(first).text,
            statement=words,
            confidence=sure if first.changes and not first.also else _UNEXPLAINED,
            evidence=shift_evidence(first),
        )


def shift_evidence(shift: Shift) -> tuple[EvidenceRef, ...]:
    """A run before the shift, two after it, and where the change is seen."""
    runs = (*shift.reference[-1:], typical(shift), *shift.inside[:1])
    refs = [run.root_evidence for run in runs]
    changed = [ref for change in shift.changes[:1] for ref in change.evidence_refs[:2]]
    return unique(ref for ref in (*refs, *changed) if ref is not None)


def _shift_seen(shift: Shift) -> ShiftSeen:
    return ShiftSeen(
        measure=shift.measure,
        worse=shift.worse,
        before=round(shift.before, 6),
        after=round(shift.after, 6),
        unit=unit_of(shift),
        effect=round(shift.effect, 4),
        effect_is="ratio" if shift.scale is Scale.AMOUNT else "difference",
        runs_before=shift.runs_before,
        runs_after=shift.runs_after,
        chance=float(f"{shift.chance:.2g}"),
        slice=None if shift.slice is None else shift.slice.words,
        start=iso_time(shift.at_ns) or "",
        end=iso_time(shift.until_ns),
        explained_by=tuple(change.subject for change in shift.changes),
        statement=statement(shift),
        evidence_refs=shift_evidence(shift),
    )


def _pattern_seen(pattern: BadRunPattern) -> PatternSeen:
    refs = (run.root_evidence for run in pattern.examples[:_NAMED])
    return PatternSeen(
        what=pattern.what,
        place=pattern.place,
        recurs=pattern.recurs,
        bad_there=pattern.bad_there,
        runs_there=pattern.runs_there,
        bad_elsewhere=pattern.bad_elsewhere,
        runs_elsewhere=pattern.runs_elsewhere,
        chance=float(f"{pattern.chance:.2g}"),
        statement=pattern_statement(pattern),
        evidence_refs=unique(ref for ref in refs if ref is not None),
    )


def _told(lead: WindowLead, step: str | None = None) -> JsonValue:
    """A lead as a planner reads it."""
    place: dict[str, JsonValue] = {} if step is None else {"step": step}
    return {"id": lead.id, "signature": lead.signature, "seen": lead.statement, **place}


def _answer_gaps(ended: Ended, traces: Sequence[str]) -> Iterator[str]:
    """What the scopes said they could not show, of which trace."""
    for trace_id, end in (*zip(traces, ended.scopes, strict=False), (None, ended.synthesis)):
        if end is not None and end.answer is not None:
            of = "" if trace_id is None else f"trace {trace_id}: "
            gaps = IncidentAnswer.model_validate_json(end.answer).gaps
            yield from (
                gap if trace_id is None or trace_id in gap else f"{of}{gap}" for gap in gaps
            )


def _confidence(outcome: IncidentOutcome, hypotheses: Sequence[Hypothesis]) -> float:
    """That of the first hypothesis; that nothing was found speaks less."""
    if outcome is IncidentOutcome.INCIDENT:
        return hypotheses[0].confidence if hypotheses else 0.0
    return 0.7 if outcome is IncidentOutcome.NO_INCIDENT else 0.0
