"""The traces in which a reference is looked up: those of a source, or those that a run read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from investigator.ground.redaction import Redactor
from investigator.readings.reading import Readings
from investigator.runs.investigation import source_of
from investigator.runs.run_store import folder_of
from investigator.runs.shown_evidence import ShownEvidence, evidence_shown
from investigator.runs.trace_names import trace_named_or_only
from investigator.store.api import InspectionAPI
from investigator.store.open import OpenedSource


def shown_in_source(target: str, opened: OpenedSource, trace_id: str | None) -> ShownEvidence:
    """What is named, in a trace of a source that is open.

    Raises:
        UsageError: nothing is called so, or no trace is named and there are several.
        TraceNotFound: no trace of that id.
    """
    named = trace_named_or_only(opened, trace_id)
    return evidence_shown(target, _readings(opened.api, [named]), f"trace '{named}'")


def shown_in_run(
    target: str, run_id: str, runs_dir: Path, trace_id: str | None, cache_dir: Path | None = None
) -> ShownEvidence:
    """What is named, in the traces that a run is about.

    Raises:
        UsageError: no such run, or nothing is called so.
        SourceError: its source cannot be read any more.
    """
    with source_of(folder_of(run_id, runs_dir), cache_dir) as (opened, api):
        read = opened.input_ref
        ids: Sequence[str] = read.trace_ids or [r.trace_id for r in api.list_traces()]
        if read.session_id is not None:
            ids = [read.session_id]
        asked = [one for one in ids if trace_id is None or one.startswith(trace_id)]
        where = f"the traces of run '{run_id}'" if trace_id is None else f"trace '{trace_id}'"
        return evidence_shown(target, _readings(api, asked), where)


def _readings(api: InspectionAPI, trace_ids: Sequence[str]) -> Iterator[Readings]:
    for trace_id in trace_ids:
        yield Readings(api.get_trace(trace_id), Redactor())
