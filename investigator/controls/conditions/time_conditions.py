"""Conditions on times: beside another, or beside the time of the call."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field

from investigator.controls.conditions.answers import ConditionResult, beside, shown
from investigator.controls.conditions.call_facts import CallFacts, Found, Operand
from investigator.controls.conditions.paths import comparable_text
from investigator.controls.conditions.spellings import time_in
from investigator.controls.conditions.value_conditions import OfValues
from investigator.ground.canonical_json import JsonValue

NOW = "now"


def _moment(raw: object) -> object:
    """YAML reads a bare date or time as one."""
    return raw.isoformat() if isinstance(raw, date) else raw


TimeOperand = Annotated[Operand, BeforeValidator(_moment)]
"""`now`, an ISO 8601 time, or a path."""


class Before(OfValues):
    """The time lies before this one: a time, a path, or `now`, the time of the call."""

    before: TimeOperand

    def operands(self) -> Iterator[str]:
        yield from (self.value, *_path_of(self.before))

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _beside_moment(self, facts, self.before, operator.lt)


class After(OfValues):
    """The time lies after this one: a time, a path, or `now`, the time of the call."""

    after: TimeOperand

    def operands(self) -> Iterator[str]:
        yield from (self.value, *_path_of(self.after))

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _beside_moment(self, facts, self.after, operator.gt)


class WithinHours(OfValues):
    """The time lies at most so many hours before the call (before `now`, where that is given)."""

    within_hours: float = Field(ge=0)

    def ask(self, facts: CallFacts) -> ConditionResult:
        now = facts.now_ns

        def passes(value: JsonValue) -> bool | None:
            time = time_in(comparable_text(value))
            if time is None or now is None:
                return None
            return 0 <= now - time <= self.within_hours * 3.6e12

        return self.decide(facts, passes)


def _beside_moment(
    test: OfValues, facts: CallFacts, moment: str, fits: Callable[[int, int], bool]
) -> ConditionResult:
    """The answer of a comparison of times; what is no time cannot be told."""
    found = facts.find(moment) if _path_of(moment) else Found()
    if _path_of(moment):
        texts = [comparable_text(value) for value in found.values]
        limit = time_in(texts[0]) if len(texts) == 1 else None
    else:
        limit = facts.now_ns if moment == NOW else time_in(moment)

    def passes(value: JsonValue) -> bool | None:
        time = time_in(comparable_text(value))
        return None if time is None or limit is None else fits(time, limit)

    answer = test.decide(facts, passes, found)
    return beside(answer, f"{moment} is {shown(facts, found)}") if found.values else answer


def _path_of(moment: str) -> tuple[str, ...]:
    """The path that a moment is; nothing where it is a time, or `now`."""
    return () if moment == NOW or time_in(moment) is not None else (moment,)
