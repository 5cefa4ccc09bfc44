"""Conditions on the values at a path: in an argument, in a result, in a record read before."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from investigator.controls.checks.amounts import Amount, Operation, computed, paths_in
from investigator.controls.checks.answers import Condition, ConditionResult, shown
from investigator.controls.checks.call_facts import CallFacts, Found, Operand
from investigator.controls.checks.paths import comparable_text, number, values_at
from investigator.controls.checks.spellings import spelled_in, time_in
from investigator.controls.checks.words import Regex, found_in
from investigator.ground.canonical_json import JsonValue
from investigator.readings.utterances import Source

NOW = "now"
_CENT = 0.005
_NAMED = 3
_SEEN = 200


def _moment(raw: object) -> object:
    """YAML reads a bare date or time as one."""
    return raw.isoformat() if isinstance(raw, date) else raw


TimeOperand = Annotated[Operand, BeforeValidator(_moment)]
"""`now`, an ISO 8601 time, or a path."""


def _upper(raw: object) -> object:
    return raw.upper() if isinstance(raw, str) else raw


Speaker = Annotated[Source, BeforeValidator(_upper)]
"""`user`, `assistant`, `tool`, `retrieval` or `system`."""


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

    equals: str | bool | int | float

    def ask(self, facts: CallFacts) -> ConditionResult:
        wanted = comparable_text(self.equals)
        return self.decide(facts, lambda value: comparable_text(value) == wanted)


class OneOf(OfValues):
    """The value is one of these."""

    one_of: tuple[str | bool | int | float, ...] = Field(min_length=1)

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
    having: Mapping[str, str | bool | int | float] = Field(default_factory=dict)

    def operands(self) -> Iterator[str]:
        yield from (self.value, self.among)

    def ask(self, facts: CallFacts) -> ConditionResult:
        allowed = facts.find(self.among)
        texts = {comparable_text(value) for value in self._allowed(facts, allowed)}

        def passes(value: JsonValue) -> bool | None:
            return True if comparable_text(value) in texts else None if allowed.missing else False

        answer = self.decide(facts, passes, allowed)
        which = "".join(f", of those with {key} {value}" for key, value in self.having.items())
        return _beside(answer, f"{self.among} is {shown(facts, allowed)}{which}")

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
        return _beside(answer, f"{stood}in what the {who} had said")


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
        seen = f"{self.value} has {len(texts)} values{which}"
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
    beside = Found(missing=amount.missing, evidence=amount.evidence)
    answer = test.decide(facts, lambda value: _fits(number(value), amount.value, fits), beside)
    name = limit if isinstance(limit, str) else "the amount recomputed"
    told = "not known" if amount.value is None else f"{amount.value:.10g}"
    return _beside(answer, f"{name} is {told}")


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
    return _beside(answer, f"{moment} is {shown(facts, found)}") if found.values else answer


def _path_of(moment: str) -> tuple[str, ...]:
    """The path that a moment is; nothing where it is a time, or `now`."""
    return () if moment == NOW or time_in(moment) is not None else (moment,)


def _fits(
    value: float | None, limit: float | None, fits: Callable[[float, float], bool]
) -> bool | None:
    return None if value is None or limit is None else fits(value, limit)


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


def _beside(answer: ConditionResult, more: str) -> ConditionResult:
    return ConditionResult(answer.holds, f"{answer.seen}, {more}", answer.evidence, answer.missing)
