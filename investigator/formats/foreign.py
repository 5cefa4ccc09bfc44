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

_MARK = ", which is not read"
_BY_OTLP = "send its traces to a collector that writes OTLP"

_FOREIGN: tuple[tuple[str, frozenset[str], str], ...] = (
    ("Datadog APM spans", frozenset(("span_id", "resource", "service", "meta")), _BY_OTLP),
    ("Datadog LLM Observability spans", frozenset(("span_id", "start_ns", "meta")), _BY_OTLP),
    (
        "a table of Langfuse's pages",
        frozenset(("traceTags", "timeToFirstToken", "parentObservationId")),
        "export JSON, or use its blob export",
    ),
    (
        "rows of Langfuse's `traces` table",
        frozenset(("project_id", "session_id", "bookmarked", "timestamp")),
        "what they say stands in the rows of `observations_v2`",
    ),
    ("LangWatch spans", frozenset(("span_id", "timestamps")), _BY_OTLP),
    ("AgentOps spans", frozenset(("span_name", "span_attributes", "start_time")), _BY_OTLP),
    ("Sentry spans", frozenset(("span_id", "op", "start_timestamp")), _BY_OTLP),
    (
        "Honeycomb rows",
        frozenset(("trace.trace_id", "trace.span_id")),
        "rename the columns to those of OpenTelemetry, or " + _BY_OTLP,
    ),
    (
        "a file of opencode's storage",
        frozenset(("sessionID", "messageID")),
        "`opencode export SESSION > session.json`",
    ),
    (
        "a file of opencode's storage",
        frozenset(("sessionID", "role", "time")),
        "`opencode export SESSION > session.json`",
    ),
    (
        "OTLP logs",
        frozenset(("resourceLogs",)),
        "export the traces signal",
    ),
    (
        "OTLP metrics",
        frozenset(("resourceMetrics",)),
        "export the traces signal",
    ),
    (
        "a LangSmith patch without its run",
        frozenset(("dotted_order", "id")),
        "keep the request that posted the run beside it",
    ),
)
"""What it is, the keys by which it is known, and how to get the same in a format that is read."""


def format_of(document: JsonValue) -> str | None:
    """What a document is recognised as and the way out, by its first record that tells."""
    for record in _first_records(document):
        keys = record.keys()
        known = next((one for one in _FOREIGN if one[1] <= keys), None)
        if known is not None:
            name, _, way_out = known
            return f"{name}{_MARK}; {way_out}"
    return None


def is_foreign(reason: str) -> bool:
    """Whether a record was refused because it is another system's."""
    return _MARK in reason


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
