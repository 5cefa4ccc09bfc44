"""Decoders: pure functions from parsed content to spans, one format a module.

A format is one value, and a record is decoded by the first format that it looks like. After those
below come the formats of plug-ins, in order of their names (see `registry`).
"""

from __future__ import annotations

from investigator.formats import (
    adk,
    agents_sdk,
    assistants,
    atif,
    bare,
    braintrust,
    chat,
    claude_code,
    clickhouse,
    codex,
    copilot,
    gemini_cli,
    hermes,
    inspect_log,
    jaeger,
    kept_verdicts,
    langfuse,
    langfuse_rows,
    langsmith,
    logfire,
    mlflow,
    nested,
    openclaw,
    opencode,
    openhands,
    opik,
    otlp,
    phoenix,
    provider_calls,
    sdk,
    swe_agent,
    tau_bench,
    weave,
    zipkin,
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
    langfuse_rows.FORMAT,
    clickhouse.FORMAT,
    jaeger.FORMAT,
    zipkin.FORMAT,
    logfire.FORMAT,
    braintrust.FORMAT,
    weave.FORMAT,
    opik.FORMAT,
    agents_sdk.FORMAT,
    claude_code.FORMAT,
    codex.FORMAT,
    copilot.FORMAT,
    gemini_cli.FORMAT,
    openclaw.FORMAT,
    opencode.FORMAT,
    adk.FORMAT,
    atif.FORMAT,
    inspect_log.FORMAT,
    openhands.FORMAT,
    tau_bench.FORMAT,
    assistants.FORMAT,
    hermes.FORMAT,
    # Before plain transcripts, which their histories are too.
    swe_agent.FORMAT,
    provider_calls.FORMAT,
    chat.FORMAT,
    # After what has ids or a name of a system's own: they ask for the least.
    sdk.FORMAT,
    bare.FORMAT,
    kept_verdicts.FORMAT,
)
"""Every built-in format, in the order in which a record is tried."""

__all__ = ["FORMATS", "Format"]
