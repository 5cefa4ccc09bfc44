"""One way to write JSON, so that equal values have equal bytes and equal hashes.

Canonical JSON here: UTF-8, keys sorted, no spaces, no NaN. Lone surrogates (they occur in
real traces) are replaced by U+FFFD, since UTF-8 has no form for them.

JSON is read so that every value can be written again and computed with: a number that no double
holds is the text that it was written as, NaN is null, an infinity its name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from types import NoneType
from typing import TypeAlias

import msgspec

from investigator.ground.wording import counted

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


_SORTED = msgspec.json.Encoder(order="sorted")
"""Four times as fast, and the same to the byte but for what `_is_written_alike` tells apart."""

_PLAIN = frozenset({str, bool, NoneType})
_INTEGERS = range(-(2**63), 2**64)
_SMALLEST, _LARGEST = 1e-4, 1e16
"""Between these a number is written without an exponent, of which there are several spellings."""

_DIGITS = 308
"""Any integer of that many digits is a double too; of more than 4,300 Python makes no int."""

_DEPTH = 300
"""A walker may take two frames a level, of Python's 1,000, and stands some 200 deep itself."""

_VALUES = 5_000_000
"""A value of 3 bytes of text takes up to 72 of memory, so bounding the bytes is not enough."""

_COUNT_DIGITS = 15


def canonical_json(value: JsonValue) -> str:
    """The canonical JSON text of a JSON value.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON cannot say.
    """
    if _is_written_alike((value,)):
        try:
            return _SORTED.encode(value).decode()
        except UnicodeEncodeError:
            pass  # a lone surrogate
    text = _ENCODER.encode(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _is_written_alike(values: Collection[JsonValue]) -> bool:
    """Whether `_SORTED` writes these values, and all in them, as `_ENCODER` does."""
    kinds = set(map(type, values))
    if kinds <= _PLAIN:
        return True
    return all(_is_alike(value) for value in values if type(value) not in _PLAIN)


def _is_alike(value: JsonValue) -> bool:
    if type(value) is dict:
        return set(map(type, value)) <= {str} and _is_written_alike(value.values())
    if type(value) is list:
        return _is_written_alike(value)
    if type(value) is int:
        return value in _INTEGERS
    return type(value) is float and (value == 0 or _SMALLEST <= abs(value) < _LARGEST)


def compact_json(value: JsonValue) -> str:
    """JSON text with keys in the value's own order, made fast: for texts that are not hashed.

    What is no number (NaN, an infinity) is null.
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return canonical_json(value)


def read_json(text: str) -> JsonValue:
    """The JSON value that a text is.

    Raises:
        ValueError: the text is no JSON, or holds more than some five million values.
        RecursionError: it nests deeper than 300 levels.
    """
    values = text.count(",")
    if values > _VALUES:
        raise ValueError(
            f"JSON of about {counted(values, 'value')}, above the limit of {_VALUES:,};"
            " split it, or leave out its longest lists"
        )
    value: JsonValue = _DECODER.decode(text)
    if text.count("[") + text.count("{") > _DEPTH and _is_deep(value):
        raise RecursionError
    return value


def read_json_at(text: str, at: int) -> tuple[JsonValue, int]:
    """The JSON value that starts at a place of a text, and where it ends; else as `read_json`."""
    value, end = _DECODER.raw_decode(text, at)
    if end - at > _DEPTH and _is_deep(value):
        raise RecursionError
    return value, end


def _is_deep(value: JsonValue) -> bool:
    level: list[JsonValue] = [value]
    for _ in range(_DEPTH):
        level = [
            below
            for item in level
            if isinstance(item, dict | list)
            for below in (item.values() if isinstance(item, dict) else item)
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS else digits


def _real(digits: str) -> float | str:
    value = float(digits)
    return value if math.isfinite(value) else digits


def _constant(name: str) -> str | None:
    return None if name == "NaN" else name


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_real, parse_constant=_constant)


def count_of(digits: str) -> int | None:
    """The number that decimal digits say; None where they are none, or too many for a count."""
    return int(digits) if digits.isdecimal() and len(digits) <= _COUNT_DIGITS else None


def json_object(text: str | None) -> dict[str, JsonValue] | None:
    """Parse text as a JSON object; None if it isn't one, or nests too deeply."""
    if text is None or text.lstrip()[:1] != "{":
        return None
    try:
        held = read_json(text)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def sha256_text(text: str) -> str:
    """Hex sha256 of the UTF-8 of `text` (lone surrogates count as U+FFFD's replacement `?`)."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def sha256_json(value: JsonValue) -> str:
    """Hex sha256 of the canonical JSON of `value`."""
    return sha256_text(canonical_json(value))
