"""Which language a text is in, told by its commonest words; short or mixed texts are in none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

_COMMON = {
    "english": "the of and to in is are was for that with you your this have has it on be at from "
    "will not by an as or we our can there they their which what please",
    "german": "der die das und ist sind war für dass mit sie ihr ihre ihren dies haben hat es auf "
    "im den dem des ein eine einen einer nicht von zu wir unser kann wird werden auch bei ich "
    "leider bitte aus nach",
    "french": "le la les et est sont pour que avec vous votre vos ce cette il elle sur dans un une "
    "des du ne pas par nous notre peut qui au aux en je de plus être",
    "spanish": "el la los las y es son para que con usted su sus este esta en un una unos del no "
    "por nosotros puede se al de lo como más pero ha",
    "italian": "il lo la i gli le e è sono per che con lei suo questa questo in un una del della "
    "non di noi può si al da come più ma ha nel alla",
    "portuguese": "o a os as e é são para que com você seu sua este esta em um uma do da não por "
    "nós pode se ao de como mais mas foi no na",
    "dutch": "de het een en is zijn was voor dat met u uw dit deze hebben heeft op in van te niet "
    "wij ons kan wordt ook bij ik aan naar maar",
}


def word_set(words: str) -> frozenset[str]:
    """The words of a line of words."""
    return frozenset(words.split())


LANGUAGES = tuple(_COMMON)
_SETS: Mapping[str, frozenset[str]] = {name: word_set(held) for name, held in _COMMON.items()}
_EVERY = frozenset[str]().union(*_SETS.values())
_WORD = re.compile(r"[^\W\d_]+")
"""Linear without RE2, which takes ten times as long for each of the many matches."""
_WINDOW = 4_000
_LEAST = 3
_CLEARLY = 2


def language_of(text: str) -> str | None:
    """The language, in English and lower case; None where no language stands out."""
    counts = sorted(((count, name) for name, count in _counted(text[:_WINDOW])), reverse=True)
    (most, name), (second, _) = counts[0], counts[1]
    return name if most >= _LEAST and most >= _CLEARLY * second else None


def hinted_languages(text: str) -> frozenset[str]:
    """The languages that most of its common words are of; empty where it has none of them.

    For texts too short for `language_of`: a hint, which several languages may share.
    """
    counts = _counted(text[:_WINDOW])
    most = max(count for _, count in counts)
    return frozenset(name for name, count in counts if count == most) if most else frozenset()


@lru_cache(maxsize=1024)
def _counted(text: str) -> tuple[tuple[str, int], ...]:
    """How many of its words are common in each language; a text is asked for several times."""
    found = Counter(filter(_EVERY.__contains__, map(str.lower, _WORD.findall(text))))
    return tuple(
        (name, sum(count for word, count in found.items() if word in held))
        for name, held in _SETS.items()
    )


def common_words() -> frozenset[str]:
    """The commonest words of all the languages, which say nothing of a text's subject."""
    return _EVERY
