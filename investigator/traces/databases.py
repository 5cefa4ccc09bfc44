"""DuckDB is opened here and nowhere else, and each database reaches one file (or one folder) only.

Left to itself DuckDB takes a path for a pattern, a folder's name for a column, fetches extensions
and opens whatever a query names. Here a path is escaped, partitions are off, extensions are
neither installed nor loaded, no file but the one that was asked for is opened, and then the
configuration is locked. Every error of DuckDB leaves as an `UnreadableInput` that says what was
found and what to do.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from uuid import uuid4

import duckdb

from investigator.errors import UnreadableInput

PARQUET = "read_parquet($1, hive_partitioning = false)"
"""The file in a query; its path is always the first parameter."""

NUMBERED = "read_parquet($1, hive_partitioning = false, file_row_number = true)"
"""The same with the column `file_row_number`, from 0."""

Scratch: TypeAlias = duckdb.DuckDBPyConnection
"""A database for writing; see `scratch`."""

Row: TypeAlias = tuple[Any, ...]

_READING_MB = 256
_LOOKUP_MB = 128
_MOST_ROOM_MB = 1024
"""A file says itself what room its long spans need; more than this no honest one does."""

_KEPT = 4
"""Databases that are kept. Making one takes 20 ms, many times what one lookup takes, and a batch
opens its source for each run."""

_SEALED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    # Else a name in a query may stand for a variable of the caller's.
    "python_enable_replacements": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
}
"""In this order, after all else is set: each of the last two forbids what comes before it."""

_PATTERN = re.compile(r"[\[\]*?]")
_TOO_LONG = (
    "spans too long to be sorted in {mb:,} MB; shorten their longest values, or ingest fewer files"
    " at once"
)
_TOO_LARGE = (
    "its values take more than {mb:,} MB when unpacked; write it again with smaller row groups and"
    " shorter values, or as JSON lines"
)

_OF_PARENTS: list[duckdb.DuckDBPyConnection] = []
"""What a forked process was left; closing it would wait for threads that stayed behind."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type: its kind (`varchar`, `list`, …), its SQL and the named types below it."""

    kind: str
    sql: str
    below: tuple[tuple[str, ColumnType], ...] = ()


class ParquetFile:
    """One open Parquet file, read by queries over `PARQUET` or `NUMBERED`.

    Threads may share it: every query has a cursor of its own.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, pattern: str, memory_mb: int) -> None:
        self._connection = connection
        self._pattern = pattern
        self._memory_mb = memory_mb

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """All rows of a query whose `$1` is the file and `$2` the first of the parameters.

        Raises:
            UnreadableInput: the file is gone, damaged, or takes more memory than there is.
        """
        with explained(self._memory_mb), _quiet(self._connection.cursor()) as cursor:
            return cursor.execute(query, [self._pattern, *parameters]).fetchall()

    def stream(self, query: str, *parameters: object, size: int) -> Iterator[list[Row]]:
        """The rows of a query, `size` at a time.

        The engine moves 2,048 rows at once, each with a copy of its values, and does not count
        these copies: the query has to keep them short.

        Raises:
            UnreadableInput: as of `rows`.
        """
        with explained(self._memory_mb), _quiet(self._connection.cursor()) as cursor:
            cursor.execute(query, [self._pattern, *parameters])
            while batch := cursor.fetchmany(size):
                yield batch

    def column_types(self) -> dict[str, ColumnType]:
        """The columns of the file, in order.

        Raises:
            UnreadableInput: as of `rows`.
        """
        with explained(self._memory_mb), _quiet(self._connection.cursor()) as cursor:
            cursor.execute(f"select * from {PARQUET} limit 0", [self._pattern])
            return {name: _column_type(type_) for name, type_, *_ in cursor.description or ()}

    def close(self) -> None:
        """Free what it holds; it answers no more."""
        self._connection.close()


class _Key(NamedTuple):
    path: str
    room_mb: int


class Databases:
    """A database for each file that was opened lately, made anew in a forked process."""

    def __init__(self, settings: Mapping[str, str], *, memory_mb: int) -> None:
        self._settings = settings
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._made_by = os.getpid()
        self._kept: OrderedDict[_Key, duckdb.DuckDBPyConnection] = OrderedDict()

    def open(self, path: Path | str, *, room_mb: int = 0) -> ParquetFile:
        """A file that needs `room_mb` on top of the usual memory.

        A database goes when it is one of the latest no more and the last file of it is closed.

        Raises:
            UnreadableInput: the path cannot be said in UTF-8.
        """
        key = _Key(_absolute(path), min(room_mb, _MOST_ROOM_MB))
        memory_mb = self._memory_mb + key.room_mb
        with self._lock:
            if self._made_by != os.getpid():
                _OF_PARENTS.extend(self._kept.values())
                self._kept.clear()
                self._made_by = os.getpid()
            if key not in self._kept:
                reached = f"[{sql_literal(key.path)}, {sql_literal(_escaped(key.path))}]"
                settings = {**self._settings, "allowed_paths": reached}
                self._kept[key] = _connect(settings, memory_mb=memory_mb)
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return ParquetFile(self._kept[key].cursor(), _escaped(key.path), memory_mb)


LOOKUPS = Databases(
    {
        "threads": "1",
        # With these two, planning a lookup reads the statistics of every row group and column.
        "disabled_optimizers": "'statistics_propagation,join_order'",
    },
    memory_mb=_LOOKUP_MB,
)
"""For what is said of a file and for one of its traces."""

LISTS = Databases(
    {
        "threads": "2",
        # Else a row group is fetched as a whole; data frames write one of them a file.
        "disable_parquet_prefetching": "true",
    },
    memory_mb=_READING_MB,
)
"""For what goes through all spans of a file."""


@contextmanager
def scratch(folder: Path, *, memory_mb: int, most_mb: int) -> Iterator[Scratch]:
    """A database that reaches nothing but files in `folder`, where it spills to.

    Memory, up to `most_mb`, and threads may still be set in it: what is written says how much it
    takes.

    Raises:
        UnreadableInput: what is written takes more memory than there is.
        OSError: the disk is full or cannot be written.
    """
    settings = {
        "threads": "2",
        "allowed_directories": f"[{sql_literal(_absolute(folder) + '/')}]",
        "allowed_configs": "['threads', 'memory_limit', 'enable_progress_bar']",
        "temp_directory": sql_literal(_absolute(folder) + "/spill"),
    }
    with explained(most_mb, _TOO_LONG), _connect(settings, memory_mb=memory_mb) as connection:
        yield _quiet(connection)


@contextmanager
def explained(memory_mb: int, too_large: str = _TOO_LARGE) -> Iterator[None]:
    """Inside, every error of DuckDB becomes one of ours; `too_large` is said with the memory.

    Raises:
        UnreadableInput: with what was found and what to do.
        OSError: the disk is full.
        KeyboardInterrupt: a query was interrupted, which DuckDB tells as an error of its own.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        if "disk" in str(error) or "temp_directory" in str(error).split("\n")[0]:
            raise OSError(_first_line(error)) from error
        raise UnreadableInput(too_large.format(mb=memory_mb)) from error
    except duckdb.PermissionException as error:
        raise UnreadableInput("the file is gone, or isn't a regular file") from error
    except duckdb.Error as error:
        raise UnreadableInput(f"not a readable Parquet file: {_first_line(error)}") from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Without the progress bar, which is a setting of each connection."""
    return connection.execute("set enable_progress_bar = false")


def _column_type(type_: Any) -> ColumnType:
    nests = type_.id in {"list", "array", "struct", "map"}
    below = [(name, of) for name, of in type_.children if name != "size"] if nests else []
    if type_.id == "struct":
        below = type_.children
    return ColumnType(type_.id, str(type_), tuple((name, _column_type(of)) for name, of in below))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _connect(settings: Mapping[str, str], *, memory_mb: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    spill = Path(tempfile.gettempdir()) / f"investigator-{uuid4().hex}"
    usual = {
        "memory_limit": f"'{memory_mb}MB'",
        "temp_directory": sql_literal(str(spill)),
        "parquet_metadata_cache": "true",
        "enable_external_file_cache": "false",
        "allowed_configs": "['enable_progress_bar']",
    }
    for name, value in {**usual, **settings, **_SEALED}.items():
        connection.execute(f"set global {name} = {value}")
    return connection


def _absolute(path: Path | str) -> str:
    named = os.path.abspath(path)
    try:
        named.encode()
    except UnicodeEncodeError as error:
        raise UnreadableInput(
            "its path is not UTF-8, in which Parquet files are opened; rename it"
        ) from error
    return named


def _escaped(path: str) -> str:
    """A pattern that only this path matches."""
    return _PATTERN.sub(r"[\g<0>]", path)


def sql_literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """A column's name as SQL, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'
