"""A path names values inside JSON: `payment_methods.*.id` is the id of every payment method.

The parts stand between dots: a key of an object, a position in a list (from 0; -1 is the last),
or `*` for every element of a list and every value of an object. What is absent is told apart
from what is hidden: below a `*` an element without the key just gives no value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from investigator.ground.canonical_json import JsonValue, canonical_json, count_of
from investigator.ground.json_text import embedded_json
from investigator.traces.model import REDACTED
from investigator.traces.openinference import to_json

EACH = "*"
_KEPT = 32


@dataclass(frozen=True, slots=True)
class PathValues:
    """The values at a path; `absent` and `hidden` say where it could not be followed, if so."""

    values: tuple[JsonValue, ...] = ()
    absent: str | None = None
    hidden: str | None = None


@lru_cache(maxsize=_KEPT)
def document_in(text: str) -> JsonValue:
    """The object or list that a text holds; of any other text the text itself.

    None where the text begins as JSON and is none: cut off, or nested too deeply. The last few
    are kept, as several conditions look into the same record; they are only read.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        found = to_json(embedded_json(text))
        canonical_json(found)
    except RecursionError:
        return None
    return found


def values_at(document: JsonValue, parts: Sequence[str]) -> PathValues:
    """What stands at the path, in the order of the document."""
    level: list[JsonValue] = [document]
    spread = False
    for place, part in enumerate(parts):
        if any(_is_hidden(value) for value in level):
            return PathValues(hidden=".".join(parts[:place]) or "it")
        spread = spread or part == EACH
        level = [below for value in level for below in _below(value, part)]
        if not level and not spread:
            return PathValues(absent=".".join(parts[: place + 1]))
    if any(_is_hidden(value) for value in level):
        return PathValues(hidden=".".join(parts))
    return PathValues(values=tuple(level))


def _below(value: JsonValue, part: str) -> list[JsonValue]:
    if part == EACH:
        if isinstance(value, dict):
            return list(value.values())
        return list(value) if isinstance(value, list) else []
    if isinstance(value, dict):
        return [value[part]] if part in value else []
    index = count_of(part.removeprefix("-"))
    if isinstance(value, list) and index is not None:
        index = -index if part.startswith("-") else index
        return [value[index]] if -len(value) <= index < len(value) else []
    return []


def _is_hidden(value: JsonValue) -> bool:
    return isinstance(value, str) and REDACTED in value


def comparable_text(value: JsonValue) -> str:
    """A value as text, in which the number 5, the number 5.0 and the text "5" are alike."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return canonical_json(value)


def number(value: JsonValue) -> float | None:
    """Convert a value to a number, also from text; None if it isn't one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
