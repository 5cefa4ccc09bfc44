"""What a scope of an RCA may say, and what code makes of it: no claim passes unchecked.

A planner cites short ids of what it has read. Here the ids become references: one that was
never given, or does not resolve, is dropped with a gap; a finding left without evidence becomes
a gap; confidence is cut to what the references bear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from investigator.canonical import JsonValue
from investigator.inspection.evidence import EvidenceRef
from investigator.rca.case import RCACase
from investigator.rca.report import Confidence, Finding, capped_confidence
from investigator.runtime.actions import ActionKind, Draft, DraftFinding
from investigator.runtime.tools import Cite
from investigator.signals.building import without_secrets


class RCAFinding(DraftFinding):
    """One fault as a planner states it; `evidence` are short ids of tool results."""

    category: str = Field(description="A category of the taxonomy")
    span_id: str = Field(description="The span where the fault began, not where it surfaced")
    description: str = Field(min_length=1)
    confidence: Confidence
    evidence: Annotated[tuple[str, ...], Field(description="Short ids such as e3")]


RCADraft = Draft[RCAFinding]
"""Drafts and answers of a scope have one form."""


class ScopeAnswer(BaseModel):
    """A scope's answer with its evidence resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: tuple[Finding, ...]
    gaps: tuple[str, ...]
    summary: str


class PresentedFinding(BaseModel):
    """A child's finding as its parent's planner sees it, cited by the parent's short ids."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    span_id: str
    description: str
    confidence: Confidence
    evidence: tuple[str, ...]


class PresentedAnswer(BaseModel):
    """A child's answer as its parent's planner sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: tuple[PresentedFinding, ...]
    gaps: tuple[str, ...]
    summary: str


class RCAOutputs:
    """Parses what scopes say about one case."""

    def __init__(self, case: RCACase) -> None:
        self._case = case

    def resolve(self, output: RCADraft, cited: Mapping[str, str]) -> str:
        """The answer; ValueError for a category or a span that does not exist."""
        gaps = list(output.gaps)
        findings = []
        for stated in output.findings:
            self._require_known(stated)
            finding = self._finding(stated, cited, gaps)
            if finding is not None:
                findings.append(finding)
        answer = ScopeAnswer(findings=tuple(findings), gaps=tuple(gaps), summary=output.summary)
        return answer.model_dump_json()

    def salvage(self, draft: Draft[Any], cited: Mapping[str, str]) -> str:
        """The draft as an answer, without what in it does not hold."""
        known = [finding for finding in draft.findings if self._problem(finding) is None]
        return self.resolve(draft.model_copy(update={"findings": tuple(known)}), cited)

    def present(self, answer: str, cite: Cite) -> JsonValue:
        """The answer with ids that the reader can cite."""
        parsed = ScopeAnswer.model_validate_json(answer)
        shown = PresentedAnswer(
            findings=tuple(
                PresentedFinding(
                    category=finding.category,
                    span_id=finding.span_id,
                    description=finding.description,
                    confidence=finding.confidence,
                    evidence=tuple(cite(r.model_dump(mode="json")) for r in finding.evidence_refs),
                )
                for finding in parsed.findings
            ),
            gaps=parsed.gaps,
            summary=parsed.summary,
        )
        presented: JsonValue = shown.model_dump(mode="json")
        return presented

    def _require_known(self, stated: RCAFinding) -> None:
        problem = self._problem(stated)
        if problem is not None:
            raise ValueError(problem)

    def _problem(self, stated: RCAFinding) -> str | None:
        taxonomy = self._case.taxonomy
        if taxonomy.category(stated.category) is None:
            known = ", ".join(category.id for category in taxonomy.categories)
            return f"finding {stated.id}: no category '{stated.category}'; there are: {known}"
        if self._case.trace.get(stated.span_id) is None:
            return f"finding {stated.id}: no span '{stated.span_id}' in the trace"
        return None

    def _finding(
        self, stated: RCAFinding, cited: Mapping[str, str], gaps: list[str]
    ) -> Finding | None:
        refs = []
        for short_id in dict.fromkeys(stated.evidence):
            ref = self._reference(short_id, cited)
            if ref is None:
                gaps.append(f"finding {stated.id}: evidence '{short_id}' does not resolve")
            else:
                refs.append(ref)
        if not refs:
            gaps.append(f"finding {stated.id} has no evidence: {stated.description}")
            return None
        span = self._case.trace.get(stated.span_id)
        agent = None if span is None else self._case.trace.agent_of(span)
        category = self._case.taxonomy.category(stated.category)
        return Finding(
            category=stated.category if category is None else category.id,
            span_id=stated.span_id,
            agent=None if agent is None else without_secrets(agent),
            description=stated.description,
            confidence=round(capped_confidence(stated.confidence, refs), 2),
            evidence_refs=tuple(refs),
        )

    def _reference(self, short_id: str, cited: Mapping[str, str]) -> EvidenceRef | None:
        text = cited.get(short_id)
        if text is None:
            return None
        ref = EvidenceRef.model_validate_json(text)
        return None if self._case.unresolved([ref]) else ref


def output_turn(kind: ActionKind, draft: RCADraft) -> str:
    """The turn that says `kind` (synthesize or finalize) with this draft."""
    return f'{{"action":{{"type":"{kind}","output":{draft.model_dump_json()}}}}}'
