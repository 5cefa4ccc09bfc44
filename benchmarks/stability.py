"""Whether a verdict rests on names: the same runs with other ids, names of spans and of tools.

Ids keep their order, so that what has no time stays in its place; a tool has one new name wherever
the trace names it as a tool. Words of a person or a model that mention it stay as they are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, Trace

_TOOL_NAME = re.compile(r"(?:^tool\.name|tool_call\.function\.name|message\.name)$")
_TOOL_SCHEMA = re.compile(r"tool\.json_schema$")


class Renamed(NamedTuple):
    """A trace under other names; `ids` leads from its span ids to the original's."""

    trace: Trace
    ids: dict[str, str]


def renamed(trace: Trace, seed: int) -> Renamed:
    """The trace with other span ids, span names and tool names, drawn from `seed`."""
    draw = random.Random(f"{seed} {trace.trace_id}")
    ids = sorted(f"{draw.getrandbits(64):016x}" for _ in trace.spans)
    new = {span.span_id: other for span, other in zip(trace.spans, ids, strict=True)}
    tools = {name: f"t{draw.getrandbits(24):06x}" for name in sorted(_tools(trace.spans))}
    names: dict[str, str] = {}
    for span in trace.spans:
        names.setdefault(span.name, tools.get(span.name, f"n{draw.getrandbits(24):06x}"))
    spans = [
        replace(
            span,
            span_id=new[span.span_id],
            parent_id=None if span.parent_id is None else new.get(span.parent_id, span.parent_id),
            name=names[span.name],
            attributes={key: _named(key, value, tools) for key, value in span.attributes.items()},
        )
        for span in trace.spans
    ]
    return Renamed(Trace(trace.trace_id, spans), {other: own for own, other in new.items()})


def _tools(spans: Iterable[Span]) -> set[str]:
    named = (
        value
        for span in spans
        for key, value in span.attributes.items()
        if _TOOL_NAME.search(key) and isinstance(value, str)
    )
    return set(named)


def _named(key: str, value: JsonValue, tools: dict[str, str]) -> JsonValue:
    if not isinstance(value, str):
        return value
    if _TOOL_NAME.search(key):
        return tools.get(value, value)
    if _TOOL_SCHEMA.search(key):
        for name, other in tools.items():
            value = value.replace(f'"name": "{name}"', f'"name": "{other}"')
    return value
