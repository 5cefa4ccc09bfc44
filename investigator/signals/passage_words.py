"""What passages and questions are about, as far as words tell: by the stems of their own words."""

from __future__ import annotations

from collections.abc import Iterable

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue
from investigator.readings.languages import common_words, word_set

_WINDOW = 20_000
_STEM = 4
"""Letters; short, so that a passage about refunds has the word of a question about refunding."""

_WORD = re2.compile(r"\pL{3,}|\d{2,}")
_ASKING = word_set(
    "what when where which who whom whose why how does did can could would should please tell show "
    "find give list explain describe about need want know help get use using make there they them "
    "any some into over after before than then many much long work works way best have has"
)
_CONTENTS = ("content", "text", "page_content", "pageContent", "body", "snippet", "passage")


def telling_stems(text: str) -> frozenset[str]:
    """The stems of the words of a text that say what it is about."""
    words = {word.lower() for word in _WORD.findall(text[:_WINDOW])}
    return frozenset(word[:_STEM] for word in words - common_words() - _ASKING)


def passages_of(items: Iterable[JsonValue]) -> list[str]:
    """The texts of things that were found, where they hold any."""
    found = []
    for item in items:
        fields = item if isinstance(item, dict) else {}
        inner = fields.get("document", fields.get("node"))
        held = inner if isinstance(inner, dict) else fields
        text = next((held[key] for key in _CONTENTS if isinstance(held.get(key), str)), item)
        if isinstance(text, str) and " " in text.strip():
            found.append(text)
    return found
