"""The orders in a text: sentences that tell their reader to act, in a language that is understood.

English is read by its grammar (see `directives`); in the other languages an order is a sentence
with a verb of acting beside a word of asking or duty, or one that begins with the verb.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.directives import directed, sentences_of, words_of
from investigator.readings.foreign_verbs import SPACELESS, kinds_named, languages_in
from investigator.readings.languages import hinted_languages, language_of, word_set

_ASKS = re2.compile(
    r"(?i)\b(?:bitte|muss(?:t)?|müssen|müsst|soll(?:st|en|test|ten)?|por favor|deb(?:e|es|en|éis)"
    r"|tien(?:e|es|en) que|hay que|veuillez|s['’]il (?:vous|te) pla[iî]t|dev(?:ez|rais)|dois|doit"
    r"|il faut|per favore|devi|deve|dovete|deves|devem|favor|alsjeblieft|alstublieft|moet|moeten"
    r"|graag)\b"
)
_ASKS_SPACELESS = re2.compile(
    r"请|請|务必|必须|必須|需要|将|把|立即|马上|ください|下さい|しなさい|せよ|しろ|お願い"
    r"|なければ|すること|してほしい|送れ|消せ"
)
_LEADS = word_set(
    "und dann danach zuerst jetzt nun et puis ensuite maintenant y luego después ahora primero e"
    " poi"
    " ora depois agora en dan nu achtung wichtig important importante belangrijk"
)
_STOPS = re2.compile(r"[。！？；]+")


@dataclass(frozen=True, slots=True)
class Directive:
    """One sentence that tells its reader to act: its text and the kinds of acts it names."""

    text: str
    kinds: frozenset[str]


def read_text(text: str) -> tuple[tuple[Directive, ...], str]:
    """The directives of a text in order, and the rest of it, one sentence a line."""
    names = _foreign(text)
    parts = [part for sentence in sentences_of(text) for part in _parts(sentence, names)]
    found = [Directive(part, directed(part) or _ordered(part, names)) for part in parts]
    rest = (sentence.text for sentence in found if not sentence.kinds)
    return tuple(sentence for sentence in found if sentence.kinds), "\n".join(rest)


@lru_cache(maxsize=256)
def _foreign(text: str) -> tuple[str, ...]:
    """The languages besides English that a text is plainly written in."""
    names = languages_in(text)
    if names and names[0] in SPACELESS:
        return names
    known = language_of(text)
    if known == "english" or (known is None and "english" in hinted_languages(text)):
        return ()
    return tuple(name for name in names if known in (None, name))


def _parts(sentence: str, names: tuple[str, ...]) -> list[str]:
    if not names or names[0] not in SPACELESS:
        return [sentence]
    found, start = [], 0
    clean = well_formed(sentence)
    for hit in _STOPS.finditer(clean):
        found.append(clean[start : hit.end()])
        start = hit.end()
    return [part for part in (*found, clean[start:]) if part.strip()]


def _ordered(sentence: str, names: tuple[str, ...]) -> frozenset[str]:
    if not names:
        return frozenset()
    plain = well_formed(sentence)
    if names[0] in SPACELESS:
        return kinds_named(plain, names) if _ASKS_SPACELESS.search(plain) else frozenset()
    if _ASKS.search(plain):
        return kinds_named(plain, names)
    words = [word for word in words_of(plain) if word not in _LEADS]
    begins = kinds_named(words[0], names) if len(words) > 1 else frozenset()
    return kinds_named(plain, names) if begins else frozenset()
