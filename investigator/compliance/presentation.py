"""What a reader is told of a compliance report: as a document, as a row, as annotations."""

from __future__ import annotations

from collections import Counter

from investigator.claims.annotations import Annotator, Remark, Remarks
from investigator.claims.document import (
    Column,
    Document,
    Listing,
    Overview,
    Roll,
    Statement,
    Statements,
    Tone,
    Word,
)
from investigator.claims.report import of_traces
from investigator.claims.rows import ControlRow, ReportRows, TraceVerdict, signature_of
from investigator.compliance.report import ComplianceReport, ControlResult, JudgedBy, Overall
from investigator.controls.terms import Verdict

_TONES = {
    Overall.COMPLIANT: Tone.GOOD,
    Overall.NON_COMPLIANT: Tone.BAD,
    Overall.NEEDS_REVIEW: Tone.UNSURE,
}
_SCORES = {Overall.COMPLIANT: 1.0, Overall.NON_COMPLIANT: 0.0, Overall.NEEDS_REVIEW: None}
_VERDICT_TONES = {
    Verdict.PASS: Tone.GOOD,
    Verdict.FAIL: Tone.BAD,
    Verdict.INSUFFICIENT_EVIDENCE: Tone.UNSURE,
    Verdict.NOT_APPLICABLE: Tone.QUIET,
}
_AT_LENGTH = (Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE)


def compliance_document(report: ComplianceReport) -> Document:
    """The verdict, what was broken or could not be seen at length, the rest by name.

    What is not configured is said in the summary, once.
    """
    at_length = tuple(
        _statement(result)
        for verdict in _AT_LENGTH
        for result in report.controls_evaluated
        if result.pass_fail is verdict
    )
    return Document(
        subject=report.trace_id,
        verdict=Word(report.overall.value, _TONES[report.overall]),
        notes=(report.controls_version,),
        summary=report.summary,
        sections=(
            Statements(statements=at_length, noun="controls"),
            _roll(report, Verdict.PASS),
            _roll(report, Verdict.NOT_APPLICABLE),
            Listing(title="gaps", lines=report.gaps),
        ),
    )


def _statement(result: ControlResult) -> Statement:
    return Statement(
        word=_word(result.pass_fail),
        name=result.control_id,
        notes=(result.severity.value,),
        confidence=result.confidence,
        text=result.explanation,
        evidence=result.evidence_refs,
        advice=result.remediation,
        by_model=_by_model(result),
    )


def _roll(report: ComplianceReport, verdict: Verdict) -> Roll:
    results = [
        r
        for r in report.controls_evaluated
        if r.pass_fail is verdict and not (verdict is Verdict.NOT_APPLICABLE and r.not_configured)
    ]
    names = [f"{r.control_id} (a model)" if _by_model(r) else r.control_id for r in results]
    return Roll(_word(verdict), tuple(names))


def _word(verdict: Verdict) -> Word:
    return Word(verdict.value, _VERDICT_TONES[verdict])


def _by_model(result: ControlResult) -> bool:
    return result.judged_by is JudgedBy.MODEL


def _row(report: ComplianceReport) -> tuple[Word, ...]:
    counts = Counter(result.pass_fail for result in report.controls_evaluated)
    broken = [r.control_id for r in report.controls_evaluated if r.pass_fail is Verdict.FAIL]
    return (
        Word(report.overall.value, _TONES[report.overall]),
        Word(str(counts[Verdict.FAIL])),
        Word(str(counts[Verdict.INSUFFICIENT_EVIDENCE])),
        Word(str(counts[Verdict.PASS])),
        Word(", ".join(broken)),
    )


COMPLIANCE_OVERVIEW = Overview(
    (
        Column("overall"),
        Column("fail", True),
        Column("insufficient", True),
        Column("pass", True),
        Column("broken"),
    ),
    _row,
)


def compliance_remarks(report: ComplianceReport, by: Annotator) -> Remarks:  # noqa: ARG001
    """The overall verdict at the root, each control's at the spans that it cites.

    A control says itself who judged it, whoever took part in the run.
    """
    controls = report.controls_evaluated
    judged: Annotator = "LLM" if any(map(_by_model, controls)) else "CODE"
    overall, score = report.overall, _SCORES[report.overall]
    verdict = Remark("compliance.overall", overall.value, score, report.summary, report, judged)
    traces = of_traces(report.trace_id, report.trace_ids)
    return Remarks(traces, verdict, [_remark(control) for control in controls])


def _remark(control: ControlResult) -> Remark:
    return Remark(
        name=f"compliance.control.{control.control_id}.evidence",
        label=control.pass_fail.value,
        score=control.confidence,
        text=f"{control.title}: {control.explanation}",
        source=control,
        by="LLM" if _by_model(control) else "CODE",
        refs=control.evidence_refs,
    )


def compliance_rows(report: ComplianceReport) -> ReportRows:
    """The overall verdict, and each control's; one that fails, fails a build."""
    controls = tuple(_control_row(report, result) for result in report.controls_evaluated)
    trace = TraceVerdict(
        trace_id=report.trace_id,
        verdict=report.overall.value,
        summary=report.summary,
        failed_controls=sum(control.fails for control in controls),
    )
    return ReportRows(trace, controls=controls)


def _control_row(report: ComplianceReport, result: ControlResult) -> ControlRow:
    refs = result.evidence_refs
    return ControlRow(
        trace_id=report.trace_id,
        controls_version=report.controls_version,
        control_id=result.control_id,
        title=result.title,
        severity=result.severity.value,
        verdict=result.pass_fail.value,
        judged_by=result.judged_by.value,
        confidence=result.confidence,
        fails=result.pass_fail is Verdict.FAIL,
        explanation=result.explanation,
        violations=result.violations,
        span_id=next((ref.span_id for ref in refs if ref.span_id), None),
        remediation=result.remediation,
        missing_evidence=result.missing_evidence,
        evidence=tuple(ref.ref for ref in refs),
        signature=signature_of("compliance", result.control_id),
    )
