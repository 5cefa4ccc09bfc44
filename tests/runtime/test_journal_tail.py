"""Whoever watches a run reads each event of its journal once, when its line is whole."""

from __future__ import annotations

from pathlib import Path

from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.journal_tail import JournalTail
from investigator.testing.toy import finalize, read, toy_run
from tests.runtime.toys import free, lines_of, run_toy


def test_each_event_is_read_once_whatever_is_written_between_the_looks(tmp_path: Path) -> None:
    """Also where a look finds half a line."""
    run_dir, growing = tmp_path / "run", tmp_path / "growing"
    run_toy(toy_run(free({"0": [read(1), finalize("end", "e1")]})), run_dir)
    lines = lines_of(run_dir)
    growing.mkdir()
    tail, seen = JournalTail(growing), []
    assert tail.new_entries() == []
    with (growing / FILE).open("ab", buffering=0) as file:
        for line in lines:
            for part in (line[:7], line[7:]):
                file.write(part)
                seen += tail.new_entries()
    assert seen == read_entries(run_dir)
    assert tail.new_entries() == []
