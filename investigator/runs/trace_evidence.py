"""The traces in which a reference is looked up: those of a source, or those that a run read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from investigator.claims.document import Statements
from investigator.errors import SourceUnavailable
from investigator.ground.redaction import Redactor
from investigator.readings.reading import Readings
from investigator.runs.engines import engine_of_run
from investigator.runs.investigation import result_of, source_of
from investigator.runs.run_store import folder_of, read_record
from investigator.runs.shown_evidence import Passage, ShownEvidence, evidence_shown
from investigator.runs.trace_names import trace_named_or_only
from investigator.store.api import InspectionAPI
from investigator.store.open import OpenedSource
from investigator.traces.evidence import place_of


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
    """What is named, in the traces that a run is about; if these are gone, what its report quotes.

    Raises:
        UsageError: no such run, or nothing is called so.
        SourceError: its source cannot be read any more, and the report quotes nothing of it.
    """
    try:
        return _shown_in_traces(target, run_id, runs_dir, trace_id, cache_dir)
    except SourceUnavailable as error:
        quoted = _quoted(target.strip().strip("[]"), run_id, runs_dir, str(error))
        if quoted is not None:
            return quoted
        raise SourceUnavailable(
            f"{error}; run '{run_id}' kept no copy of what it read (--freeze does), and its report "
            f"quotes nothing of '{target}'"
        ) from error


def _shown_in_traces(
    target: str, run_id: str, runs_dir: Path, trace_id: str | None, cache_dir: Path | None
) -> ShownEvidence:
    with source_of(folder_of(run_id, runs_dir), cache_dir) as (opened, api):
        read = opened.input_ref
        ids: Sequence[str] = read.trace_ids or [r.trace_id for r in api.list_traces()]
        if read.session_id is not None:
            ids = [read.session_id]
        asked = [one for one in ids if trace_id is None or one.startswith(trace_id)]
        where = f"the traces of run '{run_id}'" if trace_id is None else f"trace '{trace_id}'"
        return evidence_shown(target, _readings(api, asked), where)


def _quoted(target: str, run_id: str, runs_dir: Path, why: str) -> ShownEvidence | None:
    """The excerpts that a report has of a reference or a span; None where it has none."""
    record = read_record(run_id, runs_dir)
    report = result_of(folder_of(run_id, runs_dir), record).report
    if report is None or not target:
        return None
    document = engine_of_run(record.run_type).document(report)
    for section in document.sections:
        for one in section.statements if isinstance(section, Statements) else ():
            cited = (ref for ref in one.evidence if target in (ref.ref, place_of(ref), ref.span_id))
            ref = next(cited, None)
            if ref is not None and one.quotes:
                return ShownEvidence(
                    title=f"what the report quotes at {ref.ref}",
                    trace_id=ref.trace_id or record.input_ref.subject,
                    facts=(("claim", one.name or one.text), ("source", f"cannot be read: {why}")),
                    passages=tuple(Passage("excerpt", quote) for quote in one.quotes),
                )
    return None


def _readings(api: InspectionAPI, trace_ids: Sequence[str]) -> Iterator[Readings]:
    for trace_id in trace_ids:
        yield Readings(api.get_trace(trace_id), Redactor())
