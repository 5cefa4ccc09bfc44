"""A format that isn't read is refused by its name, never half-read.

What a record must have to be known as another system's is in one table; it serves the message
only. Whether a record is read is decided by the decoders, on what they must find.
"""

from __future__ import annotations

from collections.abc import Mapping

from investigator.ground.canonical_json import JsonValue

_CONTAINERS = (
    "spans",
    "data",
    "traces",
    "runs",
    "messages",
    "history",
    "samples",
    "events",
    "steps",
)

_FOREIGN: tuple[tuple[str, frozenset[str]], ...] = (
    ("Datadog APM spans", frozenset(("span_id", "resource", "service", "meta"))),
    ("Datadog LLM Observability spans", frozenset(("span_id", "start_ns", "meta"))),
    ("Logfire rows", frozenset(("span_name", "start_timestamp"))),
    ("Braintrust spans", frozenset(("root_span_id", "span_attributes"))),
    ("a Langfuse table export", frozenset(("trace_id", "parent_observation_id"))),
    ("LangWatch spans", frozenset(("span_id", "timestamps"))),
    ("AgentOps spans", frozenset(("span_name", "span_attributes", "start_time"))),
    ("Sentry spans", frozenset(("span_id", "op", "start_timestamp"))),
    ("Honeycomb rows", frozenset(("trace.trace_id", "trace.span_id"))),
    ("Jaeger JSON", frozenset(("traceID", "spanID"))),
    ("Jaeger JSON", frozenset(("traceID", "processes"))),
    ("Zipkin JSON", frozenset(("traceId", "localEndpoint"))),
    ("a log of Inspect", frozenset(("eval", "samples"))),
    ("an ATIF trajectory", frozenset(("schema_version", "steps"))),
    ("an OpenHands trajectory", frozenset(("source", "action", "args"))),
    ("an OpenHands trajectory", frozenset(("source", "observation"))),
    ("a Claude Code session", frozenset(("parentUuid", "isSidechain"))),
    ("a Claude Code session", frozenset(("sessionId", "uuid", "message"))),
    ("a Codex session", frozenset(("timestamp", "type", "payload"))),
    ("a Gemini CLI session", frozenset(("projectHash", "sessionId"))),
    ("AutoGen messages", frozenset(("source", "type", "content"))),
    ("a LangSmith patch without its run", frozenset(("dotted_order", "id"))),
)
_LANGCHAIN_TYPES = frozenset({"human", "ai", "system", "tool", "function"})
_AGENTS_SDK = frozenset({"trace", "trace.span"})


def format_of(document: JsonValue) -> str | None:
    """The format that a document is recognised as, by its first record that tells; else None."""
    for record in _first_records(document):
        keys = record.keys()
        if str(record.get("object")) in _AGENTS_SDK:
            return "spans of the OpenAI Agents SDK"
        kind = str(record.get("type"))
        if "role" not in record and "content" in record and kind in _LANGCHAIN_TYPES:
            return "LangChain messages"
        known = next((name for name, needed in _FOREIGN if needed <= keys), None)
        if known is not None:
            return known
    return None


def _first_records(document: JsonValue) -> list[Mapping[str, JsonValue]]:
    """The document and the first records inside it, outermost first, three levels deep."""
    found: list[Mapping[str, JsonValue]] = []
    level = [document]
    for _ in range(4):
        inner: list[JsonValue] = []
        for value in level:
            if isinstance(value, list):
                inner += value[:2]
            elif isinstance(value, dict):
                found.append(value)
                lists = (value.get(key) for key in _CONTAINERS)
                inner += [item for one in lists if isinstance(one, list) for item in one[:2]]
        level = inner
    return found
