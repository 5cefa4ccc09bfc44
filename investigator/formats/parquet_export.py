"""A Parquet file of spans is read in batches: rows of a format, or our canonical file.

DuckDB reads it row by row as plain Python values; timestamps come as integer nanoseconds, so
that neither zone nor precision is lost, and below lists and structs as ISO text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from investigator.errors import UnreadableInput
from investigator.formats import FORMATS
from investigator.formats.format import Format
from investigator.formats.phoenix import decode_annotated
from investigator.ground.wording import counted
from investigator.traces.bounded_rows import (
    MAX_SPAN_BYTES,
    MAX_TRACE_BYTES,
    BoundedColumn,
    bounded_rows,
    size_of,
    too_large,
)
from investigator.traces.databases import (
    LISTS,
    PARQUET,
    ColumnType,
    ParquetFile,
    Row,
    quoted_name,
    sql_literal,
)
from investigator.traces.openinference import to_json
from investigator.traces.parquet import SPAN_COLUMNS, TraceRow, read_row

MAGIC = b"PAR1"

_MOST_COLUMNS = 10_000
"""A vector of 2,048 values is made for each column, whatever it holds."""

_MUCH_BYTES = 512 * 2**20
_MOST_TIMES = 1_000
"""Histories that are repeated from call to call pack to a hundredth, rarely to less."""

_NAMED = 3
_ID_CHARS = 1000
_ITEM_BYTES = 16
_TEMPORAL = re.compile(r'"(?:[^"]|"")*"|\b(TIME\w*(?: WITH TIME ZONE)?|DATE|INTERVAL)(?!\w)')
"""Quoted names, to be passed over, and types whose values Python may not be able to hold."""

_Decode = Callable[[Sequence[object]], Sequence[TraceRow]]


class _Reading(NamedTuple):
    """What to select of a file, how to read a row of it, and where its trace id stands."""

    columns: tuple[BoundedColumn, ...]
    decode: _Decode
    trace_id: str


def is_parquet(path: Path) -> bool:
    """Whether a file starts as Parquet does.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def parquet_spans(path: Path) -> Iterator[tuple[TraceRow, ...] | str]:
    """What a file holds, in batches, and a text for each kind of what is no span in it.

    Raises:
        UnreadableInput: the file is damaged, or its columns are not those of spans.
    """
    file = LISTS.open(path)
    try:
        reading = _reading(file.column_types())
        _require_honest_size(file, reading, path.stat().st_size)
        excluded = _too_large(file, reading)
        if excluded:
            yield _excluded(excluded)
        where = f"not list_contains($2, {reading.trace_id})" if excluded else "true"
        ids = [[trace_id for trace_id, _, _ in excluded]] if excluded else []
        bad: list[str] = []
        for rows in bounded_rows(file, reading.columns, *ids, where=where):
            yield tuple(_decoded(reading.decode, rows, bad))
        if bad:
            yield f"{counted(len(bad), 'row is no span', 'rows are no spans')}: {bad[0]}"
    finally:
        file.close()


def _decoded(decode: _Decode, rows: Sequence[Row], bad: list[str]) -> Iterator[TraceRow]:
    """What rows hold; what is wrong with others is added to `bad`."""
    for row in rows:
        try:
            yield from decode(row)
        except (ValueError, RecursionError) as error:
            bad.append(str(error).partition("\n")[0][:200])


def _require_honest_size(file: ParquetFile, reading: _Reading, packed: int) -> None:
    """Refuse what unpacks to gigabytes that nobody wrote, before they fill a disk."""
    ((unpacked,),) = file.rows(f"select sum({size_of(reading.columns)}) from {PARQUET}")
    if unpacked is not None and unpacked > max(_MUCH_BYTES, _MOST_TIMES * packed):
        raise UnreadableInput(
            f"{packed:,} bytes that unpack to {unpacked / 2**20:,.0f} MB, above the limit of"
            f" {_MOST_TIMES:,} times (and {_MUCH_BYTES // 2**20:,} MB); shorten its longest"
            " values, or write it as JSON lines"
        )


def _too_large(file: ParquetFile, reading: _Reading) -> list[tuple[str, int, int]]:
    """Traces longer than is read, longest first: id, bytes, and bytes of the longest span."""
    size = size_of(reading.columns)
    return [
        (str(trace_id), int(total), int(longest))
        for trace_id, total, longest in file.rows(
            f"select trace_id, sum(size) as total, max(size) as longest from"
            f" (select {reading.trace_id} as trace_id, {size} as size from {PARQUET})"
            f" group by trace_id having total > {MAX_TRACE_BYTES} or longest > {MAX_SPAN_BYTES}"
            " order by total desc, trace_id"
        )
    ]


def _excluded(traces: Sequence[tuple[str, int, int]]) -> str:
    said = [
        too_large(f"a span of trace '{trace_id[:40]}'", longest, limit=MAX_SPAN_BYTES)
        if longest > MAX_SPAN_BYTES
        else too_large(f"trace '{trace_id[:40]}'", total, limit=MAX_TRACE_BYTES)
        for trace_id, total, longest in traces[:_NAMED]
    ]
    more = f" (and {counted(len(traces) - _NAMED, 'more trace')})" if len(traces) > _NAMED else ""
    return "; ".join(said) + more


def _reading(columns: Mapping[str, ColumnType]) -> _Reading:
    if len(columns) > _MOST_COLUMNS:
        raise UnreadableInput(
            f"Parquet with {counted(len(columns), 'column')}, above the limit of {_MOST_COLUMNS:,};"
            " nest attributes below one column"
        )
    if set(SPAN_COLUMNS) <= columns.keys():
        ours = tuple(_column(name, columns[name]) for name in SPAN_COLUMNS)
        return _Reading(ours, lambda row: (read_row(row),), _text("trace_id"))
    known = next(
        (one for one in FORMATS if one.columns and set(one.columns) <= columns.keys()), None
    )
    if known is not None:
        return _Reading(_columns(columns), _rows(known, tuple(columns)), _text(known.columns[0]))
    if "context.span_id" not in columns or "context.trace_id" not in columns:
        found = ", ".join(list(columns)[:8])
        raise UnreadableInput(
            f"Parquet, but not of spans: its columns are {found}; "
            "a Phoenix export has context.trace_id and context.span_id"
        )
    names = tuple(columns)
    return _Reading(
        _columns(columns),
        lambda row: decode_annotated(dict(zip(names, row, strict=True))),
        _text("context.trace_id"),
    )


def _columns(columns: Mapping[str, ColumnType]) -> tuple[BoundedColumn, ...]:
    return tuple(_column(name, type_) for name, type_ in columns.items())


def _rows(known: Format, names: Sequence[str]) -> _Decode:
    """How a row in the terms of a format is decoded."""

    def decode(row: Sequence[object]) -> Sequence[TraceRow]:
        record = {name: to_json(value) for name, value in zip(names, row, strict=True)}
        found = known.decode(record, "") if known.looks_like(record) else ()
        return [item for item in found if item is not None]

    return decode


def _text(column: str) -> str:
    return f"coalesce(left({quoted_name(column)}::varchar, {_ID_CHARS}), '')"


def _column(name: str, type_: ColumnType) -> BoundedColumn:
    """A column as it is selected, times as integer nanoseconds.

    Microseconds may lie beyond what 64 bits of nanoseconds can say; decoding drops those.
    """
    quoted = quoted_name(name)
    is_time = type_.sql.startswith("TIMESTAMP") and not type_.below
    if type_.sql in {"TIMESTAMP_NS", "TIMESTAMPTZ_NS"}:
        return BoundedColumn(f"epoch_ns({quoted})")
    if is_time:
        return BoundedColumn(f"epoch_us({quoted})::hugeint * 1000")
    plain = _TEMPORAL.sub(lambda found: "VARCHAR" if found[1] else found[0], type_.sql)
    sql = quoted if plain == type_.sql else f"cast({quoted} as {plain})"
    return BoundedColumn(sql, _size(quoted, type_))


def _size(sql: str, type_: ColumnType, depth: int = 0) -> str | None:
    """SQL for the bytes of a value; None where they are few whatever the value."""
    match type_.kind:
        case "varchar":
            return f"coalesce(strlen({sql}), 0)"
        case "blob" | "bit":
            return f"coalesce(octet_length({sql}), 0)"
        case "list" | "array":
            item = f"x{depth}"
            each = _size(item, type_.below[0][1], depth + 1) or "0"
            sizes = f"list_transform({sql}, lambda {item}: {_ITEM_BYTES} + {each})"
            return f"coalesce(list_sum({sizes}), 0)::bigint"
        case "struct":
            fields = [
                _size(f"struct_extract({sql}, {sql_literal(name)})", below, depth)
                for name, below in type_.below
            ]
            return " + ".join([str(_ITEM_BYTES), *(size for size in fields if size)])
        case "map":
            keys, values = (ColumnType("list", "", (("", of),)) for _, of in type_.below)
            both = (
                _size(f"map_keys({sql})", keys, depth),
                _size(f"map_values({sql})", values, depth),
            )
            return " + ".join(size for size in both if size)
        case _:
            return None
