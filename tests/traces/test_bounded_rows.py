"""A Parquet file is read in bounded memory, whatever it unpacks to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from investigator.errors import SourceUnavailable, UnreadableInput
from investigator.formats.parquet_export import parquet_spans
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.bounded_rows import BoundedColumn, bounded_rows
from investigator.traces.databases import LISTS
from investigator.traces.model import Span
from investigator.traces.parquet import write_spans
from tests.builders import span

ROWS = 1_000
MOST_MB = 700
"""What reading any of these takes at most; unpacked they are two gigabytes and more."""


def repeated(value: pa.Array, rows: int = ROWS) -> pa.Array:
    """One value so many times, which Parquet keeps once."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), value)


def export(path: Path, rows: int = ROWS, **columns: Any) -> Path:
    """A Phoenix export with these attributes; each span a trace where `rows` is negative."""
    ids = pa.array([f"{row:016x}" for row in range(abs(rows))])
    table = {"context.span_id": ids, "context.trace_id": pa.array(["t"] * rows or ids)}
    named = {f"attributes.{name}": column for name, column in columns.items()}
    pq.write_table(pa.table(table | named), path, compression="zstd")
    return path


def lists(items: pa.Array) -> pa.Array:
    """Each item in a list of its own."""
    return pa.ListArray.from_arrays(pa.array(range(len(items) + 1), pa.int32()), items)


def long_text() -> pa.Array:
    """Two megabytes."""
    return repeated(pa.array(["x" * 2_000_000]))


def struct() -> pa.Array:
    """The same below a field."""
    return pa.StructArray.from_arrays([long_text()], ["v"])


BOMBS: dict[str, tuple[Callable[[], pa.Array], int]] = {
    "a repeated text": (long_text, ROWS),
    "repeated bytes": (lambda: repeated(pa.array([b"x" * 2_000_000])), ROWS),
    "a repeated text in structs": (struct, ROWS),
    "a repeated text in lists": (lambda: lists(long_text()), ROWS),
    "a repeated text in lists of structs": (lambda: lists(struct()), ROWS),
    "one text": (lambda: pa.array(["x" * 300_000_000]), 1),
    "lists of numbers": (lambda: pa.array([[7] * 2_000_000] * 20), 20),
    "a text in each of many traces": (long_text, -ROWS),
    "rows": (lambda: repeated(pa.array([1]), 3_000_000), 3_000_000),
}

READ = """
import resource, sys
from investigator.formats.source_files import read_source
for item in read_source([sys.argv[1]]):
    print(item if not hasattr(item, "spans") else f"{len(item.spans)} spans")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_unpacks_to_gigabytes_is_named(name: str, tmp_path: Path) -> None:
    """In little memory, with the limit and what to do."""
    make, rows = BOMBS[name]
    path = export(tmp_path / "bomb.parquet", rows, x=make())
    assert path.stat().st_size < 3_000_000
    # Through a shell of its own: a child's peak begins with what its parent held.
    command = ["/bin/sh", "-c", '"$0" "$@"; exit $?', sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=True)
    said, peak = done.stdout.strip().rsplit("\n", 1)
    assert "above the limit of" in said or "more than 256 MB" in said
    assert "shorten" in said or "write it again" in said
    assert int(peak) < MOST_MB


def test_short_and_long_rows_come_whole_and_in_order(tmp_path: Path) -> None:
    """Whatever their sizes, and with none longer than a batch is all of them."""
    texts = [letter * size for letter in "ab" for size in (10, 70_000, 0, 40_000_000, 65_536, 3)]
    path = export(tmp_path / "t.parquet", len(texts), x=pa.array(texts))
    file = LISTS.open(path)
    column = BoundedColumn('"attributes.x"', 'strlen("attributes.x")')
    batches = list(bounded_rows(file, [column, BoundedColumn('"context.trace_id"')]))
    assert [row for rows in batches for row in rows] == [(text, "t") for text in texts]
    assert all(sum(len(row[0]) for row in rows) < 80_000_000 for rows in batches)
    with pytest.raises(UnreadableInput, match="above the limit of 1 MB"):
        list(bounded_rows(file, [column], most=2**20))
    file.close()


def test_a_trace_that_is_too_large_does_not_stop_the_others(tmp_path: Path) -> None:
    """It is named with its size; the rest of the file is read."""
    path = tmp_path / "t.parquet"
    sizes = {"small": 10, "large": 65 * 2**20, "other": 100_000}
    table = {
        "context.span_id": pa.array(["1", "2", "3"]),
        "context.trace_id": pa.array(list(sizes)),
        "attributes.x": pa.array(["x" * size for size in sizes.values()]),
    }
    pq.write_table(pa.table(table), path)
    items = list(read_source([path]))
    (problem,) = [item for item in items if isinstance(item, Unreadable)]
    assert problem.reason.startswith("a span of trace 'large' of 65 MB, above the limit of 64 MB")
    read = [span.trace_id for item in items if isinstance(item, Decoded) for span in item.spans]
    assert read == ["small", "other"]


def test_a_trace_of_a_canonical_file_is_bounded_too(tmp_path: Path) -> None:
    """Though the file says of itself what it wants."""
    path, bomb = tmp_path / "t.parquet", tmp_path / "bomb.parquet"
    write_spans([span("s")], path)
    table = pq.read_table(path)
    grown = {name: table[name].take(pa.array([0] * ROWS)) for name in table.column_names}
    grown["attributes"] = repeated(pa.array(['{"input.value": "' + "x" * 2_000_000 + '"}']))
    said = {**table.schema.metadata, b"investigator.room_mb": b"999999999"}
    pq.write_table(pa.table(grown).replace_schema_metadata(said), bomb)
    api = ParquetInspectionAPI(bomb)
    with pytest.raises(SourceUnavailable, match=r"trace 't' .* above the limit of 256 MB"):
        api.get_trace("t")
    assert len(api.list_traces()) == 1


def test_rows_that_are_no_spans_are_counted(tmp_path: Path) -> None:
    """In a file that has our columns; the others are read."""
    path = tmp_path / "t.parquet"
    write_spans([span("a"), span("b"), span("c")], path)
    table = pq.read_table(path)
    table = table.set_column(4, "kind", pa.array(["LLM", "WIZARD", "LLM"]))
    pq.write_table(table, path)
    spans, said = parquet_spans(path)
    assert isinstance(spans, tuple)
    assert [found.span_id for found in spans] == ["a", "c"]
    assert isinstance(said, str)
    assert said.startswith("1 row is no span: 'WIZARD'")


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("attributes", "[1]"),
        ("attributes", "{"),
        ("attributes", "[" * 100_000),
        ("events", "{}"),
        ("events", '[{"name": 1}]'),
        ("events", None),
        ("status", "WELL"),
    ],
)
def test_a_row_that_was_not_written_so_is_damage(
    column: str, text: str | None, tmp_path: Path
) -> None:
    """Said of the file, whichever part of the row it is."""
    path = tmp_path / "t.parquet"
    write_spans([span("s")], path)
    table = pq.read_table(path)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array([text], pa.string())), path)
    with pytest.raises(SourceUnavailable, match="is damaged"):
        ParquetInspectionAPI(path).get_trace("t")


def test_times_below_lists_and_out_of_range_are_read(tmp_path: Path) -> None:
    """Times in structs are text, those that no clock shows are none."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    events = pa.array([[{"name": "e", "timestamp": moment, "attributes": {"d": moment.date()}}]])
    path = export(tmp_path / "t.parquet", 1, x=pa.array([1]))
    table = pq.read_table(path)
    table = table.append_column("events", events)
    table = table.append_column("start_time", pa.array([2**62], pa.timestamp("us", tz="UTC")))
    pq.write_table(table.append_column("end_time", pa.array([moment])), path)
    (spans,) = parquet_spans(path)
    assert not isinstance(spans, str)
    (found,) = spans
    assert isinstance(found, Span)
    assert (found.start_ns, found.end_ns) == (None, 1767323045678901000)
    assert [event.time_ns for event in found.events] == [1767323045678901000]


@pytest.mark.slow
def test_many_long_spans_are_sorted(tmp_path: Path) -> None:
    """With the memory that they take, though it is more than usual."""
    rng = Random(7)
    text = "".join(rng.choices("etaoinshrdlu ", k=1_000_000))
    starts = [rng.randrange(900_000) for _ in range(4_000)]
    spans = (
        span(f"s{at}", trace_id=f"t{at * 7919 % 200}", attributes={"a": text[start:][:100_000]})
        for at, start in enumerate(starts)
    )
    write_spans(spans, tmp_path / "t.parquet")
    trace = ParquetInspectionAPI(tmp_path / "t.parquet").get_trace("t7")
    assert {len(str(found.attributes["a"])) for found in trace.spans} == {100_000}
    assert len(trace.spans) == 20


@pytest.mark.slow
def test_a_row_group_larger_than_the_memory_is_read(tmp_path: Path) -> None:
    """Data frames write all their rows as one."""
    rng = Random(7)
    texts = [rng.randbytes(10_000).hex() for _ in range(20_000)]
    path = export(tmp_path / "t.parquet", len(texts), x=pa.array(texts))
    assert path.stat().st_size > 200_000_000
    ids = [f"{at:032x}" for at in range(len(texts))]
    table = pq.read_table(path).set_column(1, "context.trace_id", pa.array(ids))
    pq.write_table(table, path, compression="none", row_group_size=len(texts))
    found = list(parquet_spans(path))
    assert sum(map(len, found)) == len(texts)
    assert not any(isinstance(spans, str) for spans in found)
