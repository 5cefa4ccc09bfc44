"""In what circumstances a run took place: for whom, where, by what; nothing of what it did.

A circumstance is a name and a short value that a root or the resource carries, or that lies in
its metadata. Those that everybody knows (tenant, user, region, …) are called so; any other short
text or flag keeps its own name. How an agent was set up is no circumstance but a fact of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.patterns import well_formed
from investigator.incident.setup_facts import json_object_of, names_content, names_release
from investigator.readings.quoting import Quoting
from investigator.traces.model import Span, SpanKind, Trace
from investigator.traces.openinference import tool_io_of

AGENT = "agent"
TOOL = "tool"
MODEL = "model"

_ID = r"(?:[._-]?(?:id|name))?$"
_KNOWN = (
    (
        "tenant",
        re2.compile(
            r"(?i)(?:^|[._-])(?:tenant|customer|org|organi[sz]ation|account|workspace|company)"
            + _ID
        ),
    ),
    ("user", re2.compile(rf"(?i)(?:^|[._-])(?:end)?user{_ID}")),
    (
        "region",
        re2.compile(
            r"(?i)(?:^|[._-])(?:region|zone|data_?cent(?:er|re)|location|country)" + _ID,
        ),
    ),
)
_LEFT_OUT = re2.compile(
    r"(?i)^(?:session|thread|conversation|openinference|telemetry|input|output|trace|span|process"
    r"|gen_ai|llm|graph)(?:\.|$)"
    r"|(?:^|[._-])(?:session|request|trace|span|message|run|correlation|conversation|thread|call"
    r"|invocation|response)[._-]?id$"
    r"|time|date|duration|latency|count|tokens?|cost|score|question|query|prompt|answer|text"
    r"|mime_?type|^eval|annotation|^metadata$|^tag\.tags$|^event|^agent\.name$"
)
_VALUE_LIMIT = 60
_LIMIT = 24
"""How many circumstances of one run are kept."""

Circumstances = tuple[tuple[str, str], ...]


def circumstances_of(trace: Trace, quote: Quoting) -> Circumstances:
    """Each name once with its value, in the order of the names; several values are no value."""
    found: dict[str, str] = {}
    for root in trace.roots:
        for raw, value in said_by(root):
            name = _named(raw)
            if name is not None and name not in found and (text := _short(value)) is not None:
                found[name] = quote.line(text, _VALUE_LIMIT)
    found |= _of_the_work(trace, quote)
    return tuple(sorted(found.items())[:_LIMIT])


def _of_the_work(trace: Trace, quote: Quoting) -> dict[str, str]:
    """The agent at the root, the models and the tools that were called."""
    root = max(trace.roots, key=lambda span: span.latency_ms or 0.0, default=None)
    models, tools = set[str](), set[str]()
    for span in trace.spans:
        if span.kind is SpanKind.LLM and (model := span.text("llm.model_name")):
            models.add(model)
        elif (io := tool_io_of(span)) is not None:
            tools.add(io.name or span.name)
    found = {MODEL: "+".join(sorted(models)), TOOL: "+".join(sorted(tools))}
    if root is not None:
        found[AGENT] = trace.agent_of(root) or root.name
    return {name: quote.line(text, _VALUE_LIMIT) for name, text in found.items() if text}


def said_by(root: Span) -> Iterator[tuple[str, JsonValue]]:
    """What a root says besides of itself: its attributes, and what lies in its metadata."""
    for raw_key, value in root.attributes.items():
        key = well_formed(raw_key)
        if key == "metadata" or key.endswith(".metadata"):
            held = value if isinstance(value, Mapping) else json_object_of(root.text(raw_key))
            yield from ((well_formed(name), item) for name, item in held.items())
        else:
            yield key.removeprefix("resource.").removeprefix("attributes."), value


def _named(key: str) -> str | None:
    """What a circumstance is called; None where the key names none."""
    if names_release(key) or names_content(key):
        return None
    for name, pattern in _KNOWN:
        if pattern.search(key) is not None:
            return name
    return None if _LEFT_OUT.search(key) is not None else key


def _short(value: JsonValue) -> str | None:
    """The value where it can be one of a few; numbers measure something, but for small ones."""
    if isinstance(value, bool):
        return canonical_json(value)
    if isinstance(value, str) and 0 < len(value) <= _VALUE_LIMIT and "\n" not in value:
        return value
    return str(value) if isinstance(value, int) and 0 <= value < 1_000 else None
