"""A defect is one line, and its traceback a file that only its owner reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from investigator.errors import UsageError
from investigator.ground.defects import ended_a_run, is_defect, told


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as raised:
        return raised


def _file_of(line: str) -> Path:
    named = re.search(r"the traceback is in (\S+), please report it", line)
    assert named is not None, line
    return Path(named.group(1))


def test_a_defect_is_one_line_that_names_the_file_of_its_traceback() -> None:
    """Long words of many lines are cut in the line and whole in the file."""
    line = told(_raised(ValueError("first\n" + "x" * 1_000)))
    kept = _file_of(line)
    assert "\n" not in line
    assert len(line) < 500
    assert "ValueError: first xxx" in line
    text = kept.read_text(encoding="utf-8")
    assert "x" * 1_000 in text
    assert "in _raised" in text
    assert kept.stat().st_mode & 0o077 == 0
    kept.unlink()


def test_of_a_group_of_tasks_the_first_error_is_told() -> None:
    """What a group of tasks says of itself helps nobody."""
    line = told(_raised(ExceptionGroup("unhandled errors", [ZeroDivisionError("by zero")])))
    assert "ZeroDivisionError: by zero" in line
    _file_of(line).unlink()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), UsageError("x")], ids=repr)
def test_what_somebody_can_mend_is_a_defect_only_as_the_end_of_a_run(error: Exception) -> None:
    """A run that ended unexpectedly is ours to explain, whatever raised."""
    assert is_defect(ValueError("x"))
    assert not is_defect(error)
    error.add_note("somebody else's")
    assert not is_defect(error)
    ended_a_run(error, Path("runs/r1"))
    assert is_defect(error)
    kept = _file_of(told(error))
    assert "runs/r1" in kept.read_text(encoding="utf-8")
    kept.unlink()
