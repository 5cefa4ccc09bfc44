"""Whether a message is a plain yes: an explicit go-ahead that nothing in it takes back.

"Yes, please proceed. Also, how long will it take?" is one. "Yes, but change the date", "I'd like
the second option" and "Could you cancel it?" are none: they leave open what is agreed to.
"""

from __future__ import annotations

from enum import Enum, auto

from pydantic import Field

from investigator.controls.checking import Params
from investigator.controls.checks.words import any_of_words, found_in
from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

_SENTENCE = re2.compile(r"[^.!?\n]+[.!?]*")
_WINDOW = 4_000


class Consent(Enum):
    """What a message says to a proposal."""

    GO_AHEAD = auto()
    """It tells to do it, whatever it answers."""
    YES = auto()
    """It is a yes, to whatever was asked."""
    NONE = auto()
    """It is no plain yes."""


class ConsentWords(Params):
    """The words of consent, as a control may give its own for another language."""

    yes: tuple[str, ...] = Field(
        default=(
            "yes", "yeah", "yep", "yup", "sure", "ok", "okay", "of course", "absolutely",
            "definitely", "certainly", "correct", "confirmed", "agreed", "perfect",
        ),
        min_length=1,
    )  # fmt: skip
    go_ahead: tuple[str, ...] = Field(
        default=(
            "proceed", "go ahead", "go for it", "do it", "do that", "i confirm", "i agree",
            "confirming", "i accept", "i approve", "sounds good", "sounds great", "looks good",
            "looks correct", "looks perfect", "that works", "that is correct", "that's correct",
            "that's right", "is correct", "is fine", "i'm fine with", "please do",
        ),
        min_length=1,
    )  # fmt: skip
    no: tuple[str, ...] = ("no", "nope", "not yet", "never mind", "wait", "hold on", "stop")
    but: tuple[str, ...] = (
        "but", "however", "except", "instead", "unless", "actually", "only if", "as long as",
        "before you", "before we", "on second thought",
    )  # fmt: skip
    negations: tuple[str, ...] = (
        "not", "don't", "don’t", "cannot", "can't", "can’t", "won't", "won’t", "never",
    )  # fmt: skip


def consent_in(text: str, words: ConsentWords) -> Consent:
    """What the message says; of a very long one its beginning counts."""
    clean = well_formed(text[:_WINDOW])
    sentences = [found.group().strip() for found in _SENTENCE.finditer(clean)]
    said = [sentence for sentence in sentences if any(map(str.isalnum, sentence))]
    found = [_sentence(sentence, words) for sentence in said]
    given = [place for place, consent in enumerate(found) if consent is not Consent.NONE]
    if not given or any(_is_taken_back(said, place, words) for place in given):
        return Consent.NONE
    if Consent.GO_AHEAD in found:
        return Consent.GO_AHEAD
    return Consent.NONE if any(_refuses(sentence, words) for sentence in said) else Consent.YES


def _sentence(sentence: str, words: ConsentWords) -> Consent:
    if "?" not in sentence and not _refuses(sentence, words) and _tells_to(sentence, words):
        return Consent.GO_AHEAD
    return Consent.YES if _begins(sentence, words.yes) else Consent.NONE


def _tells_to(sentence: str, words: ConsentWords) -> bool:
    go_ahead = any_of_words(words.go_ahead)
    if found_in(go_ahead, sentence) is None:
        return False
    negated = rf"{any_of_words(words.negations)}\s+(?:\S+\s+){{0,3}}{go_ahead}"
    return not words.negations or found_in(negated, sentence) is None


def _is_taken_back(said: list[str], place: int, words: ConsentWords) -> bool:
    if found_in(any_of_words(words.but), said[place]) is not None:
        return True
    after = said[place + 1] if place + 1 < len(said) else ""
    return _begins(after, words.but) or _refuses(after, words)


def _refuses(sentence: str, words: ConsentWords) -> bool:
    """Whether the sentence begins with a no that stands by itself ("No, …", not "No problem")."""
    start = _start(sentence)
    return any(
        start.startswith(word) and not start[len(word) :].lstrip(" ")[:1].isalnum()
        for word in words.no
    )


def _begins(sentence: str, words: tuple[str, ...]) -> bool:
    start = _start(sentence)
    return any(
        start.startswith(word) and not start[len(word) : len(word) + 1].isalnum() for word in words
    )


def _start(sentence: str) -> str:
    return sentence.lstrip(" \"'“‘*-–—,;:").casefold()
