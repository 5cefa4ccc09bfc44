"""Which files a path names, and what in a folder can be no file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from investigator.errors import SourceUnavailable
from investigator.formats.folders import files_of
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.runs.sources import open_source
from investigator.store.open import open_files

CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}]})


def outcome(*paths: Path) -> tuple[list[str], list[str]]:
    """The trace ids that were read, and the reasons of what was not."""
    read = list(read_source(paths))
    spans = [span for item in read if isinstance(item, Decoded) for span in item.spans]
    return [s.trace_id for s in spans], [str(i) for i in read if isinstance(i, Unreadable)]


def run_folder(folder: Path, *, recorded: bool) -> None:
    """A run as it lies on disk, ended or not."""
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text('{"seq":1,"ts":"","event":{},"chain":"0"}\n')
    (folder / "output.json").write_text(CHAT)
    if recorded:
        (folder / "run_record.json").write_text("{}")


def test_runs_of_our_own_are_no_traces(tmp_path: Path) -> None:
    """Ended or not; what lies beside them is read."""
    run_folder(tmp_path / "artifacts" / "r1", recorded=True)
    run_folder(tmp_path / "artifacts" / "r2", recorded=False)
    (tmp_path / "a.json").write_text(CHAT)
    assert outcome(tmp_path) == (["a"], [])
    with pytest.raises(SourceUnavailable, match="is a run of the investigator"):
        files_of([tmp_path / "artifacts" / "r1"])


def test_what_is_no_file_in_a_folder_is_named(tmp_path: Path) -> None:
    """A FIFO, a link to nowhere, a link to itself, a folder linked into itself."""
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "b.json").symlink_to(tmp_path / "missing")
    (tmp_path / "c.json").symlink_to(tmp_path / "c.json")
    (tmp_path / "d").symlink_to(tmp_path)
    (tmp_path / "e.json").write_text(CHAT)
    read, troubles = outcome(tmp_path)
    assert read == ["e"]
    words = ("a FIFO", "No such file", "symbolic links", "a link back to a folder above it")
    assert len(troubles) == len(words)
    for trouble, word in zip(troubles, words, strict=True):
        assert word in trouble


def test_a_folder_that_is_linked_is_read_once(tmp_path: Path) -> None:
    """However many links lead to it."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.json").write_text(CHAT)
    (tmp_path / "here").mkdir()
    for name in ("x", "y"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "far")
    assert outcome(tmp_path / "here") == (["a"], [])


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    """The others go on."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(CHAT)
    items = read_source([tmp_path])
    (tmp_path / "a.json").unlink()
    first, second = items
    assert isinstance(first, Unreadable)
    assert "a.json" in str(first)
    assert isinstance(second, Decoded)


def test_a_name_that_is_no_utf8_is_spelt_out(tmp_path: Path) -> None:
    """In ids and messages, through to the opened source."""
    folder = os.fsencode(tmp_path)
    for name, content in ((b"a\xff.json", CHAT), (b"b\xff.json", "{")):
        Path(os.fsdecode(folder + b"/" + name)).write_text(content)
    opened = open_source(str(tmp_path), cache_dir=tmp_path / "cache")
    assert [trace.trace_id for trace in opened.api.list_traces()] == ["a\\xff"]
    assert ["b\\xff.json" in str(problem) for problem in opened.unreadable] == [True]


def test_a_number_of_thousands_of_digits_stops_nothing(tmp_path: Path) -> None:
    """It is a text; a time of that length is none."""
    digits = "9" * 5000
    (tmp_path / "a.jsonl").write_text(
        f'{{"trace_id": "t", "span_id": "a", "name": "x", "start_time": {digits}}}\n'
        '{"trace_id": "t", "span_id": "b", "name": "x"}\n'
    )
    spans = [s for item in read_source([tmp_path]) if isinstance(item, Decoded) for s in item.spans]
    assert [(span.span_id, span.start_ns) for span in spans] == [("a", None), ("b", None)]


@pytest.mark.parametrize("odd", ["9999-01-01T00:00:00Z", 2**70, "9" * 30, "1850-01-01T00:00:00Z"])
def test_a_time_that_no_clock_can_say_is_counted_and_named(tmp_path: Path, odd: object) -> None:
    """The span is read without it, and so are the others."""
    lines = [
        {"trace_id": "t", "span_id": str(n), "name": "x", "start_time": at}
        for n, at in enumerate((odd, None, "2026-01-01T00:00:00Z"))
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    items = list(read_source([tmp_path]))
    spans = [span for item in items if isinstance(item, Decoded) for span in item.spans]
    assert [span.start_ns is None for span in spans] == [True, True, False]
    (trouble,) = (item for item in items if isinstance(item, Unreadable))
    assert trouble.line == 1
    assert "1 time lies outside 1970 to 2262" in trouble.reason


def test_what_is_no_file_is_refused_where_it_is_named(tmp_path: Path) -> None:
    """Before anything is read, so that nothing hangs."""
    os.mkfifo(tmp_path / "a.json")
    for path, word in ((tmp_path / "a.json", "a FIFO"), (Path("/dev/null"), "a device")):
        with pytest.raises(SourceUnavailable, match=word):
            files_of([path])


def test_an_empty_text_is_no_source() -> None:
    """It is not the working folder."""
    with pytest.raises(SourceUnavailable, match="'' isn't a source"):
        files_of([""])
    with pytest.raises(SourceUnavailable, match="'' isn't a source"):
        open_source("")


def test_a_folder_with_what_is_no_file_is_opened(tmp_path: Path) -> None:
    """As it is read: the others are traces, and what is no file is named."""
    source = tmp_path / "source"
    source.mkdir()
    os.mkfifo(source / "a.json")
    (source / "b.json").symlink_to(source / "b.json")
    (source / "c.json").write_text(json.dumps({"trace_id": "1", "span_id": "2", "name": "x"}))
    opened = open_files([source], cache_dir=tmp_path / "cache")
    assert [trace.trace_id for trace in opened.api.list_traces()] == ["1"]
    assert [problem.file.name for problem in opened.unreadable] == ["a.json", "b.json"]
