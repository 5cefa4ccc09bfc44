"""What a scope of an incident may say: failures in a trace, or causes over several.

`signature` names the sort of failure (`service | component | error type`), so that the
synthesis can tell which traces share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from investigator.claims.confidence import Confidence
from investigator.claims.outputs import (
    ClaimOutputs,
    Evidence,
    Quotes,
    ScopeAnswer,
    StatedFinding,
    without_quotes,
)
from investigator.claims.refutations import LeadDraft, StatedRefutation
from investigator.incident.case import IncidentCase
from investigator.runtime.turn_schema import NARROWED
from investigator.traces.evidence import EvidenceRef, Quoted


class IncidentFinding(StatedFinding):
    """One failure, or one possible cause, as a planner states it."""

    signature: str = Field(
        description="service | component | error type, as the context gives it",
        json_schema_extra={NARROWED: {"type": "string", "minLength": 1, "maxLength": 100}},
    )


IncidentDraft = LeadDraft[IncidentFinding]
"""Drafts and answers of a scope have one form."""


class CheckedIncidentFinding(BaseModel):
    """What is left of it once it was checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signature: str
    description: str
    confidence: Confidence
    evidence_refs: tuple[EvidenceRef, ...]
    quotes: Quotes = ()

    @model_serializer(mode="wrap")
    def _without_none(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_quotes(dump(self))


IncidentAnswer: TypeAlias = ScopeAnswer[CheckedIncidentFinding]


class IncidentOutputs(ClaimOutputs[IncidentFinding, CheckedIncidentFinding]):
    """Parses what scopes say about one window."""

    answer_type = IncidentAnswer

    def __init__(self, case: IncidentCase) -> None:
        self._case = case

    def problem(self, stated: IncidentFinding) -> str | None:
        """Nothing that a finding names must exist but its evidence."""
        return None if stated.signature else "a finding names its signature"

    def lead_problem(
        self, stated: StatedRefutation, findings: Sequence[IncidentFinding]
    ) -> str | None:
        """A lead that is none, or that a finding states."""
        lead = self._case.leads.get(stated.lead)
        if lead is None:
            return super().lead_problem(stated, findings)
        told = next((f.id for f in findings if f.signature == lead.signature), None)
        return None if told is None else f"finding {told} states it"

    def in_words(self, text: str) -> str:
        """Steps by their numbers and traces."""
        return self._case.views.in_words(text)

    def meant(self, given: str) -> Sequence[str]:
        """What its step bears, of the trace whose number it begins with."""
        return self._case.views.meant(given)

    def quoted(self, ref: EvidenceRef, words: str) -> Quoted:
        """The reference whose text has the words; of a config diff none are kept."""
        return self._case.quoted(ref, words)

    def checked(
        self, stated: IncidentFinding, shown: Evidence, confidence: float
    ) -> CheckedIncidentFinding:
        """As it was stated."""
        return CheckedIncidentFinding(
            signature=stated.signature,
            description=stated.description,
            confidence=confidence,
            evidence_refs=shown.refs,
            quotes=tuple(shown.words.items()),
        )

    def restated(
        self, finding: CheckedIncidentFinding, evidence: tuple[str, ...]
    ) -> IncidentFinding:
        """As a planner states it."""
        return IncidentFinding(
            id="",
            signature=finding.signature,
            description=finding.description,
            confidence=finding.confidence,
            evidence=evidence,
        )

    def evidence_of(self, finding: CheckedIncidentFinding) -> Sequence[EvidenceRef]:
        """Its references."""
        return finding.evidence_refs

    def words_of(self, finding: CheckedIncidentFinding) -> Mapping[str, str]:
        """Its quotations."""
        return dict(finding.quotes)

    def produced_by(self, ref: EvidenceRef) -> str:
        """The step of its trace that produced it."""
        return self._case.produced_by(ref)

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """References that are neither in a trace of the window nor a diff of its snapshots."""
        return self._case.unresolved(refs)
