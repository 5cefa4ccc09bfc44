"""Trace content reaches a model between two marks that the content cannot write.

The marks carry a nonce that occurs in no content of the prompt, so whatever a trace says, the
fence closes where the prompt closes it. The nonce is a function of its seed and of the content:
a replayed run has the same prompts, and a scope that goes on keeps its nonce, so that what a
provider cached of its prompt still holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from investigator.canonical import sha256_text

_NONCE_CHARS = 8


class Fence:
    """The marks of one prompt, chosen for all that is to stand between them."""

    def __init__(self, seed: str, contents: Sequence[str]) -> None:
        folded = [content.casefold() for content in contents]
        attempt = 0
        while True:
            nonce = sha256_text(f"{attempt} {seed}")[:_NONCE_CHARS]
            if not any(nonce in content for content in folded):
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
        if self.nonce in content.casefold():
            raise ValueError(f"the content holds the nonce {self.nonce} of its fence")
        return f"{self.opens}\n{content}\n{self.closes}"
