"""What a scope of a control may say: verdicts, a `fail` for each breach it can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

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
from investigator.compliance.case import ComplianceCase
from investigator.controls.terms import Verdict
from investigator.inspection.reference_names import ids_in_words
from investigator.runtime.actions import Draft
from investigator.runtime.turn_schema import KNOWN, SPAN
from investigator.traces.evidence import EvidenceRef, Quoted


class ControlFinding(StatedFinding):
    """One breach of the control, or the verdict that there is none, as a planner states it."""

    verdict: Verdict
    span_id: Annotated[str, Field(json_schema_extra={KNOWN: SPAN})] | None = Field(
        description="The step that breaks the control, such as m12; null for none"
    )


ControlDraft = Draft[ControlFinding]
"""Drafts and answers of a scope have one form."""


class CheckedControl(BaseModel):
    """What is left of it once it was checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    span_id: str | None
    description: str
    confidence: Confidence
    evidence_refs: tuple[EvidenceRef, ...]
    quotes: Quotes = ()

    @model_serializer(mode="wrap")
    def _without_none(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_quotes(dump(self))


ControlAnswer: TypeAlias = ScopeAnswer[CheckedControl]


class ComplianceOutputs(ClaimOutputs[ControlFinding, CheckedControl]):
    """Parses what scopes say about the controls of one trace."""

    answer_type = ControlAnswer

    def __init__(self, case: ComplianceCase) -> None:
        self._case = case

    def problem(self, stated: ControlFinding) -> str | None:
        """A breach that no step made; a verdict that was reached before."""
        if stated.verdict is Verdict.FAIL and stated.span_id is None:
            return "a fail names the span that breaks the control"
        if stated.verdict is Verdict.NOT_APPLICABLE:
            return "the control applies: its predicate was evaluated before this scope was opened"
        return None

    def stands_without_evidence(self, stated: ControlFinding) -> bool:
        """What was not found, or could not be seen, has no place to point at."""
        return stated.verdict is not Verdict.FAIL

    def unknown_ids(self, stated: ControlFinding) -> list[str]:
        """A span that does not exist."""
        named = stated.span_id is None or self._case.names.span_named(stated.span_id) is not None
        return [] if named else [f"no span or step '{stated.span_id}' in the trace"]

    def without_unknown(self, stated: ControlFinding, shown: Evidence) -> ControlFinding | None:
        """A breach is put at the first step that it cites; without one it is none."""
        if not self.unknown_ids(stated):
            return stated
        place = next((ref.span_id for ref in shown.refs if ref.span_id is not None), None)
        if place is None and stated.verdict is Verdict.FAIL:
            return None
        return stated.model_copy(update={"span_id": place})

    def in_words(self, text: str) -> str:
        """Steps by their numbers."""
        return ids_in_words(text, self._case.names.worded)

    def meant(self, given: str) -> Sequence[str]:
        """What its step bears."""
        return self._case.names.meant(given)

    def quoted(self, ref: EvidenceRef, words: str) -> Quoted:
        """The reference whose text has the words."""
        return self._case.readings.quotations.quoted(ref, words)

    def cautions(self, draft: Draft[Any], cited: Mapping[str, str]) -> list[str]:
        """A pass that rests on nothing that was read, too: it would count for nothing."""
        unread = [
            f"finding {stated.id}: a pass counts only with what it rests on; cite what you read"
            " (read_first), or quote from what you saw in part"
            for stated in draft.findings
            if stated.verdict is Verdict.PASS and not self.evidence_cited(stated, cited).read
        ]
        return [*unread, *super().cautions(draft, cited)]

    def checked(self, stated: ControlFinding, shown: Evidence, confidence: float) -> CheckedControl:
        """As it was stated; a pass rests on what was read, not on what was seen in part."""
        return CheckedControl(
            verdict=stated.verdict,
            span_id=stated.span_id and self._case.names.span_named(stated.span_id),
            description=stated.description,
            confidence=confidence,
            evidence_refs=shown.read if stated.verdict is Verdict.PASS else shown.refs,
            quotes=tuple(shown.words.items()),
        )

    def restated(self, finding: CheckedControl, evidence: tuple[str, ...]) -> ControlFinding:
        """As a planner states it."""
        return ControlFinding(
            id="",
            verdict=finding.verdict,
            span_id=finding.span_id,
            description=finding.description,
            confidence=finding.confidence,
            evidence=evidence,
        )

    def evidence_of(self, finding: CheckedControl) -> Sequence[EvidenceRef]:
        """Its references."""
        return finding.evidence_refs

    def words_of(self, finding: CheckedControl) -> Mapping[str, str]:
        """Its quotations."""
        return dict(finding.quotes)

    def produced_by(self, ref: EvidenceRef) -> str:
        """The step that produced it."""
        return self._case.readings.producers.of(ref)

    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """References that are not in the trace."""
        return self._case.unresolved(refs)
