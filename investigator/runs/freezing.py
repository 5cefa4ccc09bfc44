"""A run over a live source reads it once, into a file of its own, and is about that file.

So its report does not depend on what arrives meanwhile, and it can be replayed and verified with
the source gone. The file holds the traces as they are, secrets too, and is its owner's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from investigator.inspection.engine import Question, TraceQuestion
from investigator.runs.sources import is_live
from investigator.runtime.private import FILE_MODE, make_private
from investigator.store.api import InspectionAPI
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.parquet import TraceRow, rows_of, write_spans

if TYPE_CHECKING:
    from investigator.connectors.phoenix.source import PhoenixInspectionAPI

INPUT_FILE = "input.parquet"


@contextmanager
def as_read(api: InspectionAPI, question: Question[Any], run_dir: Path) -> Iterator[InspectionAPI]:
    """What a run reads that begins: a live source frozen into the run's folder, any other as it is.

    Raises:
        SourceError: the source cannot be read.
    """
    if not is_live(api):
        yield api
        return
    freeze(api, question, run_dir)
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


def freeze(api: PhoenixInspectionAPI, question: Question[Any], run_dir: Path) -> None:
    """Write the traces that the question is about into the run's folder, whole or not at all."""
    if isinstance(question, TraceQuestion):
        traces = map(api.get_trace, question.trace_ids_in(api))
        stored: Iterable[TraceRow] = (row for trace in traces for row in rows_of(trace))
    else:
        stored = api.stored(question.trace_ids_in(api))
    make_private(run_dir)
    write_spans(stored, run_dir / INPUT_FILE, mode=FILE_MODE)
