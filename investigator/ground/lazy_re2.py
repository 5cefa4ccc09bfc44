"""A pattern that code states is compiled when it is first matched, and then costs what RE2 costs.

The code states hundreds of patterns, and a short trace meets a sixth of them: compiled where they
are stated, they were a tenth of the time of a command. Imported as `re2` where patterns are
constants.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import re2

from investigator.ground.ascii_re2 import AsciiRegexp

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn", "groups")

RE2Match: TypeAlias = re2._Match
escape, findall, search = re2.escape, re2.findall, re2.search


class LazyPattern:
    """What `re2.compile` returns, once it is needed: its methods stand in slots from then on."""

    __slots__ = ("_options", "pattern", *_METHODS)

    def __init__(self, pattern: str | bytes, options: re2.Options | None = None) -> None:
        self.pattern: Any = pattern
        self._options = options

    def __getattr__(self, name: str) -> Any:
        """Called where a slot is empty, which all are until the first match."""
        if name not in _METHODS:
            raise AttributeError(name)
        regexp = AsciiRegexp(self.pattern, self._options or re2.Options())
        for method in _METHODS:
            setattr(self, method, getattr(regexp, method))
        return getattr(regexp, name)


def compile(pattern: str | bytes) -> LazyPattern:  # noqa: A001 (as re2 calls it)
    """The pattern, compiled when it is first matched; one that RE2 refuses raises then."""
    return LazyPattern(pattern)
