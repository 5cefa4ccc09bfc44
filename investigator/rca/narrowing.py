"""From a whole trace to the few places worth a look, without a model.

Hot spans come in this order: error status, exception events, then the longest; ties in trace order.
Hypotheses group the signals of one cause: a cause is a category at work in one agent. Open
signals come before recovered ones, clear ones before weak ones, and of these the earliest origin
first. Everything is bounded, whatever the size of the trace.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from investigator.rca.report import Label
from investigator.rca.taxonomy import Category, Taxonomy
from investigator.signals.model import Signal
from investigator.traces.model import Span, StatusCode, Trace

HOT_SPANS = 5
BRANCH_DEPTH = 2
BRANCH_NODES = 30
MAX_HYPOTHESES = 4
ORDER = "order"
"""The reason of a span that nothing makes hot but that it is the next."""

_INSPECTED = 12
_TIERS = (0.65, 0.5)


class Branch(BaseModel):
    """A hot span and what lies under it (depth ≤ 2), span ids in walking order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    span_id: str
    reason: str
    span_ids: tuple[str, ...]


class TraceHypothesis(BaseModel):
    """One possible cause. `span_ids` are the places that would show it, the origin first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    category: str
    label: Label
    statement: str
    origin_id: str
    span_ids: tuple[str, ...] = Field(min_length=1)
    agent: str | None
    strength: float
    open: bool
    signal_indexes: tuple[int, ...]
    """Positions of its signals in the sequence that was given."""


def hot_branches(trace: Trace) -> tuple[Branch, ...]:
    """The hottest spans with their branches, at most 30 nodes in all."""
    left = BRANCH_NODES
    branches: list[Branch] = []
    for span in sorted(trace.spans, key=_heat)[:HOT_SPANS]:
        nodes = _branch(trace, span, limit=left)
        left -= len(nodes)
        if nodes:
            branches.append(Branch(span_id=span.span_id, reason=_reason(span), span_ids=nodes))
    return tuple(branches)


def _heat(span: Span) -> tuple[bool, bool, float]:
    return (
        span.status is not StatusCode.ERROR,
        not _has_exception(span),
        -(span.latency_ms or 0.0),
    )


def _has_exception(span: Span) -> bool:
    return any(event.name == "exception" for event in span.events)


def _reason(span: Span) -> str:
    if span.status is StatusCode.ERROR:
        return "error status"
    if _has_exception(span):
        return "exception event"
    return "latency" if span.latency_ms is not None else ORDER


def _branch(trace: Trace, span: Span, *, limit: int) -> tuple[str, ...]:
    found: list[str] = []
    stack = [(span, 0)]
    while stack and len(found) < limit:
        node, depth = stack.pop()
        found.append(node.span_id)
        if depth < BRANCH_DEPTH:
            children = trace.children(node.span_id)[:limit]
            stack += [(child, depth + 1) for child in reversed(children)]
    return tuple(found)


def hypotheses(
    trace: Trace, signals: Sequence[Signal], taxonomy: Taxonomy
) -> tuple[TraceHypothesis, ...]:
    """At most four causes, the likeliest first; `remaining` has the signals of the others."""
    position = {span.span_id: i for i, span in enumerate(trace.spans)}
    groups: dict[tuple[str, str | None, bool], list[int]] = {}
    for index, signal in enumerate(signals):
        category = taxonomy.category_of(signal.fault)
        groups.setdefault((category.id, signal.agent, signal.open), []).append(index)
    ranked = sorted(groups.values(), key=lambda group: _rank([signals[i] for i in group], position))
    return tuple(
        _hypothesis(f"h{number}", group, signals, taxonomy)
        for number, group in enumerate(ranked[:MAX_HYPOTHESES], 1)
    )


def remaining(signals: Sequence[Signal], found: Sequence[TraceHypothesis]) -> tuple[Signal, ...]:
    """The signals that belong to no hypothesis, in order."""
    taken = {index for hypothesis in found for index in hypothesis.signal_indexes}
    return tuple(signal for index, signal in enumerate(signals) if index not in taken)


def _rank(group: list[Signal], position: dict[str, int]) -> tuple[bool, int, int, float, str]:
    """Open first, then by how far the signals speak for a fault, then the earliest origin."""
    strongest = max(signal.strength for signal in group)
    return (
        not any(signal.open for signal in group),
        sum(strongest < tier for tier in _TIERS),
        min(position[signal.origin_id] for signal in group),
        -strongest,
        group[0].fault.value,
    )


def _hypothesis(
    id_: str, group: list[int], signals: Sequence[Signal], taxonomy: Taxonomy
) -> TraceHypothesis:
    members = [signals[i] for i in group]
    first = members[0]
    category = taxonomy.category_of(first.fault)
    places = [place for s in members for place in (s.origin_id, s.span_id)]
    return TraceHypothesis(
        id=id_,
        category=category.id,
        label=category.label,
        statement=_statement(category, members),
        origin_id=first.origin_id,
        span_ids=tuple(dict.fromkeys(places))[:_INSPECTED],
        agent=first.agent,
        strength=max(signal.strength for signal in members),
        open=first.open,
        signal_indexes=tuple(group),
    )


def _statement(category: Category, members: list[Signal]) -> str:
    first = members[0]
    more = f" (and {len(members) - 1} more like it)" if len(members) > 1 else ""
    closed = "" if first.open else f", recovered at {first.recovered_by}"
    return f"{category.title} at {first.origin_id}: {first.summary}{more}{closed}"
