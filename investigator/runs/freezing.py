"""A run over a live source, or one that is told to, reads it once, into a file of its own.

It is about that file, so its report does not depend on what arrives meanwhile, and it can be shown,
replayed and verified with the source gone. The file holds the traces as they are, secrets too, and
is its owner's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from investigator.inspection.engine import Question, TraceQuestion
from investigator.runs.sources import is_live
from investigator.runtime.private import FILE_MODE, make_private
from investigator.store.api import InspectionAPI
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.parquet import TraceRow, rows_of, write_spans

INPUT_FILE = "input.parquet"


@contextmanager
def as_read(
    api: InspectionAPI, question: Question[Any], run_dir: Path, *, freeze: bool | None
) -> Iterator[InspectionAPI]:
    """What a run reads that begins: its source, or a copy of it in the run's folder.

    `freeze` None: a copy of what is live, which may be gone or changed tomorrow.

    Raises:
        SourceError: the source cannot be read.
    """
    if not (is_live(api) if freeze is None else freeze):
        yield api
        return
    write_copy(api, question, run_dir)
    frozen = frozen_input(run_dir)
    assert frozen is not None
    try:
        yield frozen
    finally:
        frozen.close()


def frozen_input(run_dir: Path) -> ParquetInspectionAPI | None:
    """The frozen source of a run; None where it has none."""
    path = run_dir / INPUT_FILE
    return ParquetInspectionAPI(path) if path.is_file() else None


def write_copy(api: InspectionAPI, question: Question[Any], run_dir: Path) -> None:
    """Write the traces that the question is about into the run's folder, whole or not at all."""
    trace_ids = question.trace_ids_in(api)
    if is_live(api) and not isinstance(question, TraceQuestion):
        stored: Iterable[TraceRow] = api.stored(trace_ids)
    else:
        traces = map(api.get_trace, trace_ids)
        stored = (row for trace in traces for row in rows_of(trace))
    make_private(run_dir)
    write_spans(stored, run_dir / INPUT_FILE, mode=FILE_MODE)
