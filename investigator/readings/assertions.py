"""What a text asserts about acts: done, announced, declined, in the way; in English alone.

Nothing here says whether an assertion is true: that is for whoever compares it with the calls.
"""

from __future__ import annotations

from collections.abc import Iterator

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.directives import (
    acts_of_tool,
    kinds_of,
    sentences_of,
    tool_words,
    words_of,
)
from investigator.readings.languages import word_set

STATE_CHANGES = frozenset({"send", "pay", "buy", "delete", "create", "change", "share"})
"""Acts that leave the world other than it was; the others look, or work out."""

_INSPECTED = (
    "checked|verified|reviewed|confirmed|searched|read|tested|inspected|examined|cross-referenced"
    "|looked (?:at|through|up)"
)
_INSPECTING = (
    "checking|verifying|reviewing|searching|reading|testing|inspecting|examining|scanning"
    "|(?:going|looking) through"
)
_ENDED = (
    "booked|cancell?ed|ordered|reserved|refunded|sent|deleted|scheduled|rescheduled|paid|submitted"
)
"""Acts by which a thing is told to be in its new state ("your taxi is booked")."""
_DONE = re2.compile(
    r"(?i)\b(?:i|we)(?:'ve| have)? (?:now |just |also |already |successfully |gone ahead and "
    r"|went ahead and )*(?:\pL+(?:ed|t|de)|paid|sold|given|written|withdrawn)\b"
    r"|^\W*(?:sent|paid|booked|cancell?ed|deleted|refunded|ordered|transferred|updated|created)\b\W*$"
    rf"|^\W*(?:\pL+ ){{1,2}}(?:{_ENDED})\W*$"
    rf"|\b(?:your|the) \pL+(?: \pL+)? (?:is|are) (?:now |all )?(?:{_ENDED})\b"
    r"|\b(?:has|have) (?:now |just |also |already |successfully )*been (?:successfully )?\pL+\b"
    r"|\b(?:was|were) (?:successfully )?\pL+ed\b|\bsuccessfully \pL+ed\b"
)
_LOOKED = re2.compile(
    rf"(?i)\b(?:i|we)(?:'ve| have)? (?:\pL+ly |all )?(?:{_INSPECTED})\b"
    r"|\b(?:i|we)(?:'ve| have)? (?:\pL+ly )?(?:went|gone|looked|combed|walked|scanned) through"
    r" (?:all|each|every|the)\b"
    rf"|\bafter (?:\pL+ly )?(?:{_INSPECTING}) (?:all|each|every|both)\b"
    rf"|\bhaving (?:\pL+ly )?(?:{_INSPECTED})\b|\b(?:has|have) been (?:\pL+ly )?(?:{_INSPECTED})\b"
)
_CITED = re2.compile(
    r"(?i)\b(?:according to|as (?:provided|reported|stated|shown|confirmed|indicated) (?:by|in)"
    r"|(?:records?|reports?|sources?|results?|analysis|data|review|agents?|search(?:es)?|database"
    r"|article|page|document) (?:\pL+ )?(?:shows?|showed|indicates?|indicated|confirms?|confirmed"
    r"|reveals?|revealed|states?|stated|says|said|lists?|listed)"
    r"|based on (?:the |our |my |all )*(?:\pL+ )?(?:information|results?|search(?:es)?|data"
    r"|records?|review|analysis|confirmation|findings|evidence|sources?)"
    r"|after (?:\pL+ly )?(?:querying|searching|reviewing|checking|consulting|conducting|examining"
    r"|reading|analy[sz]ing))\b"
)
_WILL = re2.compile(
    r"(?i)\b(?:i'll|i will|i'm going to|i am going to|let me|i need to)\s+(?:now |first |then )*"
)
_PLANS_A_LOOK = re2.compile(
    r"(?im)^[ \t>*#-]*(?:(?:step )?\d{1,2}[.):]?|[-*•])[\s*]*(?:\pL+ly |then |first,? )*"
    r"(?:find|identify|retrieve|search|look up|locate|visit|consult|fetch|query|browse|download"
    r"|obtain|extract|gather|collect|get|check|access|open|use)\b[^\n]{0,200}?\b(?:from|on|in|via"
    r"|using|at|through|for|the)\s(?:[^\n.;]{0,60}\s)?(?:wikipedia|internet|web|online|websites?"
    r"|web ?pages?|sites?|pages?|articles?|databases?|archives?|registry|repository|repositories"
    r"|newspapers?|journals?|records|sources?|publications?|api)\b"
)
_OWN_MATERIAL = re2.compile(
    r"(?i)\b(?:the|this|given|provided|attached|above)\s(?:\pL+ )?(?:task|question|prompt|text"
    r"|instructions|statement|puzzle|attachment)\b"
)
_DECLINES = re2.compile(
    r"(?i)\b(?:can(?:no|')t|cannot|unable|not able|not possible|not allowed|not permitted"
    r"|not eligible|don't have|do not have|won't|will not|sorry|unfortunately|no such|couldn't"
    r"|could not|however|instead|not found|does not|doesn't|didn't|did not|failed)\b"
)
_TELL = re2.compile(r"(?i)^\W*(?:please |now |then )*(?:give|provide|show|tell)\b")
_TROUBLE = word_set(
    "fail failed failing fails failure failures error errors locked denied crashed crash broken "
    "timeout invalid rejected corrupted unreachable validation refused"
)
_CALL = re2.compile(
    r"(?s)<(?:tool_call|function_call|function=|invoke)|\bto=functions\.|^\s*(?:```\w*\s*)?"
    r"\{\s*\"(?:name|tool|function|action)\"\s*:\s*\"[\w.-]+\"\s*,\s*"
    r"\"(?:arguments|parameters|args|input|action_input)\"\s*:"
)
_QUESTION = re2.compile(r"\?[\s\"')*_]*(?:[^.!?\n]*[.!]\s*){0,2}$")
_COURTESY = re2.compile(
    r"(?i)(?:\b(?:is there |do you need |can i help (?:you )?with )?anything else\b"
    r"|\b(?:how|what) else (?:can|may|could) i\b)[^.?!\n]{0,80}\?"
)
"""Asked at the end of what was done; whoever asks it waits for no answer to what came before."""
_IF = re2.compile(r"(?i)\b(?:if|unless|whether|in case)\b")
_CLOSING = 3
"""So many sentences end a text: what it says further up, it may have done or answered itself."""


def acts_claimed(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The sentences that claim a change of the world as done, with the kinds of it."""
    for sentence in sentences_of(text):
        hits = _DONE.finditer(_unconditional(sentence))
        kinds = frozenset().union(*(kinds_of(words_of(hit.group(0))[-1:]) for hit in hits))
        if kinds & STATE_CHANGES:
            yield sentence, kinds & STATE_CHANGES


def trouble_told(text: str) -> frozenset[str]:
    """The words of trouble that it tells of; "if there is an error" tells of none."""
    return frozenset().union(*map(trouble_in, map(_unconditional, sentences_of(text))))


def _unconditional(sentence: str) -> str:
    """The sentence up to where a condition begins: what stands in one is not said to be so."""
    condition = _IF.search(sentence)
    return sentence if condition is None else sentence[: condition.start()]


def claims_a_look(text: str) -> bool:
    """Whether it says that something was checked, read, searched or tested."""
    return _LOOKED.search(well_formed(text)) is not None


def cites_a_source(text: str) -> bool:
    """Whether it rests what it says on something that was looked at, by whomever."""
    return claims_a_look(text) or _CITED.search(well_formed(text)) is not None


def announced_in(text: str) -> str | None:
    """What its last sentences say that their author is about to do; None where none does."""
    for sentence in sentences_of(text)[-_CLOSING:]:
        hit = _WILL.search(sentence)
        if hit is not None and kinds_of(words_of(sentence[hit.end() :])[:2]):
            return sentence
    return None


def announces(text: str, thing: str) -> bool:
    """Whether a sentence says that its author is about to do something with what it names."""
    for sentence in sentences_of(text):
        hit = _WILL.search(sentence)
        if hit is not None and thing in sentence[hit.end() :]:
            return True
    return False


def plans_a_look(text: str) -> bool:
    """Whether a list of steps has one that looks something up outside of what was given."""
    return any(
        _OWN_MATERIAL.search(hit.group(0)) is None
        for hit in _PLANS_A_LOOK.finditer(well_formed(text))
    )


def declines(text: str) -> bool:
    """Whether it says that something is not, or cannot be, done."""
    return _DECLINES.search(well_formed(text)) is not None


def asks(text: str) -> bool:
    """Whether it ends in a question, give or take a closing remark or a courtesy."""
    return _QUESTION.search(_COURTESY.sub("", well_formed(text))) is not None


def is_question(text: str, sentence: str) -> bool:
    """Whether a sentence of a text ends in a question mark, which `sentences_of` leaves out."""
    words = sentence.split()
    end = text.find(words[-1], text.find(words[0])) if words else -1
    return end >= 0 and text[end + len(words[-1]) :].lstrip()[:1] in ("?", "？")


def asks_to_be_told(demand: str) -> bool:
    """Whether a demand is one for words, which an answer meets."""
    return _TELL.search(demand) is not None


def trouble_in(text: str) -> frozenset[str]:
    """The words of trouble in it."""
    return _TROUBLE.intersection(words_of(text))


def is_call(text: str) -> bool:
    """Whether a call of a tool stands in it as words, which no runtime carries out."""
    return _CALL.search(well_formed(text)) is not None


def says_something(text: str) -> bool:
    """More than the one word that ends a conversation."""
    return len(words_of(text)) > 1 or any(character.isdigit() for character in text)


def acts_of(tool: str) -> frozenset[str]:
    """The kinds of acts that a tool does by its name; one that reads does nothing else."""
    first = acts_of_tool(tool)
    return first if first == {"read"} else kinds_of(tool_words(tool))
