"""A Parquet file of spans is read in batches: Phoenix's data frame, or our canonical file.

DuckDB reads it row by row as plain Python values; timestamps come as integer nanoseconds, so
that neither zone nor precision is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from investigator.errors import UnreadableInput
from investigator.traces.decode.phoenix import decode_phoenix
from investigator.traces.model import Span
from investigator.traces.parquet import SPAN_COLUMNS, read_row

MAGIC = b"PAR1"

_BATCH_ROWS = 500
_MEMORY_LIMIT = "512MB"

_Columns = dict[str, str]
_Decode = Callable[[Sequence[object]], Span]


def is_parquet(path: Path) -> bool:
    """Whether a file starts as Parquet does.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def parquet_spans(path: Path) -> Iterator[tuple[Span, ...]]:
    """The spans of a file, in batches.

    Raises:
        UnreadableInput: the file is damaged, or its columns are not those of spans.
    """
    try:
        with duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "threads": 2}) as con:
            con.execute("set enable_progress_bar = false")
            columns = _columns(con, path)
            select, decode = _reading(columns)
            rows = con.execute(f"select {select} from read_parquet($1)", [str(path)])
            while batch := rows.fetchmany(_BATCH_ROWS):
                yield tuple(map(decode, batch))
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise UnreadableInput(f"not a readable Parquet file: {reason}") from error


def _columns(con: duckdb.DuckDBPyConnection, path: Path) -> _Columns:
    found = con.execute("describe select * from read_parquet($1)", [str(path)]).fetchall()
    return {str(name): str(type_) for name, type_, *_ in found}


def _reading(columns: _Columns) -> tuple[str, _Decode]:
    """What to select of a file with these columns, and how to read a row of it."""
    if set(SPAN_COLUMNS) <= columns.keys():
        return ", ".join(SPAN_COLUMNS), read_row
    if "context.span_id" not in columns or "context.trace_id" not in columns:
        found = ", ".join(list(columns)[:8])
        raise UnreadableInput(
            f"Parquet, but not of spans: its columns are {found}; "
            "a Phoenix export has context.trace_id and context.span_id"
        )
    names = tuple(columns)
    select = ", ".join(_selected(name, type_) for name, type_ in columns.items())
    return select, lambda row: decode_phoenix(dict(zip(names, row, strict=True)))


def _selected(name: str, type_: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"epoch_ns({quoted})" if type_.startswith("TIMESTAMP") else quoted
