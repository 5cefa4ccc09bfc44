"""An answer that contradicts what its agent looked up.

Three things are compared, each only where the results give one value and the answer states
another in its place: figures under the name that the result has for them, or with two digits
changed round; a yes that became a no, or a no that was lost; the clock time of one zone told as
that of another, and a day told of another month. What follows from the results by one step of
arithmetic is no contradiction, and neither is an answer that states what was observed as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.clock_times import misread_day, misread_time
from investigator.readings.directives import sentences_of, words_of
from investigator.readings.faults import Fault
from investigator.readings.grounding import Grounds, number_of, numbers_in, ungrounded
from investigator.readings.languages import word_set
from investigator.readings.named_values import LastWords, NamedValue, last_words
from investigator.readings.reading import Readings
from investigator.readings.utterances import Utterance
from investigator.signals.building import build_signal
from investigator.signals.model import Detector, Signal
from investigator.traces.evidence import span_evidence

_NUMBER = re2.compile(r"\d[\d,]*(?:\.\d+)?")
_IN_SENTENCE = re2.compile(r"(?:^|[\s(€$£~])(\d[\d,]*(?:\.\d+)?)(%?)(?:[\s).,;:!?€]|$)")
_VAGUE = word_set("total count number of the value amount num nr no id in at per for a n")
_NEGATION = word_set(
    "not no never none cannot can't isn't aren't wasn't weren't doesn't don't didn't won't non "
    "without unable nothing neither nor hardly longer false unavailable declined denied rejected"
)
_OPEN = word_set("if whether unless should would could may might when once until")
_STATE = re2.compile(r"(?:able|ible|ed|ive|en|al|ready|paid|open|full|valid|free)$")
_DENIED = re2.compile(
    r"(?i)\b(?:is|are|was|were)(?: currently| now)?(?: not|n't)(?: currently| yet)? ([a-z]{4,})"
    r"|\bnon-([a-z]{5,})|\bno longer ([a-z]{4,})"
)
_ASSERTED = r"(?i)\b(?:is|are|was|were|it's|they're|fully|both)(?: \w+)? {word}\b"
_SENTENCE = re2.compile(r"(?:[^.!?\n]|[.!?]\w)+[.!?]?")
_COPULAS = word_set(
    "is are was were can will has have isn't aren't wasn't weren't can't cannot won't hasn't "
    "haven't"
)
_FILLERS = _COPULAS | word_set(
    "yes the a an it and so currently now also however but still indeed to of in be been"
)
_SENTENCE_WORDS = 4
"""So many telling words make a sentence that can be known again."""
_ALIKE = 0.8
_RESULT = 20_000
_MOST = 5
"""Further figures of the answer that are looked at."""


class _Against(NamedTuple):
    said: str
    source: Utterance
    strength: float


def detect_contradictions(readings: Readings) -> Iterator[Signal]:
    """The last words of each agent against what its results say; one signal for each."""
    for last in last_words(readings):
        found = next(_against(last), None)
        if found is not None:
            yield build_signal(
                readings.view,
                detector="contradiction",
                fault=Fault.CONTRADICTION,
                span=last.said.span,
                evidence=[
                    last.said.evidence, found.source.evidence, span_evidence(last.said.span),
                ],
                summary=found.said,
                strength=found.strength,
            )  # fmt: skip


def _against(last: LastWords) -> Iterator[_Against]:
    yield from _figures(last)
    yield from _states(last)
    yield from _denials(last)
    yield from _turned(last)
    texts = [(one.text, one) for one in last.observed]
    given = [one.text for one in last.given]
    for what in (misread_time(last.text, texts, given), misread_day(last.text, texts, given)):
        if what is not None:
            yield _Against(what.words, what.source, 0.7)


def _figures(last: LastWords) -> Iterator[_Against]:
    """Figures that nothing gives, under a name or with the digits of one that something does."""
    stated = [hit.group(1) for hit in _IN_SENTENCE.finditer(last.text)]
    stated = [one for one in dict.fromkeys(stated) if sum(map(str.isdigit, one)) > 1]
    if not stated:
        return
    known = {number_of(number): one for one in last.observed for number in numbers_in(one.text)}
    given = {number_of(number) for one in last.given for number in numbers_in(one.text)}
    new = [one for one in stated if number_of(one) not in known and number_of(one) not in given]
    if not new:
        return
    grounds = Grounds([one.text for one in (*last.observed, *last.given)])
    new = [one for one in new[:_MOST] if one in ungrounded(one, grounds)]
    told = {number_of(one) for one in stated}
    for figure in new:
        found = _of_that_name(last, figure, told) or _turned_round(figure, known, told)
        if found is not None:
            yield found


def _of_that_name(last: LastWords, figure: str, told: set[float]) -> _Against | None:
    """A figure beside all the words by which a result names another one."""
    sentence = next((s for s in sentences_of(last.text) if figure in s), "")
    near = {_stem(word) for word in words_of(sentence)}
    if len(_IN_SENTENCE.findall(sentence)) > 2:
        return None
    for fact in last.facts:
        number = _number(fact)
        names = {_stem(word) for word in fact.words} - _VAGUE
        if number is None or number in told or not names or not names <= near:
            continue
        if number != number_of(figure):
            shown = f"{number:,.15g}"
            name = " ".join(fact.words)
            return _Against(f"the answer says {figure}, and {name} was {shown}", fact.source, 0.7)
    return None


def _number(fact: NamedValue) -> float | None:
    if isinstance(fact.value, bool):
        return None
    if isinstance(fact.value, int | float):
        return float(fact.value)
    whole = isinstance(fact.value, str) and _NUMBER.fullmatch(fact.value.strip())
    return number_of(str(fact.value).strip()) if whole else None


def _stem(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 else word


def _turned_round(figure: str, known: dict[float, Utterance], told: set[float]) -> _Against | None:
    """The digits of the one observed figure that has them all, in another order."""
    digits = sorted(_digits(number_of(figure)))
    if len(set(digits)) < 2 or (len(digits) == 4 and figure.isdigit()):
        return None  # years and times of day share their digits by chance
    alike = [n for n in known if n not in told and sorted(_digits(n)) == digits]
    if len(alike) != 1 or len(known) > 50 * len(digits):
        return None
    right = alike[0]
    why = f"the answer says {figure} where {right:,.15g} was observed"
    return _Against(why, known[right], 0.7)


def _digits(number: float) -> str:
    return "".join(filter(str.isdigit, f"{number:.15g}"))


def _states(last: LastWords) -> Iterator[_Against]:
    """What a result says is so or not so, against the sentence that has its name."""
    facts = [(fact, holds) for fact in last.facts if (holds := _holds(fact)) is not None]
    if not facts:
        return
    sentences = [(sentence, words_of(sentence)) for sentence in _statements(last.text)]
    for fact, holds in facts:
        names = [word for word in fact.words if word not in ("is", "are", "has", "can")]
        if not any(map(_STATE.search, names)):
            continue
        for sentence, words in sentences:
            if set(names) <= set(words) and not _OPEN & set(words):
                if (not _NEGATION & set(words)) != holds:
                    name = " ".join(fact.words)
                    shown = "so" if holds else "not so"
                    why = f"a result says that {name} is {shown}, the answer: {sentence}"
                    yield _Against(why, fact.source, 0.7)
                break


def _statements(text: str) -> list[str]:
    """The sentences of a text that ask nothing."""
    found = (hit.group(0).strip() for hit in _SENTENCE.finditer(text))
    return [sentence for sentence in found if not sentence.endswith("?")]


def _holds(fact: NamedValue) -> bool | None:
    if isinstance(fact.value, bool):
        return fact.value
    plain = str(fact.value).strip().lower()
    return {"true": True, "false": False, "yes": True, "no": False}.get(plain)


def _denials(last: LastWords) -> Iterator[_Against]:
    """A state that results only deny, and the answer asserts."""
    upheld = _Asserted(last.observed)
    for one in last.observed:
        for hit in _DENIED.finditer(well_formed(one.text[:_RESULT])):
            word = next(part for part in hit.groups() if part).lower()
            if _STATE.search(word) is None or word in upheld.words:
                continue
            for sentence in _statements(last.text):
                words = set(words_of(sentence))
                asserted = re2.search(_ASSERTED.format(word=word), sentence) is not None
                if asserted and not words & (_NEGATION | _OPEN):
                    why = f"a result says that it is not {word}, the answer: {sentence}"
                    yield _Against(why, one, 0.65)


def _turned(last: LastWords) -> Iterator[_Against]:
    """A sentence of a result that the answer says again, with a "not" more or less.

    One that another result says as the answer does is no contradiction: the results differ.
    """
    stated = [one for one in _stated(last.text) if len(one[1]) >= _SENTENCE_WORDS][:_MOST]
    if not stated:
        return
    shown = [(one, core, no) for one in last.observed for _, core, no in _stated(one.text)]
    for sentence, words, denied in stated:
        alike = [(source, its) for source, core, its in shown if _is_same(words, core)]
        if alike and denied not in [its for _, its in alike]:
            why = f"a result says {'that it is' if denied else 'that it is not'} so, the answer"
            yield _Against(f"{why}: {sentence}", alike[0][0], 0.65)


def _stated(text: str) -> list[tuple[str, frozenset[str], bool]]:
    """The sentences that say how something is: their telling words, and whether they deny it."""
    lines = text[:_RESULT].splitlines()  # A list has no full stops: its lines are no one sentence.
    sentences = (one for line in lines for one in sentences_of(line) if not one.endswith("?"))
    told = ((one, words_of(one)) for one in sentences)
    return [
        (one, frozenset(map(_stem, words)) - _NEGATION - _FILLERS, not _NEGATION.isdisjoint(words))
        for one, words in told
        if not _COPULAS.isdisjoint(words)
    ]


def _is_same(words: frozenset[str], core: frozenset[str]) -> bool:
    """Nearly every word of each stands in the other."""
    return len(words ^ core) <= len(words | core) * (1 - _ALIKE)


class _Asserted:
    """What results say of anything that it is so; read when a denial is met, which is seldom."""

    def __init__(self, observed: Sequence[Utterance]) -> None:
        self._observed = observed

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of their sentences without a negation."""
        found: set[str] = set()
        for one in self._observed:
            for sentence in sentences_of(one.text[:_RESULT]):
                words = set(words_of(sentence))
                if not _NEGATION & words:
                    found |= {word for word in words if f"non-{word}" not in words}
        return frozenset(found)


DETECTOR = Detector("contradictions", detect_contradictions)
