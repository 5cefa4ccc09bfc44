"""A compliance report: one verdict for each control, and no more said than was seen.

`fail` stands on references that resolve; what could not be seen is `insufficient_evidence`;
`not_applicable` says which predicate was not met; a `pass` says what was scanned.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from investigator.claims.confidence import Confidence
from investigator.claims.report import Report, TracesOfSession, of_traces
from investigator.controls.terms import Severity, Verdict
from investigator.runtime.status import Artifact
from investigator.traces.evidence import EvidenceRef

SCHEMA_VERSION: Literal["1.2.0"] = "1.2.0"
RUN_TYPE = "policy_compliance"
COMPLIANCE_REPORT = Artifact("compliance_report", SCHEMA_VERSION)


class Overall(StrEnum):
    """What the verdicts amount to."""

    COMPLIANT = "compliant"
    NON_COMPLIANT = "non_compliant"
    NEEDS_REVIEW = "needs_review"


class JudgedBy(StrEnum):
    """Whose word a verdict rests on: a check's, or a model's that read the trace."""

    CODE = "code"
    MODEL = "model"


class ControlResult(BaseModel):
    """One control. `explanation` says what was found, or scanned, or why it does not apply.

    `violations` counts the breaches; the most telling are in the explanation and the evidence.
    `not_configured` are the parameters without which nothing, or not all of it, was asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    control_id: str
    title: str
    pass_fail: Verdict
    severity: Severity
    judged_by: JudgedBy
    confidence: Confidence
    explanation: str = Field(min_length=1)
    violations: int = Field(default=0, ge=0)
    evidence_refs: tuple[EvidenceRef, ...] = ()
    missing_evidence: tuple[str, ...] = ()
    not_configured: tuple[str, ...] = ()
    remediation: str | None = None

    @model_validator(mode="after")
    def _a_fail_is_shown(self) -> ControlResult:
        if self.pass_fail is Verdict.FAIL and not self.evidence_refs:
            raise ValueError(f"{self.control_id}: a fail needs a reference")
        if self.pass_fail is Verdict.PASS and self.missing_evidence:
            raise ValueError(f"{self.control_id}: a pass misses no evidence")
        return self


class ComplianceReport(Report):
    """The verdicts of a library's controls on one trace, most severe first.

    `not_configured` are the parameters that controls of it lack, once for all of them.
    """

    schema_version: Literal["1.1.0", "1.2.0"] = SCHEMA_VERSION
    trace_id: str
    trace_ids: TracesOfSession = ()
    controls_version: str
    overall: Overall
    summary: str = Field(min_length=1)
    controls_evaluated: tuple[ControlResult, ...]
    not_configured: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The report in one word."""
        return self.overall.value

    @model_validator(mode="after")
    def _overall_follows(self) -> ComplianceReport:
        if self.overall is not overall_of([c.pass_fail for c in self.controls_evaluated]):
            raise ValueError(f"the verdicts do not amount to {self.overall}")
        return self

    @model_validator(mode="after")
    def _evidence_is_of_this_trace(self) -> ComplianceReport:
        for control in self.controls_evaluated:
            for ref in control.evidence_refs:
                if ref.trace_id not in of_traces(self.trace_id, self.trace_ids):
                    raise ValueError(f"{ref.ref} is of trace {ref.trace_id}")
        return self


def overall_of(verdicts: list[Verdict]) -> Overall:
    """One fail is enough; what could not be judged, or nothing judged at all, needs review."""
    if Verdict.FAIL in verdicts:
        return Overall.NON_COMPLIANT
    if Verdict.INSUFFICIENT_EVIDENCE in verdicts or Verdict.PASS not in verdicts:
        return Overall.NEEDS_REVIEW
    return Overall.COMPLIANT
