"""From what a scope says to what may stand in a report: no claim passes unchecked.

A planner cites short ids of what it has read. Here the ids become references: one that was
never given, or does not resolve, is dropped with a gap; a finding left without evidence becomes
a gap; confidence is cut to what the references bear. What a finding says besides is the
engine's: it adds the checks and the form that are its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from investigator.claims.confidence import Confidence, borne_confidence
from investigator.claims.refutations import Refutation, StatedRefutation, refuted_in
from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, compact_json
from investigator.runtime.actions import Draft, DraftFinding
from investigator.runtime.citable import seen_in_part
from investigator.runtime.tools import Cite
from investigator.runtime.turn_schema import EVIDENCE, KNOWN
from investigator.traces.evidence import EvidenceRef, Quoted


class Quotation(NamedTuple):
    """Words of a text that is cited, as they stand there: `m12: the words`."""

    evidence: str
    words: str

    @classmethod
    def read(cls, text: str) -> Quotation | None:
        """The quotation that a text is; None where it does not begin with an id."""
        found = _QUOTATION.fullmatch(text)
        return None if found is None else cls(found.group(1), found.group(2))


_SLIGHT = 0.05
_QUOTATION = re2.compile(r"(?s)\s*\[?((?:\d+:)?[^\s:\[\]]+)\]?\s*:\s*(.*)")


class Evidence(NamedTuple):
    """What a claim cites: the references, those quoted first, and the words by reference.

    `read` are those that were read: whole, or in part with words of them quoted.
    """

    refs: tuple[EvidenceRef, ...]
    read: tuple[EvidenceRef, ...]
    words: Mapping[str, str]


class StatedFinding(DraftFinding):
    """What a planner states; `evidence` are short ids of tool results."""

    description: str = Field(min_length=1)
    confidence: Confidence
    evidence: Annotated[
        tuple[Annotated[str, Field(json_schema_extra={KNOWN: EVIDENCE})], ...],
        Field(description="Ids such as m12"),
    ]
    quotes: tuple[str, ...] = Field(default=(), description="m12: words as they stand there")

    @property
    def quotations(self) -> tuple[Quotation, ...]:
        """The quotations that can be read."""
        return tuple(one for text in self.quotes if (one := Quotation.read(text)) is not None)

    @property
    def claim(self) -> dict[str, Any]:
        """What is claimed, without how it is shown."""
        return {name: value for name, value in super().claim.items() if name != "quotes"}

    def with_words_of(self, other: Self) -> Self:
        """This finding, and what `other` says of the same claim."""
        if other.description in self.description:
            return self
        return self.model_copy(update={"description": f"{self.description}; {other.description}"})


Quotes: TypeAlias = tuple[tuple[str, str], ...]
"""What a checked finding quotes: the reference and the words."""


def without_quotes(dumped: dict[str, Any]) -> dict[str, Any]:
    """What is written of a checked finding: quotations only where it has some."""
    if not dumped["quotes"]:
        del dumped["quotes"]
    return dumped


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
    def checked(self, stated: StatedT, shown: Evidence, confidence: float) -> CheckedT:
        """The finding with its references and the confidence that they bear."""

    def quoted(self, ref: EvidenceRef, words: str) -> Quoted:  # noqa: ARG002
        """The reference whose text has the words, or why none has; not known unless told."""
        return Quoted(None, "cannot be checked: cite it without one")

    @abstractmethod
    def restated(self, finding: CheckedT, evidence: tuple[str, ...]) -> StatedT:
        """The finding as another planner would state it, with that planner's ids."""

    @abstractmethod
    def evidence_of(self, finding: CheckedT) -> Sequence[EvidenceRef]:
        """What a finding cites."""

    def words_of(self, finding: CheckedT) -> Mapping[str, str]:  # noqa: ARG002
        """What a finding quotes, by reference; nothing unless it is kept."""
        return {}

    def produced_by(self, ref: EvidenceRef) -> str:
        """Who produced the text that a reference names; of one span each kind, unless known."""
        return f"{ref.trace_id} {ref.span_id} {ref.kind}"

    @abstractmethod
    def unresolved(self, refs: Sequence[EvidenceRef]) -> list[str]:
        """The references that do not resolve in the source, hash and all."""

    def unknown_ids(self, stated: StatedT) -> list[str]:  # noqa: ARG002
        """The ids besides its evidence that a finding names and that name nothing, each told."""
        return []

    def without_unknown(self, stated: StatedT, shown: Evidence) -> StatedT | None:  # noqa: ARG002
        """The finding without such ids; None where nothing is left of it."""
        return stated

    def in_words(self, text: str) -> str:
        """A text of a planner as a report may have it: without the ids of a scope."""
        return text

    def meant(self, given: str) -> Sequence[str]:  # noqa: ARG002
        """The references, as a scope knows them, that may be meant by what names none of them."""
        return ()

    def _cited_as(self, given: str, cited: Mapping[str, str]) -> str | None:
        """The reference that was read and is meant; None where none was."""
        named = cited_as(given, cited)
        if named is not None:
            return named
        known = set(cited.values())
        return next((text for text in self.meant(given) if text in known), None)

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
            f"finding {stated.id}: {problem}"
            for stated in draft.findings
            for problem in (*self.unknown_ids(stated), *self._misread(stated, cited))
        ]
        unshown = [
            f"refuted {stated.lead}: {problem}"
            for stated in refuted_in(draft)
            for problem in self._unshown(stated, draft, cited)
        ]
        return [*self._named_wrongly(draft), *unread, *unshown]

    def _misread(self, stated: StatedT, cited: Mapping[str, str]) -> Iterator[str]:
        """What a finding cites that was not read, and quotes that does not stand there."""
        for given in dict.fromkeys(
            (*stated.evidence, *(one.evidence for one in stated.quotations))
        ):
            if self._cited_as(given, cited) is None:
                yield f"no evidence '{given}' was read"
        if len(stated.quotations) < len(stated.quotes):
            yield "a quotation is an id, a colon and the words: m12: the words"
        for one in stated.quotations:
            text = self._cited_as(one.evidence, cited)
            if text is None:
                continue
            problem = self.quoted(EvidenceRef.model_validate_json(text), one.words).problem
            if problem is not None:
                yield f"the quotation of {one.evidence} {problem}"

    def _unshown(
        self, stated: StatedRefutation, draft: Draft[Any], cited: Mapping[str, str]
    ) -> list[str]:
        """What a refutation lacks, all of it."""
        wrong = self.lead_problem(stated, draft.findings)
        unread = [
            f"no evidence '{given}' was read"
            for given in dict.fromkeys(stated.evidence)
            if self._cited_as(given, cited) is None
        ]
        none = [] if stated.evidence else ["cite what you read that shows it"]
        return [*([] if wrong is None else [wrong]), *unread, *none]

    def cautions(self, draft: Draft[Any], cited: Mapping[str, str]) -> list[str]:
        """Where a draft claims more than its evidence bears, and what would bear it.

        Of findings after the first a slight cut is not told: it changes nothing.
        """
        told = []
        for number, stated in enumerate(draft.findings):
            shown = self._cited_evidence(stated, cited, [])
            if self.stands_without_evidence(stated):
                continue
            borne = self._borne(stated, shown)
            if stated.confidence - borne > (_SLIGHT if number else 0.0):
                told.append(
                    f"finding {stated.id}: its confidence would be cut from {stated.confidence:g}"
                    f" to {borne:g}; {self._lift(shown)} to keep it"
                )
        return told

    def _lift(self, shown: Evidence) -> str:
        """What would make the evidence bear the confidence."""
        if not shown.refs:
            return "cite what you read"
        if len(shown.read) == len(shown.refs):
            return "cite what another step produced"
        return "quote from what you saw in part only, read it whole, or cite another step"

    def _borne(self, stated: StatedT, shown: Evidence) -> float:
        return borne_confidence(stated.confidence, shown.refs, shown.read, self.produced_by)

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
            refs = self.evidence_of(finding)
            ids = tuple(cite(ref.model_dump(mode="json")) for ref in refs)
            words = self.words_of(finding)
            quotes = (
                f"{i}: {words[r.ref]}" for i, r in zip(ids, refs, strict=True) if r.ref in words
            )
            stated = self.restated(finding, ids).model_copy(update={"quotes": tuple(quotes)})
            findings.append(stated.model_dump(mode="json", exclude={"id"}, exclude_defaults=True))
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
            shown = self._cited_evidence(stated, cited, gaps)
            gaps += (f"finding {stated.id}: {problem}" for problem in self.unknown_ids(stated))
            known = self.without_unknown(stated, shown)
            if known is None:
                continue
            known = known.model_copy(update={"description": self.in_words(known.description)})
            if self.stands_without_evidence(known):
                findings.append(self.checked(known, shown, known.confidence))
            elif shown.refs:
                findings.append(self.checked(known, shown, self._borne(known, shown)))
            else:
                gaps.append(f"finding {known.id} has no evidence: {known.description}")
        refuted = self._refuted(output, cited, gaps)
        answer = self.answer_type(
            findings=tuple(findings),
            gaps=tuple(map(self.in_words, gaps)),
            summary=self.in_words(output.summary),
            refuted=refuted,
        )
        return answer.model_dump_json()

    def evidence_cited(self, stated: StatedT, cited: Mapping[str, str]) -> Evidence:
        """What a finding cites, as far as it holds."""
        return self._cited_evidence(stated, cited, [])

    def _cited_evidence(
        self, stated: StatedT, cited: Mapping[str, str], gaps: list[str]
    ) -> Evidence:
        """What a finding cites; of what does not resolve or does not stand there a gap tells."""
        of = f"finding {stated.id}"
        given = (*stated.evidence, *(one.evidence for one in stated.quotations))
        refs = self._references(given, of, cited, gaps)
        words: dict[str, str] = {}
        found: list[EvidenceRef] = []
        for one in stated.quotations:
            text = self._cited_as(one.evidence, cited)
            ref = None if text is None else EvidenceRef.model_validate_json(text)
            if ref is None or ref not in refs:
                continue
            quoted = self.quoted(ref, one.words)
            if quoted.ref is None:
                gaps.append(f"{of}: the quotation of {one.evidence} {quoted.problem}")
            else:
                words.setdefault(quoted.ref.ref, one.words)
                found.append(quoted.ref)
        every = tuple(dict.fromkeys((*found, *refs)))
        in_part = seen_in_part(cited)
        read = tuple(r for r in every if r.ref in words or reference_key(r) not in in_part)
        return Evidence(every, read, words)

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
            reason = self.in_words(stated.reason)
            found.append(Refutation(lead=stated.lead, reason=reason, evidence_refs=refs))
        return tuple(found)

    def _references(
        self, evidence: Sequence[str], of: str, cited: Mapping[str, str], gaps: list[str]
    ) -> tuple[EvidenceRef, ...]:
        refs: list[EvidenceRef] = []
        for short_id in dict.fromkeys(evidence):
            text = self._cited_as(short_id, cited)
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
