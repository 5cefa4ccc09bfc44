"""A request that was too large began with the result that filled it."""

from __future__ import annotations

import pytest

from investigator.readings.faults import Fault
from investigator.signals.detect import detect
from investigator.traces.model import Trace
from tests.builders import readings, span, trace
from tests.signals.steps import agent, llm, tool

ERRORS = (
    "BadRequestError: This model's maximum context length is 128000 tokens",
    "InvalidRequest: prompt is too long: 214123 tokens > 200000 maximum",
    "ValidationException: Input is too long for requested model",
    "ApiError 400: The input token count exceeds the maximum, reduce the length of the messages",
)


def _first(found: Trace) -> tuple[Fault, str]:
    signals = sorted(detect(readings(found)), key=lambda signal: -signal.strength)
    strong = [s for s in signals if s.strength >= 0.65]
    return strong[0].fault, strong[0].origin_id


@pytest.mark.parametrize("error", ERRORS)
def test_the_output_that_filled_the_window_is_where_it_began(error: str) -> None:
    """One command printed a log of 400,000 characters."""
    found = trace(
        agent(),
        llm("l1", calls=[("run", '{"cmd": "ls"}')], at=1),
        tool("t1", "a.txt", at=2, name="run"),
        llm("l2", calls=[("run", '{"cmd": "cat log"}')], at=3),
        tool("t2", "line\n" * 80_000, at=4, name="run"),
        span("l9", parent="agent", kind="LLM", start_ms=90, end_ms=91, status="ERROR",
             message=error),
    )  # fmt: skip
    assert _first(found) == (Fault.RESOURCE_EXHAUSTED, "t2")


def test_a_window_that_a_finish_reason_calls_full_began_there_too() -> None:
    """The provider answered, and stopped in the middle."""
    full = {"llm.finish_reason": "model_context_window_exceeded"}
    found = trace(
        agent(),
        llm("l1", calls=[("fetch", "{}")], at=1),
        tool("t1", "word " * 60_000, at=2, name="fetch"),
        llm("l2", "The page says", at=3, attributes=full),
    )
    assert _first(found) == (Fault.RESOURCE_EXHAUSTED, "t1")


def test_a_window_that_filled_in_small_parts_was_filled_by_nobody() -> None:
    """A hundred results of a page each: the request is where it failed."""
    parts = [tool(f"t{n}", f"{n} " + "x" * 3_000, at=n, name="read") for n in range(1, 60)]
    found = trace(
        agent(),
        llm("l0", at=0),
        *parts,
        span("l9", parent="agent", kind="LLM", start_ms=90, end_ms=91, status="ERROR",
             message=ERRORS[0]),
    )  # fmt: skip
    assert _first(found)[1] == "l9"


def test_a_large_output_that_the_model_took_is_fine() -> None:
    """It answered."""
    found = trace(
        agent(),
        llm("l1", calls=[("fetch", "{}")], at=1),
        tool("t1", "word " * 60_000, at=2, name="fetch"),
        llm("l2", "The page says a word.", at=3),
    )
    assert not detect(readings(found))
