"""From what a scope says to what may stand in a report: no claim passes unchecked.

A planner cites short ids of what it has read. Here the ids become references: one that was
never given, or does not resolve, is dropped with a gap; a finding left without evidence becomes
a gap; confidence is cut to what the references bear. What a finding says besides is the
engine's: it adds the checks and the form that are its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from investigator.claims.confidence import Confidence, capped_confidence
from investigator.claims.refutations import Refutation, StatedRefutation, refuted_in
from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.runtime.actions import Draft, DraftFinding
from investigator.runtime.tools import Cite
from investigator.runtime.turn_schema import EVIDENCE, KNOWN
from investigator.traces.evidence import EvidenceRef


class StatedFinding(DraftFinding):
    """What a planner states; `evidence` are short ids of tool results."""

    description: str = Field(min_length=1)
    confidence: Confidence
    evidence: Annotated[
        tuple[Annotated[str, Field(json_schema_extra={KNOWN: EVIDENCE})], ...],
        Field(description="Ids such as m12"),
    ]

    def with_words_of(self, other: Self) -> Self:
        """This finding, and what `other` says of the same claim."""
        if other.description in self.description:
            return self
        return self.model_copy(update={"description": f"{self.description}; {other.description}"})


StatedT = TypeVar("StatedT", bound=StatedFinding)
CheckedT = TypeVar("CheckedT", bound=BaseModel)


class ScopeAnswer(BaseModel, Generic[CheckedT]):
    """A scope's answer with its evidence resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    findings: tuple[CheckedT, ...]
    gaps: tuple[str, ...]
    summary: str
    refuted: tuple[Refutation, ...] = ()


class ClaimOutputs(ABC, Generic[StatedT, CheckedT]):
    """Parses what the scopes of one run say."""

    answer_type: type[ScopeAnswer[CheckedT]]

    @abstractmethod
    def problem(self, stated: StatedT) -> str | None:
        """What a finding names that does not exist; None where all of it does."""

    @abstractmethod
    def checked(
        self, stated: StatedT, refs: tuple[EvidenceRef, ...], confidence: float
    ) -> CheckedT:
        """The finding with its references and the confidence that they bear."""

    @abstractmethod
    def restated(self, finding: CheckedT, evidence: tuple[str, ...]) -> StatedT:
        """The finding as another planner would state it, with that planner's ids."""

    @abstractmethod
    def evidence_of(self, finding: CheckedT) -> Sequence[EvidenceRef]:
        """What a finding cites."""

    def produced_by(self, ref: EvidenceRef) -> str:
        """Who produced the text that a reference names; of one span each kind, unless known."""
        return f"{ref.trace_id} {ref.span_id} {ref.kind}"

    @abstractmethod
    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """The references that do not resolve in the source, hash and all."""

    def stands_without_evidence(self, stated: StatedT) -> bool:  # noqa: ARG002
        """Whether the finding claims nothing that needs showing."""
        return False

    def lead_problem(self, stated: StatedRefutation, findings: Sequence[StatedT]) -> str | None:  # noqa: ARG002
        """Why a lead cannot be refuted beside these findings; None where it can."""
        return f"there is no lead '{stated.lead}'"

    def resolve(self, output: Draft[Any], cited: Mapping[str, str]) -> str:
        """The answer; ValueError for findings that name what does not exist."""
        problems = self._named_wrongly(output)
        if problems:
            raise ValueError("; ".join(problems))
        return self._answer(output, cited)

    def problems(self, draft: Draft[Any], cited: Mapping[str, str]) -> list[str]:
        """What a draft names that does not exist or was not read, all of it."""
        unread = [
            f"finding {stated.id}: no evidence '{given}' was read"
            for stated in draft.findings
            for given in dict.fromkeys(stated.evidence)
            if cited_as(given, cited) is None
        ]
        unshown = [
            f"refuted {stated.lead}: {problem}"
            for stated in refuted_in(draft)
            for problem in self._unshown(stated, draft, cited)
        ]
        return [*self._named_wrongly(draft), *unread, *unshown]

    def _unshown(
        self, stated: StatedRefutation, draft: Draft[Any], cited: Mapping[str, str]
    ) -> list[str]:
        """What a refutation lacks, all of it."""
        wrong = self.lead_problem(stated, draft.findings)
        unread = [
            f"no evidence '{given}' was read"
            for given in dict.fromkeys(stated.evidence)
            if cited_as(given, cited) is None
        ]
        none = [] if stated.evidence else ["cite what you read that shows it"]
        return [*([] if wrong is None else [wrong]), *unread, *none]

    def cautions(self, draft: Draft[Any], cited: Mapping[str, str]) -> list[str]:
        """Where a draft claims more than its evidence bears, and what would bear it."""
        told = []
        for stated in draft.findings:
            refs = self._references(stated.evidence, f"finding {stated.id}", cited, [])
            if self.stands_without_evidence(stated):
                continue
            borne = round(capped_confidence(stated.confidence, refs, self.produced_by), 2)
            if borne < stated.confidence:
                lift = "cite what another step produced" if refs else "cite what you read"
                told.append(
                    f"finding {stated.id}: its confidence would be cut from {stated.confidence:g}"
                    f" to {borne:g}; {lift} to keep it"
                )
        return told

    def _named_wrongly(self, output: Draft[Any]) -> list[str]:
        found = ((stated.id, self.problem(stated)) for stated in output.findings)
        return [f"finding {id_}: {problem}" for id_, problem in found if problem is not None]

    def salvage(self, draft: Draft[Any], cited: Mapping[str, str]) -> str:
        """The draft as an answer, without what in it does not hold."""
        known = tuple(stated for stated in draft.findings if self.problem(stated) is None)
        return self._answer(draft.model_copy(update={"findings": known}), cited)

    def present(self, answer: str, cite: Cite) -> JsonValue:
        """The answer with ids that the reader can cite."""
        parsed = self.answer_type.model_validate_json(answer)
        findings: list[JsonValue] = []
        for finding in parsed.findings:
            ids = tuple(cite(ref.model_dump(mode="json")) for ref in self.evidence_of(finding))
            findings.append(self.restated(finding, ids).model_dump(mode="json", exclude={"id"}))
        refuted: list[JsonValue] = [
            {
                "lead": one.lead,
                "reason": one.reason,
                "evidence": [cite(ref.model_dump(mode="json")) for ref in one.evidence_refs],
            }
            for one in parsed.refuted
        ]
        return {
            "findings": findings,
            "gaps": list(parsed.gaps),
            "summary": parsed.summary,
            **({"refuted": refuted} if refuted else {}),
        }

    def _answer(self, output: Draft[Any], cited: Mapping[str, str]) -> str:
        gaps = list(output.gaps)
        findings = []
        for stated in output.findings:
            refs = self._references(stated.evidence, f"finding {stated.id}", cited, gaps)
            if self.stands_without_evidence(stated):
                findings.append(self.checked(stated, refs, stated.confidence))
            elif refs:
                borne = round(capped_confidence(stated.confidence, refs, self.produced_by), 2)
                findings.append(self.checked(stated, refs, borne))
            else:
                gaps.append(f"finding {stated.id} has no evidence: {stated.description}")
        refuted = self._refuted(output, cited, gaps)
        answer = self.answer_type(
            findings=tuple(findings), gaps=tuple(gaps), summary=output.summary, refuted=refuted
        )
        return answer.model_dump_json()

    def _refuted(
        self, output: Draft[Any], cited: Mapping[str, str], gaps: list[str]
    ) -> tuple[Refutation, ...]:
        """The refutations that are shown; of the others a gap says why they count for nothing."""
        found = []
        for stated in refuted_in(output):
            refs = self._references(stated.evidence, f"refuted {stated.lead}", cited, gaps)
            problem = self.lead_problem(stated, output.findings)
            if problem is None and not refs:
                problem = f"it has no evidence: {stated.reason}"
            if problem is not None:
                gaps.append(f"refuted {stated.lead}: {problem}")
                continue
            found.append(Refutation(lead=stated.lead, reason=stated.reason, evidence_refs=refs))
        return tuple(found)

    def _references(
        self, evidence: Sequence[str], of: str, cited: Mapping[str, str], gaps: list[str]
    ) -> tuple[EvidenceRef, ...]:
        refs: list[EvidenceRef] = []
        for short_id in dict.fromkeys(evidence):
            text = cited_as(short_id, cited)
            ref = None if text is None else EvidenceRef.model_validate_json(text)
            if ref is None or self.unresolved([ref]):
                gaps.append(f"{of}: evidence '{short_id}' does not resolve")
            elif ref not in refs:
                refs.append(ref)
        return tuple(refs)


def cited_as(given: str, cited: Mapping[str, str]) -> str | None:
    """The reference that is meant by what a planner gives: its short id, its span's id, itself.

    By the id of a span that was read in part, what was read of it first is meant.
    """
    if given in cited:
        return cited[given]
    wanted = given.strip().strip("[]").strip()
    named = next(
        (text for name, text in cited.items() if name.casefold() == wanted.casefold()), None
    )
    if named is not None or not wanted:
        return named
    exact, own = compact_json({"ref": wanted})[1:-1], compact_json({"span_id": wanted})[1:-1]
    of_span = [text for text in cited.values() if exact in text or own in text]
    whole = (text for text in of_span if exact in text or '"kind":"SPAN"' in text)
    return next(whole, of_span[0] if of_span else None)


def reference_key(ref: EvidenceRef) -> str:
    """A reference as the text that a scope knows it by."""
    return compact_json(ref.model_dump(mode="json"))
