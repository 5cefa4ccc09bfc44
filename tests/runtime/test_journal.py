"""A journal's line is whole and true, or found out; one process writes it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from investigator.errors import JournalError, RunExists, RunLocked
from investigator.runtime.clock import Clock
from investigator.runtime.events import RunEnded
from investigator.runtime.journal import (
    FILE,
    Journal,
    check_chain,
    is_locked,
    read_entries,
)
from investigator.runtime.status import RunStatus
from investigator.runtime.verify import verify_files
from investigator.testing.toy import finalize, read, toy_run
from tests.runtime.toys import cut, free, lines_of, output_of, resume_toy, run_toy, sound

ENDED = RunEnded(
    status=RunStatus.FAILED,
    error=None,
    artifact_type="toy_report",
    artifact_path=None,
    artifact_schema="1",
    artifact_sha256=None,
)


def small(tmp_path: Path) -> Path:
    """A run of a few events."""
    run_toy(toy_run(free({"0": [read(1), finalize("end", "e1")]})), tmp_path / "run")
    return tmp_path / "run"


def clock() -> Clock:
    """A clock that stands at one second, on a fixed day."""
    return Clock(monotonic=lambda: 1.0, started_at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC))


def test_the_lines_read_back_are_the_events_in_order(tmp_path: Path) -> None:
    """Numbered from 0, stamped in order, chained to the head that the record names."""
    run_dir = small(tmp_path)
    entries = read_entries(run_dir)
    head, broken = check_chain((run_dir / FILE).read_bytes())
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    stamps = [datetime.fromisoformat(entry.ts) for entry in entries]
    assert stamps == sorted(stamps)
    assert all(stamp.utcoffset() == timedelta(0) for stamp in stamps)
    assert (head.events, broken) == (len(entries), None)


def test_a_torn_last_line_is_left_out_wherever_it_is_torn(tmp_path: Path) -> None:
    """At every byte: readers see the whole lines, a writer cuts the rest off and goes on."""
    lines = lines_of(small(tmp_path))
    whole, last = b"".join(lines[:-1]), lines[-1]
    for n in range(len(last)):
        run_dir = cut([whole], tmp_path / str(n), torn=last[:n])
        assert len(read_entries(run_dir)) == len(lines) - 1
        assert any("interrupted" in problem for problem in verify_files(run_dir))
        with Journal.reopen(run_dir, clock()) as journal:
            assert journal.head.events == len(lines) - 1
            journal.append(ENDED)
        text = (run_dir / FILE).read_bytes()
        assert text.startswith(whole)
        assert check_chain(text)[1] is None
        assert read_entries(run_dir)[-1].event == ENDED


def test_a_flipped_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    """At every position of the journal; verify names it and raises nothing."""
    run_dir = small(tmp_path)
    path = run_dir / FILE
    text = path.read_bytes()
    for position in range(len(text)):
        flipped = bytearray(text)
        flipped[position] ^= 1 << (position % 7)
        assert check_chain(bytes(flipped)) != check_chain(text), position
        if position % 5 == 0:
            path.write_bytes(flipped)
            assert verify_files(run_dir) != [], position


def test_a_removed_a_doubled_and_a_swapped_line_are_found(tmp_path: Path) -> None:
    """Whichever line it is; the first line that does not follow is named."""
    lines = lines_of(small(tmp_path))
    for n in range(len(lines) - 1):
        for changed in (
            lines[:n] + lines[n + 1 :],
            lines[: n + 1] + lines[n:],
            [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]],
        ):
            head, broken = check_chain(b"".join(changed))
            assert broken is not None
            assert f"line {head.events + 1} " in broken
            run_dir = cut(changed, tmp_path / f"{n}-{len(changed)}-{changed[0][:9].hex()}-{head}")
            with pytest.raises(JournalError, match="cannot be continued"):
                Journal.reopen(run_dir, clock())
            assert not is_locked(run_dir), "the lock is given up"
            assert verify_files(run_dir) != []


def test_a_removed_last_line_of_an_ended_run_is_found(tmp_path: Path) -> None:
    """The chain still holds; the record does not."""
    run_dir = small(tmp_path)
    (run_dir / FILE).write_bytes(b"".join(lines_of(run_dir)[:-1]))
    assert verify_files(run_dir) != []


def test_a_middle_line_that_does_not_read_is_named(tmp_path: Path) -> None:
    """A reader stops at the line; it does not skip it."""
    lines = lines_of(small(tmp_path))
    for broken in (b"\n", b"not json\n", b'{"seq":2,"ts":"x","event":{},"chain":""}\n', b"\xff\n"):
        run_dir = cut([*lines[:2], broken, *lines[3:]], tmp_path / broken.hex())
        with pytest.raises(JournalError, match="line 3 is not an event"):
            read_entries(run_dir)
        assert verify_files(run_dir) != []


def test_a_folder_without_a_journal_says_so(tmp_path: Path) -> None:
    """Reading, going on and verifying name what is missing, and leave nothing behind."""
    for act in (read_entries, lambda path: Journal.reopen(path, clock())):
        with pytest.raises(JournalError, match="no journal at"):
            act(tmp_path)
    assert verify_files(tmp_path) == ["events.jsonl: missing"]
    assert list(tmp_path.iterdir()) == []


def test_one_process_writes(tmp_path: Path) -> None:
    """A second writer, of whatever sort, is locked out until the first has closed."""
    with Journal.create(tmp_path / "run", clock()):
        assert is_locked(tmp_path / "run")
        for second in (Journal.create, Journal.reopen):
            with pytest.raises(RunLocked, match="run 'run' is being written"):
                second(tmp_path / "run", clock())
    assert not is_locked(tmp_path / "run")
    with Journal.reopen(tmp_path / "run", clock()) as journal:
        assert journal.head.events == 0


def test_a_run_id_is_never_taken_twice(tmp_path: Path) -> None:
    """Not even where the first run left nothing but an empty journal."""
    run_dir = small(tmp_path)
    before = (run_dir / FILE).read_bytes()
    with pytest.raises(RunExists, match="run 'run' exists"):
        run_toy(toy_run(free({"0": [finalize("x")]})), run_dir)
    assert (run_dir / FILE).read_bytes() == before
    cut([], tmp_path / "empty")
    with pytest.raises(RunExists):
        Journal.create(tmp_path / "empty", clock())


def test_times_are_of_the_clock_that_is_handed_in(tmp_path: Path) -> None:
    """RFC 3339, UTC, to the microsecond; time passes as the clock says."""
    seconds = iter([10.0, 10.0, 11.5, 70.0])
    ticking = Clock(
        monotonic=lambda: next(seconds), started_at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    )
    with Journal.create(tmp_path / "run", ticking) as journal:
        for _ in range(3):
            journal.append(ENDED)
    assert [entry.ts for entry in read_entries(tmp_path / "run")] == [
        "2026-01-02T03:04:05.000006Z",
        "2026-01-02T03:04:06.500006Z",
        "2026-01-02T03:05:05.000006Z",
    ]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from investigator.testing.toy import toy_run
from tests.runtime.toys import free, run_toy

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
run_toy(toy_run(free()), Path(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", [1500, 2777, 6001])
def test_a_full_disk_stops_the_run_and_harms_no_line(tmp_path: Path, room: int) -> None:
    """The event that did not fit is not there, nothing is written after it, resume goes on."""
    run_dir = tmp_path / "run"
    died = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(run_dir), str(room)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "JournalError: the journal could not be written" in died.stderr
    text = (run_dir / FILE).read_bytes()
    assert text.endswith(b"\n")
    assert check_chain(text)[1] is None
    resume_toy(toy_run(free()), run_dir)
    run_toy(toy_run(free()), tmp_path / "whole")
    assert output_of(run_dir) == output_of(tmp_path / "whole")
    sound(toy_run(free()), run_dir)


def test_the_head_is_that_of_the_lines(tmp_path: Path) -> None:
    """What a writer says of its journal is what a reader finds."""

    with Journal.create(tmp_path / "run", clock()) as journal:
        for _ in range(3):
            journal.append(ENDED)
            found = check_chain((tmp_path / "run" / FILE).read_bytes())
            assert found == (journal.head, None)
