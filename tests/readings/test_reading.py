"""What a trace says is read once a run, and quoted through the run's one redactor."""

from __future__ import annotations

import cProfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from investigator import investigate
from investigator.ground.redaction import Redactor
from investigator.readings import completeness
from investigator.readings.conversation import Conversation
from investigator.readings.provenance import Provenance
from investigator.readings.reading import Readings
from investigator.readings.view import TraceView
from investigator.traces.parquet import write_spans
from tests.asking import asked
from tests.builders import exception_event, readings, span, trace
from tests.injection.places import PLACES, Told, agent_trace, window

READINGS: dict[str, Callable[..., Any]] = {
    "readings": Readings.__init__,
    "view": TraceView.__init__,
    "conversation": Conversation.of,
    "provenance": Provenance.__init__,
    "completeness": completeness.completeness,
}


def made(doing: Callable[[], object]) -> Counter[str]:
    """How often each reading was made while something was done."""
    profile = cProfile.Profile()
    profile.runcall(doing)
    names = {made.__code__: name for name, made in READINGS.items()}
    counts = {entry.code: entry.callcount for entry in profile.getstats()}
    return Counter({name: counts.get(code, 0) for code, name in names.items()})


@pytest.mark.parametrize(
    ("engine", "read"),
    [
        ("rca", {"view", "conversation", "completeness"}),
        ("compliance", {"view", "conversation", "provenance"}),
        ("incident", {"view", "conversation", "completeness"}),
    ],
)
def test_each_reading_is_made_once_a_trace(engine: str, read: set[str], tmp_path: Path) -> None:
    """By signals, controls and engines together; what an engine does not need is not made.

    An incident keeps digests: the trace on which a claim rests alone is read again, to look into
    it and to weigh the claim.
    """
    said = Told("the depot timed out", PLACES)
    traces = [agent_trace(said, failing=True), *window(said, failing=True)]
    write_spans((one for each in traces for one in each.spans), tmp_path / "t.parquet")
    told = {} if engine == "incident" else {"trace_id": traces[0].trace_id}
    looked_at = len(traces) if engine == "incident" else 1
    question, settings = asked(engine, runs_dir=tmp_path, **told)
    counts = made(lambda: investigate(tmp_path / "t.parquet", question, settings))
    again = {"readings", "view", "conversation"} if engine == "incident" else set[str]()
    assert counts == {
        name: looked_at * (name in {"readings", *read}) + 2 * (name in again) for name in READINGS
    }


def test_nothing_is_quoted_but_through_the_redactor_that_was_handed_in() -> None:
    """Two runs side by side have a redactor each, and none is in force for both."""
    event = exception_event("TimeoutError", "CUST-4711 timed out")
    failed = trace(span("t", kind="TOOL", name="CUST-4711", status="ERROR", events=[event]))
    own = Readings(failed, Redactor({"customer": r"CUST-\d+"}))
    plain = readings(failed)
    for told in (own.quote.name, own.quote.error, own.quote.whole):
        assert told("CUST-4711") == "[REDACTED:customer]"
    for told in (plain.quote.name, plain.quote.error, plain.quote.whole):
        assert told("CUST-4711") == "CUST-4711"
    assert own.quote.line("x" * 50 + " CUST-4711", 55).endswith("[RE…")
