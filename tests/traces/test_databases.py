"""DuckDB is opened in one place, reaches one file at a time, and none of its errors gets out."""

from __future__ import annotations

import ast
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from investigator.errors import SourceUnavailable, UnreadableInput
from investigator.store.open import open_files
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.databases import PARQUET, Databases, ParquetFile, scratch
from investigator.traces.parquet import newest_start, write_spans
from tests.builders import span

PACKAGE = Path(__file__).parents[2] / "investigator"


@pytest.fixture
def databases() -> Databases:
    """Some of their own."""
    return Databases({"threads": "2"}, memory_mb=64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A canonical file of one span."""
    write_spans([span("s")], tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def memory_limit(file: ParquetFile) -> float:
    """In MiB, as DuckDB says it."""
    said = file.rows("select current_setting('memory_limit'), $1")[0][0]
    value, unit = said.split()
    return float(value) * {"MiB": 1, "GiB": 1024}[unit]


def number(file: ParquetFile) -> int:
    """The answer of a query that needs threads."""
    files = f"(select count(*) from {PARQUET})"
    query = f"select count(*) from range(500_000) where range % 2 = 0 and {files} = 1"
    return int(file.rows(query)[0][0])


def test_duckdb_is_named_in_one_module_only() -> None:
    """So that there is one place in which it is opened, configured and its errors told."""
    imports = {
        str(module.relative_to(PACKAGE))
        for module in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(a.name == "duckdb" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("duckdb"))
    }
    assert imports == {"traces/databases.py"}


FORBIDDEN = {
    "another file": "select * from read_parquet('{other}'), (select $1)",
    "another file by its name": "select * from '{other}', (select $1)",
    "a pattern": "select * from read_parquet('{folder}/*.parquet'), (select $1)",
    "text": "select * from read_text('/etc/hostname'), (select $1)",
    "names of files": "select * from glob('{folder}/*'), (select $1)",
    "an address": "select * from read_parquet('http://127.0.0.1:9/x.parquet'), (select $1)",
    "a database": "attach '{folder}/other.db' as other",
    "an extension": "install httpfs",
    "a loaded extension": "load httpfs",
    "a copy": "copy (select 1) to '{folder}/written.parquet'",
    "a setting": "set global memory_limit = '100GB'",
    "the way back": "set global enable_external_access = true",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_query_reaches_nothing_but_its_file(
    name: str, path: Path, databases: Databases, tmp_path: Path
) -> None:
    """Not another file, no address, no extension, and no setting that would allow it."""
    write_spans([span("other")], tmp_path / "other.parquet")
    query = FORBIDDEN[name].format(other=tmp_path / "other.parquet", folder=tmp_path)
    parameters = "$1" in query
    file = databases.open(path)
    with pytest.raises(UnreadableInput):
        file.rows(query if parameters else query + " -- $1")
    assert not (tmp_path / "written.parquet").exists()
    assert number(file) == 250_000


def test_a_scratch_database_reaches_its_folder_only(tmp_path: Path, path: Path) -> None:
    """It writes there, and reads nothing else."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with scratch(folder, memory_mb=64, most_mb=64) as database:
        database.execute(f"copy (select 1 as a) to '{folder}/a.parquet' (format parquet)")
        assert database.execute(f"select * from '{folder}/a.parquet'").fetchall() == [(1,)]
    with pytest.raises(UnreadableInput), scratch(folder, memory_mb=64, most_mb=64) as database:
        database.execute(f"select * from '{path}'")


NAMES: tuple[str, ...] = (
    "[r]eal",
    "r*l",
    "r?al",
    "[!x]eal",
    "a'b",
    'a"b',
    "sp ace",
    "new\nline",
    "back\\slash",
)
NAMES += ("{real,x}", "~", "$1", "é", "trace_id=evil", "http:", "**")


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_the_file_that_it_names(name: str, tmp_path: Path) -> None:
    """Though DuckDB would take it for a pattern that others match, or for a column."""
    write_spans([span("other", trace_id="other")], tmp_path / "real.parquet")
    folder = tmp_path / name
    folder.mkdir()
    for odd in (tmp_path / f"{name}.parquet", folder / "x.parquet"):
        write_spans([span("own", trace_id="own")], odd)
        api = open_files([odd], cache_dir=tmp_path / "cache").api
        assert [trace.trace_id for trace in api.list_traces()] == ["own"]
        assert [found.span_id for found in api.list_spans("own")] == ["own"]
        assert newest_start(odd) == newest_start(tmp_path / "real.parquet")


def test_a_glob_of_the_user_is_still_one(tmp_path: Path) -> None:
    """It is ours: what exists under that very name is that, anything else a pattern."""
    for name in ("a", "b"):
        write_spans([span("s", trace_id=name)], tmp_path / f"{name}.parquet")
    found = open_files([tmp_path / "[ab].parquet"], cache_dir=tmp_path / "cache")
    assert {trace.trace_id for trace in found.api.list_traces()} == {"a", "b"}


def test_a_folder_that_is_a_link_is_read(tmp_path: Path, path: Path) -> None:
    """As the folder that it leads to."""
    real = tmp_path / "real"
    real.mkdir()
    path.rename(real / "t.parquet")
    (tmp_path / "link").symlink_to(real)
    for named in (tmp_path / "link", tmp_path / "link" / "t.parquet"):
        api = open_files([named], cache_dir=tmp_path / "cache").api
        assert len(api.list_spans("t")) == 1


def test_a_name_that_is_not_utf_8_is_named(tmp_path: Path, path: Path) -> None:
    """DuckDB takes UTF-8 only; the others of the folder are read."""
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.parquet")).write_bytes(path.read_bytes())
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    found = open_files([tmp_path], cache_dir=tmp_path / "cache")
    assert ["UTF-8" in problem.reason for problem in found.unreadable] == [True]
    assert found.api.count_traces() == 1


def gone(path: Path) -> None:
    """Removed."""
    path.unlink()


def cut(path: Path) -> None:
    """Its first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    """Nothing in it."""
    path.write_bytes(b"")


def a_folder(path: Path) -> None:
    """A folder of that name."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [gone, cut, emptied, a_folder])
def test_a_file_harmed_after_it_was_opened_is_named(
    harm: Callable[[Path], None], path: Path
) -> None:
    """By every read, with what happened to it."""
    api = ParquetInspectionAPI(path)
    harm(path)
    for read in (api.list_traces, lambda: api.list_spans("t")):
        with pytest.raises(SourceUnavailable, match=path.name):
            read()
    api.close()


def test_a_query_of_too_much_memory_says_so(path: Path, databases: Databases) -> None:
    """With the limit, and what to do."""
    query = f"select list(md5(range::varchar)) from range(20_000_000), {PARQUET}"
    with pytest.raises(UnreadableInput, match="more than 64 MB"):
        databases.open(path).rows(query)


@pytest.mark.usefixtures("in_a_terminal")
def test_an_interrupted_query_is_an_interrupt(path: Path, databases: Databases) -> None:
    """Ctrl-C is no error of the file, whether DuckDB heeds it in the query or only at its end."""
    query = f"select count(*) from range(800_000_000) a, {PARQUET} where a.range % 7 = 3"
    file = databases.open(path)

    def until_interrupted() -> None:
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        file.rows(query)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        until_interrupted()


def test_room_for_long_spans_is_had_by_the_file_that_needs_it(
    path: Path, databases: Databases
) -> None:
    """More for the file that asks for it, and never as much as a file may claim."""
    usual = memory_limit(databases.open(path))
    assert memory_limit(databases.open(path, room_mb=640)) == pytest.approx(usual * 11, rel=0.01)
    assert memory_limit(databases.open(path)) == usual
    assert memory_limit(databases.open(path, room_mb=10**12)) < 2_000


def test_threads_make_one_database(path: Path, databases: Databases) -> None:
    """However many ask first."""
    found: list[int] = []
    asking = [
        threading.Thread(target=lambda: found.append(number(databases.open(path))))
        for _ in range(8)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert found == [250_000] * 8


def _in_a_fork(databases: Databases, path: Path, answers: multiprocessing.SimpleQueue[int]) -> None:
    answers.put(number(databases.open(path)))
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_has_a_database_of_its_own(path: Path, databases: Databases) -> None:
    """The threads of its parent's are not there; it must not wait for them."""
    assert number(databases.open(path)) == 250_000
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[int] = context.SimpleQueue()
    child = context.Process(target=_in_a_fork, args=(databases, path, answers))
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


def test_a_closed_source_answers_no_more_and_others_go_on(path: Path) -> None:
    """Though they share what they are read with."""
    one, other = (ParquetInspectionAPI(path) for _ in range(2))
    one.close()
    with pytest.raises(SourceUnavailable):
        one.list_spans("t")
    with pytest.raises(SourceUnavailable):
        one.list_traces()
    assert len(other.list_spans("t")) == len(other.list_traces()) == 1


NO_BAR = """
import sys
from pathlib import Path
from investigator.traces.databases import LISTS, scratch
asked = "select current_setting('enable_progress_bar')"
print(LISTS.open(sys.argv[1]).rows(asked + ", $1")[0][0])
with scratch(Path(sys.argv[1]).parent, memory_mb=64, most_mb=64) as database:
    print(database.execute(asked).fetchone()[0])
"""


def test_nothing_is_drawn_into_the_output(path: Path) -> None:
    """DuckDB draws a progress bar where the program is no file: with `-c`, and in workers."""
    command = [sys.executable, "-c", NO_BAR, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
