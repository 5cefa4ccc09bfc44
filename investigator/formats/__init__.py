"""Decoders: pure functions from parsed content to spans, one format a module.

A format is one value, and a record is decoded by the first format that it looks like. After those
below come the formats of plug-ins, in order of their names (see `registry`).
"""

from __future__ import annotations

from investigator.formats import (
    bare,
    chat,
    claude_code,
    codex,
    kept_verdicts,
    langfuse,
    langsmith,
    mlflow,
    nested,
    otlp,
    phoenix,
    sdk,
)
from investigator.formats.format import Format

FORMATS: tuple[Format, ...] = (
    otlp.FORMAT,
    nested.FORMAT,
    # Before the SDK's spans, which have their ids in `context` and a name too.
    phoenix.FORMAT,
    mlflow.FORMAT,
    # Before transcripts: a run or an observation may be given with the `messages` of its call.
    langsmith.FORMAT,
    langsmith.REQUEST,
    langfuse.FORMAT,
    claude_code.FORMAT,
    codex.FORMAT,
    chat.FORMAT,
    # After what has ids or a name of a system's own: they ask for the least.
    sdk.FORMAT,
    bare.FORMAT,
    kept_verdicts.FORMAT,
)
"""Every built-in format, in the order in which a record is tried."""

__all__ = ["FORMATS", "Format"]
