"""How fast files are read into the canonical file, beside parsing their JSON and nothing more.

    python -m benchmarks.ingest_rate [--session-mb 50] [--otlp-mb 500] [--dir DIR]

Made here: a session of Claude Code, and OTLP requests one a line, plain and packed with gzip; sizes
are those before packing. Each is read in a process of its own, so that its peak memory is its own.
Rates are by CPU time, which other work on the machine moves less than the clock.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from investigator.ground.canonical_json import JsonValue
from investigator.store.open import ingest_files

_SPANS_A_REQUEST = 20
_WORDS = "the agent looked up the order, found that it had left, and told the customer so. "


class Figures(NamedTuple):
    """What reading a file took; `parsing_s` is its JSON alone."""

    spans: int
    seconds: float
    parsing_s: float
    peak_mb: float


def session_lines(size: int) -> Iterator[str]:
    """A session of about so many bytes: a call and its result in turn."""
    written = number = 0
    while written < size:
        call: JsonValue = {
            "type": "tool_use",
            "id": f"c{number}",
            "name": "Read",
            "input": {"n": 1},
        }
        result: JsonValue = {
            "type": "tool_result",
            "tool_use_id": f"c{number}",
            "content": _WORDS * 12,
        }
        for kind, part in (("assistant", call), ("user", result)):
            line = json.dumps(
                {
                    "type": kind,
                    "uuid": f"{kind}-{number}",
                    "sessionId": "s",
                    "timestamp": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:00Z",
                    "message": {"id": f"{kind}-{number}", "role": kind, "content": [part]},
                }
            )
            written += len(line) + 1
            yield line
        number += 1


def otlp_lines(size: int) -> Iterator[str]:
    """Requests of about so many bytes; a trace each."""
    written = number = 0
    while written < size:
        spans: list[JsonValue] = [_otlp_span(number, place) for place in range(_SPANS_A_REQUEST)]
        line = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        written += len(line) + 1
        number += 1
        yield line


def _otlp_span(trace: int, place: int) -> JsonValue:
    said = {"openinference.span.kind": "LLM", "input.value": _WORDS * 4, "output.value": _WORDS * 4}
    attributes: list[JsonValue] = [
        {"key": key, "value": {"stringValue": value}} for key, value in said.items()
    ]
    return {
        "traceId": f"{trace + 1:032x}",
        "spanId": f"{trace * _SPANS_A_REQUEST + place + 1:016x}",
        "name": f"step {place}",
        "startTimeUnixNano": str(1_767_225_600_000_000_000 + place),
        "endTimeUnixNano": str(1_767_225_600_000_000_000 + place + 1),
        "attributes": attributes,
    }


def measured(file: Path) -> Figures:
    """Read a file, after its JSON was parsed line by line."""
    started = time.process_time()
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        for line in lines:
            json.loads(line)
    parsing = time.process_time() - started
    started = time.process_time()
    made = ingest_files([file], file.with_suffix(".parquet"))
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(made.written.spans, seconds, parsing, peak)


def _apart(file: Path) -> Figures:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measured, file).result()


def main() -> None:
    """Make the files in a scratch folder, read each, print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--session-mb", type=int, default=50)
    parser.add_argument("--otlp-mb", type=int, default=500)
    parser.add_argument("--dir", type=Path, default=None, help="where the scratch folder goes")
    options = parser.parse_args()
    session, otlp = options.session_mb * 10**6, options.otlp_mb * 10**6
    with tempfile.TemporaryDirectory(prefix="ingest-rate-", dir=options.dir) as folder:
        files = {
            "session.jsonl": session_lines(session),
            "otlp.jsonl": otlp_lines(otlp // 10),
            "otlp.jsonl.gz": otlp_lines(otlp),
        }
        for name, lines in files.items():
            path = Path(folder) / name
            with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
                file.writelines(f"{line}\n" for line in lines)
            told = _apart(path)
            rate, times = told.spans / told.seconds, told.seconds / told.parsing_s
            print(
                f"{name:14} {told.spans:9,} spans  {rate:7,.0f} spans/s and core"
                f"  {times:5.1f} times parsing  peak {told.peak_mb:4,.0f} MB"
            )
            path.unlink()


if __name__ == "__main__":
    main()
