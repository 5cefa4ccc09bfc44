"""How fast a live Phoenix is read, and in how much memory: a project of 5,000 traces.

    python -m benchmarks.phoenix_source [--traces 5000] [--spans 4]

Starts the Phoenix of `.venv-phoenix` in a temporary folder, fills a project (that takes most of
the time), then freezes half of it and all of it, each in a process of its own, and prints the
rates and the peak of memory: flat where memory does not grow with the project.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from investigator.testing.phoenix_server import PhoenixServer

BATCH = 1000
START_S = 1_767_225_600
FREEZE = """
import json, resource, sys, time
from pathlib import Path
from investigator.runs.sources import Window, ingest
began = time.perf_counter()
end = None if sys.argv[3] == "all" else int(sys.argv[3])
made = ingest([sys.argv[1]], Path(sys.argv[2]), window=Window(end_ns=end))
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([made.written.traces, made.written.spans, seconds, peak]))
"""


def span(trace: int, place: int) -> dict[str, object]:
    """One span of the project, a second after the trace before."""
    started = time.gmtime(START_S + trace)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", started)
    return {
        "name": "agent" if place == 0 else f"step {place}",
        "context": {"trace_id": f"{trace:032x}", "span_id": f"{trace:012x}{place:04x}"},
        "parent_id": None if place == 0 else f"{trace:012x}{0:04x}",
        "span_kind": "AGENT" if place == 0 else "LLM",
        "start_time": f"{at}.{place:03d}Z",
        "end_time": f"{at}.900Z",
        "status_code": "OK",
        "status_message": "",
        "attributes": {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": f"question {trace} " * 40,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": f"answer {place} " * 40,
        },
        "events": [],
    }


def fill(server: PhoenixServer, traces: int, spans: int) -> None:
    """Store the project and wait until all of it is readable."""
    with httpx.Client(base_url=server.base_url, timeout=120, trust_env=False) as http:
        http.post("v1/projects", json={"name": "many"}).raise_for_status()
        waiting = [span(t, place) for t in range(1, traces + 1) for place in range(spans)]
        last = waiting[-1]["context"]["trace_id"]  # type: ignore[index]
        for first in range(0, len(waiting), BATCH):
            body = {"data": waiting[first : first + BATCH]}
            http.post("v1/projects/many/spans", json=body).raise_for_status()
        while True:
            found = http.get("v1/projects/many/spans", params={"trace_id": last}).json()["data"]
            if len(found) == spans:
                return
            time.sleep(1)


def measured(source: str, folder: Path, end: str) -> tuple[int, int, float, float]:
    """Traces, spans, seconds and MB of one freeze."""
    target = str(folder / f"{end}.parquet")
    command = [sys.executable, "-c", FREEZE, source, target, end]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    traces, spans, seconds, peak = json.loads(printed)
    return traces, spans, seconds, peak


def main() -> None:
    """Fill, freeze, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--traces", type=int, default=5000)
    parser.add_argument("--spans", type=int, default=4, help="spans in a trace")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, PhoenixServer(Path(folder)) as server:
        began = time.perf_counter()
        fill(server, arguments.traces, arguments.spans)
        print(f"stored in {time.perf_counter() - began:.0f} s")
        half = (START_S + arguments.traces // 2 + 1) * 10**9
        for name, end in (("half, by a window", str(half)), ("all", "all")):
            traces, spans, seconds, peak = measured(server.address("many"), Path(folder), end)
            print(
                f"{name:<18} {traces:>6,} traces {spans:>7,} spans {seconds:6.1f} s "
                f"{spans / seconds:7,.0f} spans/s  peak {peak:4.0f} MB"
            )


if __name__ == "__main__":
    main()
