"""Rows of a Parquet file come in batches of bounded bytes, however tightly the file is packed.

A few bytes of Parquet can say "two megabytes of text, a thousand times". So rows are read in two
steps: short ones at once, of long ones first their sizes only, and then a few at a time. What is
longer than a span or a trace may be is never unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from investigator.errors import UnreadableInput
from investigator.traces.databases import NUMBERED, ParquetFile, Row

MAX_SPAN_BYTES = 64 * 2**20
"""The longest span that is read; as long as a line of JSON may be."""

MAX_TRACE_BYTES = 256 * 2**20
"""The longest trace that is read; as long as a JSON document may be."""

_SHORT = 64 * 2**10
"""DuckDB moves 2,048 rows at once: with rows of this size, 128 MB."""

_BATCH_BYTES = 32 * 2**20
_FETCHED = 500

ROW_BYTES = 256
"""What a row takes for itself: else a billion empty ones would be nothing."""


class BoundedColumn(NamedTuple):
    """An expression over the file's columns, and the SQL for its bytes; None for a few bytes."""

    sql: str
    size: str | None = None


def size_of(columns: Sequence[BoundedColumn]) -> str:
    """SQL for the bytes of a row."""
    return " + ".join([str(ROW_BYTES), *(column.size for column in columns if column.size)])


def bounded_rows(
    file: ParquetFile,
    columns: Sequence[BoundedColumn],
    *parameters: object,
    where: str = "true",
    most: int | None = None,
) -> Iterator[list[Row]]:
    """The rows of `where`, in order, at most some 32 MB at a time.

    Raises:
        UnreadableInput: a row is longer than a span may be, or all together than `most`.
    """
    waiting: list[_Waiting] = []
    held = total = 0
    for fetched in file.stream(_sizes_query(columns, where), *parameters, size=_FETCHED):
        for place, size, *values in fetched:
            total += size
            if size > MAX_SPAN_BYTES:
                raise UnreadableInput(too_large("a span", size, limit=MAX_SPAN_BYTES))
            if most is not None and total > most:
                raise UnreadableInput(too_large("a trace", total, limit=most, at_least=True))
            if waiting and held + size > _BATCH_BYTES:
                yield _completed(file, columns, waiting, where, parameters)
                waiting, held = [], 0
            waiting.append(_Waiting(place, size, tuple(values)))
            held += size
    if waiting:
        yield _completed(file, columns, waiting, where, parameters)


def too_large(what: str, size: int, *, limit: int, at_least: bool = False) -> str:
    """A message that says what is too large, how large, and what to do."""
    more = "more than " if at_least else ""
    return (
        f"{what} of {more}{size / 2**20:,.0f} MB, above the limit of {limit // 2**20:,} MB;"
        " shorten its longest values, or split it"
    )


class _Waiting(NamedTuple):
    """A row whose long values are None as yet."""

    place: int
    size: int
    values: Row


def _sizes_query(columns: Sequence[BoundedColumn], where: str) -> str:
    """Each row's place, its size, and its values where the row is short."""
    inner = ", ".join(f"{column.sql} as c{at}" for at, column in enumerate(columns))
    outer = ", ".join(
        f"case when size <= {_SHORT} then c{at} end" if column.size else f"c{at}"
        for at, column in enumerate(columns)
    )
    return (
        f"select place, size, {outer} from (select file_row_number as place,"
        f" {size_of(columns)} as size, {inner} from {NUMBERED} where {where})"
    )


def _completed(
    file: ParquetFile,
    columns: Sequence[BoundedColumn],
    waiting: Sequence[_Waiting],
    where: str,
    parameters: Sequence[object],
) -> list[Row]:
    long = [row.place for row in waiting if row.size > _SHORT]
    if not long:
        return [row.values for row in waiting]
    selected = ", ".join(column.sql for column in columns)
    given = len(parameters) + 2
    query = (
        f"select file_row_number, {selected} from {NUMBERED} where {where} and file_row_number"
        f" between ${given} and ${given + 1} and list_contains(${given + 2}, file_row_number)"
        f" limit {len(long)}"
    )
    found = file.rows(query, *parameters, long[0], long[-1], long)
    whole: dict[int, Row] = {place: tuple(values) for place, *values in found}
    return [whole.get(row.place, row.values) for row in waiting]
