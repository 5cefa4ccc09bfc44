"""A session format puts together the records of one file that are one trace.

A session is a value beside the formats of documents: which records are its lines, and how the lines
of a file become records of a format. Where a line is unmistakable (`alone`), one is enough; lines
that are like other things too (chat messages) must be most of a file that holds no spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from investigator.formats import (
    agents_sdk,
    assistants,
    chat,
    claude_code,
    codex,
    copilot,
    gemini_cli,
    langsmith,
    openclaw,
    openhands,
)
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import JsonValue

_LOOKED_AT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Lines that are one trace, or several that stand in one file."""

    format: Format
    """What reads the records that lines are put together to."""
    is_line: Callable[[Record], bool]
    """Whether a record is a line; it is asked of any JSON object, and answers without raising."""
    records: Callable[[Sequence[Record], str], Iterable[Record]]
    """The records that the lines of a file are; the text is the file's stem."""
    alone: bool = True


SESSIONS = (
    Session(
        format=langsmith.REQUEST,
        is_line=langsmith.is_request,
        records=lambda lines, _: [langsmith.joined(lines)],
    ),
    Session(format=claude_code.FORMAT, is_line=claude_code.is_line, records=claude_code.sessions),
    Session(format=codex.FORMAT, is_line=codex.is_line, records=codex.sessions),
    *(
        Session(format=module.FORMAT, is_line=module.is_line, records=module.sessions)
        for module in (agents_sdk, assistants, copilot, gemini_cli, openclaw)
    ),
    Session(format=openhands.FORMAT, is_line=openhands.is_event, records=openhands.sessions),
    Session(format=chat.FORMAT, is_line=chat.is_chat_line, records=chat.transcripts, alone=False),
)
"""Every session format, in the order in which a line is tried."""


def session_of(line: Record) -> Session | None:
    """The session format of a line; None where it is a record by itself."""
    return next((known for known in SESSIONS if known.is_line(line)), None)


def session_of_list(values: Sequence[JsonValue]) -> Session | None:
    """The session format whose lines a list is; of the unmistakable ones alone."""
    for value in values[:_LOOKED_AT]:
        known = session_of(value) if isinstance(value, dict) else None
        if known is None or not known.alone:
            continue
        lines = sum(isinstance(item, dict) and known.is_line(item) for item in values)
        if 2 * lines > len(values):
            return known
    return None
