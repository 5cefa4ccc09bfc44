"""Unknown names are reported with the closest known one, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` with the nearest of the names; nothing where none is near."""
    near = get_close_matches(name, list(names), 1)
    return f" (did you mean '{near[0]}'?)" if near else ""
