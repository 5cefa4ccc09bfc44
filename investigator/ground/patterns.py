"""Patterns match in time linear in the text, whatever the pattern: RE2, never backtracking.

Offsets count characters of the text as given. Lone surrogates count as `?`, as they do in
`investigator.ground.canonical_json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import re2

from investigator.errors import UsageError


class Hit(NamedTuple):
    """Where a pattern matched: `text[start:end]`."""

    start: int
    end: int
    text: str


class Pattern:
    """A compiled RE2 pattern.

    Raises:
        UsageError: the text is no RE2 pattern (look-around and back-references are not).
    """

    def __init__(self, pattern: str, *, case_sensitive: bool = True) -> None:
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = case_sensitive
        try:
            self._regexp = re2.compile(well_formed(pattern), options)
        except re2.error as error:
            reason = error.args[0] if error.args else "refused"
            said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise UsageError(f"'{pattern}' isn't a valid RE2 pattern: {said}") from error

    def hits(self, text: str) -> Iterator[Hit]:
        """Non-empty matches from left to right, without overlap."""
        clean = well_formed(text)
        for match in self._regexp.finditer(clean):
            start, end = match.span()
            if end > start:
                yield Hit(start, end, clean[start:end])


def well_formed(text: str) -> str:
    """The text with a `?` for each lone surrogate; of the same length."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
