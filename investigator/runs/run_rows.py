"""Stored runs as rows: in which order, which of them, and what a row says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.near_names import did_you_mean
from investigator.runs.engines import engine_named
from investigator.runs.run_store import StoredRun
from investigator.runtime.journal import FILE

STATES = ("succeeded", "partial", "failed", "interrupted", "running", "unreadable")


def runs_asked(
    runs: Iterable[StoredRun], engine: str | None, state: str | None, trace_id: str | None
) -> Iterator[StoredRun]:
    """Those of an engine, in a state, about a trace (the beginning of its id will do).

    Raises:
        UsageError: there is no such engine, or no such state.
    """
    run_type = None if engine is None else engine_named(engine).run_type
    if state is not None and state not in STATES:
        meant = did_you_mean(state, STATES)
        raise UsageError(f"no state '{state}'{meant}; there are: {', '.join(STATES)}")
    for run in runs:
        traces = () if run.record is None else run.record.input_ref.trace_ids
        kept = (
            (run_type is None or (run.record is not None and run.record.run_type == run_type)),
            state is None or run.state == state,
            trace_id is None or any(one.startswith(trace_id) for one in traces),
        )
        if all(kept):
            yield run


def newest_first(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """In the order in which they began, the last one first."""
    return sorted(runs, key=lambda run: (began_at(run), run.run_id), reverse=True)


def began_at(run: StoredRun) -> datetime:
    """When it began; for a run without a record, when its journal was last written to."""
    if run.record is not None:
        return datetime.fromisoformat(run.record.started_at)
    return datetime.fromtimestamp((run.run_dir / FILE).stat().st_mtime, UTC)


def run_row(run: StoredRun) -> dict[str, JsonValue]:
    """A run in a few words."""
    record = run.record
    return {
        "run_id": run.run_id,
        "run_dir": str(run.run_dir),
        "state": run.state,
        "run_type": record.run_type if record else None,
        "verdict": run.verdict,
        "trace_ids": list(record.input_ref.trace_ids) if record else None,
        "started_at": record.started_at if record else None,
        "completed_at": record.completed_at if record else None,
        "error": record.error.message if record and record.error else run.problem,
    }
