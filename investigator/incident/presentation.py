"""What a reader is told of an incident dossier: as a document, as a row, as annotations."""

from __future__ import annotations

from investigator.claims.annotations import Annotator, Remark, Remarks
from investigator.claims.confidence import SUPPORTED
from investigator.claims.document import (
    Column,
    Document,
    Listing,
    Overview,
    Section,
    Statement,
    Statements,
    Tone,
    Word,
)
from investigator.claims.rows import FindingRow, ReportRows, TraceVerdict, signature_of
from investigator.ground.wording import counted, shown_time
from investigator.incident.figures import figures_of
from investigator.incident.report import Hypothesis, IncidentDossier, IncidentOutcome
from investigator.readings.templates import masked

_TONES = {
    IncidentOutcome.INCIDENT: Tone.BAD,
    IncidentOutcome.NO_INCIDENT: Tone.GOOD,
    IncidentOutcome.UNDETERMINED: Tone.UNSURE,
}
_EVENTS_SHOWN = 15
_SHIFTS_SHOWN = 6


def incident_document(dossier: IncidentDossier) -> Document:
    """What happened, what changed, what to do; then why, in which traces, and when."""
    window = dossier.window
    period = f"{shown_time(window.first_trace or '?')} to {shown_time(window.last_trace or '?')}"
    return Document(
        subject=None,
        verdict=Word(dossier.outcome.value, _TONES[dossier.outcome]),
        notes=(
            period,
            f"{counted(window.traces, 'trace')}",
            f"confidence {dossier.confidence:.2f}",
        ),
        summary=dossier.incident_summary,
        sections=(
            _change(dossier),
            Listing(title="what to do", lines=dossier.recommended_actions),
            _shifts(dossier),
            _hypotheses(dossier),
            _patterns(dossier),
            Listing(title="refuted leads", lines=tuple(one.line for one in dossier.refuted)),
            Listing(title="components", lines=_components(dossier)),
            Listing(
                title="representative traces",
                lines=tuple(
                    f"{one.trace_id}: {one.why_selected}" for one in dossier.representative_traces
                ),
            ),
            Listing(
                title="timeline",
                lines=tuple(f"{shown_time(e.timestamp)}  {e.event}" for e in dossier.timeline),
                shown=_EVENTS_SHOWN,
                noun="events",
            ),
            Listing(title="gaps", lines=dossier.gaps),
        ),
        figures=figures_of(dossier),
    )


def _shifts(dossier: IncidentDossier) -> Section:
    return Listing(
        title="level shifts",
        lines=tuple(
            one.statement if one.worse else f"for the better: {one.statement}"
            for one in dossier.shifts
        ),
        shown=_SHIFTS_SHOWN,
        noun="shifts",
    )


def _patterns(dossier: IncidentDossier) -> Section:
    return Statements(
        title="where it happens",
        statements=tuple(
            Statement(text=one.statement, evidence=one.evidence_refs) for one in dossier.patterns
        ),
        shown=_SHIFTS_SHOWN,
        noun="patterns",
    )


def _components(dossier: IncidentDossier) -> tuple[str, ...]:
    return tuple(
        f"{c.name}: {', '.join(c.error_types)} in {counted(c.traces, 'trace')}"
        for c in dossier.impacted_components
    )


def _change(dossier: IncidentDossier) -> Section:
    change = dossier.suspected_change
    notes = [change.status.value.replace("_", " ")]
    if change.changes:
        notes.append(f"confidence {change.confidence:.2f}")
    return Statements(
        title="suspected change",
        notes=tuple(notes),
        statements=(Statement(text=change.statement, evidence=change.evidence_refs),),
    )


def _hypotheses(dossier: IncidentDossier) -> Section:
    return Statements(
        title="hypotheses",
        statements=tuple(
            Statement(
                rank=one.rank,
                text=one.statement,
                confidence=one.confidence,
                evidence=one.evidence_refs,
            )
            for one in dossier.hypotheses
        ),
        noun="hypotheses",
    )


def _row(dossier: IncidentDossier) -> tuple[Word, ...]:
    return (
        Word(dossier.outcome.value, _TONES[dossier.outcome]),
        Word(f"{dossier.window.traces:,}"),
        Word(dossier.suspected_change.status.value.replace("_", " ")),
        Word(f"{dossier.confidence:.2f}"),
    )


INCIDENT_OVERVIEW = Overview(
    (
        Column("outcome"),
        Column("traces", True),
        Column("change"),
        Column("confidence", True),
    ),
    _row,
)


def incident_remarks(dossier: IncidentDossier, by: Annotator) -> Remarks:
    """The outcome at the root of each representative trace, each event at the spans it cites."""
    text = f"{dossier.incident_summary} {dossier.suspected_change.statement}"
    label = dossier.outcome.value
    verdict = Remark("incident.dossier", label, dossier.confidence, text, dossier, by)
    events = [
        Remark("incident.timeline.evidence", "event", None, e.event, e, by, e.evidence_refs)
        for e in dossier.timeline
    ]
    traces = tuple(one.trace_id for one in dossier.representative_traces)
    return Remarks(traces, verdict, events)


def incident_rows(dossier: IncidentDossier) -> ReportRows:
    """The outcome, and each hypothesis; what fails a build is the first and what is supported."""
    failed = dossier.outcome is IncidentOutcome.INCIDENT
    trace = TraceVerdict(
        trace_id=None,
        verdict=dossier.outcome.value,
        label=dossier.suspected_change.status.value,
        confidence=dossier.confidence,
        summary=dossier.incident_summary,
        findings=len(dossier.hypotheses),
    )
    findings = tuple(_hypothesis_row(dossier, one, fails=failed) for one in dossier.hypotheses)
    return ReportRows(trace, findings)


def _hypothesis_row(dossier: IncidentDossier, one: Hypothesis, *, fails: bool) -> FindingRow:
    actions = dossier.recommended_actions
    return FindingRow(
        trace_id=None,
        rank=one.rank,
        category="hypothesis",
        description=one.statement,
        confidence=one.confidence,
        fails=fails and (one.rank == 1 or one.confidence >= SUPPORTED),
        began_span_id=one.evidence_refs[0].span_id,
        advice=actions[0] if one.rank == 1 and actions else None,
        evidence=tuple(ref.ref for ref in one.evidence_refs),
        signature=signature_of("incident", "hypothesis", masked(one.statement)),
    )
