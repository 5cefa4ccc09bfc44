"""What a scope of an RCA may say: faults, each of a category, each begun at a span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field

from investigator.claims.outputs import ClaimOutputs, Evidence, ScopeAnswer, StatedFinding
from investigator.claims.refutations import LeadDraft, StatedRefutation
from investigator.inspection.reference_names import ids_in_words
from investigator.rca.case import RCACase
from investigator.rca.report import Excerpt, Finding, StepPlace
from investigator.readings.excerpts import EXCERPT_LIMIT
from investigator.readings.quoting import one_line
from investigator.runtime.turn_schema import KNOWN, SPAN
from investigator.traces.evidence import EvidenceRef, Quoted

CATEGORY = "category"
"""The vocabulary of a taxonomy's categories."""


class RCAFinding(StatedFinding):
    """One fault as a planner states it."""

    category: str = Field(description="one of those below", json_schema_extra={KNOWN: CATEGORY})
    span_id: str = Field(
        description="Where the fault began: a step such as m12, or a span's id",
        json_schema_extra={KNOWN: SPAN},
    )
    decisive: bool | None = Field(
        default=None, description="would the run have come right with that step right"
    )
    should_have_caught: Annotated[str, Field(json_schema_extra={KNOWN: SPAN})] | None = Field(
        default=None, description="the step that took it for good, or null"
    )
    path: tuple[Annotated[str, Field(json_schema_extra={KNOWN: SPAN})], ...] = Field(
        default=(), description="steps that rest on it, to the end"
    )

    remedy: str | None = Field(default=None, description="what to change, or null")

    @property
    def claim(self) -> dict[str, Any]:
        """The fault and its place."""
        return {"category": self.category, "span_id": self.span_id}

    def with_words_of(self, other: Self) -> Self:
        """This finding, and what `other` says of the same fault."""
        own = {
            "decisive": self.decisive,
            "should_have_caught": self.should_have_caught,
            "remedy": self.remedy,
        }
        added = {name: getattr(other, name) for name, value in own.items() if value is None}
        path = {} if self.path else {"path": other.path}
        return super().with_words_of(other).model_copy(update={**added, **path})


RCADraft = LeadDraft[RCAFinding]
"""Drafts and answers of a scope have one form."""

RCAAnswer: TypeAlias = ScopeAnswer[Finding]


class RCAOutputs(ClaimOutputs[RCAFinding, Finding]):
    """Parses what scopes say about one case."""

    answer_type = RCAAnswer

    def __init__(self, case: RCACase) -> None:
        self._case = case

    def problem(self, stated: RCAFinding) -> str | None:
        """A category that does not exist."""
        taxonomy = self._case.taxonomy
        if taxonomy.category(stated.category) is None:
            known = ", ".join(category.id for category in taxonomy.categories)
            return f"no category '{stated.category}'; there are: {known}"
        return None

    def unknown_ids(self, stated: RCAFinding) -> list[str]:
        """Steps and spans that do not exist."""
        caught = () if stated.should_have_caught is None else (stated.should_have_caught,)
        named = dict.fromkeys((stated.span_id, *caught, *stated.path))
        unknown = (name for name in named if self._case.names.span_named(name) is None)
        return [f"no span or step '{name}' in the trace" for name in unknown]

    def without_unknown(self, stated: RCAFinding, shown: Evidence) -> RCAFinding | None:
        """Put at the first step that it cites where its own does not exist."""
        names = self._case.names
        place: str | None = stated.span_id
        if names.span_named(stated.span_id) is None:
            place = next((ref.span_id for ref in shown.refs if ref.span_id is not None), None)
        if place is None:
            return None
        caught = stated.should_have_caught
        known = caught is not None and names.span_named(caught) is not None
        path = tuple(name for name in stated.path if names.span_named(name) is not None)
        update = {"span_id": place, "should_have_caught": caught if known else None, "path": path}
        return stated.model_copy(update=update)

    def in_words(self, text: str) -> str:
        """Steps by their numbers."""
        return ids_in_words(text, self._case.names.worded)

    def meant(self, given: str) -> Sequence[str]:
        """What its step bears."""
        return self._case.names.meant(given)

    def quoted(self, ref: EvidenceRef, words: str) -> Quoted:
        """The reference whose text has the words."""
        return self._case.readings.quotations.quoted(ref, words)

    def lead_problem(self, stated: StatedRefutation, findings: Sequence[RCAFinding]) -> str | None:
        """A lead that is none, or of which findings state each place under its category.

        Another fault at the same step says nothing about the lead.
        """
        lead = self._case.leads.get(stated.lead)
        if lead is None:
            return super().lead_problem(stated, findings)
        places = {self._case.place_of(group) for group in lead.groups}
        stated_at = {self._case.stated_place(f.category, f.span_id): f.id for f in findings}
        told = [stated_at[place] for place in places if place in stated_at]
        if not places or len(told) < len(places):
            return None
        return f"finding {told[0]} states it: leave out the one or the other"

    def checked(self, stated: RCAFinding, shown: Evidence, confidence: float) -> Finding:
        """With the category under its own name, and the agent whose span it is."""
        caught = stated.should_have_caught
        span_id = self._case.names.span_named(stated.span_id) or stated.span_id
        span = self._case.trace.get(span_id)
        agent = None if span is None else self._case.trace.agent_of(span)
        category = self._case.taxonomy.category(stated.category)
        return Finding(
            category=stated.category if category is None else category.id,
            span_id=span_id,
            step=self._step_number(stated.span_id),
            agent=None if agent is None else self._case.readings.quote.whole(agent),
            description=stated.description,
            confidence=confidence,
            decisive=stated.decisive,
            remedy=stated.remedy,
            should_have_caught=None if caught is None else self._step_place(caught),
            path=tuple(place for name in stated.path if (place := self._step_place(name))),
            evidence_refs=shown.refs,
            excerpts=tuple(
                Excerpt(ref=ref, text=one_line(words, EXCERPT_LIMIT))
                for ref, words in shown.words.items()
            ),
        )

    def _step_number(self, name: str) -> int | None:
        """The step that an id names: whoever names one means it, and no other of its span."""
        own = self._case.names.own_span(name) is not None
        step = None if own else self._case.names.step_named(name)
        return None if step is None else step.number

    def _step_place(self, name: str) -> StepPlace | None:
        """The step or span that is meant, with its agent."""
        span_id = self._case.names.span_named(name)
        span = None if span_id is None else self._case.trace.get(span_id)
        if span is None or span_id is None:
            return None
        number = self._step_number(name)
        step = None if number is None else self._case.readings.steps[number]
        agent = step.agent if step is not None else self._case.trace.agent_of(span)
        return StepPlace(
            step=number,
            span_id=span_id,
            agent=None if agent is None else self._case.readings.quote.whole(agent),
        )

    def restated(self, finding: Finding, evidence: tuple[str, ...]) -> RCAFinding:
        """As a planner states it."""
        caught = finding.should_have_caught
        return RCAFinding(
            id="",
            category=finding.category,
            span_id=finding.span_id if finding.step is None else str(finding.step),
            description=finding.description,
            confidence=finding.confidence,
            evidence=evidence,
            decisive=finding.decisive,
            remedy=finding.remedy,
            should_have_caught=None if caught is None else self._name(caught),
            path=tuple(map(self._name, finding.path)),
        )

    def _name(self, place: StepPlace) -> str:
        """What a planner calls a step."""
        return place.span_id if place.step is None else str(place.step)

    def evidence_of(self, finding: Finding) -> Sequence[EvidenceRef]:
        """Its references."""
        return finding.evidence_refs

    def words_of(self, finding: Finding) -> Mapping[str, str]:
        """Its excerpts, which are quotations as long as nothing was added to them."""
        return {one.ref: one.text for one in finding.excerpts if not one.text.endswith("…")}

    def produced_by(self, ref: EvidenceRef) -> str:
        """The step that produced it."""
        return self._case.readings.producers.of(ref)

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """References that are not in the trace."""
        return self._case.unresolved(refs)
