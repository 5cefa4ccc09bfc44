"""A shell that loaded what `completion` prints completes commands and options."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call

_ASKED = """
source "$1"
COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_investigator_completion investigator
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here to complete in")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("investigator ann", "annotate"),
        ("investigator rca --trac", "--trace-id"),
        ("investigator runs ver", "verify"),
    ],
)
def test_bash_completes(call: Call, tmp_path: Path, typed: str, completed: str) -> None:
    """A command, an option of an engine, a command of a group."""
    program = tmp_path / "investigator"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m investigator "$@"\n', "utf-8")
    program.chmod(0o755)
    script = tmp_path / "completion.bash"
    script.write_text(call("completion", "bash").out, encoding="utf-8")
    asked = ["bash", "--norc", "-c", f'PATH="{tmp_path}:$PATH"{_ASKED}', "bash", str(script), typed]
    ended = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [completed]


@pytest.mark.parametrize(
    ("shell", "opening"), [("zsh", "#compdef investigator\n"), ("fish", "complete --command")]
)
def test_other_shells_get_a_script_of_their_own(call: Call, shell: str, opening: str) -> None:
    """It opens as the shell wants a completion to open."""
    assert call("completion", shell).out.startswith(opening)
