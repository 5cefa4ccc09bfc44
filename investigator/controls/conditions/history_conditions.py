"""Conditions on what had been said and called before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from investigator.controls.checks.chosen_calls import CallSelector, evidence_of_call
from investigator.controls.checks.words import Regex, found_in
from investigator.controls.conditions.answers import Condition, ConditionResult, beside
from investigator.controls.conditions.call_facts import CallFacts, Found, Operand, RecordPattern
from investigator.controls.conditions.paths import comparable_text
from investigator.controls.conditions.spellings import spelled_in
from investigator.controls.conditions.value_conditions import OfValues
from investigator.ground.canonical_json import JsonValue
from investigator.readings.utterances import Action, Source, Utterance

_SHOWN = 60


def _upper(raw: object) -> object:
    return raw.upper() if isinstance(raw, str) else raw


Speaker = Annotated[Source, BeforeValidator(_upper)]
"""`user`, `assistant`, `tool`, `retrieval` or `system`."""


class SeenIn(OfValues):
    """The value was in what one of these had said before the call, as people write it."""

    seen_in: tuple[Speaker, ...] = Field(min_length=1)

    def ask(self, facts: CallFacts) -> ConditionResult:
        heard = [said.text for said in facts.said_by(self.seen_in)]
        unheard = facts.unheard(self.seen_in)

        def passes(value: JsonValue) -> bool | None:
            wanted = comparable_text(value)
            if any(spelled_in(text, wanted) for text in heard):
                return True
            return None if unheard else False

        who = " or ".join(source.value.lower() for source in self.seen_in)
        answer = self.decide(facts, passes, Found(missing=unheard))
        stood = "" if answer.holds else "not "
        return beside(answer, f"{stood}in what the {who} had said")


class Said(Condition):
    """Somebody had said something before the call that matches a pattern.

    `naming`: in the same message stood a value at this path.
    """

    naming: Operand | None = None

    def operands(self) -> Iterator[str]:
        yield from () if self.naming is None else (self.naming,)


class SaidByUser(Said):
    """The user had said it."""

    said_by_user: Regex

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _said(facts, Source.USER, self.said_by_user, self.naming)


class SaidByAssistant(Said):
    """The assistant had said it."""

    said_by_assistant: Regex

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _said(facts, Source.ASSISTANT, self.said_by_assistant, self.naming)


class Called(Condition):
    """One of these calls had been made before, with the values at these paths as its arguments."""

    called: CallSelector
    match: Mapping[str, Operand] = Field(default_factory=dict)

    def operands(self) -> Iterator[str]:
        yield from self.match.values()

    def _fits(self, facts: CallFacts, action: Action) -> bool | None:
        meant = self.called.fits(action)
        if not self.match or meant is False:
            return meant
        alike = list(facts.alike([action], RecordPattern(tools=("*",), match=self.match)))
        return False if not alike else None if meant is None else alike[0][1]

    def ask(self, facts: CallFacts) -> ConditionResult:
        earlier = [(action, self._fits(facts, action)) for action in facts.earlier]
        made = [action for action, fits in earlier if fits]
        if made:
            return ConditionResult(
                True, f"{made[-1].tool} had been called", evidence_of_call(made[-1])
            )
        unsure = dict.fromkeys(action.tool for action, fits in earlier if fits is None)
        missing = tuple(f"how {tool} ended is not recorded" for tool in unsure)
        seen = f"{self.called} had not been called"
        return ConditionResult(None if missing else False, seen, (), missing)


def _said(
    facts: CallFacts, source: Source, pattern: str, naming: str | None = None
) -> ConditionResult:
    who = source.value.lower()
    said = facts.heard.first(source, pattern)
    if naming is not None and said is not None:
        named = facts.find(naming)
        if named.missing:
            return ConditionResult(None, f"{naming} is not seen", (), named.missing)
        said = next(filter(partial(_is_naming, pattern, named), facts.said_by((source,))), None)
    if said is not None and said.position < facts.until:
        words = found_in(pattern, said.text) or ""
        seen = f"the {who} had said {facts.quote.line(words, _SHOWN)!r}"
        return ConditionResult(True, seen, (said.evidence,))
    missing = facts.unheard((source,))
    seen = f"the {who} had said nothing that the rule asks for"
    return ConditionResult(None if missing else False, seen, (), missing)


def _is_naming(pattern: str, named: Found, said: Utterance) -> bool:
    texts = map(comparable_text, named.values)
    return found_in(pattern, said.text) is not None and any(
        spelled_in(said.text, text) for text in texts
    )
