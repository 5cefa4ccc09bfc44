"""Patterns and word lists of controls, compiled once and matched in linear time (RE2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import re2
from pydantic import AfterValidator, Field

from investigator.errors import UsageError
from investigator.ground.patterns import Pattern


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Pattern:
    return Pattern(pattern)


def _regex(pattern: str) -> str:
    try:
        _compiled(pattern)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return pattern


Regex = Annotated[str, Field(min_length=1), AfterValidator(_regex)]
"""An RE2 pattern; case counts unless it begins with `(?i)`."""


def found_in(pattern: str, text: str) -> str | None:
    """The first words of the text that match; None where nothing does."""
    hit = next(_compiled(pattern).hits(text), None)
    return None if hit is None else hit.text


def any_of_words(words: tuple[str, ...]) -> str:
    """A pattern, in any case, for one of the words or phrases, whole; of none, for nothing."""
    phrases = (r"\s+".join(map(re2.escape, phrase.split())) for phrase in words)
    return rf"(?i:\b(?:{'|'.join(phrases)})\b)" if words else r"\z."
