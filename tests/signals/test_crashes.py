"""A crash is of the agent whose code failed, whatever span it was recorded at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from investigator.signals.detect import detect
from investigator.signals.model import Signal
from investigator.traces.model import Span, SpanEvent
from tests.builders import exception_event, readings, span, trace

FRAMES = (
    "Traceback (most recent call last):\n"
    '  File "/app/agents/{file}.py", line 212, in on_messages\n    await self._page.goto(url)\n'
    '  File "/usr/lib/python3/playwright/page.py", line 88, in goto\n    raise TimeoutError(url)\n'
    "TimeoutError: Page.goto: 30000ms exceeded"
)


def raised(stack: str, message: str = "Page.goto: 30000ms exceeded") -> SpanEvent:
    """An exception with its traceback."""
    event = exception_event("TimeoutError", message)
    return replace(event, attributes={**event.attributes, "exception.stacktrace": stack})


def team(*events: SpanEvent, reader: str = "FileSurfer", web: str = "WebSurfer") -> list[Span]:
    """An orchestrator with two agents one after the other; the events are at the second."""

    def of(name: str, start: int, **more: object) -> Span:
        made = span(name, parent="lead", kind="AGENT", start_ms=start, end_ms=start + 9)
        return replace(made, **more)  # type: ignore[arg-type]

    failed = span(
        reader,
        parent="lead",
        kind="AGENT",
        status="ERROR",
        start_ms=11,
        end_ms=20,
        events=events,
    )
    said = {"output.value": "I open it."}
    turn = span("turn", parent=web, kind="LLM", start_ms=2, end_ms=5, attributes=said)
    return [span("lead", kind="AGENT", name="Orchestrator", end_ms=30), of(web, 1), turn, failed]


def crash(spans: list[Span]) -> Signal:
    """The signal of the exception."""
    found = detect(readings(trace(*spans)))
    return next(one for one in found if one.detector == "exception")


@pytest.mark.parametrize("file", ["web_surfer", "WebSurferAgent", "websurfer_agent"])
def test_frames_name_the_agent_that_crashed(file: str) -> None:
    """Recorded at another agent's span, it began at the last step of its own."""
    found = crash(team(raised(FRAMES.format(file=file))))
    assert (found.span_id, found.origin_id, found.agent) == ("FileSurfer", "turn", "WebSurfer")
    assert "WebSurfer" in found.summary


@pytest.mark.parametrize("message", ["agent WebSurfer failed to answer", "WebSurfer crashed: 7"])
def test_a_message_names_it_too(message: str) -> None:
    """Where no traceback was kept."""
    assert crash(team(exception_event("RuntimeError", message))).agent == "WebSurfer"


@pytest.mark.parametrize(
    "stack",
    [
        FRAMES.format(file="file_surfer"),
        FRAMES.format(file="file_surfer") + FRAMES.format(file="web_surfer"),
        FRAMES.format(file="orchestrator"),
        FRAMES.format(file="browser"),
        "",
    ],
    ids=["its own", "its own and another's", "the caller's", "nobody's", "none"],
)
def test_else_it_is_of_the_span_it_stands_at(stack: str) -> None:
    """What the agent's own code shows, or nobody's, is the agent's own."""
    assert crash(team(raised(stack))).agent == "FileSurfer"


def test_a_common_word_of_code_is_no_agent() -> None:
    """An agent that is called `search` has not crashed where a file of that name stands."""
    spans = team(raised(FRAMES.format(file="search")), web="search")
    assert crash(spans).agent == "FileSurfer"
