"""A report claims no more than its evidence bears."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from investigator.claims.confidence import capped_confidence, independent
from investigator.rca.report import (
    Finding,
    Label,
    Outcome,
    RCAReport,
)
from investigator.traces.evidence import EvidenceRef, span_evidence, tool_evidence
from investigator.traces.openinference import tool_io_of
from tests.builders import span
from tests.signals.steps import tool

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


def test_references_are_independent_by_span_or_by_kind() -> None:
    """The same thing twice is one reference."""
    called = tool("a")
    io = tool_io_of(called)
    assert io is not None
    assert independent([ONE, OTHER])
    assert independent([span_evidence(called), tool_evidence(called, io)])
    assert not independent([ONE, ONE])
    assert not independent([])


def test_confidence_is_capped_by_the_evidence() -> None:
    """None bears none, one bears less than a half."""
    assert capped_confidence(0.9, []) == 0
    assert capped_confidence(0.9, [ONE]) < 0.5
    assert capped_confidence(0.9, [ONE, OTHER]) == 0.9
    assert capped_confidence(0.2, [ONE]) == 0.2


def test_a_finding_needs_evidence() -> None:
    """One reference for any claim, two independent ones for a supported one."""
    with pytest.raises(ValidationError):
        finding()
    with pytest.raises(ValidationError, match="two independent"):
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
