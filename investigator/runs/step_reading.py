"""The steps of a trace in a source, for programs and the command line."""

from __future__ import annotations

from investigator.ground.redaction import Redactor
from investigator.readings.reading import Readings
from investigator.readings.steps import Step
from investigator.runs.sources import TraceSource, open_source
from investigator.runs.trace_names import trace_named_or_only
from investigator.store.open import OpenedSource


def steps(source: TraceSource, trace_id: str | None = None) -> tuple[Step, ...]:
    """The run as numbered steps, not redacted; the id may be left out where there is one trace.

    Raises:
        UsageError: no id, and the source has not exactly one trace.
        TraceNotFound: no trace of that id.
        SourceError: the source cannot be read.
    """
    opened = open_source(source)
    try:
        return steps_in_source(opened, trace_id)
    finally:
        opened.api.close()


def steps_in_source(opened: OpenedSource, trace_id: str | None) -> tuple[Step, ...]:
    """The same of a source that is open."""
    named = trace_named_or_only(opened, trace_id)
    return Readings(opened.api.get_trace(named), Redactor()).steps
