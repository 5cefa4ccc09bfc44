"""Error messages that say the same thing have one template: what varies in them is masked.

Links, paths, quoted words, dates and every word with a digit in it (numbers, ids, hashes) become
a mark. Masking is linear in the text.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed

_MASKS = (
    (re2.compile(r"(?i)\b[a-z][a-z0-9+.-]*://[^\s\"'<>)\]]+"), "<url>"),
    (
        re2.compile(r"""(^|[\s=(\[{:,])(?:"[^"\n]{1,400}"|'[^'\n]{1,400}'|`[^`\n]{1,400}`)"""),
        r"\1<text>",
    ),
    (re2.compile(r"""(^|[\s=(\[{:,])["'`][^"'`\n]*…$"""), r"\1<text>"),
    (re2.compile(r"[^\s\"'`(){}<>\[\]=,]*[/\\][^\s\"'`(){}<>\[\]=,]*"), "<path>"),
    (
        re2.compile(
            r"\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|June"
            r"|July|August|September|October|November|December)\b"
        ),
        "#",
    ),
    (re2.compile(r"\b\w*\d\w*\b"), "#"),
    (re2.compile(r"#(?:[-.:/_+,]?#)+"), "#"),
)
_WORD = re2.compile(r"\w+|<\w+>|#")


def masked(text: str) -> str:
    """The text with a mark in place of what varies from one occurrence to the next."""
    text = well_formed(text)
    for pattern, mark in _MASKS:
        text = pattern.sub(mark, text)
    return " ".join(text.split())


def template_words(template: str) -> frozenset[str]:
    """The words of a template, for likeness."""
    return frozenset(word.lower() for word in _WORD.findall(template))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """How alike two sets of words are, 0..1 (Jaccard); two empty ones are alike."""
    together = len(one | other)
    return len(one & other) / together if together else 1.0
