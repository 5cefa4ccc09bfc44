"""What a scope of an RCA may say: faults, each of a category, each begun at a span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pydantic import Field

from investigator.claims.outputs import ClaimOutputs, ScopeAnswer, StatedFinding
from investigator.claims.refutations import LeadDraft, StatedRefutation
from investigator.rca.case import RCACase
from investigator.rca.report import Finding
from investigator.runtime.turn_schema import KNOWN, SPAN
from investigator.traces.evidence import EvidenceRef

CATEGORY = "category"
"""The vocabulary of a taxonomy's categories."""


class RCAFinding(StatedFinding):
    """One fault as a planner states it."""

    category: str = Field(description="one of those below", json_schema_extra={KNOWN: CATEGORY})
    span_id: str = Field(
        description="Where the fault began: a step such as m12, or a span's id",
        json_schema_extra={KNOWN: SPAN},
    )


RCADraft = LeadDraft[RCAFinding]
"""Drafts and answers of a scope have one form."""

RCAAnswer: TypeAlias = ScopeAnswer[Finding]


class RCAOutputs(ClaimOutputs[RCAFinding, Finding]):
    """Parses what scopes say about one case."""

    answer_type = RCAAnswer

    def __init__(self, case: RCACase) -> None:
        self._case = case

    def problem(self, stated: RCAFinding) -> str | None:
        """A category or a span that does not exist."""
        taxonomy = self._case.taxonomy
        if taxonomy.category(stated.category) is None:
            known = ", ".join(category.id for category in taxonomy.categories)
            return f"no category '{stated.category}'; there are: {known}"
        if self._case.names.span_named(stated.span_id) is None:
            return f"no span or step '{stated.span_id}' in the trace"
        return None

    def lead_problem(self, stated: StatedRefutation, findings: Sequence[RCAFinding]) -> str | None:
        """A lead that is none, or that a finding states."""
        lead = self._case.leads.get(stated.lead)
        if lead is None:
            return super().lead_problem(stated, findings)
        places = set(map(self._case.place_of, lead.groups))
        told = next((f.id for f in findings if self._place(f) in places), None)
        return None if told is None else f"finding {told} states it"

    def _place(self, stated: RCAFinding) -> tuple[str, str | None]:
        category = self._case.taxonomy.category(stated.category)
        name = stated.category if category is None else category.id
        return name, self._case.names.span_named(stated.span_id)

    def checked(
        self, stated: RCAFinding, refs: tuple[EvidenceRef, ...], confidence: float
    ) -> Finding:
        """With the category under its own name, and the agent whose span it is."""
        span_id = self._case.names.span_named(stated.span_id) or stated.span_id
        span = self._case.trace.get(span_id)
        agent = None if span is None else self._case.trace.agent_of(span)
        category = self._case.taxonomy.category(stated.category)
        return Finding(
            category=stated.category if category is None else category.id,
            span_id=span_id,
            agent=None if agent is None else self._case.readings.quote.whole(agent),
            description=stated.description,
            confidence=confidence,
            evidence_refs=refs,
        )

    def restated(self, finding: Finding, evidence: tuple[str, ...]) -> RCAFinding:
        """As a planner states it."""
        return RCAFinding(
            id="",
            category=finding.category,
            span_id=finding.span_id,
            description=finding.description,
            confidence=finding.confidence,
            evidence=evidence,
        )

    def evidence_of(self, finding: Finding) -> Sequence[EvidenceRef]:
        """Its references."""
        return finding.evidence_refs

    def produced_by(self, ref: EvidenceRef) -> str:
        """The step that produced it."""
        return self._case.readings.producers.of(ref)

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """References that are not in the trace."""
        return self._case.unresolved(refs)
