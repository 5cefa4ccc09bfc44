"""The DuckDB databases of this process, which all open files share.

Making a database takes 20 ms, many times what one lookup takes, and a batch opens its source for
each run; a cursor of one that is there takes none. Some settings hold for a whole database, so
lookups of one trace and lists of all have one each.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import duckdb

_OPENINGS = 200
"""Files after which a new database is made, so that what is remembered of old ones goes."""

_OF_PARENTS: list[duckdb.DuckDBPyConnection] = []
"""What a forked process was left; closing it would wait for threads that stayed behind."""


class Database:
    """A database that is made when it is first needed, and again in a forked process."""

    def __init__(self, settings: Mapping[str, str], *, memory_mb: int) -> None:
        self._settings = settings
        self._usual_mb = memory_mb
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._made_by = 0
        self._openings = 0
        self._memory_mb = 0

    def cursor(self, *, room_mb: int = 0) -> duckdb.DuckDBPyConnection:
        """A connection for one file that needs `room_mb` on top of the usual memory.

        A database goes when the last of its cursors is closed.
        """
        with self._lock:
            if self._connection is not None and self._made_by != os.getpid():
                _OF_PARENTS.append(self._connection)
                self._connection = None
            if self._connection is None or self._is_worn():
                self._connection = _connect(self._settings)
                self._made_by, self._openings, self._memory_mb = os.getpid(), 0, 0
            if self._memory_mb < self._usual_mb + room_mb:
                self._memory_mb = self._usual_mb + room_mb
                self._connection.execute(f"set global memory_limit = '{self._memory_mb}MB'")
            self._openings += 1
            return self._connection.cursor()

    def _is_worn(self) -> bool:
        return self._openings >= _OPENINGS or self._memory_mb > self._usual_mb


def _connect(settings: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    fixed = {
        "temp_directory": str(Path(tempfile.gettempdir()) / f"investigator-{uuid4().hex}"),
        "parquet_metadata_cache": "true",
        "enable_external_file_cache": "false",
    }
    for name, value in {**fixed, **settings}.items():
        quoted = value.replace("'", "''")
        connection.execute(f"set global {name} = '{quoted}'")
    return connection


LOOKUPS = Database(
    {
        "threads": "1",
        # With these two, planning a lookup reads the statistics of every row group and column.
        "disabled_optimizers": "statistics_propagation,join_order",
    },
    memory_mb=128,
)
"""For what is said of a file and for one of its traces."""

LISTS = Database({"threads": "2"}, memory_mb=256)
"""For what goes through all spans of a file."""
