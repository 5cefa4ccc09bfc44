"""A text as it reads once its escapes are undone, with the way back to where each part stood.

URLs write `%40` and JSON `\\u0040` for `@`: what is hidden so is found in the view and marked in
the text itself. Nothing but finding uses the view, so one escape too many does no harm.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from investigator.ground import lazy_re2 as re2

_ESCAPE = re2.compile(rb"%[2-9A-Fa-f][0-9A-Fa-f]|\\+u[0-9A-Fa-f]{4}|\\+x[2-7][0-9A-Fa-f]")


@dataclass(frozen=True, slots=True)
class Unescaped:
    """A view of a text, in bytes. `edges` are where its stretches start, here and in the text."""

    text: bytes
    edges: tuple[tuple[int, int], ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where `[start, end)` of the view stands in the text; whole escapes only."""
        return self._from(start), self._to(end)

    def _from(self, position: int) -> int:
        index = bisect_right(self.edges, position, key=lambda edge: edge[0]) - 1
        here, there = self.edges[index]
        following = self.edges[index + 1]
        plain = following[0] - here == following[1] - there
        return there + (position - here if plain else 0)

    def _to(self, position: int) -> int:
        index = bisect_right(self.edges, position - 1, key=lambda edge: edge[0]) - 1
        here, there = self.edges[index]
        following = self.edges[index + 1]
        plain = following[0] - here == following[1] - there
        return there + (position - here) if plain else following[1]


def unescaped(text: bytes) -> Unescaped | None:
    """The view of a text; None where it has no escapes."""
    if b"%" not in text and b"\\" not in text:
        return None
    pieces: list[bytes] = []
    edges: list[tuple[int, int]] = []
    done = length = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        sign = _sign(text[start:end])
        if start > done:
            edges.append((length, done))
            pieces.append(text[done:start])
            length += start - done
        edges.append((length, start))
        pieces.append(sign)
        length += len(sign)
        done = end
    if not edges:
        return None
    if done < len(text):
        edges.append((length, done))
        pieces.append(text[done:])
        length += len(text) - done
    edges.append((length, len(text)))
    return Unescaped(b"".join(pieces), tuple(edges))


def _sign(escape: bytes) -> bytes:
    """What an escape stands for: a byte of a URL, or a character."""
    if escape.startswith(b"%"):
        return bytes.fromhex(escape[1:].decode())
    code = int(escape.lstrip(b"\\")[1:], 16)
    return chr(code).encode("utf-8", "replace")
