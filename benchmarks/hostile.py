"""What inputs that were made to do harm cost: exit code, message, memory and time.

    python -m benchmarks.hostile [--data DIR] [--command traces|rca|compliance|incident|ingest]

Every file of DIR, and files made here that unpack to gigabytes or hold what no type holds, are
read in a process of their own. No traceback, and no peak above 1,500 MB, is expected.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

_LONG = 2_000_000
_ROWS = 1_000
_MOST_MB = 1_500
_SECONDS = 300
_COMMANDS = ("traces", "rca", "compliance", "incident", "ingest")


class Cost(NamedTuple):
    """What reading one file came to."""

    code: int
    message: str
    peak_mb: float
    seconds: float
    traceback: bool


def _repeated(value: pa.Array, rows: int = _ROWS) -> pa.Array:
    """One value so many times, which Parquet keeps once."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), value)


def _lists(items: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(range(len(items) + 1), pa.int32()), items)


def _export(path: Path, rows: int = _ROWS, *, one_trace: bool = True, **columns: Any) -> None:
    """A Phoenix export of so many spans with these attributes."""
    ids = [f"{row:016x}" for row in range(rows)]
    table = {
        "context.span_id": pa.array(ids),
        "context.trace_id": _repeated(pa.array(["t"]), rows) if one_trace else pa.array(ids),
        "name": _repeated(pa.array(["step"]), rows),
        **{name.replace("__", "."): column for name, column in columns.items()},
    }
    pq.write_table(pa.table(table), path, compression="zstd")


def _canonical(path: Path, *, trace_ids: list[str], room_mb: int, **long: pa.Array) -> None:
    """A file that claims to be ours."""
    rows = len(trace_ids)
    texts = {"name": "step", "status_message": "", "attributes": "{}", "events": "[]"}
    columns = {name: _repeated(pa.array([text]), rows) for name, text in texts.items()} | long
    fixed = {
        "trace_id": pa.array(trace_ids),
        "span_id": pa.array([f"s{row}" for row in range(rows)]),
        "parent_id": pa.nulls(rows, pa.string()),
        "kind": pa.array(["LLM"] * rows),
        "start_ns": pa.array(range(rows), pa.int64()),
        "end_ns": pa.array(range(rows), pa.int64()),
        "status": pa.array(["OK"] * rows),
        "project_name": pa.nulls(rows, pa.string()),
    }
    said = {"schema_version": "1", "traces": str(len(set(trace_ids))), "room_mb": str(room_mb)}
    table = pa.table({**fixed, **columns}).replace_schema_metadata(
        {f"investigator.{key}": value for key, value in said.items()}
    )
    pq.write_table(table, path, compression="zstd")


def _chat(path: Path, content: str) -> None:
    path.write_text('{"messages": [{"role": "user", "content": ' + content + "}]}")


def _bombs() -> dict[str, Callable[[Path], None]]:
    """A function for each file, which writes it."""
    text = pa.array(["x" * _LONG])
    struct = pa.StructArray.from_arrays([_repeated(text)], ["v"])
    entries = pa.StructArray.from_arrays([pa.array(["k"] * _ROWS), _repeated(text)], ["k", "v"])
    many = [f"t{row}" for row in range(_ROWS)]
    attributes = pa.array([json.dumps({"input.value": "x" * _LONG})])
    return {
        "dictionary.parquet": lambda p: _export(p, attributes__x=_repeated(text)),
        "many-traces.parquet": lambda p: _export(p, one_trace=False, attributes__x=_repeated(text)),
        "short-values.parquet": lambda p: _export(
            p, 40_000, one_trace=False, attributes__x=_repeated(pa.array(["x" * 60_000]), 40_000)
        ),
        "one-value.parquet": lambda p: _export(p, 1, attributes__x=pa.array(["x" * 300_000_000])),
        "binary.parquet": lambda p: _export(p, attributes__x=_repeated(pa.array([b"x" * _LONG]))),
        "list.parquet": lambda p: _export(p, attributes__x=_lists(_repeated(text))),
        "struct.parquet": lambda p: _export(p, attributes__x=struct),
        "structs.parquet": lambda p: _export(p, events=_lists(struct)),
        "map.parquet": lambda p: _export(p, attributes__x=_lists(entries)),
        "long-lists.parquet": lambda p: _export(
            p, 20, attributes__x=pa.array([[7] * 2_000_000] * 20)
        ),
        "rows.parquet": lambda p: _export(p, 3_000_000),
        "columns.parquet": lambda p: _export(
            p, 1, **{f"attributes__a{at}": pa.array([1]) for at in range(20_000)}
        ),
        "ours-trace.parquet": lambda p: _canonical(
            p, trace_ids=["t"] * _ROWS, room_mb=10**12, attributes=_repeated(attributes)
        ),
        "ours-traces.parquet": lambda p: _canonical(
            p, trace_ids=many, room_mb=0, attributes=_repeated(attributes)
        ),
        "ours-names.parquet": lambda p: _canonical(
            p, trace_ids=many, room_mb=0, name=_repeated(text)
        ),
        "no-parquet.parquet": lambda p: _cut(p),
        "lists.json": lambda p: _chat(p, "[" + "[]," * 20_000_000 + "1]"),
        "objects.json": lambda p: _chat(p, "[" + "{}," * 20_000_000 + "1]"),
        "numbers.json": lambda p: _chat(p, "[" + "1.5," * 15_000_000 + "1]"),
        "deep.json": lambda p: _chat(p, "[" * 100_000 + "]" * 100_000),
        "digits.json": lambda p: _chat(p, "9" * 1_000_000),
        "infinity.json": lambda p: _chat(p, "[1e999, -Infinity, NaN]"),
        "surrogate.json": lambda p: _chat(p, '"a\\ud800\\u0000b"'),
        "line.json": lambda p: _chat(p, '"' + "x" * 100_000_000 + '"'),
    }


def _cut(path: Path) -> None:
    _export(path, 10)
    path.write_bytes(path.read_bytes()[:-100])


def cost_of(path: Path, command: str, folder: Path) -> Cost:
    """Read a file with the command line in a process of its own."""
    environment = {**os.environ, "INVESTIGATOR_CACHE_DIR": str(folder / "cache")}
    places = ["-o", str(folder / "out.parquet")] if command == "ingest" else []
    places += ["--runs-dir", str(folder / "runs")] if command not in {"ingest", "traces"} else []
    told = folder / "told"
    started = time.monotonic()
    with told.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "investigator", command, str(path), *places],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
    text = told.read_text(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    about = [line for line in lines if path.name in line and not line.startswith("error")]
    return Cost(
        os.waitstatus_to_exitcode(status),
        (about or lines or [""])[-1].replace(str(path.parent) + "/", "")[:130],
        _mb(usage),
        time.monotonic() - started,
        "Traceback" in text,
    )


def _mb(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / 1024


def _files(data: Path | None, folder: Path, only: str) -> Iterator[Path]:
    yield from sorted(data.iterdir()) if data is not None else ()
    for name, write in _bombs().items():
        if only not in name:
            continue
        path = folder / name
        # In a process of its own: a child's peak begins with what its parent held.
        maker = multiprocessing.Process(target=write, args=(path,))
        maker.start()
        maker.join()
        yield path
        path.unlink()


def main() -> None:
    """Print a line a file; exit 1 where one ends in a traceback or takes too much."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=None, help="a folder of files to read too")
    parser.add_argument("--command", choices=_COMMANDS, default="traces")
    parser.add_argument("--only", default="", help="files whose name holds this")
    options = parser.parse_args()
    harmed = 0
    print(f"{'file':34} {'kB':>9} exit  peak MB  seconds  message")
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        for path in _files(options.data, folder, options.only):
            if options.only not in path.name:
                continue
            size = path.stat().st_size / 1000
            cost = cost_of(path, options.command, folder)
            harm = cost.traceback or cost.peak_mb > _MOST_MB
            harmed += harm
            print(
                f"{path.name[:34]:34} {size:9,.0f} {cost.code:4} {cost.peak_mb:8,.0f}"
                f" {cost.seconds:8.1f}  {'HARM ' if harm else ''}{cost.message}",
                flush=True,
            )
    print(f"{harmed} end in a traceback or take more than {_MOST_MB:,} MB")
    sys.exit(1 if harmed else 0)


if __name__ == "__main__":
    main()
