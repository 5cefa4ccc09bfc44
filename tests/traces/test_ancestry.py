"""What stands above a span is found without walking the same way twice, circles or not."""

from __future__ import annotations

from investigator.readings.completeness import completeness
from investigator.traces.ancestry import Nearest
from investigator.traces.model import Span
from tests.builders import readings, span, trace

DEEP = 3_000


def _chain(*kinds: str) -> list[Span]:
    return [
        span(f"s{n}", parent=f"s{n - 1}" if n else None, kind=kind, start_ms=n)
        for n, kind in enumerate(kinds)
    ]


def test_the_nearest_is_found_and_each_span_is_asked_once() -> None:
    """However often, in whatever order, and however deep."""
    asked: list[str] = []

    def own(one: Span) -> str | None:
        asked.append(one.span_id)
        return one.span_id if one.span_id in ("s0", "s2000") else None

    made = trace(*_chain(*["CHAIN"] * DEEP))
    nearest = Nearest(made.parent, own)
    found = [nearest.of(one) for one in (*reversed(made.spans), *made.spans)]

    expected = ["s0"] * 2000 + ["s2000"] * (DEEP - 2000)
    assert found == [*reversed(expected), *expected]
    assert len(asked) == DEEP


def test_parents_that_lead_in_a_circle_end_every_walk() -> None:
    """Also where what is looked for stands in the circle, or nowhere."""
    made = trace(
        span("a", parent="c", kind="AGENT"), span("b", parent="a"), span("c", parent="b"), span("x")
    )
    b = made.get("b")
    assert b is not None

    assert [one.span_id for one in made.agents_above(b)] == ["a"]
    assert [one.span_id for one in made.lineage(b)] == ["b", "a", "c"]
    assert Nearest[Span, str](made.parent, lambda _: None).of(b) is None


def test_agents_above_are_told_from_the_nearest_on() -> None:
    """A span that is an agent is not above itself."""
    made = trace(*_chain("AGENT", "CHAIN", "AGENT", "TOOL"))

    above = [[agent.span_id for agent in made.agents_above(one)] for one in made.spans]

    assert above == [[], ["s0"], ["s0"], ["s2", "s0"]]


def test_calls_without_results_in_a_deep_trace_are_named() -> None:
    """Each asks which agents enclose it; the work is that of one walk."""
    kinds = ["AGENT", *["TOOL"] * (DEEP - 1)]
    read = readings(trace(*_chain(*kinds)))

    lines = completeness(read.view, read.conversation)

    assert any("whose result is not recorded" in line for line in lines)
