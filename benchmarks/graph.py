"""What steps and their graph cost by the size of a trace: CPU time per span, and its ratio.

    python -m benchmarks.graph [--spans 1000 10000 200000]

Each trace is an agent whose turns call a tool with a new id and are given its result. The last
column is the time per span over that of the smallest trace: linear work stays near 1.
"""

from __future__ import annotations

import argparse
import time

from investigator.ground.canonical_json import JsonValue
from investigator.ground.redaction import Redactor
from investigator.readings.reading import Readings
from investigator.traces.model import Span, SpanKind, StatusCode, Trace


def _span(number: int, kind: SpanKind, attributes: dict[str, JsonValue]) -> Span:
    return Span(
        trace_id="t",
        span_id=f"s{number:07}",
        parent_id="s0000000" if number else None,
        name=kind.value,
        kind=kind,
        start_ns=number * 1000,
        end_ns=number * 1000 + 900,
        status=StatusCode.OK,
        status_message="",
        attributes=attributes,
    )


def trace_of(spans: int) -> Trace:
    """An agent's run of that many spans."""
    made = [_span(0, SpanKind.AGENT, {})]
    for number in range(1, spans, 2):
        order, before = f"ORD-{number:07}", f"R-{number - 2:07}"
        out = "llm.output_messages.0.message."
        call = f"{out}tool_calls.0.tool_call."
        turn: dict[str, JsonValue] = {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "Look up every order.",
            f"{out}role": "assistant",
            f"{out}content": f"After {before} comes {order}.",
            f"{call}id": f"c{number}",
            f"{call}function.name": "look_up",
            f"{call}function.arguments": f'{{"id":"{order}"}}',
        }
        made.append(_span(number, SpanKind.LLM, turn))
        result: dict[str, JsonValue] = {
            "tool.name": "look_up",
            "tool.id": f"c{number}",
            "input.value": f'{{"id":"{order}"}}',
            "output.value": f"{order} has receipt R-{number:07}.",
        }
        made.append(_span(number + 1, SpanKind.TOOL, result))
    final: dict[str, JsonValue] = {
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": f"The last receipt is R-{spans - 1:07}.",
    }
    return Trace("t", [*made, _span(len(made), SpanKind.LLM, final)])


def _cpu(spans: int) -> tuple[float, float]:
    readings = Readings(trace_of(spans), Redactor())
    start = time.process_time()
    steps = readings.steps
    middle = time.process_time()
    graph = readings.graph
    graph.weight(0)
    graph.path(0, len(steps) - 1)
    graph.producer("R-0000001")
    return middle - start, time.process_time() - middle


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--spans", type=int, nargs="+", default=[1_000, 10_000, 50_000, 200_000])
    sizes = sorted(parser.parse_args().spans)
    first: float | None = None
    print(f"{'spans':>9} {'steps s':>9} {'graph s':>9} {'us/span':>9} {'ratio':>6}")
    for size in sizes:
        steps, graph = _cpu(size)
        each = (steps + graph) / size
        first = each if first is None else first
        print(f"{size:9,} {steps:9.2f} {graph:9.2f} {each * 1e6:9.1f} {each / first:6.2f}")


if __name__ == "__main__":
    main()
