"""A journal that was forged with its chain recomputed does not follow from itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.events import RunEnded, ScopeClosed, TurnSettled
from investigator.runtime.journal import read_entries
from investigator.runtime.verify import verify_files
from investigator.testing.toy import toy_run
from tests.runtime.toys import free, output_of, rechained, run_toy


@pytest.mark.parametrize("added", [TurnSettled, ScopeClosed, RunEnded])
def test_an_event_after_the_end_is_found(tmp_path: Path, added: type) -> None:
    """Whatever event of the run is written once more behind its end."""
    run_toy(toy_run(free()), tmp_path / "whole")
    events = [entry.event for entry in read_entries(tmp_path / "whole")]
    assert isinstance(events[-1], RunEnded)
    again = next(event for event in events if isinstance(event, added))
    try:
        forged = rechained([*events, again], tmp_path / "forged")
    except (ValueError, KeyError):
        return  # it does not even add up to a record
    (forged / OUTPUT_FILE).write_bytes(output_of(tmp_path / "whole") or b"")
    assert verify_files(forged) != []
