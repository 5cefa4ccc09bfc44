"""Whether a text has the syntax that a `format` of JSON Schema names.

Only formats whose syntax is plain are known; of any other nothing is said. They are read as tools
read them: a time may lack its offset, and a space may stand for the `T`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from ipaddress import IPv4Address, IPv6Address

from investigator.ground import lazy_re2 as re2

_LONGEST = 2_000
_DATE = re2.compile(r"^\d{4}-\d{2}-\d{2}$")
_DATE_TIME = re2.compile(r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}")
_TIME = re2.compile(r"^\d{2}:\d{2}")
_LEAP_SECOND = re2.compile(r"(:\d{2}):60")
_EMAIL = re2.compile(r"^[^@\s]+@[^@\s]+$")
_UUID = re2.compile(r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_URI = re2.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")


def has_format(text: str, name: str) -> bool:
    """Whether a text is of the format, or nothing is known of that."""
    read = _FORMATS.get(name)
    if read is None:
        return True
    try:
        return len(text) <= _LONGEST and read(text)
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    return _DATE.search(text) is not None and bool(date.fromisoformat(text))


def _is_date_time(text: str) -> bool:
    plain = _LEAP_SECOND.sub(r"\1:59", text)
    return _DATE_TIME.search(text) is not None and bool(datetime.fromisoformat(plain.upper()))


def _is_time(text: str) -> bool:
    plain = _LEAP_SECOND.sub(r"\1:59", text)
    return _TIME.search(text) is not None and time.fromisoformat(plain.upper()) is not None


def _is_ipv4(text: str) -> bool:
    return IPv4Address(text) is not None


def _is_ipv6(text: str) -> bool:
    return "%" not in text and IPv6Address(text) is not None


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": _is_date,
    "date-time": _is_date_time,
    "time": _is_time,
    "email": lambda text: _EMAIL.search(text) is not None,
    "uuid": lambda text: _UUID.search(text) is not None,
    "uri": lambda text: _URI.search(text) is not None,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
}
