"""Texts in fewer words that say the same, as a planner is shown them."""

from __future__ import annotations

import json

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import compact_json

_TRACEBACK = re2.compile(
    r"(?m)^([ \t]*)Traceback \(most recent call last\):\n(?:[ \t]+.*\n|\s*\n)+"
)
_BLANK = re2.compile(r"[ \t]*\n\s*\n|[ \t]+\n")
_MOST_JSON = 200_000
"""A longer text is not read as JSON to write it shorter."""


def folded(text: str) -> str:
    """Tracebacks as their last line, JSON without its spaces, no blank lines; else as it is."""
    if text[:1] in "{[" and len(text) <= _MOST_JSON:
        try:
            return compact_json(json.loads(text))
        except (ValueError, RecursionError):
            return text
    if "Traceback (most recent" in text:
        text = str(_TRACEBACK.sub(r"\1Traceback (…): ", text))
    return str(_BLANK.sub("\n", text))
