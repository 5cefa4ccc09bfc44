"""RE2 over ASCII text, in which a byte is a character, so that no offset is counted anew.

RE2's binding matches bytes, and turns each offset of each match into one of characters: for a
match in a short text that takes three times as long as the match itself. Nearly all text is ASCII,
and there the offsets are the same. Any other text goes the way of the binding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import re2

_Anchor = re2._Anchor
_NO_SPAN = re2._NULL_SPAN


class AsciiRegexp(re2._Regexp):  # type: ignore[misc]
    """What `re2.compile` returns, with a short way for ASCII text; the answers are the same."""

    __slots__ = ()

    def search(self, text: Any, pos: int | None = None, endpos: int | None = None) -> Any:
        """The first match; None where there is none."""
        return self._first(_Anchor.UNANCHORED, text, pos, endpos)

    def match(self, text: Any, pos: int | None = None, endpos: int | None = None) -> Any:
        """The match at the beginning."""
        return self._first(_Anchor.ANCHOR_START, text, pos, endpos)

    def fullmatch(self, text: Any, pos: int | None = None, endpos: int | None = None) -> Any:
        """The match of all of it."""
        return self._first(_Anchor.ANCHOR_BOTH, text, pos, endpos)

    def _first(self, anchor: Any, text: Any, pos: int | None, endpos: int | None) -> Any:
        if not _is_whole_ascii(text, pos, endpos):
            return next(super()._match(anchor, text, pos, endpos), None)
        size = len(text)
        spans = self._regexp.Match(anchor, text.encode(), 0, size)
        return None if spans[0] == _NO_SPAN else re2._Match(self, text, 0, size, spans)

    def _match(
        self, anchor: Any, text: Any, pos: int | None = None, endpos: int | None = None
    ) -> Iterator[Any]:
        """What `finditer`, `findall`, `split` and `sub` are made of."""
        if not _is_whole_ascii(text, pos, endpos):
            yield from super()._match(anchor, text, pos, endpos)
            return
        encoded, at, size = text.encode(), 0, len(text)
        while True:
            spans = self._regexp.Match(anchor, encoded, at, size)
            if spans[0] == _NO_SPAN:
                return
            yield re2._Match(self, text, 0, size, spans)
            if at == size:
                return
            end = spans[0][1]
            at = end if end > at else at + 1  # behind an empty match, or it would be found for ever


def _is_whole_ascii(text: Any, pos: int | None, endpos: int | None) -> bool:
    return pos is None and endpos is None and isinstance(text, str) and text.isascii()
