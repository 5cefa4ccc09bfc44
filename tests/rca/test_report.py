"""A report claims no more than its evidence bears."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from investigator.claims.confidence import capped_confidence
from investigator.rca.report import (
    Finding,
    Label,
    Outcome,
    RCAReport,
)
from investigator.traces.evidence import EvidenceRef, span_evidence
from tests.builders import span

_RUNS = Path(__file__).parent.parent / "stored_runs"
STORED = {
    "1.0.0": _RUNS / "version_0_1" / "rca" / "output.json",
    "1.1.0": _RUNS / "reports" / "rca_1_1_0.json",
}
ONE = span_evidence(span("a"))
OTHER = span_evidence(span("b"))


def finding(*refs: EvidenceRef, confidence: float = 0.3) -> Finding:
    """A finding of no account."""
    return Finding(
        category="tool_failure",
        span_id="a",
        agent=None,
        description="it broke",
        confidence=confidence,
        evidence_refs=refs,
    )


def report(
    *findings: Finding, outcome: Outcome = Outcome.FAILURE, label: Label | None = None
) -> RCAReport:
    """A report of these findings."""
    return RCAReport(
        trace_id="t",
        outcome=outcome,
        primary_label=label,
        summary="it broke",
        confidence=0.3,
        findings=findings,
    )


def test_confidence_is_capped_by_the_evidence() -> None:
    """None bears none, one bears less than a half, and so do two that one step produced."""
    assert capped_confidence(0.9, [], str) == 0
    assert capped_confidence(0.9, [ONE], str) < 0.5
    assert capped_confidence(0.9, [ONE, OTHER], lambda _: "one step") < 0.5
    assert capped_confidence(0.9, [ONE, OTHER], str) == 0.9
    assert capped_confidence(0.2, [ONE], str) == 0.2


def test_a_finding_needs_evidence() -> None:
    """One reference for any claim, two independent ones for a supported one."""
    with pytest.raises(ValidationError):
        finding()
    with pytest.raises(ValidationError, match="two references"):
        finding(ONE, ONE, confidence=0.5)
    assert finding(ONE, OTHER, confidence=0.5).confidence == 0.5


def test_a_label_is_given_for_a_failure_and_nothing_else() -> None:
    """And a failure has a finding."""
    supported = finding(ONE, OTHER, confidence=0.9)
    assert report(supported, label=Label.TOOL_FAILURE).outcome is Outcome.FAILURE
    with pytest.raises(ValidationError, match="primary label"):
        report(supported)
    with pytest.raises(ValidationError, match="primary label"):
        report(outcome=Outcome.NO_FAILURE, label=Label.TOOL_FAILURE)
    with pytest.raises(ValidationError, match="needs a finding"):
        report(label=Label.TOOL_FAILURE)
    with pytest.raises(ValidationError, match="supported finding"):
        report(supported, outcome=Outcome.NO_FAILURE)


def test_evidence_of_another_trace_is_refused() -> None:
    """A reference belongs to the trace that the report is about."""
    stray = span_evidence(span("a", trace_id="u"))
    with pytest.raises(ValidationError, match="trace u"):
        report(finding(stray), outcome=Outcome.UNDETERMINED)


def test_a_report_survives_its_json() -> None:
    """What is written is what is read."""
    whole = report(finding(ONE, OTHER, confidence=0.9), label=Label.TOOL_FAILURE)
    assert RCAReport.model_validate_json(whole.model_dump_json()) == whole


@pytest.mark.parametrize("version", STORED)
def test_reports_of_earlier_schemas_are_read(version: str) -> None:
    """What they did not say yet is unknown, and what they say stays as it was."""
    found = RCAReport.model_validate_json(STORED[version].read_text(encoding="utf-8"))
    assert found.schema_version == version
    assert found.findings
    assert {one.signature for one in found.findings} == {None}
