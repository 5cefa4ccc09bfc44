"""An RCA report claims no more than its evidence bears, and a claim without evidence is no claim.

A finding of any confidence needs one reference, a confidence of a half or more two independent
ones; the primary label is given for a failure and for nothing else; findings stand in the order
of their importance, the root cause first. Reports hold no run id and no time of the run.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from investigator.claims.confidence import SUPPORTED, Confidence
from investigator.claims.refutations import RefutedLead
from investigator.claims.report import Report, TracesOfSession, of_traces
from investigator.readings.faults import Fault
from investigator.runtime.status import Artifact
from investigator.runtime.told import Ending
from investigator.traces.evidence import EvidenceRef

SCHEMA_VERSION: Literal["1.3.0"] = "1.3.0"
RUN_TYPE = "rca"
RCA_REPORT = Artifact("rca_report", SCHEMA_VERSION)
POLICY = "policy"
"""The detector of a breach of the policy that a run had to keep."""


class Label(StrEnum):
    """What kind of cause a failure has."""

    RETRIEVAL_FAILURE = "retrieval_failure"
    TOOL_FAILURE = "tool_failure"
    INSTRUCTION_FAILURE = "instruction_failure"
    UPSTREAM_DEPENDENCY_FAILURE = "upstream_dependency_failure"
    DATA_SCHEMA_MISMATCH = "data_schema_mismatch"


class Outcome(StrEnum):
    """What became of the question why the trace failed."""

    FAILURE = "failure"
    NO_FAILURE = "no_failure"
    UNDETERMINED = "undetermined"


class AcquittalCheck(BaseModel):
    """One thing that an acquittal needs: `met` is None where code cannot tell.

    `looked_at` says what was read for it, `missing` what stands in the way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    met: bool | None
    looked_at: str
    missing: str | None = None


class StatedOutcome(BaseModel):
    """What was known beforehand of how the run ended, by the word of whom.

    `given` says that it was the caller, whose word is no evidence; a report's outcome and its
    confidence then rest on it. `decided` and `shown` are the data's verdicts that decide and
    that don't, `contradictions` what speaks against it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Ending | None
    said_by: str | None
    given: bool
    symptom: str | None = None
    expected: str | None = None
    decided: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()


class Impact(StrEnum):
    """What a fault did to the run: its end rests on it, it may, or the run went on without harm."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class StepPlace(BaseModel):
    """A step of the run, by its number (None where the span is no step) and by its span."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int | None
    span_id: str
    agent: str | None


class GoodStep(BaseModel):
    """What a good run of the same task did where this one departs from it.

    `evidence` is a reference into the good run, `text` a redacted excerpt; both are None, and
    `step` and `span_id`, where it did nothing of the kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str
    step: int | None = None
    span_id: str | None = None
    evidence: EvidenceRef | None = None
    text: str | None = None


class Excerpt(BaseModel):
    """What a reference of the finding says, redacted and short."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: str
    text: str


class Finding(BaseModel):
    """One fault: its category, the span where it began, and what shows it.

    `fault` is finer than the category; None where a model stated what no detector saw. `path`
    leads from where it began to where it surfaced or to the answer, each step resting on the one
    before; `should_have_caught` is the first step that took it for good. `decisive` says whether
    the run would have come right had that step been right; None where code can't tell. `remedy` is
    what whoever stated it would change, None where that goes with the fault. `signature`
    is the same for the same fault in another run, whatever its ids and wording. `controls` are
    the controls whose breach it is; `departs_from` is what a good run did there. Both are left out
    where there is nothing to say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str = Field(min_length=1)
    fault: Fault | None = None
    span_id: str
    step: int | None = None
    agent: str | None
    description: str = Field(min_length=1)
    confidence: Confidence
    impact: Impact | None = None
    decisive: bool | None = None
    remedy: str | None = None
    path: tuple[StepPlace, ...] = ()
    should_have_caught: StepPlace | None = None
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)
    excerpts: tuple[Excerpt, ...] = ()
    signature: str | None = None
    controls: tuple[str, ...] = ()
    departs_from: GoodStep | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What few findings have is left out of the others."""
        written: dict[str, Any] = serialize(self)
        for name in ("controls", "departs_from"):
            if not getattr(self, name):
                written.pop(name, None)
        return written

    @model_validator(mode="after")
    def _evidence_bears_confidence(self) -> Finding:
        if self.confidence >= SUPPORTED and len(set(self.evidence_refs)) < 2:
            raise ValueError(f"confidence {self.confidence} needs two references")
        return self


class RCAReport(Report):
    """Why one trace failed. `confidence` is that of the outcome; `checks` are an acquittal's.

    `refuted` are guesses of code that whoever investigated looked at and did not confirm.
    """

    schema_version: Literal["1.0.0", "1.1.0", "1.2.0", "1.3.0"] = SCHEMA_VERSION
    trace_id: str
    trace_ids: TracesOfSession = ()
    outcome: Outcome
    primary_label: Label | None
    summary: str = Field(min_length=1)
    confidence: Confidence
    findings: tuple[Finding, ...] = ()
    evidence_refs: tuple[EvidenceRef, ...] = ()
    remediation: tuple[str, ...] = ()
    checks: tuple[AcquittalCheck, ...] = ()
    refuted: tuple[RefutedLead, ...] = ()
    gaps: tuple[str, ...] = ()
    known_outcome: StatedOutcome | None = None

    @property
    def verdict(self) -> str:
        """The report in one word."""
        return self.outcome.value

    @property
    def cited(self) -> tuple[EvidenceRef, ...]:
        """Every reference in it."""
        return (
            *self.evidence_refs,
            *(ref for finding in self.findings for ref in finding.evidence_refs),
            *(ref for lead in self.refuted for ref in lead.evidence_refs),
        )

    @model_validator(mode="after")
    def _outcome_and_findings_agree(self) -> RCAReport:
        failed = self.outcome is Outcome.FAILURE
        if failed != (self.primary_label is not None):
            raise ValueError("a primary label is given for a failure and for nothing else")
        if failed and not self.findings:
            raise ValueError("a failure needs a finding")
        if not failed and any(f.confidence >= SUPPORTED for f in self.findings):
            raise ValueError(f"a supported finding makes the outcome a failure, not {self.outcome}")
        return self

    @model_validator(mode="after")
    def _a_known_failure_is_not_denied(self) -> RCAReport:
        known = self.known_outcome
        if known and known.outcome == "failed" and self.outcome is Outcome.NO_FAILURE:
            raise ValueError("the run is known to have failed, and the outcome is no_failure")
        return self

    @model_validator(mode="after")
    def _evidence_is_of_this_trace(self) -> RCAReport:
        known = (None, *of_traces(self.trace_id, self.trace_ids))
        stray = [ref for ref in self.cited if ref.trace_id not in known]
        if stray:
            raise ValueError(f"{stray[0].ref} is of trace {stray[0].trace_id}")
        return self
