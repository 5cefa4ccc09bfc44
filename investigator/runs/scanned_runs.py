"""The runs of a scan lie in the segments of its shards: found by id, unpacked to be looked at.

What is done with a run's folder (show, verify, replay, export) is done with an unpacked copy in a
scratch folder, for its reader alone, which goes when the process ends. Nothing is written back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from investigator.errors import UsageError
from investigator.runs.segments import SEGMENT_FILE, SegmentEntry, SegmentFile
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import FILE
from investigator.runtime.private import FILE_MODE, make_private
from investigator.runtime.record import RECORD_FILE

PLAN_FILE = "plan.json"
SHARDS_FOLDER = "shards"


def is_scan(runs_dir: Path) -> bool:
    """Whether a folder of runs is the results of a scan."""
    return (runs_dir / PLAN_FILE).is_file() and not (runs_dir / FILE).exists()


def segments_of(results: Path) -> Iterator[SegmentFile]:
    """The segments of the shards that are there, in order."""
    for path in sorted(results.glob(f"{SHARDS_FOLDER}/*/{SEGMENT_FILE}")):
        yield SegmentFile(path)


def scanned_runs(results: Path) -> Iterator[tuple[SegmentFile, SegmentEntry]]:
    """Every run of a scan."""
    for segment in segments_of(results):
        for entry in segment.entries:
            yield segment, entry


def unpacked(run_id: str, results: Path) -> Path | None:
    """The folder of a run, unpacked; None where the scan opened no such run."""
    for segment, entry in scanned_runs(results):
        if entry.run_id == run_id:
            return _unpacked(segment, entry)
    return None


def chain_problems(run_id: str, results: Path) -> list[str]:
    """What is wrong with the segment that holds a run."""
    for segment in segments_of(results):
        if any(entry.run_id == run_id for entry in segment.entries):
            return list(segment.broken())
    return []


def refuse_writing(results: Path, doing: str) -> None:
    """Raise `UsageError` where a folder is that of a scan, whose runs are as they ended."""
    if is_scan(results):
        raise UsageError(
            f"'{results}' is a scan: its runs are read, and not {doing}; a run of its own "
            "(`investigator rca … --trace-id ID`) can be"
        )


def _unpacked(segment: SegmentFile, entry: SegmentEntry) -> Path:
    folder = Path(_scratch().name) / entry.chain[:16] / entry.run_id
    if folder.is_dir():
        return folder
    files = segment.read(entry)
    make_private(folder)
    for name, content in (
        (FILE, files.events),
        (RECORD_FILE, files.record),
        (OUTPUT_FILE, files.output),
    ):
        if content is not None:
            (folder / name).write_bytes(content)
            (folder / name).chmod(FILE_MODE)
    return folder


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="investigator-runs-")
