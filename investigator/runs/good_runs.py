"""The good run of a question: found by what the caller calls it, checked, kept, and read again.

A name is an id in the question's own source, or its beginning, or a place: `PATH` with one trace in
it, or `PATH#TRACE`. What is found is told by its hash, so that whoever makes the run again has the
same beside it; a run read from a live source is kept in the run's folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import Any

from investigator.errors import TraceNotFound, UsageError
from investigator.ground.redaction import Redactor
from investigator.ground.wording import counted
from investigator.inspection.engine import Question, TraceQuestion
from investigator.readings.quoting import Quoting
from investigator.readings.reading import Readings
from investigator.readings.view import error_of
from investigator.runs.live_places import live_place
from investigator.runs.sources import is_live, open_source
from investigator.runs.trace_names import trace_named
from investigator.runtime.private import FILE_MODE, make_private
from investigator.runtime.told import GoodRunRef
from investigator.store.api import InspectionAPI
from investigator.store.open import OpenedSource
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.model import Trace
from investigator.traces.parquet import rows_of, write_spans

GOOD_FILE = "good.parquet"
_WAYS = "a good run is named by its id in the same source, or as PATH or PATH#TRACE"
_ERROR = 120


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A good run that was found; `live` says that its source may change any time."""

    ref: GoodRunRef
    trace: Trace
    live: bool


def found_good_run(
    question: Question[Any], opened: OpenedSource, cache_dir: Path | None, redactor: Redactor
) -> FoundRun | None:
    """The good run that a question names; None where it names none.

    Raises:
        UsageError: the name is ambiguous, or it is no good run of this trace: the trace itself, or
            one that failed.
        TraceNotFound: there is none of that name.
        SourceError: its source cannot be read.
    """
    named = question.good_run
    if named is None or not isinstance(question, TraceQuestion):
        return None
    if isinstance(named, GoodRunRef):
        with _opened(named.source, opened, cache_dir) as source:
            found = _found(source, named.trace_id, elsewhere=bool(named.source))
    else:
        with _named(named, opened, cache_dir) as (source, trace_id):
            found = _found(source, trace_id, elsewhere=source is not opened)
    _require_another(question, opened, found)
    _require_passed(question, found.trace, redactor)
    return found


@contextmanager
def _named(
    name: str, opened: OpenedSource, cache_dir: Path | None
) -> Iterator[tuple[OpenedSource, str]]:
    """The source that a name means, and the id in it. An id comes before a file of that name."""
    if not name.strip():
        raise UsageError(f"'' names no run: {_WAYS}")
    if _holds(opened.api, name):
        yield opened, name
        return
    place, _, part = name.rpartition("#") if "#" in name else (name, "", "")
    if not _is_place(place) and _is_place(name):
        place, part = name, ""
    if not _is_place(place):
        try:
            yield opened, trace_named(opened, name)
        except TraceNotFound as error:
            raise TraceNotFound(f"{error}; {_WAYS}", trace_id=name) from None
        return
    with _opened((place,), opened, cache_dir) as source:
        yield source, trace_named(source, part) if part else _only_trace(source, place)


def _holds(api: InspectionAPI, trace_id: str) -> bool:
    try:
        api.get_trace(trace_id)
    except TraceNotFound:
        return False
    return True


def _is_place(name: str) -> bool:
    return bool(name) and (live_place(name) is not None or os.path.exists(name) or has_magic(name))


def _only_trace(source: OpenedSource, place: str) -> str:
    traces = source.api.list_traces(limit=2)
    if len(traces) != 1:
        count = source.api.count_traces()
        raise UsageError(
            f"the good run's source {place} holds {counted(count, 'trace')}: name one "
            "(PATH#TRACE); `investigator traces` lists them"
        )
    return traces[0].trace_id


@contextmanager
def _opened(
    places: tuple[str, ...], own: OpenedSource, cache_dir: Path | None
) -> Iterator[OpenedSource]:
    """The source at some places; the question's own where there are none."""
    if not places:
        yield own
        return
    source = open_source(places, cache_dir=cache_dir)
    try:
        yield source
    finally:
        source.api.close()


def _found(source: OpenedSource, trace_id: str, *, elsewhere: bool) -> FoundRun:
    trace = source.api.get_trace(trace_id)
    ref = GoodRunRef(
        trace_id=trace.trace_id,
        source=source.paths if elsewhere else (),
        dataset_hash=trace.content_hash,
        evaluations_hash=trace.evaluations_hash,
    )
    return FoundRun(ref, trace, is_live(source.api))


def _require_another(question: TraceQuestion[Any], opened: OpenedSource, found: FoundRun) -> None:
    """Raise `UsageError` where the good run is the failed one, or a copy of it."""
    here = not found.ref.source and found.ref.trace_id == question.trace_id
    if not here and found.ref.trace_id == question.trace_id:
        here = opened.api.get_trace(question.trace_id).content_hash == found.ref.dataset_hash
    if here:
        raise UsageError(
            f"trace '{question.trace_id}' is to be compared with itself: name another run of the "
            "same task, one that passed"
        )


def _require_passed(question: Question[Any], trace: Trace, redactor: Redactor) -> None:
    """Raise `UsageError` where the good run is known to have failed, or ended in an error."""
    readings = Readings(trace, redactor, ignore_evaluations=question.ignore_evaluations)
    quote = Quoting(redactor)
    ended = (error for root in trace.roots if (error := error_of(root)) is not None)
    error = next(ended, None)
    why = readings.outcome.line if readings.outcome.failed else None
    if why is None and error is not None:
        why = f"it ended in an error ({quote.line(error, _ERROR)})"
    if why is not None:
        raise UsageError(
            f"'{trace.trace_id}' is no good run to compare with: {why}; name one that passed"
        )


def keep_good_run(found: FoundRun, run_dir: Path, *, freeze: bool | None) -> None:
    """Write it into the folder of the run that is compared with it; `freeze` as of its traces."""
    if found.live if freeze is None else freeze:
        make_private(run_dir)
        write_spans(rows_of(found.trace), run_dir / GOOD_FILE, mode=FILE_MODE)


def good_run_again(
    question: Question[Any], api: InspectionAPI, run_dir: Path, cache_dir: Path | None
) -> Trace | None:
    """The good run of a stored run, from its folder or from where it was.

    Raises:
        UsageError: it has changed.
        SourceError: it cannot be read.
    """
    ref = question.good_run
    if not isinstance(ref, GoodRunRef):
        return None
    trace = _read_again(ref, api, run_dir, cache_dir)
    if (trace.content_hash, trace.evaluations_hash) != (ref.dataset_hash, ref.evaluations_hash):
        where = ", ".join(ref.source) or "the source"
        raise UsageError(
            f"the good run '{ref.trace_id}' in {where} has changed since run '{run_dir.name}'; put "
            "the old data back or start a new run"
        )
    return trace


def _read_again(
    ref: GoodRunRef, api: InspectionAPI, run_dir: Path, cache_dir: Path | None
) -> Trace:
    kept = run_dir / GOOD_FILE
    if not kept.is_file() and not ref.source:
        return api.get_trace(ref.trace_id)
    held: InspectionAPI = (
        ParquetInspectionAPI(kept)
        if kept.is_file()
        else open_source(ref.source, cache_dir=cache_dir).api
    )
    try:
        return held.get_trace(ref.trace_id)
    finally:
        held.close()
