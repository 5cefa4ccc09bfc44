"""What every implementation of the inspection API must do.

An implementation joins the suite by a way to serve traces. What a Phoenix or an MLflow cannot
store (a span without times, an id twice, a null) is asked of files alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from investigator.store.api import InspectionAPI
from investigator.store.memory import MemoryInspectionAPI
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.parquet import TraceRow, trace_of, write_spans


class Served(InspectionAPI, Protocol):
    """An inspection API that can be closed."""

    def close(self) -> None: ...


Server = Callable[[Sequence[TraceRow], Path], Served]
"""Makes an implementation that holds the spans, and verdicts on them; may use the folder."""


def serve_memory(spans: Sequence[TraceRow], folder: Path) -> Served:
    """The spans as values."""
    _ = folder
    by_trace: dict[str, list[TraceRow]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    return MemoryInspectionAPI(trace_of(trace_id, found) for trace_id, found in by_trace.items())


def serve_parquet(spans: Sequence[TraceRow], folder: Path) -> Served:
    """The spans as a canonical Parquet file."""
    write_spans(spans, folder / "traces.parquet")
    return ParquetInspectionAPI(folder / "traces.parquet")


FILES: dict[str, Server] = {"memory": serve_memory, "parquet": serve_parquet}
