"""The sentences of a policy's text, each word for word with its line and the heading above it.

Markdown or plain text. A list item and a row of a table are passages of their own; line breaks
within a sentence are spaces. Headings, rules, code and what has no words are no sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(?P<text>.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^\s{0,3}(=+|-{2,})\s*$")
_RULE = re.compile(r"^\s*([-*_|:=]\s*){3,}$")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+|^\s*>+\s?")
_ROW = re.compile(r"^\s*\|(?P<cells>.*?)\|?\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ENDS = re.compile(
    r"(?P<mark>[.!?…]+[\"'”’)\]*_]*)(?=\s+(?:[\"'“‘(\[*_]*)(?:[A-Z0-9]|[^\x00-\x7f]))|[。！？]+[」』”]*"
)
_SHORT_FORMS = re.compile(
    r"(?i)(?:\b(?:e\.g|i\.e|etc|vs|no|nos|art|sec|fig|mr|mrs|ms|dr|prof|inc|ltd|approx|z\.b|d\.h|bzw"
    r"|usw|nr|abs|p\.ej|sr|sra)\.|^\W*\d{1,3}\.)$"
)
_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True, slots=True)
class PolicySentence:
    """One sentence: `id` names it in a draft, `line` is where it begins in the file."""

    id: str
    line: int
    text: str
    heading: str


def policy_sentences(text: str) -> tuple[PolicySentence, ...]:
    """The sentences of a text, in order."""
    found: list[PolicySentence] = []
    for passage in _passages(text):
        for line, sentence in _sentences(passage):
            if _WORD.search(sentence):
                found.append(PolicySentence(f"s{len(found) + 1}", line, sentence, passage.heading))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Passage:
    """Lines that belong together, with the number of the first."""

    heading: str
    line: int
    lines: tuple[str, ...]


def _passages(text: str) -> Iterator[_Passage]:
    heading, start, held, is_code = "", 0, list[str](), False
    lines = text.splitlines()
    for number, line in enumerate([*lines, ""], start=1):
        title = _HEADING.match(line)
        starts = _ITEM.match(line) is not None or _ROW.match(line) is not None
        is_title = bool(held) and len(held) == 1 and _UNDERLINE.match(line) is not None
        fence = _FENCE.match(line) is not None
        breaks = not line.strip() or title or starts or fence or is_code or _RULE.match(line)
        if is_title:
            heading, held = held[0].strip(), []
            continue
        if breaks and held:
            yield _Passage(heading, start, tuple(held))
            held = []
        is_code = is_code is not fence
        if title:
            heading = title["text"]
        elif line.strip() and not (is_code or fence or _RULE.match(line)):
            start = start if held else number
            held.append(_plain(line))


def _plain(line: str) -> str:
    """A line without the marks of a list, a quotation or a table."""
    row = _ROW.match(line)
    if row is not None:
        return " ".join(cell.strip() for cell in row["cells"].split("|") if cell.strip())
    return _ITEM.sub("", line, count=1).strip()


def _sentences(passage: _Passage) -> Iterator[tuple[int, str]]:
    """Line and text of each sentence of a passage."""
    words = [
        (passage.line + place, word)
        for place, line in enumerate(passage.lines)
        for word in line.split()
    ]
    whole = " ".join(word for _, word in words)
    lines = [line for line, word in words for _ in range(len(word) + 1)]
    start = 0
    for end in [*_ends(whole), len(whole)]:
        sentence = whole[start:end].strip()
        if sentence:
            yield lines[whole.index(sentence, start)], sentence
        start = end


def _ends(text: str) -> Iterator[int]:
    for mark in _ENDS.finditer(text):
        if not _SHORT_FORMS.search(text[: mark.end()]):
            yield mark.end()


def same_words(text: str) -> str:
    """A text with single spaces, as sentences have them."""
    return " ".join(text.split())
