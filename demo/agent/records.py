"""How applications read what services answer: parse it, check it, say what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from demo.agent.domain import Reader
from investigator.ground.canonical_json import JsonValue

Fields = Mapping[str, str | tuple[str, ...]]
"""Field names with their type (`str`, `int`, `number`) or their allowed values."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {"str": str, "int": int, "number": (int, float)}


class ValidationError(ValueError):
    """A record does not have the form that its reader needs."""


def checked(name: str, fields: Fields) -> Reader:
    """A reader that checks a JSON object against `fields` and names all that is wrong."""

    def read(text: str) -> JsonValue:
        value = json.loads(text)
        if not isinstance(value, dict):
            raise ValidationError(f"1 validation error for {name}: input is not an object")
        wrong = [told for key, kind in fields.items() if (told := _problem(value, key, kind))]
        if wrong:
            count = f"{len(wrong)} validation error{'s' * (len(wrong) > 1)}"
            raise ValidationError(f"{count} for {name}: {'; '.join(wrong)}")
        found: JsonValue = value
        return found

    return read


def _problem(value: Mapping[str, JsonValue], key: str, kind: str | tuple[str, ...]) -> str | None:
    if key not in value:
        return f"{key}: field required"
    held = value[key]
    if isinstance(kind, tuple):
        allowed = ", ".join(f"'{one}'" for one in kind)
        return None if held in kind else f"{key}: input should be {allowed}, got {held!r}"
    fits = isinstance(held, _TYPES[kind]) and not isinstance(held, bool)
    return None if fits else f"{key}: input should be a valid {kind}, got {held!r}"
