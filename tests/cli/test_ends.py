"""Every way out of a command is an exit code with at most one line on stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from investigator.cli.exits import Exit
from investigator.cli.outcomes import exit_for
from investigator.runs.batch import BatchOutcome
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.samples import SAMPLE_TRACES

PROGRAM = """
from investigator.cli.main import app, main

def deeper():
    return deeper()

def refused():
    raise {raised}

@app.command()
def fail() -> None:
    {call}

main(["fail"])
"""
TRACES = ("traces", str(SAMPLE_TRACES))


def _failing(call: str, raised: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command that does this, with a folder of its own for what it leaves."""
    (folder / "failing.py").write_text(PROGRAM.format(call=call, raised=raised), encoding="utf-8")
    (folder / "left").mkdir()
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "failing"],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(folder / "left"), "PYTHONPATH": path},
        timeout=60,
    )


@pytest.mark.parametrize(
    ("call", "raised", "told"),
    [
        ("1 / 0", "", "ZeroDivisionError: division by zero"),
        ("deeper()", "", "RecursionError: maximum recursion depth exceeded"),
        ("bytearray(1 << 60)", "", "MemoryError"),
        ("refused()", "EOFError", "EOFError"),
        ("refused()", "ExceptionGroup('', [KeyError('k')])", "KeyError: 'k'"),
    ],
)
def test_a_defect_has_an_exit_code_of_its_own(
    call: str, raised: str, told: str, tmp_path: Path
) -> None:
    """5, one line that names the defect, and a file with its traceback."""
    ended = _failing(call, raised or "ValueError", tmp_path)
    (kept,) = (tmp_path / "left").iterdir()
    assert ended.returncode == Exit.DEFECT, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert told in ended.stderr
    assert str(kept) in ended.stderr
    assert "Traceback" in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        ("OSError(28, 'No space left on device')", Exit.FAILED, "No space left"),
        ("BrokenPipeError(32, 'Broken pipe')", Exit.FAILED, "Broken pipe"),
        ("KeyboardInterrupt", Exit.INTERRUPTED, "interrupted"),
    ],
)
def test_what_is_no_defect_is_told_in_its_own_words(
    raised: str, code: Exit, told: str, tmp_path: Path
) -> None:
    """The machine's refusals and interrupts leave no traceback, on stderr or in a file."""
    ended = _failing("refused()", raised, tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
    assert told in ended.stderr
    assert list((tmp_path / "left").iterdir()) == []


def test_an_interrupt_in_the_middle_of_an_import_is_one_too(tmp_path: Path) -> None:
    """Python would die of SIGINT at its end where `exec` ran, as in the making of a dataclass."""
    ended = _failing("exec('raise KeyboardInterrupt')", "ValueError", tmp_path)
    assert (ended.returncode, ended.stderr) == (Exit.INTERRUPTED, "interrupted\n")


def test_a_run_that_ended_by_a_defect_exits_with_5() -> None:
    """So does a batch with one, since 5 outweighs all; other failures stay at 4."""

    def outcome(code: ErrorCode) -> BatchOutcome:
        failed = RunStatus.FAILED
        return BatchOutcome("rca", "t", "r", None, failed, None, "why", error_code=code)

    assert exit_for(outcome(ErrorCode.UNEXPECTED_RUNTIME_ERROR), None) is Exit.DEFECT
    assert exit_for(outcome(ErrorCode.MODEL_CALL_FAILED), None) is Exit.FAILED


def _with_stdout(
    stdout: int, argv: tuple[str, ...], more: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    env = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "investigator", *argv]
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=env | more, timeout=60
    )


@pytest.mark.parametrize("more", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("argv", [(*TRACES, "--json"), TRACES, ("--help",)], ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_error(
    argv: tuple[str, ...], more: dict[str, str]
) -> None:
    """`… | head -1`: nothing is complained about, and the exit code is that of the work."""
    reads, writes = os.pipe()
    os.close(reads)
    ended = _with_stdout(writes, argv, more)
    os.close(writes)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("argv", [(*TRACES, "--json"), TRACES], ids=" ".join)
def test_a_full_disk_under_stdout_is_a_failure_told_once(argv: tuple[str, ...]) -> None:
    """Exit 4 and one line; not Python's own 120."""
    with Path("/dev/full").open("w") as full:
        ended = _with_stdout(full.fileno(), argv, {})
    assert (ended.returncode, ended.stderr.count("\n")) == (Exit.FAILED, 1)
    assert "No space left on device" in ended.stderr
