"""Blocks of a text that stood in an earlier step are named, not shown again.

Frameworks send a task, a plan or a list of tools along in one message after the other. A block is
consecutive lines, compared without what parts words; it stands word for word in the earlier step.
"""

from __future__ import annotations

from collections.abc import Sequence

LEAST_CHARS = 300
"""A shorter block is read faster than looked up."""

_LINE_CHARS = 12
"""A block begins with a line of at least so many characters: brackets and rules stand anywhere."""


class Repeats:
    """Takes the texts of a run in order and folds what was there before."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []  # each line that was shown, with its step
        self._places: dict[str, list[int]] = {}

    def folded(self, step: str, text: str) -> str:
        """The text with each block that an earlier step has as `[as in m3: 1,842 characters]`."""
        lines = text.split("\n")
        plain = [" ".join(line.split()) for line in lines]
        made: list[str] = []
        new: list[str] = []
        at = 0
        while at < len(lines):
            length, source = self._longest(step, plain, at)
            chars = sum(len(line) + 1 for line in lines[at : at + length])
            if length and chars >= LEAST_CHARS:
                made.append(f"[as in {source}: {chars:,} characters]")
                at += length
            else:
                made.append(lines[at])
                new.append(plain[at])
                at += 1
        self._keep(step, new)
        return "\n".join(made)

    def _longest(self, step: str, plain: Sequence[str], at: int) -> tuple[int, str]:
        """How many lines from `at` on stand together in an earlier step, and in which."""
        best, source = 0, ""
        if len(plain[at]) < _LINE_CHARS:
            return best, source
        for place in self._places.get(plain[at], ()):
            of = self._lines[place][1]
            length = 0
            while (
                of != step
                and at + length < len(plain)
                and place + length < len(self._lines)
                and self._lines[place + length] == (plain[at + length], of)
            ):
                length += 1
            if length > best:
                best, source = length, of
        return best, source

    def _keep(self, step: str, plain: Sequence[str]) -> None:
        for line in plain:
            places = self._places.setdefault(line, [])
            if len(line) >= _LINE_CHARS and len(places) < _PLACES:
                places.append(len(self._lines))
            self._lines.append((line, step))


_PLACES = 4
"""So many places of one line are tried, which keeps a log of equal lines linear."""
