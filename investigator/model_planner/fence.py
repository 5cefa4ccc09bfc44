"""Trace content reaches a model between two marks that the content cannot write.

The marks carry a nonce that occurs in no content of the prompt, nor anything that a reader could
take for it: in other letters that look alike, in full width, with spaces or invisible characters
in between. So whatever a trace says, the fence closes where the prompt closes it. The nonce is a
function of its seed and of the content: a replayed run has the same prompts, and a scope that
goes on keeps its nonce, so that what a provider cached of its prompt still holds.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from investigator.ground.canonical_json import sha256_text

_NONCE_CHARS = 8
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


class Fence:
    """The marks of one prompt, chosen for all that is to stand between them."""

    def __init__(self, seed: str, contents: Sequence[str]) -> None:
        read = [_as_read(content) for content in contents]
        attempt = 0
        while True:
            nonce = sha256_text(f"{attempt} {seed}")[:_NONCE_CHARS]
            if not any(nonce.encode() in content for content in read):
                break
            attempt += 1
        self.nonce = nonce

    @property
    def opens(self) -> str:
        """The mark before content."""
        return f"<<data {self.nonce}>>"

    @property
    def closes(self) -> str:
        """The mark after content."""
        return f"<<end {self.nonce}>>"

    def around(self, content: str) -> str:
        """The content between the marks.

        Raises:
            ValueError: the content holds the nonce, so it was not among those it was chosen for.
        """
        if self.nonce.encode() in _as_read(content):
            raise ValueError(f"the content holds the nonce {self.nonce} of its fence")
        return f"{self.opens}\n{content}\n{self.closes}"


def _as_read(content: str) -> bytes:
    """The hexadecimal digits that a reader may see in a text, one after the other."""
    plain = unicodedata.normalize("NFKD", content).casefold().translate(_LOOK_ALIKES)
    return plain.encode("ascii", "ignore").translate(None, _NO_DIGITS)
