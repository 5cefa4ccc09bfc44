"""Runs stay within bounds; what was not measured is not within any."""

from __future__ import annotations

import pytest

from investigator.controls.checking import Checked
from investigator.controls.checks.operations import (
    BoundedRetries,
    OpenFaults,
    UsageBudget,
    bounded_retries,
    open_faults,
    usage_budget,
)
from investigator.readings.faults import Fault
from investigator.traces.model import Span, Trace
from tests.builders import readings, span
from tests.controls.runs import answers, model, run, tool


def tries(*outcomes: tuple[str, str | None]) -> Trace:
    """A tool called with these queries, each with its error or none."""
    return run(
        *(
            tool(f"try {i}", None if error else "ok", at=20 * i, arguments=query, error=error)
            for i, (query, error) in enumerate(outcomes)
        )
    )


def retried(trace: Trace, *, same_call: int = 2, same_tool: int = 4) -> list[str]:
    """The breaches of bounds on retries."""
    params = BoundedRetries(same_call=same_call, same_tool=same_tool)
    return [v.summary for v in bounded_retries(readings(trace), params).violations]


def test_a_call_that_keeps_failing_is_told_once() -> None:
    """At the first try that was one too many."""
    assert retried(tries(*[("a", "boom")] * 2)) == []
    assert retried(tries(*[("a", "boom")] * 3)) == ["search failed 3 times the same way"]
    assert retried(tries(*[("a", "boom")] * 9)) == ["search failed 9 times the same way"]


def test_a_tool_that_keeps_failing_in_other_words_is_told() -> None:
    """Five different failures in a row."""
    assert retried(tries(*((str(i), "boom") for i in range(4)))) == []
    assert retried(tries(*((str(i), "boom") for i in range(5)))) == [
        "search failed 5 times in a row"
    ]


def test_a_success_between_begins_anew() -> None:
    """Two failures, a success, two failures."""
    assert retried(tries(*[("a", "boom")] * 2, ("a", None), *[("a", "boom")] * 2)) == []


def test_model_calls_that_keep_failing_are_told() -> None:
    """In one agent's loop."""
    calls = [
        span(f"m{i}", parent="desk", kind="LLM", start_ms=i, status="ERROR", message="503")
        for i in range(3)
    ]
    assert retried(run(*calls)) == ["3 model calls in a row failed"]


def used(*steps: Span, **limits: float) -> Checked:
    """What is said of the use of a run."""
    return usage_budget(readings(run(*steps)), UsageBudget.model_validate(limits))


COSTLY = answers(more={"llm.cost.total": 0.5})


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"total_tokens": 100}, []),
        ({"total_tokens": 99}, ["the run used 100 tokens of at most 99"]),
        ({"cost_usd": 0.4}, ["the run used 0.5 dollars of at most 0.4"]),
        ({"seconds": 10}, []),
        ({"seconds": 9.5}, ["the run used 10 seconds of at most 9.5"]),
        ({"model_calls": 1}, []),
        ({"model_calls": 0}, ["the run used 1 model calls of at most 0"]),
        ({"tool_calls": 0}, []),
    ],
)
def test_each_limit_is_held(limits: dict[str, float], told: list[str]) -> None:
    """Equal to the limit is within it."""
    found = used(COSTLY, **limits)
    assert [violation.summary for violation in found.violations] == told
    assert not found.missing


def test_what_was_not_measured_is_missing() -> None:
    """A call without tokens, or without a cost; no limit at all; no model call."""
    uncounted = model("m", "Hm.", at=5, more=dict.fromkeys(
        ("llm.token_count.prompt", "llm.token_count.completion", "llm.token_count.total"))
    )  # fmt: skip
    assert used(uncounted, total_tokens=5).missing == ("1 span without tokens: m",)
    assert used(answers(), cost_usd=5).missing == ("1 span without dollars: answer",)
    assert used(answers()).missing == ("no limit is set; give some as params of usage_budget",)
    assert used(total_tokens=5).missing == ("no model call is recorded, so no tokens",)


def test_what_is_known_to_be_too_much_is_a_breach_all_the_same() -> None:
    """Though another call was not counted."""
    uncounted = model("m", "Hm.", at=5, more={"llm.token_count.total": None,
                                             "llm.token_count.prompt": None})  # fmt: skip
    found = used(answers(), uncounted, total_tokens=50)
    assert len(found.violations) == len(found.missing) == 1


def test_open_faults_are_of_the_kinds_that_were_asked_for() -> None:
    """A cut-off answer is no broken format."""
    trace = run(answers(more={"llm.finish_reason": "length"}))
    for fault, count in ((Fault.TRUNCATED_OUTPUT, 1), (Fault.FORMAT_VIOLATION, 0)):
        found = open_faults(readings(trace), OpenFaults(faults=(fault,)))
        assert len(found.violations) == count
        assert found.scanned == f"2 spans, looked through for {fault.value.replace('_', ' ')}"
