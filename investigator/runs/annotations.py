"""Annotations: what a Phoenix shows beside a span or a trace, made of a run's report.

A verdict stands at the root span of the trace it is about, and at the trace itself; what shows
it stands at the spans that the report cites. A name stands once at a span: where several claims
of a report cite one span, its annotation tells all of them and has the label and the score of
the first, the most important.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel

from investigator.claims.annotations import Annotation, Annotator, Target
from investigator.compliance.report import ComplianceReport, ControlResult, JudgedBy, Overall
from investigator.incident.report import IncidentDossier
from investigator.rca.report import RCAReport
from investigator.traces.evidence import EvidenceRef

Report: TypeAlias = RCAReport | ComplianceReport | IncidentDossier

RCA_PRIMARY, RCA_EVIDENCE = "rca.primary", "rca.evidence"
COMPLIANCE_OVERALL = "compliance.overall"
INCIDENT_DOSSIER, INCIDENT_TIMELINE = "incident.dossier", "incident.timeline.evidence"
VERDICTS = (RCA_PRIMARY, COMPLIANCE_OVERALL, INCIDENT_DOSSIER)
"""The names of the annotations at roots, which a person may answer with one of the same name."""


class _Claim(NamedTuple):
    """Something that a report says with references."""

    name: str
    label: str
    score: float | None
    text: str
    source: BaseModel
    by: Annotator
    refs: Sequence[EvidenceRef]


def annotations_of(
    report: Report, roots: Mapping[str, str], decided_by: Annotator
) -> tuple[Annotation, ...]:
    """The annotations of a report, in a stable order.

    `roots` gives the root span of each trace that the report is about; `decided_by` says whether
    a model took part in the run. A control says itself who judged it.
    """
    match report:
        case RCAReport():
            verdict, claims = _rca(report, decided_by)
        case ComplianceReport():
            verdict, claims = _compliance(report)
        case IncidentDossier():
            verdict, claims = _incident(report, decided_by)
    at_roots = [_annotation("span", roots[trace_id], [verdict]) for trace_id in sorted(roots)]
    at_traces = [_annotation("trace", trace_id, [verdict]) for trace_id in sorted(roots)]
    return (*at_roots, *at_traces, *_at_evidence(claims))


def traces_of(report: Report) -> tuple[str, ...]:
    """The traces whose roots a report's verdict stands at."""
    if isinstance(report, IncidentDossier):
        return tuple(one.trace_id for one in report.representative_traces)
    return (report.trace_id,)


def _rca(report: RCAReport, by: Annotator) -> tuple[_Claim, list[_Claim]]:
    label = report.primary_label or report.outcome.value
    verdict = _Claim(RCA_PRIMARY, label, report.confidence, report.summary, report, by, ())
    claims = [
        _Claim(RCA_EVIDENCE, f.category, f.confidence, f.description, f, by, f.evidence_refs)
        for f in report.findings
    ]
    return verdict, claims


_SCORES = {Overall.COMPLIANT: 1.0, Overall.NON_COMPLIANT: 0.0, Overall.NEEDS_REVIEW: None}


def _compliance(report: ComplianceReport) -> tuple[_Claim, list[_Claim]]:
    judged = [control.judged_by is JudgedBy.MODEL for control in report.controls_evaluated]
    by: Annotator = "LLM" if any(judged) else "CODE"
    overall, score = report.overall, _SCORES[report.overall]
    verdict = _Claim(COMPLIANCE_OVERALL, overall.value, score, report.summary, report, by, ())
    return verdict, [_control(control) for control in report.controls_evaluated]


def _control(control: ControlResult) -> _Claim:
    return _Claim(
        name=f"compliance.control.{control.control_id}.evidence",
        label=control.pass_fail.value,
        score=control.confidence,
        text=f"{control.title}: {control.explanation}",
        source=control,
        by="LLM" if control.judged_by is JudgedBy.MODEL else "CODE",
        refs=control.evidence_refs,
    )


def _incident(report: IncidentDossier, by: Annotator) -> tuple[_Claim, list[_Claim]]:
    text = f"{report.incident_summary} {report.suspected_change.statement}"
    label = report.outcome.value
    verdict = _Claim(INCIDENT_DOSSIER, label, report.confidence, text, report, by, ())
    claims = [
        _Claim(INCIDENT_TIMELINE, "event", None, e.event, e, by, e.evidence_refs)
        for e in report.timeline
    ]
    return verdict, claims


def _at_evidence(claims: Sequence[_Claim]) -> Iterator[Annotation]:
    """The claims by the spans that they cite, each name once at a span."""
    places: dict[tuple[str, str], list[_Claim]] = {}
    for claim in claims:
        for span_id in dict.fromkeys(ref.span_id for ref in claim.refs if ref.span_id):
            places.setdefault((claim.name, span_id), []).append(claim)
    for (_, span_id), told in places.items():
        yield _annotation("span", span_id, told)


def _annotation(target: Target, target_id: str, claims: Sequence[_Claim]) -> Annotation:
    first = claims[0]
    told = "\n\n".join(f"{claim.text}\n\n{claim.source.model_dump_json()}" for claim in claims)
    return Annotation(target, target_id, first.name, first.by, first.label, first.score, told)
