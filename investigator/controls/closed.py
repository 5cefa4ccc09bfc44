"""What a library's file may say is closed; a misspelt field is told with the one that was meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

UNKNOWN_FIELD = "extra_forbidden"
_QUOTED = re.compile("'([^']*)'")


class Closed(BaseModel):
    """Base of the models of a file: immutable, and of no other fields than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _near_names(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            names = [field.alias or name for name, field in cls.model_fields.items()]
            told = [_told(one, names) for one in error.errors()]
            raise ValidationError.from_exception_data(cls.__name__, told) from None


def _told(error: ErrorDetails, names: list[str]) -> InitErrorDetails:
    """The error, in words where it is a field that the model does not have."""
    message = error["msg"]
    if error["type"] in ("enum", "literal_error") and isinstance(error["input"], str):
        near = get_close_matches(error["input"], _QUOTED.findall(message), 1)
        message += f"; did you mean {near[0]}?" if near else ""
    if error["type"] == UNKNOWN_FIELD and len(error["loc"]) == 1:
        message = near_name(str(error["loc"][0]), names)
    return InitErrorDetails(
        type=PydanticCustomError(error["type"], "{told}", {"told": message}),
        loc=error["loc"],
        input=error["input"],
    )


def near_name(name: str, names: list[str]) -> str:
    """What is said of a name that is not among those that may stand here."""
    near = get_close_matches(name, names, 1)
    meant = f"did you mean {near[0]}?" if near else "check its spelling and its indentation"
    return f"no such field here; {meant}"
