"""No control stumbles over what a trace may hold: wrong types, broken text, loops, depth.

Numbers that are none and lone surrogates do not get this far: decoding replaces them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from investigator.controls.evaluate import evaluate
from investigator.controls.library import BUILT_IN_LIBRARIES, load_library
from investigator.controls.terms import Verdict
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evidence import EvidenceIndex
from investigator.traces.model import Trace
from tests.builders import readings
from tests.controls.runs import asks, run, sound, tool

EVERY_CONTROL = [control for name in BUILT_IN_LIBRARIES for control in load_library(name).controls]
ODD: list[JsonValue] = [
    None, True, -1, 10**40, "", "\x00", "{", "[" * 5000,
    '{"a":' * 3000, "9" * 5000, [], {}, [[1], {"a": [None]}], {"type": {"type": "x"}},
    "x" * 20_000, "…", "__REDACTED__ in part",
]  # fmt: skip


def judge_all(trace: Trace) -> None:
    """Every control gives a verdict, and what it shows is there."""
    subject, index = readings(trace), EvidenceIndex(trace)
    for control in EVERY_CONTROL:
        found = evaluate(control, subject)
        assert (found.verdict is Verdict.FAIL) == bool(found.violations)
        assert (found.verdict is Verdict.INSUFFICIENT_EVIDENCE) <= bool(
            found.missing_evidence or found.to_judge
        )
        assert 0 <= found.confidence <= 1
        assert not [ref.ref for ref in found.evidence if index.problem(ref) is not None]
        assert "\n" not in found.reason


def changed(trace: Trace, value: Callable[[str, JsonValue], JsonValue]) -> Trace:
    """The trace with other values."""
    return Trace(
        trace.trace_id,
        [
            replace(s, attributes={key: value(key, v) for key, v in s.attributes.items()})
            for s in trace.spans
        ],
    )


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_any_value_may_stand_anywhere(odd: JsonValue) -> None:
    """In place of every value at once."""
    judge_all(changed(sound(), lambda _key, _value: odd))


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mixture_of_values_is_judged(data: st.DataObject) -> None:
    """Some values odd, the others as they are."""
    odd = st.sampled_from(ODD)
    mixed = changed(
        sound(), lambda _key, value: data.draw(odd) if data.draw(st.booleans()) else value
    )
    judge_all(mixed)


def test_a_trace_of_rings_and_twins_is_judged() -> None:
    """Parents in a circle, ids twice, times reversed."""
    spans = [
        replace(s, parent_id=other.span_id, start_ns=s.end_ns, end_ns=s.start_ns)
        for s, other in zip(sound().spans, reversed(sound().spans), strict=True)
    ]
    judge_all(Trace("t", [*spans, *sound().spans]))


@pytest.mark.slow
def test_time_grows_with_the_length_of_a_run() -> None:
    """A run of four times as many calls takes no more than about that."""

    def seconds(count: int) -> float:
        steps = [
            step
            for i in range(count)
            for step in (
                replace(asks((f"c{i}", "search", f'{{"query":"q{i}"}}')), span_id=f"a{i}"),
                tool(f"t{i}", f"result {i}", at=30 + i, call_id=f"c{i}",
                     arguments=f'{{"query":"q{i}"}}'),
            )
        ]  # fmt: skip
        trace = run(*steps)
        started = process_time()
        judge_all(trace)
        return process_time() - started

    seconds(20)
    short, long = seconds(100), seconds(400)
    assert long < 10 * short + 0.5
