"""By what a table of traces is cut: when a run began, who ran it, on what, of which release.

They are those circumstances by which the incident engine compares runs, named alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from investigator.ground.canonical_json import canonical_json
from investigator.incident.circumstances import AGENT, MODEL, TOOL, circumstances_of, said_by
from investigator.incident.setup_facts import names_release
from investigator.readings.quoting import Quoting
from investigator.readings.reading import Readings
from investigator.traces.model import Trace
from investigator.traces.parquet import project_of

_RELEASE_LIMIT = 80
_OF_THE_TRACER = ("telemetry.", "otel.", "openinference.", "process.", "instrumentation")
"""What recorded the run has versions too, and is no release of the agent."""
_TELLING = ("release", "deploy", "service.version", "version")
"""Of several keys that name one, the first of these decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """Facts of one trace, each None (or empty) where it says nothing of it.

    `start_ns` is when the first span began, `duration_ms` the time from then to the last end.
    """

    start_ns: int | None
    duration_ms: float | None
    spans: int
    project: str | None
    agent: str | None
    model: str | None
    release: str | None
    tools: tuple[str, ...]


NO_FACTS = RunFacts(
    start_ns=None,
    duration_ms=None,
    spans=0,
    project=None,
    agent=None,
    model=None,
    release=None,
    tools=(),
)
"""Those of a trace that cannot be read."""


def facts_in(read: Readings) -> RunFacts:
    """The facts of a trace, redacted as all that is told of it."""
    trace, quote = read.trace, read.quote
    held = dict(circumstances_of(trace, quote))
    starts = [span.start_ns for span in trace.spans if span.start_ns is not None]
    ends = [span.end_ns for span in trace.spans if span.end_ns is not None]
    start = min(starts, default=None)
    project = next((name for span in trace.spans if (name := project_of(span))), None)
    tools = held.get(TOOL)
    return RunFacts(
        start_ns=start,
        duration_ms=None if start is None or not ends else max(0, max(ends) - start) / 1e6,
        spans=len(trace.spans),
        project=None if project is None else quote.whole(project),
        agent=held.get(AGENT),
        model=held.get(MODEL),
        release=_release(trace, quote),
        tools=() if tools is None else tuple(tools.split("+")),
    )


def _release(trace: Trace, quote: Quoting) -> str | None:
    """The release or version that a root names."""
    named = {
        key: value
        for root in trace.roots
        for key, value in said_by(root)
        if isinstance(value, str | int | float)
        and names_release(key)
        and not key.startswith(_OF_THE_TRACER)
    }
    if not named:
        return None
    value = named[min(named, key=_how_telling)]
    return quote.line(value if isinstance(value, str) else canonical_json(value), _RELEASE_LIMIT)


def _how_telling(key: str) -> tuple[int, int, str]:
    place = next((n for n, word in enumerate(_TELLING) if word in key.casefold()), len(_TELLING))
    return place, len(key), key
