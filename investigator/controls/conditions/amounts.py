"""An amount is recomputed from what a call says and tools answered, or it cannot be told.

A number, the number at a path, or one of a few operations on amounts, told apart by its key. A
part that the trace does not show makes the whole unknown: nothing is taken for zero.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny

from investigator.controls.checking import Params
from investigator.controls.conditions.call_facts import CallFacts, Found, Operand
from investigator.controls.conditions.paths import comparable_text, number
from investigator.controls.conditions.telling_keys import told_by_key
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evidence import EvidenceRef


@dataclass(frozen=True, slots=True)
class Computed:
    """An amount (None: it cannot be told, for what is `missing`), and where its parts stand."""

    value: float | None
    missing: tuple[str, ...] = ()
    evidence: tuple[EvidenceRef, ...] = ()


class Operation(Params):
    """An amount that is made of others."""

    @abstractmethod
    def compute(self, facts: CallFacts) -> Computed:
        """The amount, for one call."""

    def operands(self) -> Iterator[str]:
        """The paths that it reads."""
        yield from ()


def _is_simple(raw: Any) -> bool:
    return isinstance(raw, str | int | float) and not isinstance(raw, bool)


def _read(raw: Any) -> Any:
    if isinstance(raw, Operation) or _is_simple(raw):
        return raw
    return told_by_key(raw, _OPERATIONS, what="an amount is a number, a path, or one of")


Amount = Annotated[float | Operand | SerializeAsAny[Operation], BeforeValidator(_read)]
"""A number, a path, or an operation on amounts, as a library writes it."""


class SumOf(Operation):
    """The amounts together."""

    sum: tuple[Amount, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from _paths(self.sum)

    def compute(self, facts: CallFacts) -> Computed:
        return _joined(facts, self.sum, sum)


class ProductOf(Operation):
    """The amounts multiplied."""

    product: tuple[Amount, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from _paths(self.product)

    def compute(self, facts: CallFacts) -> Computed:
        return _joined(facts, self.product, math.prod)


class DifferenceOf(Operation):
    """The first amount less the second."""

    difference: tuple[Amount, Amount]

    def operands(self) -> Iterator[str]:
        yield from _paths(self.difference)

    def compute(self, facts: CallFacts) -> Computed:
        return _joined(facts, self.difference, lambda parts: parts[0] - parts[1])


class LargestOf(Operation):
    """The largest of the amounts."""

    largest: tuple[Amount, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from _paths(self.largest)

    def compute(self, facts: CallFacts) -> Computed:
        return _joined(facts, self.largest, max)


class SmallestOf(Operation):
    """The smallest of the amounts."""

    smallest: tuple[Amount, ...] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from _paths(self.smallest)

    def compute(self, facts: CallFacts) -> Computed:
        return _joined(facts, self.smallest, min)


class TotalAt(Operation):
    """The numbers at a path together; of none, zero."""

    total: Operand

    def operands(self) -> Iterator[str]:
        yield self.total

    def compute(self, facts: CallFacts) -> Computed:
        found = facts.find(self.total)
        numbers = [number(value) for value in found.values]
        told = [one for one in numbers if one is not None]
        missing = found.missing or _no_numbers(self.total, len(told) < len(numbers))
        return _finite(None if missing else sum(told), missing, found.evidence)


class CountAt(Operation):
    """How many values stand at a path."""

    count: Operand

    def operands(self) -> Iterator[str]:
        yield self.count

    def compute(self, facts: CallFacts) -> Computed:
        found = facts.find(self.count)
        value = None if found.missing else float(len(found.values))
        return Computed(value, found.missing, found.evidence)


class TakenOf(Operation):
    """What the elements at a path that have certain values hold at a key, together.

    `whose` maps a key of the elements to the path of the values that it may have; each value has
    to be found.
    """

    of: Operand
    whose: Mapping[str, Operand] = Field(min_length=1)
    take: str = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield from (self.of, *self.whose.values())

    def compute(self, facts: CallFacts) -> Computed:
        found = facts.find(self.of)
        wanted = {key: facts.find(path) for key, path in self.whose.items()}
        missing = [*found.missing, *(line for one in wanted.values() for line in one.missing)]
        # The same element may have been read more than once: the last read counts.
        held: dict[tuple[str, ...], float | None] = {}
        for element in found.values:
            names = _names(element, wanted)
            if names is not None:
                held[names] = number(element.get(self.take)) if isinstance(element, dict) else None
        for key, one in wanted.items():
            place = list(wanted).index(key)
            lost = {comparable_text(v) for v in one.values} - {names[place] for names in held}
            missing += [f"no element of {self.of} has {key} {name}" for name in sorted(lost)]
        values = [value for value in held.values() if value is not None]
        if len(values) < len(held):
            missing.append(f"{self.take} of {self.of} is not a number")
        refs = (*found.evidence, *(ref for one in wanted.values() for ref in one.evidence))
        return _finite(None if missing else sum(values), tuple(missing), refs)


def _names(element: JsonValue, wanted: Mapping[str, Found]) -> tuple[str, ...] | None:
    """What an element has at the keys; None where one of them is not what is wanted."""
    if not isinstance(element, dict) or not all(key in element for key in wanted):
        return None
    names = tuple(comparable_text(element[key]) for key in wanted)
    fits = (
        name in map(comparable_text, one.values)
        for name, one in zip(names, wanted.values(), strict=True)
    )
    return names if all(fits) else None


class ChosenBy(Operation):
    """The amount that stands beside the value at a path."""

    choose: Operand
    cases: Mapping[str, Amount] = Field(min_length=1)

    def operands(self) -> Iterator[str]:
        yield self.choose
        yield from _paths(self.cases.values())

    def compute(self, facts: CallFacts) -> Computed:
        found = facts.find(self.choose)
        names = {comparable_text(value) for value in found.values}
        case = self.cases.get(names.pop()) if len(names) == 1 else None
        if case is None:
            missing = found.missing or (f"no case for the value of {self.choose}",)
            return Computed(None, missing, found.evidence)
        chosen = computed(facts, case)
        return Computed(chosen.value, chosen.missing, (*found.evidence, *chosen.evidence))


def computed(facts: CallFacts, amount: float | str | Operation) -> Computed:
    """An amount for one call."""
    if isinstance(amount, Operation):
        return amount.compute(facts)
    if not isinstance(amount, str):
        return Computed(float(amount))
    found = facts.find(amount)
    value = number(found.values[0]) if len(found.values) == 1 else None
    missing = found.missing or _no_numbers(amount, value is None)
    return Computed(None if missing else value, missing, found.evidence)


def paths_in(amount: float | str | Operation) -> Iterator[str]:
    """The paths that an amount reads."""
    if isinstance(amount, Operation):
        yield from amount.operands()
    elif isinstance(amount, str):
        yield amount


def _paths(amounts: Iterable[float | str | Operation]) -> Iterator[str]:
    for amount in amounts:
        yield from paths_in(amount)


def _joined(
    facts: CallFacts,
    amounts: Iterable[float | str | Operation],
    join: Callable[[list[float]], float],
) -> Computed:
    parts = [computed(facts, amount) for amount in amounts]
    values = [part.value for part in parts if part.value is not None]
    return _finite(
        join(values) if len(values) == len(parts) else None,
        tuple(line for part in parts for line in part.missing),
        tuple(ref for part in parts for ref in part.evidence),
    )


def _finite(
    value: float | None, missing: tuple[str, ...], evidence: tuple[EvidenceRef, ...]
) -> Computed:
    """The amount, unless it is too large to be one."""
    if value is not None and not math.isfinite(value):
        return Computed(None, (*missing, "an amount is too large"), evidence)
    return Computed(value, missing, evidence)


def _no_numbers(path: str, is_none: bool) -> tuple[str, ...]:
    return (f"{path} is not one number",) if is_none else ()


_OPERATIONS: Mapping[str, type[Operation]] = {
    "sum": SumOf,
    "product": ProductOf,
    "difference": DifferenceOf,
    "largest": LargestOf,
    "smallest": SmallestOf,
    "total": TotalAt,
    "count": CountAt,
    "take": TakenOf,
    "choose": ChosenBy,
}
