"""What a final answer states as fact stands in what was retrieved, or was said before.

Looked at are the things that can be wrong to the letter: numbers of two digits and more, dates,
and quotations of several words. A number is grounded where it stands in any earlier words, also
when written otherwise (`1,200` and `1200.0`), and where two earlier numbers give it by one step
of arithmetic. This says nothing about statements without such things.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import re2
from pydantic import Field

from investigator.controls.checking import Check, Checked, Params, Violation
from investigator.ground.patterns import well_formed
from investigator.readings.conversation import Action, Source, Utterance
from investigator.readings.directives import WINDOW, words_of
from investigator.readings.reading import Readings

_NUMBER = re2.compile(r"\d[\d,]*(?:\.\d+)?")
_LISTED = re2.compile(r"(?m)^\s*(?:[-*#]\s*)?\d{1,3}[.)]\s|\[\d{1,3}\]|```[\s\S]*?(?:```|$)")
_QUOTATION = re2.compile(r"[\"“«]([^\"“”«»\n]{12,300})[\"”»]")
_OPERANDS = 300
_NEAR = 0.006
_NAMED = 4


class GroundednessParams(Params):
    """How many unsupported things make a breach; whether tool outputs count as retrieval."""

    unsupported: int = Field(default=1, ge=1)
    outputs: bool = False
    quotation_words: int = Field(default=4, ge=2)


def check_groundedness(subject: Readings, params: GroundednessParams) -> Checked:
    """A final answer after a retrieval with figures or quotations that stand nowhere before."""
    conversation = subject.conversation
    sources = (Source.RETRIEVAL, Source.TOOL) if params.outputs else (Source.RETRIEVAL,)
    retrieved = conversation.said_by(*sources)
    answers = [u for u in conversation.said_by(Source.ASSISTANT) if u.text.strip()]
    if not retrieved or not answers or answers[-1].position < retrieved[0].position:
        lost = conversation.missing(*sources)
        return Checked(missing=lost, scanned="no answer that follows a retrieval")
    answer = answers[-1]
    unsupported = _unsupported(answer.text, _earlier(subject, answer), params)
    named = "; ".join(subject.quote.error(each) for each in unsupported[:_NAMED])
    violation = Violation(
        span_id=answer.span.span_id,
        summary=f"the answer states what nothing before it holds: {named}",
        evidence=(answer.evidence, *(u.evidence for u in retrieved[:2])),
        strength=0.6 if len(unsupported) == 1 else 0.7,
    )
    broken = len(unsupported) >= params.unsupported
    hidden = conversation.missing(*Source)
    return Checked(
        violations=(violation,) if broken and not hidden else (),
        missing=hidden,
        scanned=f"the figures and quotations of the answer against {len(retrieved)} documents",
        evidence=(answer.evidence, *(u.evidence for u in retrieved[:2])),
    )


def _earlier(subject: Readings, answer: Utterance) -> list[str]:
    """Everything that was said or given to tools before the answer."""
    return [
        item.arguments if isinstance(item, Action) else item.text
        for item in subject.conversation.before(answer.position)
    ]


def _unsupported(answer: str, earlier: Sequence[str], params: GroundednessParams) -> list[str]:
    plain = _LISTED.sub(" ", well_formed(answer[:WINDOW]))
    known = frozenset(number for text in earlier for number in _numbers(text))
    stated = dict.fromkeys(hit.group(0) for hit in _NUMBER.finditer(plain))
    figures = [text for text in stated if _is_telling(text) and not _is_known(text, known)]
    said = [" ".join(words_of(text)) for text in earlier]
    quotations = [
        hit.group(1)
        for hit in _QUOTATION.finditer(plain)
        if len(words := words_of(hit.group(1))) >= params.quotation_words
        and not any(" ".join(words) in text for text in said)
    ]
    return [*figures, *quotations]


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


CHECKS = (Check("groundedness", GroundednessParams, check_groundedness),)
