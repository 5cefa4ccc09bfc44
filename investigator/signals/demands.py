"""What a system prompt demands of every answer, as far as it can be checked without a model.

Understood are: a language ("answer in German"), a length ("at most 60 words", "no more than three
sentences", "exactly one line"), a list, a line of given columns, the keys of a JSON object, an
element that is shown by an example ("end every answer with …, such as [T-1042]"), and words that
must not be said ("never mention "goodwill""). A demand under a condition is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import count_of, json_object
from investigator.readings.languages import LANGUAGES, language_of, word_set
from investigator.signals.stops import as_generated, is_cut_off

_PROMPT_WINDOW = 12_000
_ANSWER_WINDOW = 20_000
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10}
_TOLERANCE = 1.1

_SENTENCE_END = re.compile(r"[.!?](?:\s+|\Z)|\n+", re.ASCII)
"""Linear without RE2, which takes ten times as long for each of the many matches."""
_SIGNS = (
    *LANGUAGES, "word", "sentence", "character", "line", "bullet", "|", "key", "such as", "like",
    "for example", "e.g.", "start", "begin", "never", "not", "n't",
)  # fmt: skip
"""A sentence that makes a demand has one of these. Most have none, and are searched no further."""
_WRAPPED = re2.compile(r"\s*\n\s*(\p{Ll}|\d+ \p{Ll})")
_CONDITION = re2.compile(
    r"(?i)\b(?:if|when|whenever|unless|where|in case|for each|for example questions?|only for"
    r"|except|once|until)\b"
)
_OF_ANSWERS = re2.compile(
    r"(?i)\b(?:answer|reply|replies|respond|response|write|return|output|summar|message|keep|use|be)"
)
_LANGUAGE = re2.compile(
    r"(?i)\b(?:answer|reply|respond|write|speak|communicate)\b[^.\n\"']{0,60}?\bin ("
    + "|".join(LANGUAGES)
    + r")\b"
)
_LENGTH = re2.compile(
    r"(?i)\b(?:at most|no more than|not more than|up to|under|fewer than|less than|within"
    r"|(?:a )?maximum (?:of|is)|(?:do )?not exceed(?:ing)?|limited to)\s+(\d{1,4}|[a-z]+)\s+"
    r"(words?|sentences?|characters?|lines?)\b"
)
_ONE_LINE = re2.compile(
    r"(?i)\b(?:exactly|only|just) one line\b|\b(?:in|with|on|as) a single line\b"
)
_LIST = re2.compile(
    r"(?i)\b(?:as|in|with|using|use) (?:a |an )?bullet(?:ed)?[ -](?:list|points?)\b"
)
_COLUMNS = re2.compile(r"`([^`\n]+\|[^`\n]+)`")
_KEYS = re2.compile(r"(?i)\bJSON\b[^.\n]{0,40}\bkeys?\b([^.\n]+)")
_QUOTED = re2.compile(
    r"(?:^|[\s(])[\"“`'‘]([\pL\d][^\"“”`‘’\n]{0,58}[\pL\d])[\"”`'’](?:[\s,.;:)]|$)"
)
_EVERY = re2.compile(r"(?i)\b(?:always|every|each|all|must|cite)\b")
_EXAMPLE = re2.compile(
    r"(?i)\b(?:such as|like|for example|e\.g\.),?\s*"
    r"(?:(\[[^\]\s]{2,40}\])|[\"“`']([^\"”`'\n]{2,40})[\"”`'])"
)
_STARTS_WITH = re2.compile(
    r"(?i)\b(?:start|begin)\b[^.\n]{0,20}\bwith (?:the|their|your|its|an?) "
    r"((?:[\w-]+ ){0,3}(?:number|id|code))\b"
)
_QUANTITY = re2.compile(r"^\W*\d+[.,]\d{1,2}\W*$|[%€$£]")
"""How much, which is no number by which a thing is known: those have no fraction and no unit."""

_FORBIDS = re2.compile(
    r"(?i)\b(?:never|do not|don't|must not|may not|should not)\s+(?:ever )?"
    r"(?:mention|say|disclose|reveal|give out|share|recommend|discuss"
    r"|use the (?:word|term|phrase|name)s?)\b"
)
_NAME = re2.compile(r"\b[A-Z][a-z]{3,}\b")
_NOUN = re2.compile(r"\b[a-z]{5,}\b")
_VAGUE = word_set(
    "about anything details data information internal names other others their these those "
    "number numbers terms words users customers person people private personal user customer "
    "specific exact things which system prompt instructions tools never answer company"
)
_BULLET = re2.compile(r"^\s*(?:[-*•]|\d+[.)])\s")
_FENCE = re2.compile(r"(?s)^```(?:json)?\s*(.*?)\s*```$")

AnswerTest = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Demand:
    """One demand. `broken` says of an answer whether it goes against it.

    `marker` is the text by which every answer shows that it meets the demand, where there is one.
    """

    words: str
    broken: AnswerTest
    marker: str = ""

    def cut_off(self, answer: str, stops: tuple[str, ...]) -> bool:
        """Whether the answer met the demand before a stop sequence was cut off its end."""
        if self.marker and is_cut_off(self.marker, answer, stops):
            return True
        return not all(map(self.broken, as_generated(answer, stops)))


@lru_cache(maxsize=64)
def demands_of(prompt: str) -> tuple[Demand, ...]:
    """What a prompt demands of every answer, in its order."""
    return tuple(
        demand
        for sentence in _sentences(prompt[:_PROMPT_WINDOW])
        if _may_demand(sentence) and _CONDITION.search(sentence) is None
        for demand in _read(sentence)
    )


def _may_demand(sentence: str) -> bool:
    plain = sentence.casefold()
    return any(sign in plain for sign in _SIGNS)


def _sentences(text: str) -> Iterator[str]:
    text = _WRAPPED.sub(r" \1", text)
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[start : end.end()].strip()
        start = end.end()
    yield text[start:].strip()


def _read(sentence: str) -> Iterator[Demand]:
    language = _LANGUAGE.search(sentence)
    if language is not None:
        name = language.group(1).lower()
        yield Demand(f"in {name.title()}", partial(_in_another, name))
    if _OF_ANSWERS.search(sentence) is not None:
        yield from _read_form(sentence)
    yield from _read_elements(sentence)
    yield from _read_prohibitions(sentence)


def _read_form(sentence: str) -> Iterator[Demand]:
    for found in _LENGTH.finditer(sentence):
        count = _number(found.group(1))
        if count is not None:
            unit = found.group(2).lower().removesuffix("s")
            yield Demand(found.group(0), partial(_longer, unit, count))
    if _ONE_LINE.search(sentence) is not None:
        yield Demand("one line", partial(_longer, "line", 1))
    if _LIST.search(sentence) is not None:
        yield Demand("a bulleted list", _no_list)
    columns = _COLUMNS.search(sentence)
    if columns is not None:
        bars = columns.group(1).count("|")
        yield Demand(f"the form {columns.group(1)}", partial(_other_columns, bars))
    keys = _KEYS.search(sentence)
    if keys is not None and (names := _QUOTED.findall(keys.group(1))):
        yield Demand(f"the keys {', '.join(names)}", partial(_lacks_keys, tuple(names)))


def _read_elements(sentence: str) -> Iterator[Demand]:
    example = _EXAMPLE.search(sentence)
    if example is not None and _EVERY.search(sentence) is not None:
        shown = example.group(1) or example.group(2)
        if any(c.isdigit() for c in shown) and "|" not in shown:
            pattern = re2.compile(_shape(shown))
            yield Demand(f"something like {shown}", partial(_lacks, pattern), marker=shown)
    start = _STARTS_WITH.search(sentence)
    if start is not None:
        yield Demand(f"the {start.group(1)} at the start", _no_digit_at_the_start)


def _read_prohibitions(sentence: str) -> Iterator[Demand]:
    found = list(_FORBIDS.finditer(sentence))
    ends = [later.start() for later in found[1:]] + [len(sentence)]
    for one, end in zip(found, ends, strict=False):
        rest = sentence[one.end() : end]
        terms = _QUOTED.findall(rest) or _NAME.findall(rest)
        if terms:
            for term in terms:
                pattern = re2.compile(rf"(?i)\b{re2.escape(term)}\b")
                yield Demand(f"no {term!r}", partial(_has, pattern))
        else:
            for noun in set(_NOUN.findall(rest)) - _VAGUE:
                given = re2.compile(rf"(?i)\b{noun}s? (?:is|are|was|were)\s+[\pLu\d]")
                yield Demand(f"no {noun}", partial(_has, given))


def _has(pattern: re2.LazyPattern, answer: str) -> bool:
    return pattern.search(answer[:_ANSWER_WINDOW]) is not None


def _lacks(pattern: re2.LazyPattern, answer: str) -> bool:
    return not _has(pattern, answer)


def _number(text: str) -> int | None:
    count = count_of(text)
    return _NUMBERS.get(text.lower()) if count is None else count


def _in_another(language: str, answer: str) -> bool:
    told = language_of(answer)
    return told is not None and told != language


def _longer(unit: str, limit: int, answer: str) -> bool:
    text = answer[:_ANSWER_WINDOW].strip()
    match unit:
        case "word":
            return len(text.split()) > limit * _TOLERANCE
        case "character":
            return len(text) > limit * _TOLERANCE
        case "line":
            return len([line for line in text.splitlines() if line.strip()]) > limit
        case _:
            return len([one for one in _sentences(text) if len(one) > 1]) > limit


def _no_list(answer: str) -> bool:
    lines = [line for line in answer.splitlines() if line.strip()]
    return sum(_BULLET.search(line) is not None for line in lines) * 2 < len(lines)


def _other_columns(bars: int, answer: str) -> bool:
    return all(line.count("|") != bars for line in answer.splitlines())


def _lacks_keys(keys: tuple[str, ...], answer: str) -> bool:
    """A JSON object without one of the keys; whether it is JSON at all is asked elsewhere."""
    fenced = _FENCE.search(answer)
    held = json_object(fenced.group(1) if fenced is not None else answer)
    return held is not None and any(key not in held for key in keys)


def _no_digit_at_the_start(answer: str) -> bool:
    first = next((line for line in answer.splitlines() if line.strip()), "")
    told = (word for word in first.split()[:6] if _QUANTITY.search(word) is None)
    return not any(c.isdigit() for word in told for c in word)


def _shape(example: str) -> str:
    """A pattern of what looks like the example: words for words, numbers for numbers."""
    pattern = ""
    for part in re2.findall(r"\d+(?:[.,]\d+)*|[A-Z]{2,}|\pL+|.", example):
        if part[0].isdigit():
            pattern += r"\d+(?:[.,]\d+)*"
        elif part.isupper() and len(part) > 1:
            pattern += rf"[A-Z]{{{len(part)}}}"
        elif part.isalpha():
            pattern += r"\pL[\pL\d]*"
        else:
            pattern += r"\s?" if part.isspace() else re2.escape(part)
    return pattern
