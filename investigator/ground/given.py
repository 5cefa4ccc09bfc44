"""What a caller gives is closed and typed, and a mistake in it is told in one line.

A misspelt name, a value of the wrong type or a value out of range is a `UsageError` that says
which, and what would do, at the moment the value is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from investigator.errors import UsageError


class Given(BaseModel):
    """Base of questions and settings: immutable, no unknown names, no coercion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _mistakes_in_one_line(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(mistake_in(cls.__name__, first, list(cls.model_fields))) from None


def mistake_in(model: str, error: ErrorDetails, names: Sequence[str]) -> str:
    """A mistake in the fields of a model, in one line; `names` are the fields that it has."""
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        near = get_close_matches(place, names, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; it has: {', '.join(names)}"
        return f"{model} has no setting '{place}'{hint}"
    reason = error["msg"].removeprefix("Value error, ")
    if not place:
        return reason
    return f"{model}: {place}: {reason[0].lower()}{reason[1:]}, not {_short(error['input'])}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
