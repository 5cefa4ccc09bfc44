"""Conditions on amounts: a number at a path, or one recomputed, beside another."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator

from investigator.controls.conditions.amounts import Amount, Operation, computed, paths_in
from investigator.controls.conditions.answers import Condition, ConditionResult, beside
from investigator.controls.conditions.call_facts import CallFacts, Found
from investigator.controls.conditions.paths import number
from investigator.controls.conditions.value_conditions import OfValues

_CENT = 0.005


class AtMost(OfValues):
    """The number is at most this amount."""

    at_most: Amount

    def operands(self) -> Iterator[str]:
        yield from (self.value, *paths_in(self.at_most))

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _compared(self, facts, self.at_most, operator.le)


class AtLeast(OfValues):
    """The number is at least this amount."""

    at_least: Amount

    def operands(self) -> Iterator[str]:
        yield from (self.value, *paths_in(self.at_least))

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _compared(self, facts, self.at_least, operator.ge)


class ComesTo(OfValues):
    """The number is this amount, to half a cent."""

    comes_to: Amount

    def operands(self) -> Iterator[str]:
        yield from (self.value, *paths_in(self.comes_to))

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _compared(self, facts, self.comes_to, lambda one, other: abs(one - other) < _CENT)


class NotAbove(Condition):
    """One amount is at most another."""

    amount: Amount
    not_above: Amount

    def operands(self) -> Iterator[str]:
        yield from (*paths_in(self.amount), *paths_in(self.not_above))

    def ask(self, facts: CallFacts) -> ConditionResult:
        one, other = computed(facts, self.amount), computed(facts, self.not_above)
        missing = (*one.missing, *other.missing)
        holds = None
        seen = "an amount is not known"
        if one.value is not None and other.value is not None:
            holds = one.value <= other.value + _CENT
            seen = f"{one.value:.10g} is {'at most' if holds else 'above'} {other.value:.10g}"
        return ConditionResult(holds, seen, (*one.evidence, *other.evidence), missing)


def _compared(
    test: OfValues,
    facts: CallFacts,
    limit: float | str | Operation,
    fits: Callable[[float, float], bool],
) -> ConditionResult:
    """The answer of a comparison of numbers; what is no number cannot be told."""
    if isinstance(limit, float):
        return test.decide(facts, lambda value: _fits(number(value), limit, fits))
    amount = computed(facts, limit)
    other = Found(missing=amount.missing, evidence=amount.evidence)
    answer = test.decide(facts, lambda value: _fits(number(value), amount.value, fits), other)
    name = limit if isinstance(limit, str) else "the amount recomputed"
    told = "not known" if amount.value is None else f"{amount.value:.10g}"
    return beside(answer, f"{name} is {told}")


def _fits(
    value: float | None, limit: float | None, fits: Callable[[float, float], bool]
) -> bool | None:
    return None if value is None or limit is None else fits(value, limit)
