"""A bare object of span attributes, with no id, name or time around it.

Its ids are derived from its content (the start of the sha256 of its canonical JSON), so the
same attributes always give the same ids; its name is the file's stem.
"""

from __future__ import annotations

from investigator.canonical import sha256_json
from investigator.traces.decode.fields import Record, make_span
from investigator.traces.model import Span
from investigator.traces.openinference import flatten

_PREFIXES = ("openinference.", "llm.", "gen_ai.", "input.value", "tool.", "retrieval.")


def is_bare(value: Record) -> bool:
    """Whether an object's own keys are span attributes."""
    return any(key.startswith(_PREFIXES) for key in value)


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
