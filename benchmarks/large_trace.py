"""What a run over one very large trace costs: CPU time per span, its ratio, and the memory.

    python -m benchmarks.large_trace [--spans 200000] [--shapes calls deep] [--engines rca]

Each trace is written to a canonical file and investigated as a user would, in a process of its own.
`calls` is an agent whose turns call a tool, each turn and each call a span; `mixed` are the steps
of a workflow under one root, of which every eighth is a model call; `deep` are the same steps, each
inside the one before. The last column is the time per span over that of the same shape with a tenth
of the spans: linear work stays near 1, or below it, since starting is paid once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks import graph
from investigator import RCA, Compliance, Settings
from investigator.ground.canonical_json import JsonValue
from investigator.runs.investigation import investigate
from investigator.traces.model import Span, SpanKind, StatusCode
from investigator.traces.parquet import write_spans

SHAPES = ("calls", "mixed", "deep")
ENGINES = ("rca", "compliance")
_KINDS = (
    SpanKind.LLM, SpanKind.CHAIN, SpanKind.TOOL, SpanKind.CHAIN, SpanKind.CHAIN,
    SpanKind.RETRIEVER, SpanKind.CHAIN, SpanKind.CHAIN,
)  # fmt: skip


class Cost(NamedTuple):
    """CPU seconds of one run, its peak memory, and what it said."""

    seconds: float
    peak_mb: float
    said: str


def _attributes(kind: SpanKind, number: int) -> dict[str, JsonValue]:
    match kind:
        case SpanKind.LLM:
            return {
                "llm.model_name": "model-a",
                "llm.input_messages.0.message.role": "user",
                "llm.input_messages.0.message.content": f"Summarise part {number} of the report.",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.content": f"Part {number} is of batch B-{number}.",
            }
        case SpanKind.TOOL:
            return {
                "tool.name": "load_part",
                "input.value": f'{{"part":{number}}}',
                "output.value": f'{{"part":{number},"batch":"B-{number}","rows":42}}',
            }
        case SpanKind.RETRIEVER:
            return {
                "input.value": f"batch B-{number}",
                "retrieval.documents.0.document.id": f"d{number}",
                "retrieval.documents.0.document.content": f"Batch B-{number} has 42 rows.",
            }
        case _:
            return {"input.value": f"part {number}", "output.value": f"part {number} is done"}


def spans_of(shape: str, count: int) -> list[Span]:
    """A trace of that shape."""
    if shape == "calls":
        return list(graph.trace_of(count).spans)
    made: list[Span] = []
    for number in range(count):
        above = number - 1 if shape == "deep" else 0
        kind = SpanKind.AGENT if number == 0 else _KINDS[number % len(_KINDS)]
        made.append(
            Span(
                trace_id="t",
                span_id=f"s{number:07}",
                parent_id=None if number == 0 else f"s{above:07}",
                name=f"{kind.value.lower()} {number % 97}",
                kind=kind,
                start_ns=number * 1_000_000,
                end_ns=(2 * count - number if shape == "deep" else number + 1) * 1_000_000,
                status=StatusCode.OK,
                status_message="",
                attributes=_attributes(kind, number),
            )
        )
    return made


def measure(engine: str, shape: str, count: int) -> Cost:
    """One run in this process."""
    with tempfile.TemporaryDirectory(prefix="large-trace-") as folder:
        path = Path(folder) / "trace.parquet"
        write_spans(iter(spans_of(shape, count)), path)
        question = RCA(trace_id="t") if engine == "rca" else Compliance(trace_id="t")
        started = time.process_time()
        result = investigate(path, question, Settings(runs_dir=Path(folder)))
        seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(seconds, peak, result.status.value)


def _apart(engine: str, shape: str, count: int) -> Cost:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, engine, shape, count).result()


def main() -> None:
    """Print two lines for each engine and shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    given = parser.parse_args()
    print(f"{'engine':11} {'shape':6} {'spans':>8} {'CPU s':>7} {'us/span':>8} {'ratio':>6} "
          f"{'peak MB':>8}")  # fmt: skip
    for engine in given.engines:
        for shape in given.shapes:
            base: float | None = None
            for count in (given.spans // 10, given.spans):
                cost = _apart(engine, shape, count)
                each = cost.seconds / count * 1e6
                base = each if base is None else base
                print(f"{engine:11} {shape:6} {count:8,} {cost.seconds:7.2f} {each:8.1f} "
                      f"{each / base:6.2f} {cost.peak_mb:8,.0f}  {cost.said}")  # fmt: skip


if __name__ == "__main__":
    main()
