"""Times of day that are told of another zone than they were read in, days told of another month.

A stamp with an offset is a time of day in one zone. Whoever repeats that time of day and calls it
one of a zone with another offset has not converted it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.readings.utterances import Utterance

_STAMP = re2.compile(
    r"\b(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?\s?"
    r"(Z\b|UTC\b|[+-]\d{2}:?\d{2}\b)"
)
_TOLD = re2.compile(
    r"\b(\d{1,2})(?::(\d{2}))?\s?([AaPp]\.?[Mm]\.?)?\s*(?:\(?(UTC|GMT|CET|CEST|EST|EDT|CST|CDT|MST"
    r"|MDT|PST|PDT|BST|IST|JST|AEST|(?:\p{Lu}\p{Ll}+ ){1,2}time\b|(?:your )?local time)\b)?"
)
_ZONE = re2.compile(
    r"\b((?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_]+)"
)
_OFFSETS = {
    "UTC": 0, "GMT": 0, "CET": 60, "CEST": 120, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300,
    "MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "BST": 60, "IST": 330, "JST": 540,
    "AEST": 600,
}  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAY = re2.compile(
    rf"\b({'|'.join(_MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?\b"
    rf"|\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({'|'.join(_MONTHS)})\b"
)
_DATE = re2.compile(r"\b\d{4}-(\d{2})-(\d{2})")
_WINDOW = 50_000


class Misread(NamedTuple):
    """What was misread, in words, and where it stood."""

    words: str
    source: Utterance


class _Stamp(NamedTuple):
    day: date
    clock: time
    offset: int
    source: Utterance


def misread_time(
    text: str, observed: Sequence[tuple[str, Utterance]], given: Sequence[str]
) -> Misread | None:
    """A time of day of one zone that the text tells as that of another."""
    stamps = [stamp for held, source in observed for stamp in _stamps(held, source)]
    if not stamps:
        return None
    zone = _zone_of(given)
    told = list(_told(text))
    clocks = {clock for clock, _ in told}
    for clock, named in told:
        alike = [stamp for stamp in stamps if stamp.clock == clock]
        if len({stamp.offset for stamp in alike}) != 1:
            continue
        stamp = alike[0]
        offset = _OFFSETS.get(named) if named in _OFFSETS else _offset(zone, stamp)
        if offset is None or offset == stamp.offset or _converted(stamp, offset) in clocks:
            continue
        if named or zone is not None:
            told_as = named or zone
            why = (
                f"{clock:%H:%M} was read at an offset of {_shown(stamp.offset)}, told as {told_as}"
            )
            return Misread(why, stamp.source)
    return None


def misread_day(
    text: str, observed: Sequence[tuple[str, Utterance]], given: Sequence[str]
) -> Misread | None:
    """A day of another month than the only day that was observed; of several none is meant."""
    told = set(_days(text))
    if not told:
        return None
    sources = {day: source for held, source in observed for day in _all_days(held)}
    asked = {day for held in given for day in _all_days(held)}
    for month, day in told - set(sources) - asked:
        right = next(iter(sources), None)
        if right is not None and len(sources) == 1 and right[1] == day and right not in told:
            why = f"the answer says {_MONTHS[month - 1]} {day}, and {_MONTHS[right[0] - 1]} {day}"
            return Misread(f"{why} was observed", sources[right])
    return None


def _stamps(text: str, source: Utterance) -> Iterator[_Stamp]:
    for hit in _STAMP.finditer(well_formed(text[:_WINDOW])):
        try:
            day, clock = (
                date.fromisoformat(hit.group(1)),
                time(int(hit.group(2)), int(hit.group(3))),
            )
        except ValueError:
            continue
        yield _Stamp(day, clock, _minutes(hit.group(4)), source)


def _minutes(offset: str) -> int:
    if offset in ("Z", "UTC"):
        return 0
    sign, digits = (-1 if offset[0] == "-" else 1), offset[1:].replace(":", "")
    return sign * (int(digits[:2]) * 60 + int(digits[2:]))


def _shown(offset: int) -> str:
    return f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


def _told(text: str) -> Iterator[tuple[time, str]]:
    """The times of day of a text, each with what it says of its zone."""
    for hit in _TOLD.finditer(text):
        hour, minute, half, zone = hit.groups()
        if minute is None and half is None:
            continue
        number = int(hour)
        if half is not None:
            number = number % 12 + (12 if half[0] in "Pp" else 0)
        if number < 24 and int(minute or 0) < 60:
            yield time(number, int(minute or 0)), zone or ""


def _zone_of(given: Iterable[str]) -> str | None:
    """The only zone that instructions and user name."""
    zones = {zone for text in given for zone in _ZONE.findall(well_formed(text[:_WINDOW]))}
    return zones.pop() if len(zones) == 1 else None


def _offset(zone: str | None, stamp: _Stamp) -> int | None:
    if zone is None:
        return None
    try:
        found = datetime.combine(stamp.day, stamp.clock, ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError):
        return None
    return None if found is None else int(found.total_seconds()) // 60


def _converted(stamp: _Stamp, offset: int) -> time:
    minutes = (stamp.clock.hour * 60 + stamp.clock.minute + offset - stamp.offset) % (24 * 60)
    return time(minutes // 60, minutes % 60)


def _days(text: str) -> Iterator[tuple[int, int]]:
    for first, day, other_day, last in _DAY.findall(text):
        yield _MONTHS.index(first or last) + 1, int(day or other_day)


def _all_days(text: str) -> Iterator[tuple[int, int]]:
    plain = well_formed(text[:_WINDOW])
    yield from _days(plain)
    for month, day in _DATE.findall(plain):
        if 1 <= int(month) <= 12:
            yield int(month), int(day)
