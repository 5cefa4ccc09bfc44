"""A lead that did not hold is refuted, with a reason and what was read for it.

Leads are guesses of code. Whoever looked at one and found that it is none says so; then it stands
in the report as refuted, and comes back neither as a finding nor as advice. A refutation is a
claim like any other: without evidence that was read it counts for nothing, and the lead stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic

from pydantic import BaseModel, ConfigDict, Field

from investigator.runtime.actions import Draft, FindingT
from investigator.runtime.turn_schema import EVIDENCE, KNOWN
from investigator.traces.evidence import EvidenceRef

LEAD = "lead"
"""The vocabulary of the leads that a run began with."""


class StatedRefutation(BaseModel):
    """A lead that did not hold, as a planner states it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lead: str = Field(description="id of a lead", json_schema_extra={KNOWN: LEAD})
    reason: str = Field(min_length=1, description="why it is none")
    evidence: tuple[Annotated[str, Field(json_schema_extra={KNOWN: EVIDENCE})], ...] = Field(
        description="ids that show it"
    )


class LeadDraft(Draft[FindingT], Generic[FindingT]):
    """A draft of a scope that has leads: what it found, and which of them it refuted."""

    refuted: tuple[StatedRefutation, ...] = Field(default=(), description="leads that are none")

    def updated(self, update: Draft[FindingT]) -> LeadDraft[FindingT]:
        """With the update's refutations too; of a lead the last word counts."""
        refuted = {one.lead: one for one in (*self.refuted, *refuted_in(update))}
        made = super().updated(update)
        return self.model_copy(update={**dict(made), "refuted": tuple(refuted.values())})


def refuted_in(draft: Draft[Any]) -> tuple[StatedRefutation, ...]:
    """What a draft refutes; one of a scope without leads refutes none."""
    return draft.refuted if isinstance(draft, LeadDraft) else ()


class Refutation(BaseModel):
    """A lead that did not hold, with its evidence resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lead: str
    reason: str
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)


class RefutedLead(BaseModel):
    """A lead as a report tells of it: what code had seen, where, and why it is no fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: str = Field(min_length=1)
    place: str | None
    reason: str = Field(min_length=1)
    evidence_refs: tuple[EvidenceRef, ...] = Field(min_length=1)

    @property
    def line(self) -> str:
        """It on one line."""
        return f"{self.statement}: {self.reason}"


def by_lead(refutations: Sequence[Refutation]) -> Mapping[str, Refutation]:
    """The refutations by what they refute; the first of each counts."""
    found: dict[str, Refutation] = {}
    for one in refutations:
        found.setdefault(one.lead, one)
    return found
