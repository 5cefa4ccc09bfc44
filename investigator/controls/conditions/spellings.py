"""A value in somebody's words: dates and numbers as people write them, all else as it stands."""

from __future__ import annotations

from functools import lru_cache

from investigator.controls.conditions.paths import number
from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.traces.model import parse_time

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_DATE = re2.compile(r"\A\d{4}-\d{2}-\d{2}\z")
_KEPT = 256


def time_in(text: str) -> int | None:
    """Nanoseconds since the epoch; None where the text is no ISO 8601 time."""
    try:
        return parse_time(text)
    except (ValueError, OverflowError):
        return None


def spelled_in(text: str, value: str) -> bool:
    """Whether a value stands in the text, `2024-05-17` also as "May 17", 1700 also as "1,700"."""
    if value.casefold() in text.casefold():
        return True
    pattern = _spelling(value)
    return pattern is not None and pattern.search(well_formed(text)) is not None


@lru_cache(maxsize=_KEPT)
def _spelling(value: str) -> re2.LazyPattern | None:
    if _DATE.search(value) is not None and time_in(value) is not None:
        return _date(*map(int, value.split("-")))
    amount = number(value)
    if amount is None or amount < 1000:
        return None
    whole = f"{amount:,.2f}".removesuffix(".00")
    return re2.compile(rf"(?:^|[^\d,]){re2.escape(whole)}(?:[^\d]|$)")


def _date(year: int, month: int, day: int) -> re2.LazyPattern:
    name = _MONTHS[month - 1]
    named = rf"{name[:3]}(?:{name[3:]})?\.?" if name[3:] else name
    th = r"(?:st|nd|rd|th)?"
    return re2.compile(
        rf"(?i)\b{named}\s+0?{day}{th}\b|\b0?{day}{th}\s+(?:of\s+)?{named}\b"
        rf"|\b0?{month}[/.]0?{day}(?:[/.](?:{year}|{year % 100:02d}))?\b"
        rf"|\b0?{day}[/.]0?{month}[/.](?:{year}|{year % 100:02d})\b|\b{year}/0?{month}/0?{day}\b"
    )
