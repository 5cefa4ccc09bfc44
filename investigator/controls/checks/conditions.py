"""A condition on a call holds, does not hold, or cannot be told; what is hidden is never guessed.

A condition is written as one of the models, told apart by its telling key (`equals`, `among`,
`said_by_user`, `any_of`, …). `all_of`, `any_of` and `not` combine answers as Kleene's logic
does: a part that cannot be told matters only where the other parts do not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from investigator.controls.checks import value_conditions as values
from investigator.controls.checks.answers import Condition, ConditionResult
from investigator.controls.checks.call_facts import CallFacts
from investigator.controls.checks.chosen_calls import CallSelector, evidence_of_call
from investigator.controls.checks.words import Regex, found_in
from investigator.readings.utterances import Source

_SHOWN = 60


class SaidByUser(Condition):
    """The user had said something that matches the pattern before the call."""

    said_by_user: Regex

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _said(facts, Source.USER, self.said_by_user)


class SaidByAssistant(Condition):
    """The assistant had said something that matches the pattern before the call."""

    said_by_assistant: Regex

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _said(facts, Source.ASSISTANT, self.said_by_assistant)


class Called(Condition):
    """One of these calls had been made before."""

    called: CallSelector

    def ask(self, facts: CallFacts) -> ConditionResult:
        earlier = [(action, self.called.fits(action)) for action in facts.earlier]
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


def _said(facts: CallFacts, source: Source, pattern: str) -> ConditionResult:
    who = source.value.lower()
    said = facts.heard.first(source, pattern)
    if said is not None and said.position < facts.action.position:
        words = found_in(pattern, said.text) or ""
        seen = f"the {who} had said {facts.quote.line(words, _SHOWN)!r}"
        return ConditionResult(True, seen, (said.evidence,))
    missing = facts.unheard((source,))
    seen = f"the {who} had said nothing that the rule asks for"
    return ConditionResult(None if missing else False, seen, (), missing)


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
    "within_hours": values.WithinHours,
    "seen_in": values.SeenIn,
    "same_as": values.SameAs,
    "count_same_as": values.CountSameAs,
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
    | Annotated[values.WithinHours, Tag("within_hours")]
    | Annotated[values.SeenIn, Tag("seen_in")]
    | Annotated[values.SameAs, Tag("same_as")]
    | Annotated[values.CountSameAs, Tag("count_same_as")]
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
