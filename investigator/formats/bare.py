"""A bare object of span attributes, with no id, name or time around it.

Its ids are derived from its content (the start of the sha256 of its canonical JSON), so the
same attributes always give the same ids; its name is the file's stem.
"""

from __future__ import annotations

from investigator.formats.fields import make_span
from investigator.formats.format import Format, Record
from investigator.ground.canonical_json import sha256_json
from investigator.traces.model import Span
from investigator.traces.openinference import flatten

_PREFIXES = ("openinference.", "llm.", "gen_ai.", "input.value", "tool.", "retrieval.")
_IDS = frozenset(
    (
        *("trace_id", "traceId", "traceID", "TraceId", "trace.trace_id", "trace.id"),
        *("span_id", "spanId", "spanID", "SpanId", "trace.span_id", "span.id"),
    )
)


def is_bare(value: Record) -> bool:
    """Whether an object's own keys are span attributes and none is an id.

    With an id around them they are a row of a system that isn't known here: read alone, each row
    would be a trace of its own.
    """
    return any(key.startswith(_PREFIXES) for key in value) and _IDS.isdisjoint(value)


def decode_bare(attributes: Record, *, stem: str) -> Span:
    """A trace of one span."""
    digest = sha256_json(dict(flatten(attributes)))
    return make_span(
        trace_id=digest[:32],
        span_id=digest[32:48],
        parent_id=None,
        name=stem,
        attributes=attributes,
    )


FORMAT = Format(
    name="span attributes",
    reads="OpenInference or `gen_ai.*` attributes of a span, with no id around them",
    looks_like=is_bare,
    decode=lambda record, stem: (decode_bare(record, stem=stem),),
)
