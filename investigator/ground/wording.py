"""Sentences agree with their numbers and end once; times and durations are as long as is read.

Whatever a person reads that counts, measures or closes a sentence goes through here.
"""

from __future__ import annotations

import re

_OPEN = " \t\n.,;:"
_ENDS = ("…", "!", "?", "…”", ".”", "!”", "?”", '."')
_FRACTION = re.compile(r"(T\d{2}:\d{2}:\d{2})(\.\d{1,3})\d*")
_DIGITS = 3


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with what it counts: `1 span`, `1,204 spans`; `many` where an s does not do."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def times(number: int) -> str:
    """How often: once, `3 times`."""
    return "once" if number == 1 else f"{number:,} times"


def sentence(text: str) -> str:
    """The text with one end."""
    whole = text.rstrip(_OPEN)
    return whole if whole.endswith(_ENDS) else f"{whole}."


def duration(ms: float) -> str:
    """A duration given in milliseconds, in the unit that fits, with three significant digits."""
    for unit, size in (("h", 3_600_000.0), ("min", 60_000.0), ("s", 1_000.0), ("ms", 1.0)):
        if abs(ms) >= size * (2 if size > 1_000 else 1) or unit == "ms":
            return f"{_rounded(ms / size)} {unit}"
    raise AssertionError("the last unit takes every duration")


def _rounded(number: float) -> str:
    shown = float(f"{number:.{_DIGITS}g}")
    return f"{shown:,.0f}" if shown >= 10 ** (_DIGITS - 1) else f"{shown}"


def shown_time(iso: str) -> str:
    """An ISO time to the millisecond, which is as much as a person reads."""
    return _FRACTION.sub(r"\1\2", iso)
