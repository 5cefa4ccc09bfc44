"""What is scanned lies in one canonical file: a source that does not is read into one first.

Files are read into the cache, as for any command. A live project is read into the scan's folder,
with its secrets, for its owner alone; there the scan's runs can be replayed without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from investigator.runs.freezing import INPUT_FILE
from investigator.runs.sources import is_live, located, open_source
from investigator.runtime.private import FILE_MODE
from investigator.store.open import OpenedSource
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.store.trace_selection import TraceSelection
from investigator.traces.parquet import write_spans


def open_for_scan(
    sources: Sequence[str | Path],
    results: Path,
    selection: TraceSelection,
    *,
    cache_dir: Path | None = None,
    on_span_count: Callable[[int], None] | None = None,
) -> OpenedSource:
    """The source as one canonical file; a live one as it was when the scan began.

    Raises:
        SourceUnavailable: nothing in it can be read.
    """
    frozen = results / INPUT_FILE
    if frozen.is_file():
        return OpenedSource(ParquetInspectionAPI(frozen), (), paths=located(list(sources)))
    opened = open_source(list(sources), cache_dir=cache_dir, on_span_count=on_span_count)
    if not is_live(opened.api):
        return opened
    try:
        results.mkdir(parents=True, exist_ok=True)
        stored = opened.api.stored(start_ns=selection.start_ns, end_ns=selection.end_ns)
        write_spans(stored, frozen, mode=FILE_MODE)
    finally:
        opened.api.close()
    return replace(opened, api=ParquetInspectionAPI(frozen))
