"""Which figures and quotations of a text stand in what was said before it.

Looked at are the things that can be wrong to the letter: numbers of two digits and more, dates,
and quotations of several words. A number is grounded where it stands in any earlier words, also
when written otherwise (`1,200` and `1200.0`), and where two earlier numbers give it by one step
of arithmetic. This says nothing about statements without such things.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.directives import WINDOW, words_of

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?", re.ASCII)
"""Linear without RE2, which takes ten times as long for each of thousands of matches."""
_LONGEST = 18
_LISTED = re2.compile(r"(?m)^\s*(?:[-*#]\s*)?\d{1,3}[.)]\s|\[\d{1,3}\]|```[\s\S]*?(?:```|$)")
_QUOTATION = re2.compile(r"[\"“«]([^\"“”«»\n]{12,300})[\"”»]")
_OPERANDS = 300
_NEAR = 0.006


class Grounds:
    """Earlier words, read once for all that is held against them."""

    def __init__(self, earlier: Sequence[str]) -> None:
        self._earlier = earlier

    def give(self, figure: str) -> bool:
        """Whether the number was given, rounded, or follows from two given ones in one step."""
        value = number_of(figure)
        if value in self._known or any(_near(value, other) for other in self._known):
            return True
        operands = self._operands
        return any(
            _has_near(operands, other) for given in operands for other in _partners(value, given)
        )

    def quote(self, words: Sequence[str]) -> bool:
        """Whether the words stand in it in a row."""
        return any(" ".join(words) in one for one in self._said)

    @cached_property
    def _known(self) -> frozenset[float]:
        return frozenset(
            number_of(figure) for one in self._earlier for figure in numbers_in(one[:WINDOW])
        )

    @cached_property
    def _operands(self) -> Sequence[float]:
        return sorted(self._known)[:_OPERANDS]

    @cached_property
    def _said(self) -> Sequence[str]:
        return [" ".join(words_of(one)) for one in self._earlier]


def ungrounded(text: str, earlier: Grounds, *, quotation_words: int = 4) -> tuple[str, ...]:
    """The figures, then the quotations of at least so many words, that nothing earlier gives."""
    plain = _LISTED.sub(" ", well_formed(text[:WINDOW]))
    figures = [one for one in dict.fromkeys(_telling(plain)) if not earlier.give(one)]
    quotations = [
        hit.group(1)
        for hit in _QUOTATION.finditer(plain)
        if len(words := words_of(hit.group(1))) >= quotation_words and not earlier.quote(words)
    ]
    return (*figures, *quotations)


def figures_in(text: str) -> Iterator[float]:
    """The numbers of two digits and more in a text, outside of lists and code."""
    return map(number_of, _telling(_LISTED.sub(" ", well_formed(text[:WINDOW]))))


def numbers_in(text: str) -> list[str]:
    """The numbers in a text as they are written; none that is longer than one that counts."""
    return [figure for figure in _NUMBER.findall(text) if len(figure) <= _LONGEST]


def number_of(figure: str) -> float:
    """The number that digits with their commas and point say."""
    return float(figure.replace(",", ""))


def _telling(text: str) -> Iterator[str]:
    return (one for one in numbers_in(text) if sum(map(str.isdigit, one)) >= 2)


def _partners(value: float, given: float) -> Iterable[float]:
    """What `given` would have to be joined with to make `value`."""
    yield from (value - given, given - value, value + given)
    if given:
        yield from (value / given, value * given, value * given / 100, 100 * value / given)
    if value:
        yield given / value


def _has_near(ordered: Sequence[float], value: float) -> bool:
    place = bisect_left(ordered, value)
    return any(_near(value, other) for other in ordered[max(place - 1, 0) : place + 1])


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _NEAR * min(1.0, abs(other))
