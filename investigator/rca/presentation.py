"""What a reader is told of an RCA report: as a document, as a row, as annotations."""

from __future__ import annotations

from collections.abc import Iterator

from investigator.claims.annotations import Annotator, Remark, Remarks
from investigator.claims.confidence import SUPPORTED
from investigator.claims.document import (
    Column,
    Document,
    Listing,
    Overview,
    PathStep,
    Statement,
    Statements,
    Tone,
    Word,
)
from investigator.claims.report import of_traces
from investigator.claims.rows import FindingRow, ReportRows, TraceVerdict, signature_of
from investigator.rca.report import (
    AcquittalCheck,
    Finding,
    GoodStep,
    Outcome,
    RCAReport,
    StatedOutcome,
    StepPlace,
)

_TONES = {
    Outcome.FAILURE: Tone.BAD,
    Outcome.NO_FAILURE: Tone.GOOD,
    Outcome.UNDETERMINED: Tone.UNSURE,
}
_FINDINGS_SHOWN = 5


def rca_document(report: RCAReport) -> Document:
    """Verdict, findings with their evidence, what to do, what could not be seen."""
    label = f": {report.primary_label}" if report.primary_label else ""
    findings = tuple(_statement(n, finding) for n, finding in enumerate(report.findings, 1))
    return Document(
        subject=report.trace_id,
        verdict=Word(report.outcome.value + label, _TONES[report.outcome]),
        notes=(f"confidence {report.confidence:.2f}",),
        summary=report.summary,
        sections=(
            Statements(statements=findings, shown=_FINDINGS_SHOWN),
            Listing(title="what to do", lines=report.remediation),
            Listing(title="refuted leads", lines=tuple(one.line for one in report.refuted)),
            Listing(title="gaps", lines=report.gaps),
            Listing(title="checked", lines=_checks(report)),
            Listing(title="known outcome", lines=tuple(_known(report.known_outcome))),
        ),
    )


def _checks(report: RCAReport) -> tuple[str, ...]:
    """Where no fault was found, what was looked at instead."""
    failed = report.outcome is Outcome.FAILURE
    return () if failed else tuple(map(_checked, report.checks))


def _checked(check: AcquittalCheck) -> str:
    sign = {True: "met", False: "not met", None: "not known"}[check.met]
    missing = f": {check.missing}" if check.missing else ""
    return f"{check.name} ({check.looked_at}): {sign}{missing}"


def _known(known: StatedOutcome | None) -> Iterator[str]:
    """What was known beforehand, whose word it is, and what speaks against it."""
    if known is None:
        return
    if known.outcome is not None:
        yield f"{known.outcome}, said by: {known.said_by}"
    for name, text in (("symptom", known.symptom), ("expected", known.expected)):
        if text:
            yield f"{name}, in the caller's words: {text}"
    yield from known.decided
    yield from (f"decides nothing: {line}" for line in known.shown)
    yield from known.contradictions


def _statement(rank: int, finding: Finding) -> Statement:
    agent = f", agent {finding.agent}" if finding.agent else ""
    step = "" if finding.step is None else f"step {finding.step}, "
    return Statement(
        rank=rank,
        name=finding.category,
        place=f"{step}span {finding.span_id}{agent}",
        notes=tuple(_notes(finding)),
        confidence=finding.confidence,
        text=finding.description,
        path=tuple(PathStep(one.step, one.span_id, one.agent) for one in finding.path),
        quotes=_quotes(finding),
        evidence=finding.evidence_refs,
    )


def _quotes(finding: Finding) -> tuple[str, ...]:
    """What the finding rests on, and second to the first what a good run had there."""
    first, *others = (*(excerpt.text for excerpt in finding.excerpts), None)
    return tuple(filter(None, (first, *_good(finding.departs_from), *others)))


def _good(step: GoodStep | None) -> Iterator[str]:
    """What the good run has in place of it."""
    if step is not None and step.text is not None:
        at = "" if step.step is None else f", step {step.step}"
        yield f"in the good run ({step.trace_id}{at}): {step.text}"


def _notes(finding: Finding) -> Iterator[str]:
    if finding.impact is not None:
        yield f"impact {finding.impact}"
    if finding.decisive is not None:
        yield "decisive" if finding.decisive else "not decisive"
    caught = finding.should_have_caught
    if caught is not None and caught.step != finding.step:
        yield f"should have been caught at step {caught.step}"


def _row(report: RCAReport) -> tuple[Word, ...]:
    failed = report.outcome is Outcome.FAILURE
    return (
        Word(report.outcome.value, _TONES[report.outcome]),
        Word(report.primary_label),
        Word(report.findings[0].span_id if failed else None),
        Word(f"{report.confidence:.2f}"),
    )


RCA_OVERVIEW = Overview(
    (
        Column("outcome"),
        Column("label"),
        Column("began at"),
        Column("confidence", True),
    ),
    _row,
)


def rca_remarks(report: RCAReport, by: Annotator) -> Remarks:
    """The outcome at the root, each finding at the spans that it cites."""
    label = report.primary_label or report.outcome.value
    verdict = Remark("rca.primary", label, report.confidence, report.summary, report, by)
    findings = [
        Remark("rca.evidence", f.category, f.confidence, f.description, f, by, f.evidence_refs)
        for f in report.findings
    ]
    return Remarks(of_traces(report.trace_id, report.trace_ids), verdict, findings)


def rca_rows(report: RCAReport) -> ReportRows:
    """The outcome, and each finding; what fails a build is the first and what is well supported."""
    first = next(iter(report.findings), None)
    failed = report.outcome is Outcome.FAILURE
    trace = TraceVerdict(
        trace_id=report.trace_id,
        verdict=report.outcome.value,
        label=report.primary_label,
        confidence=report.confidence,
        summary=report.summary,
        findings=len(report.findings),
        fault=first.fault if failed and first else None,
        began_step=first.step if failed and first else None,
        began_span_id=first.span_id if failed and first else None,
        began_agent=first.agent if failed and first else None,
    )
    findings = tuple(
        _finding_row(report, rank, finding, fails=failed and _breaks_a_build(rank, finding))
        for rank, finding in enumerate(report.findings, 1)
    )
    return ReportRows(trace, findings)


def _breaks_a_build(rank: int, finding: Finding) -> bool:
    return rank == 1 or finding.confidence >= SUPPORTED


def _finding_row(report: RCAReport, rank: int, finding: Finding, *, fails: bool) -> FindingRow:
    caught = finding.should_have_caught
    agent = finding.agent
    return FindingRow(
        trace_id=report.trace_id,
        rank=rank,
        category=finding.category,
        fault=finding.fault,
        description=finding.description,
        confidence=finding.confidence,
        impact=finding.impact,
        decisive=finding.decisive,
        fails=fails,
        began_step=finding.step,
        began_span_id=finding.span_id,
        began_agent=agent,
        caught_step=caught.step if caught else None,
        caught_span_id=caught.span_id if caught else None,
        path=tuple(map(_place_text, finding.path)),
        advice=report.remediation[0] if rank == 1 and report.remediation else None,
        evidence=tuple(ref.ref for ref in finding.evidence_refs),
        excerpts=tuple(excerpt.text for excerpt in finding.excerpts),
        signature=finding.signature or signature_of("rca", finding.category, finding.fault, agent),
    )


def _place_text(place: StepPlace) -> str:
    return place.span_id if place.step is None else f"{place.step}:{place.span_id}"
