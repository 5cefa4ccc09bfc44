"""One way to write JSON, so that equal values have equal bytes and equal hashes.

Canonical JSON here: UTF-8, keys sorted, no spaces, no NaN. Lone surrogates (they occur in
real traces) are replaced by U+FFFD, since UTF-8 has no form for them.
"""

from __future__ import annotations

import hashlib
import json
from typing import TypeAlias

import msgspec

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_json(value: JsonValue) -> str:
    """The canonical JSON text of a JSON value.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON cannot say.
    """
    text = _ENCODER.encode(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def compact_json(value: JsonValue) -> str:
    """JSON text with keys in the value's own order, made fast: for texts that are not hashed.

    What is no number (NaN, an infinity) is null.
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return canonical_json(value)


def json_object(text: str | None) -> dict[str, JsonValue] | None:
    """The JSON object that a text is; None where it is none, or nests too deeply to be read."""
    try:
        held = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def sha256_text(text: str) -> str:
    """Hex sha256 of the UTF-8 of `text` (lone surrogates count as U+FFFD's replacement `?`)."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def sha256_json(value: JsonValue) -> str:
    """Hex sha256 of the canonical JSON of `value`."""
    return sha256_text(canonical_json(value))
