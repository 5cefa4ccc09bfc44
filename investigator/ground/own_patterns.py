"""Patterns of a user's own: RE2, by what `[REDACTED:<name>]` is to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from investigator.errors import UsageError
from investigator.ground import lazy_re2 as re2
from investigator.ground.redaction import Redactor
from investigator.ground.sensitive import OPTIONAL

_NAME = re2.compile(r"^[A-Za-z0-9_.-]{1,40}$")


def checked_patterns(patterns: Mapping[str, str]) -> Mapping[str, str]:
    """The patterns, each known to be RE2, by what their marks say.

    Raises:
        UsageError: a name that no mark can hold, or a pattern that is none.
    """
    for name in patterns:
        if not _NAME.search(name):
            raise UsageError(
                f"a redaction is named by letters, digits, '_', '.' and '-' (at most 40), "
                f"not {name!r}"
            )
    Redactor(patterns)
    return patterns


def _valid(patterns: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return checked_patterns(patterns)
    except UsageError as error:
        raise ValueError(str(error)) from None


OwnPatterns = Annotated[Mapping[str, str], AfterValidator(_valid)]
"""RE2 patterns by what `[REDACTED:<name>]` is to say."""


def pattern_told(text: str) -> tuple[str, str]:
    """Name and pattern of `NAME=PATTERN`, or of an optional kind by its name alone.

    Raises:
        UsageError: another form.
    """
    if text in OPTIONAL:
        return text, OPTIONAL[text].pattern
    name, equals, pattern = text.partition("=")
    if not equals or not pattern:
        raise UsageError(
            f"--redact takes NAME=PATTERN, such as customer=CUST-\\d+, or {', '.join(OPTIONAL)}, "
            f"not {text!r}"
        )
    return name, pattern
