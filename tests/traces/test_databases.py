"""Files share a database of the process, and none of them can tell."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import duckdb
import pytest

from investigator.errors import SourceUnavailable
from investigator.inspection.parquet import ParquetInspectionAPI
from investigator.traces.databases import Database
from investigator.traces.parquet import write_spans
from tests.builders import span


@pytest.fixture
def database() -> Database:
    """One of its own."""
    return Database({"threads": "2"}, memory_mb=64)


def memory_limit(cursor: duckdb.DuckDBPyConnection) -> float:
    """In MiB, as DuckDB says it."""
    said = cursor.execute("select current_setting('memory_limit')").fetchall()[0][0]
    return float(said.removesuffix(" MiB"))


def number(cursor: duckdb.DuckDBPyConnection) -> int:
    """The answer of a query that needs threads."""
    return int(
        cursor.execute("select count(*) from range(500_000) where range % 2 = 0").fetchall()[0][0]
    )


def test_cursors_share_a_database_until_it_is_worn(database: Database) -> None:
    """A table that one makes, another sees; after some hundred openings they are others."""
    first = database.cursor()
    first.execute("create table seen as select 1")
    assert database.cursor().execute("select * from seen").fetchall() == [(1,)]
    for _ in range(200):
        database.cursor().close()
    with pytest.raises(duckdb.CatalogException):
        database.cursor().execute("select * from seen")
    assert first.execute("select * from seen").fetchall() == [(1,)]


def test_room_for_long_spans_is_had_while_it_is_needed(database: Database) -> None:
    """More for the file that asks for it; the next one is given as much as usual."""
    usual = memory_limit(database.cursor())
    assert memory_limit(database.cursor(room_mb=640)) == pytest.approx(usual * 11, rel=0.01)
    assert memory_limit(database.cursor()) == usual


def test_threads_make_one_database(database: Database) -> None:
    """However many ask first."""
    found: list[int] = []
    asking = [
        threading.Thread(target=lambda: found.append(number(database.cursor()))) for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert found == [250_000] * 8


def _in_a_fork(database: Database, answers: multiprocessing.SimpleQueue[int]) -> None:
    answers.put(number(database.cursor()))
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_has_a_database_of_its_own(database: Database) -> None:
    """The threads of its parent's are not there; it must not wait for them."""
    assert number(database.cursor()) == 250_000
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[int] = context.SimpleQueue()
    child = context.Process(target=_in_a_fork, args=(database, answers))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert answers.get() == 250_000


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    """Opened again at once, under the same name: nothing of the old one is remembered."""
    path = tmp_path / "t.parquet"
    for size in (1, 3, 2):
        write_spans([span(f"s{at}", trace_id=f"t{at % 2}") for at in range(size)], path)
        api = ParquetInspectionAPI(path)
        assert len(api.list_spans("t0")) == (size + 1) // 2
        assert api.count_traces() == len(api.list_traces()) == min(size, 2)
        api.close()


def test_a_closed_source_answers_no_more_and_others_go_on(tmp_path: Path) -> None:
    """Though they share what they are read with."""
    write_spans([span("s")], tmp_path / "t.parquet")
    one, other = (ParquetInspectionAPI(tmp_path / "t.parquet") for _ in range(2))
    one.close()
    with pytest.raises(SourceUnavailable):
        one.list_spans("t")
    with pytest.raises(SourceUnavailable):
        one.list_traces()
    assert len(other.list_spans("t")) == len(other.list_traces()) == 1
