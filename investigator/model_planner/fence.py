"""Trace content reaches a model between two marks that the content cannot write.

The marks carry a code that is drawn at the start of a run and kept in its journal, so no trace
can know it, and every prompt of the run, made again too, has the same. Only a model has seen the
code and could repeat it; what it says comes back without: in other letters that look alike, in
full width, with spaces or invisible characters in between.
"""

from __future__ import annotations

import secrets
import unicodedata
from typing import NamedTuple

CODE_CHARS = 12
"""48 bits: nobody guesses them, and no trace of any size holds them by chance."""


class Asking(NamedTuple):
    """What a run fixes for all of its prompts: the code of their marks, and its token limit."""

    code: str
    run_tokens: int | None = None


WITHHELD = "(withheld: it held the code of these marks)"

_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("аɑα", "a"),
        **dict.fromkeys("вьƅβ", "b"),
        **dict.fromkeys("сϲƈ", "c"),
        **dict.fromkeys("ԁɗ", "d"),
        **dict.fromkeys("еєҽε", "e"),
        **dict.fromkeys("ƒғ", "f"),
        **dict.fromkeys("oоοօ", "0"),
        **dict.fromkeys("liıіιӏ|", "1"),
        **dict.fromkeys("зӡ", "3"),
        **dict.fromkeys("ч", "4"),
        **dict.fromkeys("б", "6"),
        **dict.fromkeys("ȣ", "8"),
    }
)
"""Lower-case letters that look like a hexadecimal digit (after Unicode TR 39, confusables)."""
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789abcdef"))


def new_code() -> str:
    """The code of a run that starts."""
    return secrets.token_hex(CODE_CHARS // 2)


class Fence:
    """The marks of a run's prompts."""

    def __init__(self, code: str) -> None:
        if not code:
            raise ValueError("a fence needs the code that its run drew")
        self.code = code

    @property
    def opens(self) -> str:
        """The mark before content."""
        return f"<<data {self.code}>>"

    @property
    def closes(self) -> str:
        """The mark after content."""
        return f"<<end {self.code}>>"

    def around(self, content: str) -> str:
        """The content between the marks, without their code."""
        return f"{self.opens}\n{self._without_code(content)}\n{self.closes}"

    def _without_code(self, content: str) -> str:
        code = self.code.encode()
        if code not in _as_read(content):
            return content
        replaced = content.replace(self.code, "…")
        return WITHHELD if code in _as_read(replaced) else replaced


def _as_read(content: str) -> bytes:
    """The hexadecimal digits that a reader may see in a text, one after the other."""
    plain = unicodedata.normalize("NFKD", content).casefold().translate(_LOOK_ALIKES)
    return plain.encode("ascii", "ignore").translate(None, _NO_DIGITS)
