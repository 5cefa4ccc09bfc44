"""Which session format a line has: what puts together the records of a file that are one trace."""

from __future__ import annotations

from collections.abc import Sequence

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
from investigator.formats.format import Record, Session
from investigator.formats.plugin_formats import plugin_session_of
from investigator.ground.canonical_json import JsonValue

_LOOKED_AT = 20

SESSIONS: tuple[Session, ...] = (
    langsmith.SESSION,
    claude_code.SESSION,
    codex.SESSION,
    agents_sdk.SESSION,
    assistants.SESSION,
    copilot.SESSION,
    gemini_cli.SESSION,
    openclaw.SESSION,
    openhands.SESSION,
    # Last: lines of the others may hold messages.
    chat.SESSION,
)
"""Every session format, in the order in which a line is tried."""


def session_of(line: Record) -> Session | None:
    """The session format of a line, a plug-in's last; None where it is a record by itself."""
    known = next((known for known in SESSIONS if known.is_line(line)), None)
    return known or plugin_session_of(line)


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
