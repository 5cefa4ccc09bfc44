"""The graph over a run's steps: what came from where, and what the answer rests on."""

from __future__ import annotations

import pytest
from hypothesis import given

from investigator.formats.chat import decode_chat
from investigator.readings.graph import EdgeKind, StepGraph
from investigator.readings.provenance import SearchedText, ValueIndex, values_within
from investigator.traces.model import Span
from tests.builders import readings, trace
from tests.readings.test_conversation import agent, model, tool
from tests.readings.test_steps import RUNS, run_of


def graph(*spans: Span) -> StepGraph:
    return readings(trace(*spans)).graph


def lookup() -> StepGraph:
    """The user names an order, a tool gives its price, the answer repeats the price."""
    asked = [("user", "what did order A-7731 cost?")]
    return graph(
        agent(),
        model("m1", 1, asked, "Let me see.", calls=[("c1", "look_up", '{"id":"A-7731"}')]),
        tool("t1", 2, "look_up", '{"total": 98.70}', call_id="c1", arguments='{"id":"A-7731"}'),
        model("m2", 3, [*asked, ("tool", '{"total": 98.70}')], "It cost 98.7 euros."),
    )


def test_a_value_is_followed_from_where_it_first_stood_to_who_used_it() -> None:
    found = lookup()
    by_id, by_figure = found.producer("A-7731"), found.producer("98.70")
    assert by_id is not None
    assert by_figure is not None
    assert (by_id.number, by_figure.number) == (0, 2)
    flows = [e for e in found.sources_of(3) if e.kind is EdgeKind.VALUE]
    assert [(e.source, e.values) for e in flows] == [(2, ("98.7",))]
    assert (2, EdgeKind.CALL) in [(e.target, e.kind) for e in found.used_by(1)]
    assert found.producer("nowhere-99") is None


def test_the_path_to_the_answer_goes_by_what_it_took_values_from() -> None:
    found = lookup()
    assert found.path(0, 3) == (0, 2, 3)
    assert found.reachable(1, 3)
    assert not found.reachable(3, 1)


def test_weight_is_the_share_of_the_answer_that_came_by_way_of_a_step() -> None:
    found = lookup()
    assert found.weight(3) == 1
    assert 0 < found.weight(2) <= 1
    assert found.weight(1) > 0


@pytest.mark.parametrize(
    "said",
    [
        "a@b.example",
        "https://a.example/x",
        "2026-03-01",
        '"the red door"',
        "Ada Lovelace",
        "ORD-55123",
        "1,250",
    ],
)
def test_each_kind_of_value_flows(said: str) -> None:
    found = graph(
        *decode_chat(
            {
                "id": "t",
                "messages": [
                    {"role": "user", "content": f"first {said} stood here"},
                    {"role": "assistant", "content": f"then {said} was used"},
                ],
            },
            stem="t",
        )
    )
    assert EdgeKind.VALUE in {edge.kind for edge in found.sources_of(1)}


@given(RUNS)
def test_edges_point_back_and_are_the_same_each_time(
    turns: list[tuple[str, list[tuple[str, bool]]]],
) -> None:
    spans = run_of(turns)
    found = graph(*spans)
    for edge in found.edges:
        source, target = found.steps[edge.source], found.steps[edge.target]
        assert source.number < target.number
        assert source.start_ns is not None
        assert target.end_ns is not None
        assert source.start_ns <= target.end_ns
    assert found.edges == graph(*spans).edges
    assert all(0 <= found.weight(step.number) <= 1 for step in found.steps)


@given(RUNS)
def test_the_index_finds_what_a_scan_finds(
    turns: list[tuple[str, list[tuple[str, bool]]]],
) -> None:
    texts = [SearchedText("\n".join(step.texts)) for step in graph(*run_of(turns)).steps]
    index = ValueIndex(texts)
    for text in texts:
        for value in values_within(text):
            scanned = [place for place, one in enumerate(texts) if one.holds(value)]
            assert list(index.holding(value)) == scanned
