"""Conditions on the values at a path: in an argument, in a result, in a record read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from investigator.controls.checks.words import Regex, found_in
from investigator.controls.conditions.answers import Condition, ConditionResult, beside, shown
from investigator.controls.conditions.call_facts import CallFacts, Found, Operand
from investigator.controls.conditions.paths import comparable_text, values_at
from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted

_NAMED = 3
_SEEN = 200


def _plain(raw: object) -> object:
    if isinstance(raw, str | int | float):
        return raw
    shape = "a date" if isinstance(raw, date) else "no single value"
    raise ValueError(f"is {shape}; write text (in quotes), a number, true or false")


Plain = Annotated[str | bool | int | float, BeforeValidator(_plain)]
"""A value as a library writes it: text, a number, true or false."""


class OfValues(Condition):
    """A condition on every value at a path (at least one), on some, or on none of them."""

    value: Operand
    of_many: Literal["every", "some", "none"] = "every"

    def operands(self) -> Iterator[str]:
        yield self.value

    def decide(
        self, facts: CallFacts, passes: Callable[[JsonValue], bool | None], *others: Found
    ) -> ConditionResult:
        """The answer where `passes` says it of one value, None where that cannot be told."""
        found = facts.find(self.value)
        told = [passes(value) for value in found.values]
        unsure = None in told or bool(found.missing)
        holds: bool | None
        if self.of_many == "every":
            holds = False if False in told else None if unsure else bool(told)
        else:
            some = True if True in told else None if unsure else False
            holds = some if self.of_many == "some" else None if some is None else not some
        missing = [*found.missing, *(line for other in others for line in other.missing)]
        if None in told and not missing:
            missing.append(f"{self.value} is {shown(facts, found)}, which cannot be compared")
        return ConditionResult(
            holds,
            f"{self.value} is {shown(facts, found)}",
            (*found.evidence, *(ref for other in others for ref in other.evidence)),
            tuple(missing) if holds is None else (),
        )


class Equals(OfValues):
    """The value is this one; 5, 5.0 and "5" are alike."""

    equals: Plain

    def ask(self, facts: CallFacts) -> ConditionResult:
        wanted = comparable_text(self.equals)
        return self.decide(facts, lambda value: comparable_text(value) == wanted)


class OneOf(OfValues):
    """The value is one of these."""

    one_of: tuple[Plain, ...] = Field(min_length=1)

    def ask(self, facts: CallFacts) -> ConditionResult:
        wanted = {comparable_text(value) for value in self.one_of}
        return self.decide(facts, lambda value: comparable_text(value) in wanted)


class Matches(OfValues):
    """The text of the value holds a match of the pattern."""

    matches: Regex

    def ask(self, facts: CallFacts) -> ConditionResult:
        return self.decide(
            facts, lambda value: found_in(self.matches, comparable_text(value)) is not None
        )


class Among(OfValues):
    """The value is one of those at another path.

    `having`: what the element that holds it there has at other keys.
    """

    among: Operand
    having: Mapping[str, Plain] = Field(default_factory=dict)

    def operands(self) -> Iterator[str]:
        yield from (self.value, self.among)

    def ask(self, facts: CallFacts) -> ConditionResult:
        allowed = facts.find(self.among)
        texts = {comparable_text(value) for value in self._allowed(facts, allowed)}

        def passes(value: JsonValue) -> bool | None:
            return True if comparable_text(value) in texts else None if allowed.missing else False

        answer = self.decide(facts, passes, allowed)
        which = "".join(f", of those with {key} {value}" for key, value in self.having.items())
        return beside(answer, f"{self.among} is {shown(facts, allowed)}{which}")

    def _allowed(self, facts: CallFacts, found: Found) -> Iterator[JsonValue]:
        if not self.having:
            yield from found.values
            return
        above, _, key = self.among.rpartition(".")
        for element in facts.find(above).values:
            if isinstance(element, dict) and key in element:
                has = (
                    name in element and comparable_text(element[name]) == comparable_text(value)
                    for name, value in self.having.items()
                )
                yield from (element[key],) if all(has) else ()


class SameAs(Condition):
    """The values at both paths are the same, in any order."""

    value: Operand
    same_as: Operand

    def operands(self) -> Iterator[str]:
        yield from (self.value, self.same_as)

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _same(facts, self.value, self.same_as, _texts)


class Together(Condition):
    """Each value stands with the one beside it at another path in one of the places at a third.

    `at` is the path to such values inside a place.
    """

    value: Operand
    beside: Operand
    together_in: Operand
    at: Operand

    def operands(self) -> Iterator[str]:
        yield from (self.value, self.beside, self.together_in)

    def ask(self, facts: CallFacts) -> ConditionResult:
        left, right = facts.find(self.value), facts.find(self.beside)
        places = facts.find(self.together_in)
        missing = (*left.missing, *right.missing, *places.missing)
        groups = [
            {comparable_text(value) for value in values_at(place, self.at.split(".")).values}
            for place in places.values
        ]
        texts = (map(comparable_text, found.values) for found in (left, right))
        pairs = list(zip(*texts, strict=False))
        apart = [pair for pair in pairs if not any(group.issuperset(pair) for group in groups)]
        holds = None if missing else not apart and len(left.values) == len(right.values)
        told = "; ".join(" and ".join(pair) for pair in apart[:_NAMED])
        seen = (
            f"{told} stand in no {self.together_in} together" if apart else "they belong together"
        )
        evidence = (*left.evidence, *right.evidence, *places.evidence)
        return ConditionResult(holds, facts.quote.line(seen, _SEEN), evidence, missing)


class CountSameAs(Condition):
    """There are as many values at one path as at the other."""

    value: Operand
    count_same_as: Operand

    def operands(self) -> Iterator[str]:
        yield from (self.value, self.count_same_as)

    def ask(self, facts: CallFacts) -> ConditionResult:
        return _same(facts, self.value, self.count_same_as, _count)


class CountAtMost(Condition):
    """There are at most so many values, of those with a match of `matching` where it is given."""

    value: Operand
    count_at_most: int = Field(ge=0)
    matching: Regex | None = None

    def operands(self) -> Iterator[str]:
        yield self.value

    def ask(self, facts: CallFacts) -> ConditionResult:
        found = facts.find(self.value)
        texts = [comparable_text(value) for value in found.values]
        if self.matching is not None:
            texts = [text for text in texts if found_in(self.matching, text) is not None]
        holds = False if len(texts) > self.count_at_most else None if found.missing else True
        which = f" that match {self.matching}" if self.matching is not None else ""
        seen = f"{self.value} has {counted(len(texts), 'value')}{which}"
        return ConditionResult(holds, seen, found.evidence, found.missing if holds is None else ())


class GivenValue(Condition):
    """There is a value at the path."""

    given: Operand

    def operands(self) -> Iterator[str]:
        yield self.given

    def ask(self, facts: CallFacts) -> ConditionResult:
        found = facts.find(self.given)
        holds = True if found.values else None if found.missing else False
        seen = f"{self.given} is {shown(facts, found)}"
        return ConditionResult(holds, seen, found.evidence, found.missing if holds is None else ())


def _same(
    facts: CallFacts, one: str, other: str, measure: Callable[[Found], object]
) -> ConditionResult:
    """Whether what is measured of the values at two paths is equal."""
    left, right = facts.find(one), facts.find(other)
    missing = left.missing + right.missing
    return ConditionResult(
        None if missing else measure(left) == measure(right),
        f"{one} is {shown(facts, left)}, {other} is {shown(facts, right)}",
        left.evidence + right.evidence,
        missing,
    )


def _texts(found: Found) -> object:
    return Counter(map(comparable_text, found.values))


def _count(found: Found) -> object:
    return len(found.values)
