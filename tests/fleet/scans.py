"""Scans of small sources of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from investigator import RCA, Compliance, Settings
from investigator.fleet.plan import Investigated, ScanPlan, keep_plan, plan_of
from investigator.fleet.scan import Fleet, ScanSummary, run_scan
from investigator.inspection.engine import TraceQuestion
from investigator.runs.dispatch import InProcess, TaskExecutor
from investigator.runs.sources import open_source
from investigator.store.trace_selection import EVERY_TRACE, TraceSelection
from investigator.traces.model import Span
from investigator.traces.parquet import write_spans
from tests.builders import exception_event, span

BOTH: tuple[TraceQuestion[Any], ...] = (RCA(), Compliance())


def tool_run(number: int, *, release: str = "1", fails: bool = False) -> tuple[Span, ...]:
    """A run of an agent that asks one tool, which may fail."""
    trace_id, start = f"t{number:05d}", 1_000 * number
    agent = span(
        "root",
        trace_id=trace_id,
        kind="AGENT",
        name="shop",
        start_ms=start,
        end_ms=start + 50,
        attributes={
            "input.value": "what does item 7 cost?",
            "output.value": "I could not find out." if fails else "It costs 12 EUR.",
            "metadata": {"release": release},
        },
    )
    tool = span(
        "tool",
        trace_id=trace_id,
        parent="root",
        kind="TOOL",
        name="price",
        start_ms=start + 10,
        end_ms=start + 20,
        status="ERROR" if fails else "OK",
        message="TimeoutError: no answer" if fails else "",
        attributes={
            "tool.name": "price",
            "input.value": '{"item": 7}',
            **({} if fails else {"output.value": "12 EUR"}),
        },
        events=[exception_event("TimeoutError", "no answer")] if fails else (),
    )
    return agent, tool


def written(spans: Iterable[Span], folder: Path) -> Path:
    """A canonical file of these spans."""
    path = folder / "traces.parquet"
    write_spans(spans, path)
    return path


def runs_written(count: int, folder: Path) -> Path:
    """A file of so many tool runs, of which each fifth fails."""
    runs = (tool_run(number, fails=number % 5 == 0) for number in range(count))
    return written((one for run in runs for one in run), folder)


def planned(
    source: Path,
    results: Path,
    *,
    questions: tuple[TraceQuestion[Any], ...] = BOTH,
    selection: TraceSelection = EVERY_TRACE,
    investigated: Investigated = Investigated(),
) -> ScanPlan:
    """The plan of a scan, kept in its folder."""
    opened = open_source(source)
    try:
        plan = plan_of(opened, questions, Settings(), selection, investigated)
    finally:
        opened.api.close()
    return keep_plan(plan, results)


def scanned(
    source: Path, results: Path, *, executor: TaskExecutor | None = None, **asked: Any
) -> ScanSummary:
    """What a whole scan came to."""
    planned(source, results, **asked)
    summary = run_scan(results, Fleet(executor or InProcess()))
    assert summary is not None
    return summary


def rows(results: Path, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """The rows of a table of a scan, as any program reads them."""
    files = f"{results}/shards/*/{table}.parquet"
    with duckdb.connect() as con:
        return con.execute(f"select {columns} from read_parquet(?)", [files]).fetchall()
