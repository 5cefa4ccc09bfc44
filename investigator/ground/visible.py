"""Text as it may be shown: whatever a terminal or a reader's eye would obey is written out.

Control characters of both sets, bidirectional marks, zero-width and tag characters, variation
selectors that can carry hidden text, line separators, lone surrogates and what is no character are
shown as escapes such as `\\u202e`. Lines and tabs stay.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHOWN = frozenset("\n\t")
_HIDDEN_SELECTORS = range(0xE0100, 0xE01F0)
_PLAIN = re.compile(r"[\n\t\x20-\x7e\xa1-\xac\xae-\u02ff]*")
"""What needs no look: ASCII, and Latin letters."""


def visible(text: str) -> str:
    """The text with an escape in place of each character that is obeyed or not seen."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def one_visible_line(text: str, limit: int | None = None) -> str:
    """The same on one line, cut at `limit` characters with an ellipsis."""
    line = " ".join(visible(text).split())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def _shown(character: str) -> str:
    code = ord(character)
    if character in _SHOWN or not _is_hidden(character, code):
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_hidden(character: str, code: int) -> bool:
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    in_category = unicodedata.category(character) in _HIDDEN_CATEGORIES
    return in_category or no_character or code in _HIDDEN_SELECTORS
