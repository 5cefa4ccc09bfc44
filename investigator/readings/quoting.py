"""How a text of a trace is quoted: through the run's one redactor, and in bounded lines.

Secrets go before anything is cut, so that no part of one is left. Whoever reads a trace has its
`Quoting` at hand, and there is no other way from a trace into a summary.
"""

from __future__ import annotations

from investigator.ground import lazy_re2 as re2
from investigator.ground.patterns import well_formed
from investigator.ground.redaction import Redactor

QUOTE_LIMIT = 110
"""The most that is quoted of an error."""

_NAME_LIMIT = 60
_WINDOW = 4_000
_RECORD = re2.compile(r"\{\s*['\"][\w .-]{1,60}['\"]\s*:")
_MESSAGE = re2.compile(
    r"['\"](?:message|msg|detail|error_description|error_message|reason|description|error)['\"]"
    r"\s*:\s*(?:'((?:[^'\\]|\\.)+)|\"((?:[^\"\\]|\\.)+))"
)
_BRACKETS = re2.compile(r"[{}\[\]'\"]+")


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
        """The telling line of an error for a summary; of a traceback that is the last one.

        Of a record that it holds, as providers print their answers, the message is told.
        """
        telling = text.strip()
        if "Traceback (most recent" in telling:
            telling = telling[telling.rfind("\n") + 1 :]
        return one_line(_without_record(self.whole(telling)), QUOTE_LIMIT)


def _without_record(error: str) -> str:
    """An error with the message of the record in it, JSON or printed, in place of the record."""
    found = _RECORD.search(well_formed(error[:_WINDOW]))
    if found is None:
        return error
    head, record = error[: found.start()].rstrip(" -:(["), error[found.start() :]
    said = _MESSAGE.search(well_formed(record[:_WINDOW]))
    message = None if said is None else next(filter(None, said.groups()), None)
    plain = message or _BRACKETS.sub("", record)
    unescaped = plain.replace("\\n", " ").replace("\\'", "'").replace('\\"', '"')
    told = " ".join(unescaped.split())
    return f"{head}: {told}" if head else told


def one_line(text: str, limit: int) -> str:
    """What was quoted, on one line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
