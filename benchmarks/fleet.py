"""How fast are many traces judged, beside reading the same traces and nothing else?

    python -m benchmarks.fleet --data DIR [--only NAME] [--generated N] [--most 200]

For each source, in one process and one after the other in small groups, so that what else the
machine does falls on all alike: reading (the floor), RCA by screening, RCA with the controls, full
runs by rules from the same file. CPU milliseconds a trace, and traces a second and core. With
`--generated N` a source of N small traces is made and scanned as a whole: rate, peak memory, bytes
and files a trace, at N and at a tenth of it, so that a cost that grows is seen.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from investigator import RCA, Compliance, Settings
from investigator.fleet.judging import AskedOfAll, Judge
from investigator.fleet.plan import Investigated, keep_plan, plan_of
from investigator.fleet.result_rows import write_tables
from investigator.fleet.scan import Fleet, run_scan
from investigator.ground.canonical_json import JsonValue
from investigator.inspection.engine import TraceQuestion
from investigator.runs.dispatch import InProcess
from investigator.runs.sources import open_source
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.store.trace_selection import EVERY_TRACE
from investigator.traces.model import Span, SpanKind, StatusCode
from investigator.traces.parquet import write_spans

GROUP = 20
"""Traces that each way is timed on before the next."""
SOURCES = {"trail": "trail/gaia/traces", "agentdojo": "agentdojo/runs/gpt-4o-mini-2024-07-18.jsonl"}
SPANS = 8


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", choices=[*SOURCES])
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--generated", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.data is not None:
            for name, place in SOURCES.items():
                if asked.only in (None, name):
                    screening(name, asked.data / place, Path(folder), asked.most)
        if asked.generated:
            for count in (max(1, asked.generated // 10), asked.generated):
                generated(count, Path(folder))


def screening(name: str, source: Path, folder: Path, most: int) -> None:
    """The ways over one source, a group of traces at a time."""
    opened = open_source(source, cache_dir=folder / "cache")
    api = opened.api
    assert isinstance(api, ParquetInspectionAPI)
    ids = [extent.trace_id for extent in api.extents()][:most]
    groups = [ids[begin : begin + GROUP] for begin in range(0, len(ids), GROUP)]
    ways: dict[str, Callable[[list[str]], None]] = {
        "reading alone": lambda group: consume(api.traces_between(group[0], group[-1])),
        "screening, RCA": _screened(api, (RCA(),), folder),
        "screening, RCA and controls": _screened(api, (RCA(), Compliance()), folder),
    }
    spent = dict.fromkeys(ways, 0.0)
    for run in ways.values():
        run(ids[:2])  # what is imported and compiled once is no part of a trace's cost
    for group in groups:
        for told, run in ways.items():
            began = time.process_time()
            run(group)
            spent[told] += time.process_time() - began
    spent["full runs by rules, RCA"] = _full(source, folder, name)
    for told, seconds in spent.items():
        count = api.count_traces() if told.startswith("full") else len(ids)
        print(
            f"{name:10} {told:28} {1000 * seconds / count:8.2f} ms CPU a trace"
            f" {count / seconds:9.1f} a second and core"
        )
    api.close()


def consume(things: Iterable[object]) -> None:
    """Take all of them."""
    for _ in things:
        pass


def _screened(
    api: ParquetInspectionAPI, questions: tuple[TraceQuestion[Any], ...], folder: Path
) -> Callable[[list[str]], None]:
    """Judge the traces of a group, and write their tables."""
    judge = Judge([AskedOfAll(one, one.materials()) for one in questions], "benchmark", {})

    def run(group: list[str]) -> None:
        traces = api.traces_between(group[0], group[-1])
        found = [result for trace in traces for _, result in judge.results(trace)]
        with tempfile.TemporaryDirectory(dir=folder) as made:
            write_tables(found, Path(made))

    return run


def _full(source: Path, folder: Path, name: str) -> float:
    """CPU seconds of a scan that opens every run."""
    results = folder / f"full-{name}"
    opened = open_source(source, cache_dir=folder / "cache")
    everything = Investigated.told("all")
    plan = plan_of(opened, (RCA(),), Settings(), EVERY_TRACE, everything)
    keep_plan(plan, results)
    began = time.process_time()
    run_scan(results, Fleet(InProcess()))
    return time.process_time() - began


def generated(count: int, folder: Path) -> None:
    """A whole scan of so many small traces."""
    source, results = folder / f"made-{count}.parquet", folder / f"results-{count}"
    write_spans(_small_traces(count), source)
    opened = open_source(source)
    began, wall = time.process_time(), time.perf_counter()
    plan = plan_of(opened, (RCA(),), Settings(), EVERY_TRACE)
    keep_plan(plan, results)
    run_scan(results, Fleet(InProcess()))
    cpu, taken = time.process_time() - began, time.perf_counter() - wall
    files = [path for path in results.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    # ru_maxrss counts kilobytes on Linux, bytes on macOS.
    scale = 1e3 if sys.platform == "linux" else 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e9
    print(
        f"generated  {count:9,} traces of {SPANS} spans: {1000 * cpu / count:6.2f} ms CPU a trace,"
        f" {count / cpu:7.1f} a second and core, {count / taken:7.1f} a second by the clock,"
        f" peak {peak:.2f} GB, {size / count:7.1f} bytes and {len(files) / count:.5f} files a trace"
    )


def _small_traces(count: int) -> Iterator[Span]:
    """Runs of an agent that asks a tool some times; each seventh fails in the end."""
    for number in range(count):
        yield from _small_trace(number, fails=number % 7 == 0)


def _small_trace(number: int, *, fails: bool) -> Iterator[Span]:
    trace_id = f"{number:032x}"
    start = number * 10_000_000

    def span(place: int, kind: SpanKind, name: str, **attributes: JsonValue) -> Span:
        bad = fails and place == SPANS - 1
        return Span(
            trace_id=trace_id,
            span_id=f"{number:012x}{place:04x}",
            parent_id=None if place == 0 else f"{number:012x}0000",
            name=name,
            kind=kind,
            start_ns=start + place * 1_000_000,
            end_ns=start + (place + 1) * 1_000_000,
            status=StatusCode.ERROR if bad else StatusCode.OK,
            status_message="TimeoutError: no answer from the price service" if bad else "",
            attributes=dict(attributes),
        )

    answer = "I could not find out." if fails else f"Item {number} costs {number % 90} EUR."
    asked: dict[str, JsonValue] = {"input.value": f"what does item {number} cost?"}
    yield span(0, SpanKind.AGENT, "shop", **asked, **{"output.value": answer})
    for place in range(1, SPANS):
        told: dict[str, JsonValue] = {"tool.name": "price", "input.value": f'{{"item": {number}}}'}
        yield span(place, SpanKind.TOOL, "price", **told, **{"output.value": f"{number % 90} EUR"})


if __name__ == "__main__":
    main()
