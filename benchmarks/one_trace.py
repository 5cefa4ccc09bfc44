"""How fast one trace is read out of millions of spans, and at what cost the file was made.

    python -m benchmarks.one_trace [--spans 2000000] [--traces 100000] [--dir DIR]

Each phase runs in a process of its own, so that its peak memory is its own: generate and
ingest; `list_spans` over random traces with the source opened once; and as a baseline one such
read by a filtered scan of the whole file with pyarrow (needs the `dev` extra).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.model import Span, SpanKind, StatusCode
from investigator.traces.parquet import write_spans

_READS = 200
_BLOB_WORDS = 3_000_000
_INTERLEAVED = 1000
_KINDS = (SpanKind.LLM, SpanKind.TOOL, SpanKind.CHAIN, SpanKind.RETRIEVER)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class IngestFigures:
    """Seconds include the generation of the spans, given apart; bytes are of the file."""

    seconds: float
    cpu_seconds: float
    generation_seconds: float
    peak_mb: float
    file_bytes: int


@dataclass(frozen=True, slots=True)
class ReadFigures:
    """Seconds of opening, of the first read, and of each later one (and CPU of the median)."""

    opening: float
    first: float
    later: tuple[float, ...]
    cpu_median: float
    spans: int
    peak_mb: float


def generated(*, spans: int, traces: int, seed: int = 7) -> Iterator[Span]:
    """Spans of many traces, interleaved as they would arrive; about 1 KB of attributes each."""
    rng = random.Random(seed)
    words = [
        "".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 9))) for _ in range(20_000)
    ]
    blob = " ".join(rng.choices(words, k=_BLOB_WORDS))
    per_trace = spans // traces
    for first in range(0, traces, _INTERLEAVED):
        group = range(first, min(first + _INTERLEAVED, traces))
        for index in range(per_trace):
            for trace in group:
                yield _generated_span(rng, blob, trace, index)


def _generated_span(rng: random.Random, blob: str, trace: int, index: int) -> Span:
    size = int(rng.lognormvariate(6.8, 0.6))
    at = rng.randrange(len(blob) - 20_000)
    start = 1_700_000_000_000_000_000 + trace * 1_000_000 + index * 1_000
    half = size // 2
    return Span(
        trace_id=trace_id_of(trace),
        span_id=f"{trace:08x}{index:08x}",
        parent_id=f"{trace:08x}{0:08x}" if index else None,
        name=f"step {index}",
        kind=_KINDS[index % len(_KINDS)],
        start_ns=start,
        end_ns=start + rng.randrange(1, 2_000_000_000),
        status=StatusCode.ERROR if rng.random() < 0.02 else StatusCode.UNSET,
        status_message="",
        attributes={
            "input.value": blob[at : at + half],
            "output.value": blob[at + half : at + size],
            "llm.model_name": "model-a",
            "llm.token_count.total": size // 4,
        },
    )


def trace_id_of(trace: int) -> str:
    """Random-looking, as trace ids are: neighbours in time are not neighbours in the file."""
    return f"{random.Random(trace).getrandbits(128):032x}"


def measure_ingest(path: Path, *, spans: int, traces: int) -> IngestFigures:
    """Generate and write; the generation is timed apart on a tenth of the spans."""
    sample = max(spans // 10, 1)
    source = generated(spans=spans, traces=traces)
    next(source)
    started = time.perf_counter()
    for _ in islice(source, sample):
        pass
    generation = (time.perf_counter() - started) * spans / sample
    source = generated(spans=spans, traces=traces)
    first = next(source)
    started, cpu_started = time.perf_counter(), time.process_time()
    write_spans(chain([first], source), path)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    return IngestFigures(seconds, cpu, generation, _peak_mb(), path.stat().st_size)


def measure_reads(path: Path, *, traces: int) -> ReadFigures:
    """`list_spans` of random traces, each once, with the source opened once."""
    wanted = [trace_id_of(t) for t in random.Random(1).sample(range(traces), min(_READS, traces))]
    started = time.perf_counter()
    api = ParquetInspectionAPI(path)
    opening = time.perf_counter() - started
    times: list[float] = []
    cpu_times: list[float] = []
    count = 0
    for trace_id in wanted:
        started, cpu_started = time.perf_counter(), time.process_time()
        count = len(api.list_spans(trace_id))
        times.append(time.perf_counter() - started)
        cpu_times.append(time.process_time() - cpu_started)
    cpu = statistics.median(cpu_times)
    return ReadFigures(opening, times[0], tuple(times[1:]), cpu, count, _peak_mb())


def measure_listing(path: Path, *, traces: int) -> tuple[float, float, float]:
    """Seconds for a page of 50 traces of all, and of a window; and the peak memory in MB."""
    api = ParquetInspectionAPI(path)
    started = time.perf_counter()
    api.list_traces(limit=50)
    everything = time.perf_counter() - started
    start = 1_700_000_000_000_000_000 + traces // 2 * 1_000_000
    started = time.perf_counter()
    api.list_traces(start_ns=start, end_ns=start + 100_000_000, limit=50)
    return everything, time.perf_counter() - started, _peak_mb()


def measure_baseline(path: Path, *, traces: int) -> tuple[float, float]:
    """Seconds and peak memory in MB of one trace by a filtered scan with pyarrow."""
    import pyarrow.compute
    import pyarrow.parquet

    started = time.perf_counter()
    wanted = trace_id_of(traces // 2)
    rows = pyarrow.parquet.read_table(path).filter(pyarrow.compute.field("trace_id") == wanted)
    assert rows.num_rows > 0
    return time.perf_counter() - started, _peak_mb()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _apart(measure: Callable[..., _T], path: Path, **arguments: int) -> _T:
    """Run one phase in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, path, **arguments).result()


def _report(path: Path, *, spans: int, traces: int) -> None:
    made = _apart(measure_ingest, path, spans=spans, traces=traces)
    net = max(made.seconds - made.generation_seconds, 1e-9)
    print(f"ingest     {spans:,} spans of {traces:,} traces in {made.seconds:.1f} s")
    print(
        f"           ({made.cpu_seconds:.1f} s of CPU, {made.generation_seconds:.1f} s generation):"
    )
    print(f"           {spans / made.seconds:,.0f} spans/s, {spans / net:,.0f} without generation")
    print(f"           peak {made.peak_mb:,.0f} MB, file {made.file_bytes / 1e6:,.0f} MB")
    read = _apart(measure_reads, path, traces=traces)
    median = statistics.median(read.later)
    p95 = statistics.quantiles(read.later, n=20)[-1]
    print(f"list_spans {len(read.later) + 1} random traces of {read.spans} spans each:")
    print(f"           open {read.opening * 1e3:.1f} ms, first {read.first * 1e3:.1f} ms,")
    print(f"           median {median * 1e3:.1f} ms, p95 {p95 * 1e3:.1f} ms")
    print(f"           (median CPU {read.cpu_median * 1e3:.1f} ms), peak {read.peak_mb:,.0f} MB")
    every, window, peak = _apart(measure_listing, path, traces=traces)
    print(f"list_traces page of 50: all {every:.2f} s, window {window:.2f} s, peak {peak:,.0f} MB")
    naive, naive_peak = _apart(measure_baseline, path, traces=traces)
    print(f"baseline   pyarrow, whole file, then filter: {naive:.2f} s, peak {naive_peak:,.0f} MB")
    print(f"           {naive / median:,.0f} times the median of list_spans")


def main() -> None:
    """Run all phases in a scratch folder, which is removed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=2_000_000)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--dir", type=Path, default=None, help="where the scratch folder goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="one-trace-", dir=options.dir) as folder:
        _report(Path(folder) / "traces.parquet", spans=options.spans, traces=options.traces)


if __name__ == "__main__":
    main()
