"""What holds of signals whatever the trace: order, evidence, bounds, speed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.signals.detect import detect
from investigator.traces.evidence import unresolved_reason
from investigator.traces.model import REDACTED, Span, Trace
from tests.builders import readings, span, trace
from tests.signals.steps import agent, llm, tool

WEIGHED = '{"weight": 52.5, "unit": "lb"}'
RESULTS = ("fine", "Error: 429", "[]", "", "No results found", '{"error": "x"}', WEIGHED, REDACTED)
ERRORS = (None, None, "TimeoutError: slow", "TypeError: unexpected keyword argument 'x'", "boom")
TEXTS = ("", "Done.", "1. Use web_search", "```\nx\n```", "{}", "It weighs 52.5 kg and more.")
PROMPTS = (
    "Be useful.",
    "Respond only with JSON.",
    "Answer in at most one word.",
    "Never say more.",
)
METADATA = ("", "{", '{"status": "expired"}', '{"superseded_by": "' + "x\\n" * 500 + '"}')


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Any mixture of model calls, tools and steps under any parents, cycles included."""
    size = draw(st.integers(1, 12))
    ids = [f"s{i}" for i in range(size)]
    return trace(*(draw(_span(own, ids, at)) for at, own in enumerate(ids)))


@st.composite
def _span(draw: st.DrawFn, own: str, ids: list[str], at: int) -> Span:
    parent = draw(st.sampled_from([None, *ids]))
    kind = draw(st.sampled_from(("LLM", "TOOL", "AGENT", "CHAIN", "RETRIEVER")))
    error = draw(st.sampled_from(ERRORS))
    if kind == "LLM":
        calls = draw(st.sampled_from(([], [("search", "{}")], [("f", "{")])))
        said, prompt = draw(st.sampled_from(TEXTS)), draw(st.sampled_from(PROMPTS))
        return llm(own, said, at=at, parent=parent, calls=calls, prompt=prompt)
    if kind == "TOOL":
        return tool(own, draw(st.sampled_from(RESULTS)), at=at, parent=parent, error=error)
    passages = draw(st.lists(st.sampled_from(METADATA), max_size=2)) if kind == "RETRIEVER" else ()
    base = "retrieval.documents"
    return span(
        own,
        parent=parent,
        kind=kind,
        start_ms=at,
        end_ms=at + 1,
        status="ERROR" if error else "UNSET",
        message=error or "",
        attributes={f"{base}.{i}.document.content": "A cut pas" for i in range(len(passages))}
        | {f"{base}.{i}.document.metadata": held for i, held in enumerate(passages)},
    )


@pytest.mark.slow
@given(traces(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_signals_do_not_depend_on_the_order_of_the_spans(found: Trace, rng: random.Random) -> None:
    """The same spans in any order give the same signals in the same order."""
    spans = list(found.spans)
    rng.shuffle(spans)
    assert detect(readings(Trace(found.trace_id, spans))) == detect(readings(found))


@pytest.mark.slow
@given(traces())
@settings(max_examples=150, deadline=None)
def test_every_signal_is_grounded_bounded_and_told_once(found: Trace) -> None:
    """Spans exist, evidence resolves, summaries are one short line, no fault is told twice."""
    signals = detect(readings(found))
    for signal in signals:
        assert found.get(signal.span_id) is not None
        assert found.get(signal.origin_id) is not None
        assert signal.recovered_by is None or found.get(signal.recovered_by) is not None
        assert signal.evidence
        assert all(unresolved_reason(ref, found) is None for ref in signal.evidence)
        assert 0 < len(signal.summary) <= 200
        assert "\n" not in signal.summary
        assert 0 <= signal.strength <= 1
    assert len({(s.fault, s.origin_id) for s in signals}) == len(signals)


def test_summaries_hold_no_secrets() -> None:
    """What an error quotes is masked where it looks like a secret."""
    error = "401 Unauthorized: api_key=hunter2secret for jo@example.com, sk-abcdef1234567890"
    told = detect(readings(trace(agent(), tool("t", error=error))))[0].summary
    assert not any(word in told for word in ("hunter2secret", "jo@example.com", "abcdef123"))


def _seconds(found: Trace) -> float:
    started = time.process_time()
    detect(readings(found))
    return time.process_time() - started


def _failing_tool(at: int) -> Span:
    return tool(f"s{at}", error="TimeoutError: slow", at=at)


def _weighing_tool(at: int) -> Span:
    return tool(f"s{at}", WEIGHED, name="weigh", arguments=f'{{"weight_kg": {at}.5}}', at=at)


def _stale_search(at: int) -> Span:
    base = "retrieval.documents.0.document."
    held = {f"{base}content": "A passage.", f"{base}metadata": '{"status": "expired"}'}
    return span(f"s{at}", parent="agent", kind="RETRIEVER", start_ms=at, attributes=held)


def _prose_for_json(at: int) -> Span:
    return llm(f"s{at}", "Hello there.", prompt="Respond only with JSON.", at=at)


@pytest.mark.parametrize("step", [_failing_tool, _weighing_tool, _stale_search, _prose_for_json])
def test_detection_is_linear_in_the_number_of_steps(step: Callable[[int], Span]) -> None:
    """Eight times the steps take about eight times as long, not sixty-four times."""
    steps = [step(at) for at in range(3_200)]
    few = min(_seconds(trace(agent(), *steps[:400])) for _ in range(3))
    assert _seconds(trace(agent(), *steps)) < 30 * few


def test_a_chain_of_ten_thousand_parents_takes_no_time() -> None:
    """Depth costs no more than width."""
    chain = [span("s0"), *(span(f"s{i}", parent=f"s{i - 1}", start_ms=i) for i in range(1, 10_000))]
    started = time.process_time()
    assert not detect(readings(trace(*chain)))
    assert time.process_time() - started < 5


def test_a_whole_trace_is_complete() -> None:
    """A root, ends, visible content, messages."""
    assert readings(trace(agent(), llm("m", "Hi"))).gaps == ()


def test_what_is_missing_is_named() -> None:
    """Each gap says what, and at which spans."""
    assert readings(trace()).gaps == ("the trace has no spans",)
    orphan = readings(trace(span("a", parent="gone"))).gaps
    assert orphan == (
        "the trace has no root span",
        "1 span whose parent is not in the trace: a",
    )
    hidden = span("h", kind="LLM", attributes={"output.value": REDACTED})
    assert readings(trace(hidden)).gaps == ("1 span with hidden content: h",)
    silent = span("m", kind="LLM")
    assert readings(trace(silent)).gaps == ("1 span of a model without messages: m",)
    assert readings(trace(span("a"), span("b", end_ms=None))).gaps == ("1 span without an end: b",)
    assert readings(trace(span("a"), span("a"))).gaps == (
        "1 span with an id that another span has: a",
    )


def test_a_cycle_of_parents_is_named() -> None:
    """A cycle has no beginning, so nothing can be said to be whole."""
    found = readings(trace(span("a", parent="b"), span("b", parent="a", start_ms=1))).gaps
    assert found[0] == "the trace has no root span"
    assert "in a cycle of parents" in found[1]
