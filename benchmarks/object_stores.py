"""What is read of an object store: one trace of 1,000 files, and a window of an `otel_traces`.

    python -m benchmarks.object_stores [--files 1000] [--traces 2000]

Starts an S3 server (moto) on loopback, which counts what it is asked for and what it sends, fills
it, asks with an empty cache and again with a full one, and prints requests, bytes and seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from investigator.connectors.objects.bucket import Bucket
from investigator.connectors.objects.object_address import object_address
from investigator.connectors.objects.object_source import ObjectInspectionAPI
from tests.connectors.objects.s3_server import S3Server

START_NS = 1_772_359_200_000_000_000
SPANS = 20


def trace_file(trace_id: str) -> bytes:
    """An OTLP JSON file of one trace."""
    spans = [
        {
            "traceId": trace_id,
            "spanId": f"{place:016x}",
            "name": f"step {place}",
            "startTimeUnixNano": str(START_NS + place),
            "endTimeUnixNano": str(START_NS + place + 1),
            "attributes": [{"key": "input.value", "value": {"stringValue": "question " * 200}}],
        }
        for place in range(1, SPANS + 1)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


def table(traces: int, folder: Path) -> bytes:
    """An `otel_traces` Parquet in order of time, a trace a second."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    places = [(trace, place) for trace in range(traces) for place in range(SPANS)]
    columns = {
        "TraceId": [f"{trace:032x}" for trace, _ in places],
        "SpanId": [f"{trace * SPANS + place:016x}" for trace, place in places],
        "SpanName": ["step"] * len(places),
        "Timestamp": pa.array(
            [START_NS + trace * 10**9 + place for trace, place in places], pa.timestamp("ns")
        ),
        "Body": [os.urandom(500).hex() for _ in places],
    }
    path = folder / "otel_traces.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=1000)
    return path.read_bytes()


def measured(server: S3Server, place: str, cache: Path, name: str, ask: Callable[..., int]) -> None:
    """Ask a place opened anew, and print what the server was asked for."""
    server.requests.clear()
    began = time.perf_counter()
    bucket = Bucket(object_address(place), server.environ)
    found = ask(ObjectInspectionAPI(bucket, cache_dir=cache))
    seconds = time.perf_counter() - began
    objects = len({request.path for request in server.read()})
    print(
        f"{name:<46} {found:>6,} {objects:>6,} {len(server.requests):>8,} "
        f"{server.bytes_of_objects():>12,} {seconds:>8.2f}"
    )


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--traces", type=int, default=2000, help="traces in the Parquet file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, S3Server() as server:
        folder = Path(temporary)
        named = {f"{n:032x}": trace_file(f"{n:032x}") for n in range(1, arguments.files + 1)}
        server.put("named", {f"runs/{trace_id}.json": held for trace_id, held in named.items()})
        server.put("plain", {f"runs/{n}.json": held for n, held in enumerate(named.values())})
        server.put("tables", {"otel_traces.parquet": table(arguments.traces, folder)})
        size = (folder / "otel_traces.parquet").stat().st_size
        total = sum(map(len, named.values()))
        print(f"{arguments.files:,} files of {total:,} bytes; otel_traces of {size:,} bytes")
        print(
            f"{'asked':<46} {'found':>6} {'read':>6} {'requests':>8} {'bytes':>12} {'seconds':>8}"
        )
        wanted = f"{arguments.files // 2:032x}"
        middle = START_NS + arguments.traces // 2 * 10**9

        def one(api: ObjectInspectionAPI) -> int:
            return len(api.get_trace(wanted).spans)

        def window(api: ObjectInspectionAPI) -> int:
            return len(api.list_traces(start_ns=middle, end_ns=middle + 10 * 10**9))

        for again in ("", ", again"):
            at = "s3://named/runs", folder / "a"
            measured(server, *at, f"one trace, of files named after theirs{again}", one)
        at = "s3://plain/runs", folder / "b"
        measured(server, *at, "all traces, of files of any name", lambda api: api.count_traces())
        measured(server, *at, "one trace, once all were listed", one)
        at = "s3://tables/otel_traces.parquet", folder / "c"
        measured(server, *at, "10 s of otel_traces", window)
        last = f"{arguments.traces // 2:032x}"
        measured(
            server, *at, "one trace of otel_traces", lambda api: len(api.get_trace(last).spans)
        )


if __name__ == "__main__":
    main()
