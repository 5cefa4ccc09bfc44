"""A condition on a call holds, does not hold, or cannot be told; what is hidden is never guessed.

A condition is written as one of the models, told apart by its telling key (`equals`, `among`,
`said_by_user`, `any_of`, …). `all_of`, `any_of` and `not` combine answers as Kleene's logic
does: a part that cannot be told matters only where the other parts do not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from investigator.controls.checks import value_conditions as values
from investigator.controls.checks.answers import Condition, ConditionResult
from investigator.controls.checks.call_facts import CallFacts, Found, Operand, RecordPattern
from investigator.controls.checks.chosen_calls import CallSelector, evidence_of_call
from investigator.controls.checks.paths import comparable_text
from investigator.controls.checks.spellings import spelled_in
from investigator.controls.checks.words import Regex, found_in
from investigator.readings.utterances import Action, Source, Utterance

_SHOWN = 60


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


class AllOfConditions(Condition):
    """Every one of the conditions holds."""

    all_of: tuple[AnyCondition, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from (path for part in self.all_of for path in part.operands())

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _joined([part.ask(facts) for part in self.all_of], decisive=False)


class AnyOfConditions(Condition):
    """At least one of the conditions holds."""

    any_of: tuple[AnyCondition, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from (path for part in self.any_of for path in part.operands())

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _joined([part.ask(facts) for part in self.any_of], decisive=True)


class NotCondition(Condition):
    """The condition does not hold."""

    not_: AnyCondition = Field(alias="not")

    def operands(self) -> Iterator[str]:
        yield from self.not_.operands()

    def ask(self, facts: CallFacts) -> ConditionResult:
        answer = self.not_.ask(facts)
        holds = None if answer.holds is None else not answer.holds
        return ConditionResult(holds, answer.seen, answer.evidence, answer.missing)


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


def _joined(answers: Sequence[ConditionResult], *, decisive: bool) -> ConditionResult:
    """Any answer that is `decisive` decides; else what cannot be told keeps it open."""
    deciding = [answer for answer in answers if answer.holds is decisive]
    open_ = [answer for answer in answers if answer.holds is None]
    telling = deciding or open_ or answers
    return ConditionResult(
        decisive if deciding else None if open_ else not decisive,
        "; ".join(dict.fromkeys(answer.seen for answer in telling)),
        tuple(ref for answer in telling for ref in answer.evidence),
        () if deciding else tuple(line for answer in open_ for line in answer.missing),
    )


_MODELS: dict[str, type[Condition]] = {
    "equals": values.Equals,
    "one_of": values.OneOf,
    "matches": values.Matches,
    "among": values.Among,
    "at_most": values.AtMost,
    "at_least": values.AtLeast,
    "comes_to": values.ComesTo,
    "before": values.Before,
    "after": values.After,
    "within_hours": values.WithinHours,
    "seen_in": values.SeenIn,
    "same_as": values.SameAs,
    "count_same_as": values.CountSameAs,
    "together_in": values.Together,
    "not_above": values.NotAbove,
    "count_at_most": values.CountAtMost,
    "given": values.GivenValue,
    "said_by_user": SaidByUser,
    "said_by_assistant": SaidByAssistant,
    "called": Called,
    "all_of": AllOfConditions,
    "any_of": AnyOfConditions,
    "not": NotCondition,
}


def _telling_key(raw: Any) -> str | None:
    """What tells which condition is meant; None where nothing does, or several things do."""
    if isinstance(raw, Condition):
        return next((key for key, model in _MODELS.items() if type(raw) is model), None)
    telling = [key for key in _MODELS if isinstance(raw, Mapping) and key in raw]
    return telling[0] if len(telling) == 1 else None


AnyCondition = Annotated[
    Annotated[values.Equals, Tag("equals")]
    | Annotated[values.OneOf, Tag("one_of")]
    | Annotated[values.Matches, Tag("matches")]
    | Annotated[values.Among, Tag("among")]
    | Annotated[values.AtMost, Tag("at_most")]
    | Annotated[values.AtLeast, Tag("at_least")]
    | Annotated[values.ComesTo, Tag("comes_to")]
    | Annotated[values.Before, Tag("before")]
    | Annotated[values.After, Tag("after")]
    | Annotated[values.WithinHours, Tag("within_hours")]
    | Annotated[values.SeenIn, Tag("seen_in")]
    | Annotated[values.SameAs, Tag("same_as")]
    | Annotated[values.CountSameAs, Tag("count_same_as")]
    | Annotated[values.Together, Tag("together_in")]
    | Annotated[values.NotAbove, Tag("not_above")]
    | Annotated[values.CountAtMost, Tag("count_at_most")]
    | Annotated[values.GivenValue, Tag("given")]
    | Annotated[SaidByUser, Tag("said_by_user")]
    | Annotated[SaidByAssistant, Tag("said_by_assistant")]
    | Annotated[Called, Tag("called")]
    | Annotated[AllOfConditions, Tag("all_of")]
    | Annotated[AnyOfConditions, Tag("any_of")]
    | Annotated[NotCondition, Tag("not")],
    Discriminator(
        _telling_key,
        custom_error_type="condition",
        custom_error_message=f"a condition has exactly one of: {', '.join(_MODELS)}",
    ),
]
"""Any of the conditions, as a control's YAML writes it."""

AllOfConditions.model_rebuild()
AnyOfConditions.model_rebuild()
NotCondition.model_rebuild()
