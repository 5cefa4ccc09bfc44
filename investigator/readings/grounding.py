"""Which figures and quotations of a text stand in what was said before it.

Looked at are the things that can be wrong to the letter: numbers of two digits and more, dates,
and quotations of several words. A number is grounded where it stands in any earlier words, also
when written otherwise (`1,200` and `1200.0`), and where two earlier numbers give it by one step
of arithmetic. This says nothing about statements without such things.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import re2

from investigator.ground.patterns import well_formed
from investigator.readings.directives import WINDOW, words_of

_NUMBER = re2.compile(r"\d[\d,]*(?:\.\d+)?")
_LISTED = re2.compile(r"(?m)^\s*(?:[-*#]\s*)?\d{1,3}[.)]\s|\[\d{1,3}\]|```[\s\S]*?(?:```|$)")
_QUOTATION = re2.compile(r"[\"“«]([^\"“”«»\n]{12,300})[\"”»]")
_OPERANDS = 300
_NEAR = 0.006


def ungrounded(text: str, earlier: Sequence[str], *, quotation_words: int = 4) -> tuple[str, ...]:
    """The figures, then the quotations of at least so many words, that nothing earlier gives."""
    plain = _LISTED.sub(" ", well_formed(text[:WINDOW]))
    known = frozenset(number for one in earlier for number in _numbers(one))
    stated = dict.fromkeys(hit.group(0) for hit in _NUMBER.finditer(plain))
    figures = [one for one in stated if _is_telling(one) and not _is_known(one, known)]
    said = [" ".join(words_of(one)) for one in earlier]
    quotations = [
        hit.group(1)
        for hit in _QUOTATION.finditer(plain)
        if len(words := words_of(hit.group(1))) >= quotation_words
        and not any(" ".join(words) in one for one in said)
    ]
    return (*figures, *quotations)


def figures_in(text: str) -> Iterator[float]:
    """The numbers of two digits and more in a text, outside of lists and code."""
    for hit in _NUMBER.finditer(_LISTED.sub(" ", well_formed(text[:WINDOW]))):
        if _is_telling(hit.group(0)):
            yield _value(hit.group(0))


def _is_telling(text: str) -> bool:
    return sum(character.isdigit() for character in text) >= 2 and len(text) <= 18


def _numbers(text: str) -> Iterator[float]:
    for hit in _NUMBER.finditer(well_formed(text[:WINDOW])):
        if len(hit.group(0)) <= 18:
            yield _value(hit.group(0))


def _value(text: str) -> float:
    return float(text.replace(",", ""))


def _is_known(text: str, known: frozenset[float]) -> bool:
    """Whether the number was given, rounded, or follows from two given ones in one step."""
    value = _value(text)
    if value in known or any(_near(value, other) for other in known):
        return True
    operands = sorted(known)[:_OPERANDS]
    return any(
        _has_near(operands, other) for given in operands for other in _partners(value, given)
    )


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
