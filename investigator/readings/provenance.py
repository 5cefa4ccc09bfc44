"""Where a value came from: who said it first, compared by content and not by how it is written.

Case, spacing, quoting and the scheme of a URL make no difference. A value was said by someone
if it stands in their words whole (not inside a longer word or number), or if every one of its
words does: "June 13, 2024" explains `2024-06-13` no more than any other date does, but "lunch
with Sarah, the Baker's daughter" explains `Sarah Baker`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.conversation import UNTRUSTED, Action, Conversation, Source, Utterance
from investigator.readings.directives import WINDOW, words_of
from investigator.readings.orders_in_text import Directive, read_text

PRINCIPALS = (Source.SYSTEM, Source.USER)
"""Those who may decide what an agent does."""

_VALUE_LIMIT = 400
_PHRASE = 5
_LONG_NUMBER = 10
_TELLING_FIGURE = 10
_JOINTS = (".", "-", "_", "@", "'")
_TRIVIAL = frozenset({"", "true", "false", "none", "null", "yes", "no", "me", "all", "any"})
_RUN_ON = re.compile(r"(\.[a-z]{2,4})\.(?=([^\W\d_a-z])([^\W\d_A-Z]))")
_SPACES = re.compile(r" [\t\n\f\r ]+|[\t\n\f\r][\t\n\f\r ]*")
"""All but single spaces, which stay as they are: nearly every space is one."""

_QUOTES = re.compile(r"[\"'`“”‘’«»]+")
_TO_SPACE = dict.fromkeys(map(ord, "\"'`"), " ")
"""The same where a text is in ASCII, ten times as fast; spaces are made one afterwards."""

_ESCAPES = re.compile(r"\\+[nrt]?")
_SCHEME_MARKS = ("http", "ftp:", "mailto:", "www.")
_SCHEME = re.compile(r"\b(?:https?|ftp|mailto):/{0,3}(?:www\.)?|\bwww\.", re.ASCII)
_SPACED = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Arabic}\p{Hebrew}\p{Hangul}\p{Devanagari}\pN"
_EMAIL = re2.compile(rf"[{_SPACED}._%+-]+@[{_SPACED}-]+(?:\.[{_SPACED}-]+)+")
_IN_URL = r"[^\s<>\"'`)\]}\p{Han}\p{Hiragana}\p{Katakana}，。；：！？、）】」]+"
_URL = re2.compile(
    rf"\b(?:https?|ftp)://{_IN_URL}|\bwww\.{_IN_URL}"
    rf"|\b[a-z0-9-]{{2,}}(?:\.[a-z0-9-]{{2,}})*\.[a-z]{{2,10}}/{_IN_URL}"
)
_SPACELESS = r"\u3040-\u30ff\u3400-\u9fff"
"""Chinese and Japanese letters, which stand beside a value without being part of it."""

_CODE = re.compile(rf"[^\W_{_SPACELESS}](?:[^\W{_SPACELESS}]|-){{4,}}")
_ASCII_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{4,}")
"""The same in lower case and in ASCII, of single classes, which takes a fifth of the time."""

_RUN = re.compile(rf"[^\W_{_SPACELESS}]+")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b", re.ASCII)
_QUOTED = re.compile(r"[\"“`]([^\"”`\n]{3,80})[\"”`]")
_NAME = re2.compile(r"(?:^|[^\pL\pN_])(\p{Lu}[\pL'-]+(?: \p{Lu}[\pL'-]+)+)")
_MAYBE_NAME = re.compile(r"(?<!\w)[^\W\d_a-z][\w'-]{1,200}+ [^\W\d_a-z]")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*", re.ASCII)
_FIGURE = re.compile(r"\b\d[\d,]{0,20}(?:\.\d{1,20})?\b", re.ASCII)
# Values are looked for in every step of every trace, and a match by RE2's binding costs ten times
# that of `re`. `re` has the patterns that cannot backtrack further than a bound; the others are
# RE2's, and asked only of texts that have what each of their matches has.


class ValueKind(StrEnum):
    """What a value is, from the most telling to the least."""

    ADDRESS = "ADDRESS"
    URL = "URL"
    CODE = "CODE"
    NAME = "NAME"
    PHRASE = "PHRASE"
    NUMBER = "NUMBER"
    WORD = "WORD"


STRONG = frozenset(
    {ValueKind.ADDRESS, ValueKind.URL, ValueKind.CODE, ValueKind.NAME, ValueKind.PHRASE}
)
"""Kinds that two texts hardly share by chance."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that can be followed; `text` is in the form in which values are compared."""

    kind: ValueKind
    text: str


def normal(text: str) -> str:
    """The form in which texts are compared: no case, no quotes, single spaces, no URL scheme."""
    plain = _RUN_ON.sub(_parted, well_formed(text[:WINDOW])).casefold()
    plain = plain.translate(_TO_SPACE) if plain.isascii() else _QUOTES.sub(" ", plain)
    if "\\" in plain:
        plain = _ESCAPES.sub(" ", plain)
    if any(mark in plain for mark in _SCHEME_MARKS):
        plain = _SCHEME.sub("", plain)
    return _SPACES.sub(" ", plain).strip()


def _parted(joint: re.Match[str]) -> str:
    """`.com.Then` is the end of an address and of a sentence."""
    ends = joint[2].isupper() and joint[3].islower()
    return f"{joint[1]}. " if ends else joint[0]


def values_of(text: str) -> tuple[Value, ...]:
    """What can be followed of an argument: the whole where it is short, and what stands in it."""
    return _values_in(SearchedText(text))


def _values_in(text: SearchedText) -> tuple[Value, ...]:
    plain = text.plain.casefold()
    found: dict[str, ValueKind] = {}
    for kind, pattern, marks in (
        (ValueKind.ADDRESS, _EMAIL, ("@",)),
        (ValueKind.URL, _URL, ("/", "www.")),
    ):
        if any(mark in plain for mark in marks):
            for hit in pattern.finditer(plain):
                found.setdefault(normal(hit.group(0)).rstrip(".,;:!?/"), kind)
            plain = pattern.sub(" ", plain)
    words = (_ASCII_CODE if plain.isascii() else _CODE).findall(plain)
    for word in dict.fromkeys(words):
        if _is_code(word):
            found.setdefault(word, ValueKind.CODE)
    whole = text.normal.rstrip(".,;:!?/")
    if len(whole) <= _VALUE_LIMIT:
        found.setdefault(whole, _kind_of(whole))
    return tuple(Value(kind, value) for value, kind in found.items() if value not in _TRIVIAL)


def values_within(text: SearchedText) -> tuple[Value, ...]:
    """What can be followed of a text of any length: also its dates, quotations, names, figures.

    Whole numbers below 10 are left out: two texts share them by chance.
    """
    found = {value.text: value for value in _values_in(text)}
    for kind, pattern in ((ValueKind.NUMBER, _DATE), (ValueKind.PHRASE, _QUOTED)):
        for hit in pattern.findall(text.plain):
            said = normal(hit).rstrip(".,;:!?/")
            if said not in _TRIVIAL:
                found.setdefault(said, Value(kind, said))
    if _MAYBE_NAME.search(text.plain):
        for hit in _NAME.findall(text.plain):
            name = normal(hit)
            found.setdefault(name, Value(ValueKind.NAME, name))
    for figure in sorted(text.figures):
        if figure >= _TELLING_FIGURE or figure % 1:
            found.setdefault(f"{figure:.15g}", Value(ValueKind.NUMBER, f"{figure:.15g}"))
    return tuple(found.values())


def value_named(text: str) -> Value:
    """The text as one value."""
    whole = normal(text).rstrip(".,;:!?/")
    return Value(_kind_of(whole), whole)


def _is_code(word: str) -> bool:
    """Letters and digits in one word, or more digits than a date or an amount has."""
    if word.isalpha():
        return False
    digits = sum(map(str.isdigit, word))
    letters = any(map(str.isalpha, word))
    return digits > 0 and (letters or (digits == len(word) and digits >= _LONG_NUMBER))


def _kind_of(whole: str) -> ValueKind:
    if _NUMBER.fullmatch(whole):
        return ValueKind.NUMBER
    words = len(whole.split())
    return ValueKind.PHRASE if words >= _PHRASE else ValueKind.NAME if words > 1 else ValueKind.WORD


def values_of_action(action: Action) -> tuple[tuple[str, Value], ...]:
    """Every value of an action with the path of its argument."""
    return tuple((path, value) for path, leaf in action.leaves for value in values_of(leaf))


class SearchedText:
    """A text in the form in which values are looked for in it, made when first needed."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def plain(self) -> str:
        """As much of the text as is looked at, without surrogates."""
        return well_formed(self.text[:WINDOW])

    @cached_property
    def normal(self) -> str:
        """The text as `normal` has it."""
        return normal(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words in lower case."""
        return frozenset(words_of(self.text))

    @cached_property
    def figures(self) -> frozenset[float]:
        """The numbers in it, in which 98.70 is 98.7 and 1,200 is 1200."""
        return frozenset(float(figure.replace(",", "")) for figure in _FIGURE.findall(self.normal))

    def holds(self, value: Value) -> bool:
        """Whether the value stands here, not merely as part of a longer word or number."""
        if value.kind is ValueKind.NUMBER and _FIGURE.fullmatch(value.text):
            return float(value.text.replace(",", "")) in self.figures
        plain, start = self.normal, -1
        while (start := plain.find(value.text, start + 1)) >= 0:
            end = start + len(value.text)
            before, after = plain[max(start - 2, 0) : start][::-1], plain[end : end + 2]
            open_end = value.kind is ValueKind.URL and after[:1] in ("/", "?", "#")
            if not _goes_on(before) and (open_end or not _goes_on(after)):
                return True
        return False


def _goes_on(beside: str) -> bool:
    """Whether a word goes on: its next character, or the one after a joint such as a hyphen."""
    first = beside[:1]
    if "\u3040" <= first <= "\u9fff":
        return False
    return first.isalnum() or (first in _JOINTS and beside[1:].isalnum())


def said_in(value: Value, texts: Iterable[SearchedText]) -> bool:
    """Whether one of the texts holds the value, or all of them together every word of it."""
    told = tuple(texts)
    if any(text.holds(value) for text in told):
        return True
    if value.kind in (ValueKind.ADDRESS, ValueKind.URL, ValueKind.CODE):
        return False
    words = frozenset(words_of(value.text))
    return bool(words) and words <= frozenset().union(*(text.words for text in told))


class ValueIndex:
    """Finds the texts that hold a value without looking at each; a text is its place in a list.

    A value stands whole in a text, so every run of letters and digits in it is one in the text
    too: it is looked for only in the texts that have its rarest run. Figures, which are written
    in many ways, have an index of their own.
    """

    def __init__(self, texts: Iterable[SearchedText]) -> None:
        self._texts = tuple(texts)
        self._runs: dict[str, list[int]] = {}
        self._figures: dict[float, list[int]] = {}
        for place, text in enumerate(self._texts):
            for run in set(_RUN.findall(text.normal)):
                self._runs.setdefault(run, []).append(place)
            for figure in text.figures:
                self._figures.setdefault(figure, []).append(place)

    def holding(self, value: Value, before: int | None = None) -> Iterator[int]:
        """The places of the texts that hold the value, in order, those below `before`."""
        places = self._candidates(value)
        end = len(places) if before is None else bisect_left(places, before)
        return (place for place in places[:end] if self._texts[place].holds(value))

    def _candidates(self, value: Value) -> Sequence[int]:
        if value.kind is ValueKind.NUMBER and _FIGURE.fullmatch(value.text):
            return self._figures.get(float(value.text.replace(",", "")), ())
        lists = [self._runs.get(run, []) for run in _RUN.findall(value.text)]
        return min(lists, key=len) if lists else range(len(self._texts))


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool or a document said: the directives in it, the rest, the call that fetched it."""

    utterance: Utterance
    directives: tuple[tuple[Directive, SearchedText], ...]
    rest: SearchedText
    fetched_by: Action | None


class Provenance:
    """Answers about one conversation; each utterance is prepared once."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self._texts: dict[int, SearchedText] = {}

    @cached_property
    def outputs(self) -> tuple[ToolOutput, ...]:
        """What tools and documents said, in order, read for directives."""
        fetched = {
            action.result.position: action
            for action in self.conversation.actions
            if action.result is not None
        }
        return tuple(
            ToolOutput(
                utterance,
                tuple((directive, SearchedText(directive.text)) for directive in directives),
                SearchedText(rest),
                fetched.get(utterance.position),
            )
            for utterance in self.conversation.said_by(*UNTRUSTED)
            for directives, rest in (read_text(utterance.text),)
        )

    def text(self, utterance: Utterance) -> SearchedText:
        """The words of an utterance, ready to be searched."""
        return self._texts.setdefault(utterance.position, SearchedText(utterance.text))

    def origins_of(self, value: Value, before: int) -> tuple[Utterance, ...]:
        """Who had said the value before a position, in order; the first is where it stood first."""
        heard = self.conversation.utterances
        end = bisect_left(heard, before, key=lambda utterance: utterance.position)
        return tuple(heard[place] for place in self._index.holding(value, end))

    @cached_property
    def _index(self) -> ValueIndex:
        return ValueIndex(map(self.text, self.conversation.utterances))

    def said(self, value: Value, utterances: Sequence[Utterance]) -> bool:
        """Whether these utterances said the value, whole or word by word."""
        return said_in(value, (self.text(utterance) for utterance in utterances))

    def instructed(self, before: int) -> tuple[Utterance, ...]:
        """What may decide an action: the words of the system and the user, and what the assistant
        had put to the user, who went on from there."""
        end = bisect_left(self._put, before, key=lambda pair: pair[1].position)
        put = (utterance for utterance, _ in self._put[:end])
        return (*self.conversation.said_by(*PRINCIPALS, before=before), *put)

    @cached_property
    def _put(self) -> tuple[tuple[Utterance, Utterance], ...]:
        """What the assistant said right before the user, and what the user said to it."""
        return tuple(
            (utterance, after)
            for utterance, after in pairwise(self.conversation.said_by(*Source))
            if utterance.source is Source.ASSISTANT and after.source is Source.USER
        )
