"""A form of the language is told by the one key that only it has, wherever it is written.

Each family of forms (conditions, amounts) has a table of its telling keys. A value is read as the
form whose key it has; where it has none of them, or several, the refusal says what it could be.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from investigator.controls.checking import Params

FormT = TypeVar("FormT", bound=Params)

_ALIKE = 0.7
"""How alike two keys are, of 1, for one to be taken for a slip of the other."""


def told_by_key(
    raw: Any, forms: Mapping[str, type[FormT]], *, what: str, context: Any = None
) -> FormT:
    """The form that a mapping is, checked field by field, in the context of its library.

    Raises:
        ValidationError: a field of it is wrong.
        PydanticCustomError: it has no telling key, or several; `what` says what it should be.
    """
    keys = [str(key) for key in raw] if isinstance(raw, Mapping) else []
    telling = [key for key in keys if key in forms]
    if len(telling) == 1:
        return forms[telling[0]].model_validate(raw, context=context)
    told = _near(keys, forms) if not telling else None
    told = told or f"{what}: {', '.join(forms)}"
    raise PydanticCustomError("telling_key", "{told}", {"told": told})


def _near(keys: list[str], forms: Mapping[str, object]) -> str | None:
    """What a slip of a key was meant to be."""
    for key in keys:
        for meant in get_close_matches(key, forms, 1, _ALIKE):
            return f"no '{key}' here; did you mean {meant}?"
    return None
