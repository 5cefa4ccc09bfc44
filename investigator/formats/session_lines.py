"""Lines are grouped by the session that they name; one that names none goes with the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from investigator.formats.format import Record
from investigator.ground.canonical_json import JsonValue

LINES = "lines"
"""Where a record that was put together has its lines."""


def grouped(
    lines: Sequence[Record], name_of: Callable[[Record], str], stem: str
) -> list[dict[str, JsonValue]]:
    """A record for each session, in order of their first lines; `stem` where no line names one.

    Lines before the first that names a session belong to that.
    """
    found: dict[str, list[JsonValue]] = {}
    name = next((named for line in lines if (named := name_of(line))), stem)
    for line in lines:
        name = name_of(line) or name
        found.setdefault(name, []).append(dict(line))
    return [{"session": name, LINES: listed} for name, listed in found.items()]


def lines_in(record: Record, is_line: Callable[[Record], bool]) -> list[dict[str, JsonValue]]:
    """The lines of a record that was put together; a line by itself is all of them."""
    listed = record.get(LINES)
    if isinstance(listed, list) and not is_line(record):
        return [line for line in listed if isinstance(line, dict)]
    return [dict(record)]


def is_grouped(record: Record, is_line: Callable[[Record], bool]) -> bool:
    """Whether a record is a line, or was put together from lines."""
    if is_line(record):
        return True
    listed = record.get(LINES)
    if "session" not in record or not isinstance(listed, list):
        return False
    return any(isinstance(line, dict) and is_line(line) for line in listed)


def texts(values: Iterable[JsonValue]) -> str:
    """Texts one below the other; what is no text, or an empty one, is left out."""
    return "\n".join(value for value in values if isinstance(value, str) and value)
