"""Opening a source: canonical files as they are, others once through the cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from investigator.errors import SourceUnavailable
from investigator.store.open import OpenedSource, ingest_files, open_files
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.model import Span
from investigator.traces.parquet import WriteSummary, canonical_facts, write_spans
from tests.builders import span

CHAT = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of one readable transcript and one torn one."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "chat.json").write_text(json.dumps(CHAT))
    (folder / "torn.json").write_text('{"messages": [')
    return folder


def _file_of(source: OpenedSource) -> Path:
    """The canonical file that answers."""
    assert isinstance(source.api, ParquetInspectionAPI)
    return source.api.path


def test_a_source_is_ingested_once(source: Path, tmp_path: Path) -> None:
    """The second time nothing is read, and the same is reported."""
    counts: list[int] = []
    first = open_files([source], cache_dir=tmp_path / "cache", on_span_count=counts.append)
    again = open_files([source], cache_dir=tmp_path / "cache", on_span_count=counts.append)
    assert counts == [2]
    assert _file_of(first) == _file_of(again)
    assert [trace.trace_id for trace in again.api.list_traces()] == ["chat"]
    assert [problem.file.name for problem in first.unreadable] == ["torn.json"]
    assert again.unreadable == first.unreadable


@pytest.mark.parametrize("name", ["unreadable.json", "traces.parquet"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"unreadable": []}', b"PAR1 and no more"])
def test_an_entry_that_cannot_be_read_is_made_again(
    content: bytes | None, name: str, source: Path, tmp_path: Path
) -> None:
    """Lost, torn or in the form of another version: it is an entry of the cache, not the source."""
    counts: list[int] = []
    first = open_files([source], cache_dir=tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    (entry / name).unlink()
    if content is not None:
        (entry / name).write_bytes(content)
    for _ in range(2):
        again = open_files([source], cache_dir=tmp_path / "cache", on_span_count=counts.append)
        assert [trace.trace_id for trace in again.api.list_traces()] == ["chat"]
        assert again.unreadable == first.unreadable
    assert counts == [2]
    assert [*(tmp_path / "cache").iterdir()] == [entry]


def test_a_changed_source_is_ingested_again(source: Path, tmp_path: Path) -> None:
    """A file that was mended is read."""
    open_files([source], cache_dir=tmp_path / "cache")
    (source / "torn.json").write_text(json.dumps(CHAT))
    mended = open_files([source], cache_dir=tmp_path / "cache")
    assert mended.unreadable == ()
    assert mended.api.count_traces() == 2


def test_a_canonical_file_is_opened_as_it_is(tmp_path: Path) -> None:
    """Nothing is written to the cache."""
    write_spans([span()], tmp_path / "traces.parquet")
    opened = open_files([tmp_path / "traces.parquet"], cache_dir=tmp_path / "cache")
    assert _file_of(opened) == tmp_path / "traces.parquet"
    assert not (tmp_path / "cache").exists()


def test_nothing_readable_is_an_error_that_lists_why(source: Path, tmp_path: Path) -> None:
    """No cache entry and no scratch is left behind."""
    (source / "chat.json").unlink()
    with pytest.raises(SourceUnavailable, match=r"nothing readable in .*\n.*torn\.json"):
        open_files([source], cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_ingest_writes_everything_readable_to_one_file(source: Path, tmp_path: Path) -> None:
    """What is unreadable is named."""
    made = ingest_files([source], tmp_path / "out.parquet")
    assert made.written == WriteSummary(traces=1, spans=2)
    assert [problem.file.name for problem in made.unreadable] == ["torn.json"]
    assert canonical_facts(tmp_path / "out.parquet") is not None


def test_a_truncated_file_is_unavailable(tmp_path: Path) -> None:
    """At whatever byte it was cut."""
    path = tmp_path / "traces.parquet"
    write_spans([span(f"s{i}") for i in range(50)], path)
    whole = path.read_bytes()
    for length in (0, 3, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceUnavailable, match=r"traces\.parquet"):
            ParquetInspectionAPI(path)
        with pytest.raises(SourceUnavailable, match=r"traces\.parquet"):
            open_files([path], cache_dir=tmp_path / "cache")


def test_damage_inside_a_file_is_unavailable_not_a_traceback(tmp_path: Path) -> None:
    """Overwritten pages are noticed when they are read, or read as they were."""
    path = tmp_path / "traces.parquet"
    write_spans([span(f"s{i}", name=os.urandom(40).hex()) for i in range(200)], path)
    whole = bytearray(path.read_bytes())
    whole[100 : len(whole) // 2] = bytes(len(whole) // 2 - 100)
    path.write_bytes(bytes(whole))
    with pytest.raises(SourceUnavailable, match=r"cannot be read|damaged"):
        ParquetInspectionAPI(path).list_spans("t")


def test_a_missing_file_and_a_foreign_parquet_file_are_named(tmp_path: Path) -> None:
    """The message says what to do about the foreign one."""
    with pytest.raises(SourceUnavailable, match=r"no file '.*gone\.parquet'"):
        ParquetInspectionAPI(tmp_path / "gone.parquet")
    foreign = tmp_path / "foreign.parquet"
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(pa.table({"a": [1]}), foreign)
    with pytest.raises(SourceUnavailable, match="investigator ingest"):
        ParquetInspectionAPI(foreign)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """The file appears whole or not at all, and no scratch is left."""
    path = tmp_path / "traces.parquet"
    write_spans([span()], path)
    before = path.read_bytes()

    def broken() -> Iterator[Span]:
        yield span()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_spans(broken(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
