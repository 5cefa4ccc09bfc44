"""A condition holds, does not hold, or cannot be told; what is hidden is never guessed.

One language says when a control applies (`applies_when`), which calls a rule means (`when`) and
what each must meet (`require`). A condition is told by its key: those on the trace as a whole, on
what was said and called before, on values, amounts and times. `all_of`, `any_of` and `not` combine
answers as Kleene's logic does: a part that cannot be told matters only where the other parts do
not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationInfo

from investigator.controls.conditions import (
    amount_conditions,
    history_conditions,
    time_conditions,
    trace_conditions,
    value_conditions,
)
from investigator.controls.conditions.answers import Condition, ConditionResult
from investigator.controls.conditions.call_facts import CallFacts
from investigator.controls.conditions.configured import Configured
from investigator.controls.conditions.telling_keys import told_by_key


def _read(raw: Any, info: ValidationInfo) -> Condition:
    if isinstance(raw, Condition):
        return raw
    what = "write a mapping with exactly one of"
    return told_by_key(raw, CONDITIONS, what=what, context=info.context)


AnyCondition = Annotated[SerializeAsAny[Condition], BeforeValidator(_read)]
"""Any of the conditions, as a library writes it."""


class AllOfConditions(Condition):
    """Every one of the conditions holds."""

    all_of: tuple[AnyCondition, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from (path for part in self.all_of for path in part.operands())

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for part in self.all_of for name in part.lacking)

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _joined([part.ask(facts) for part in self.all_of], decisive=False)


class AnyOfConditions(Condition):
    """At least one of the conditions holds."""

    any_of: tuple[AnyCondition, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from (path for part in self.any_of for path in part.operands())

    @property
    def lacking(self) -> tuple[str, ...]:
        return tuple(name for part in self.any_of for name in part.lacking)

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _joined([part.ask(facts) for part in self.any_of], decisive=True)


class NotCondition(Condition):
    """The condition does not hold."""

    not_: AnyCondition = Field(alias="not")

    def operands(self) -> Iterator[str]:
        yield from self.not_.operands()

    @property
    def lacking(self) -> tuple[str, ...]:
        return self.not_.lacking

    def ask(self, facts: CallFacts) -> ConditionResult:
        answer = self.not_.ask(facts)
        holds = None if answer.holds is None else not answer.holds
        return ConditionResult(holds, answer.seen, answer.evidence, answer.missing)


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


CONDITIONS: Mapping[str, type[Condition]] = {
    "always": trace_conditions.Always,
    "configured": Configured,
    "span_kind": trace_conditions.HasSpan,
    "tool_calls": trace_conditions.HasToolCalls,
    "tool_name": trace_conditions.HasTool,
    "message_role": trace_conditions.HasMessage,
    "retrieval": trace_conditions.HasRetrieval,
    "delegation": trace_conditions.HasDelegation,
    "attribute": trace_conditions.HasAttribute,
    "app_type": trace_conditions.IsApp,
    "data_domains": trace_conditions.HasDomain,
    "said_by_user": history_conditions.SaidByUser,
    "said_by_assistant": history_conditions.SaidByAssistant,
    "called": history_conditions.Called,
    "seen_in": history_conditions.SeenIn,
    "equals": value_conditions.Equals,
    "one_of": value_conditions.OneOf,
    "matches": value_conditions.Matches,
    "among": value_conditions.Among,
    "same_as": value_conditions.SameAs,
    "count_same_as": value_conditions.CountSameAs,
    "together_in": value_conditions.Together,
    "count_at_most": value_conditions.CountAtMost,
    "given": value_conditions.GivenValue,
    "at_most": amount_conditions.AtMost,
    "at_least": amount_conditions.AtLeast,
    "comes_to": amount_conditions.ComesTo,
    "not_above": amount_conditions.NotAbove,
    "before": time_conditions.Before,
    "after": time_conditions.After,
    "within_hours": time_conditions.WithinHours,
    "all_of": AllOfConditions,
    "any_of": AnyOfConditions,
    "not": NotCondition,
}
"""Every condition by the key that tells it."""
