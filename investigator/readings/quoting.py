"""How a text of a trace is quoted: one bounded line that holds no secret."""

from __future__ import annotations

from investigator.ground.redaction import in_force

_QUOTE_LIMIT = 110


def quoted(text: str) -> str:
    """The telling line of an error for a summary: short, on one line, without secrets.

    Of a traceback that is the last line. Secrets go before anything is cut, so that no part of
    one is left.
    """
    telling = text.strip()
    if "Traceback (most recent" in telling:
        telling = telling[telling.rfind("\n") + 1 :]
    return shortened(without_secrets(telling), _QUOTE_LIMIT)


def without_secrets(text: str) -> str:
    """The text as a planner and a report may have it."""
    return in_force().redact(text).text


def shortened(text: str, limit: int) -> str:
    """One line of at most `limit` characters, cut with an ellipsis, and no part of a secret."""
    line = " ".join(without_secrets(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
