"""How a text of a trace is quoted: through the run's one redactor, and in bounded lines.

Secrets go before anything is cut, so that no part of one is left. Whoever reads a trace has its
`Quoting` at hand, and there is no other way from a trace into a summary.
"""

from __future__ import annotations

from investigator.ground.redaction import Redactor

QUOTE_LIMIT = 110
"""The most that is quoted of an error."""

_NAME_LIMIT = 60


class Quoting:
    """The run's redactor, and what is made of texts with it."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor

    def whole(self, text: str) -> str:
        """The text as a planner and a report may have it."""
        return self.redactor.redact(text).text

    def line(self, text: str, limit: int) -> str:
        """One line of at most `limit` characters, cut with an ellipsis."""
        return one_line(self.whole(text), limit)

    def name(self, text: str) -> str:
        """A name as a line may hold it."""
        return self.line(text, _NAME_LIMIT)

    def error(self, text: str) -> str:
        """The telling line of an error for a summary; of a traceback that is the last one."""
        telling = text.strip()
        if "Traceback (most recent" in telling:
            telling = telling[telling.rfind("\n") + 1 :]
        return self.line(telling, QUOTE_LIMIT)


def one_line(text: str, limit: int) -> str:
    """What was quoted, on one line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
