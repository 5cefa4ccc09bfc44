"""How many tokens a text has, from its characters alone: no vocabulary, no download.

The estimate is meant to lie above the count of the byte-pair tokenizers in use, so that what is
held for a turn covers it.
"""

from __future__ import annotations

import math

import re2

_PIECES = re2.compile(
    r"(?P<word>[A-Z]?[a-z]+|[A-Z]+)|(?P<digits>[0-9]+)|(?P<line>\s*[\r\n]+[ \t]*)"
    r"|(?P<space>[ \t]{2,})|(?P<mark>[!-/:-@\[-`{-~]+)|(?P<other>[^\x00-\x7f]+)"
)


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` takes; see the tests for the error against real tokenizers."""
    return math.ceil(len(text.encode()) / 2.5)
