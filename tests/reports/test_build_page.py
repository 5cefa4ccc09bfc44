"""`docs/ci.md` is run: its script fails at a new fault, and passes with the baseline."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from investigator.samples import SAMPLE_TRACES
from tests.reports.schemas import junit_errors, sarif_errors

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "ci.md"
BUILD, UPDATE, HOOK, SHELL = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
"""The scripts of the page, in order."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A checkout with the traces of a test run."""
    (tmp_path / "traces").mkdir()
    for file in sorted(SAMPLE_TRACES.iterdir())[:3]:
        shutil.copy(file, tmp_path / "traces")
    return tmp_path


def run(script: str, desk: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The script in a shell, in that folder."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(["sh", "-c", script], cwd=desk, env=env, capture_output=True, text=True)


def reworded(file: Path) -> None:
    """The same trace as another run of it would leave it: other ids, another moment."""
    text = file.read_text()
    for number, identity in enumerate(sorted(set(re.findall(r"\b[0-9a-f]{16,32}\b", text)))):
        text = text.replace(identity, f"{number + 7:0{len(identity)}x}")
    file.write_text(text)


@pytest.mark.slow
def test_the_script_of_the_page_stops_at_new_faults_alone(desk: Path) -> None:
    """No baseline is a usage error; an empty one stops, a full one passes, also after a rerun."""
    assert run(BUILD, desk).returncode == 2
    (desk / "investigator-baseline.json").write_text('{"schema_version": "1", "known": []}')
    stopped = run(BUILD, desk)
    assert stopped.returncode == 1, stopped.stderr
    assert run(UPDATE, desk).returncode == 0
    assert run(BUILD, desk).returncode == 0
    for file in (desk / "traces").iterdir():
        reworded(file)
    again = run(BUILD, desk)
    assert again.returncode == 0, again.stderr
    assert "0 new" in again.stderr


@pytest.mark.slow
def test_a_fault_that_the_baseline_lacks_stops_the_script(desk: Path) -> None:
    """One more trace that fails otherwise; the forms are written in any case, and are valid."""
    (desk / "investigator-baseline.json").write_text('{"schema_version": "1", "known": []}')
    run(BUILD, desk)
    run(UPDATE, desk)
    for file in sorted(SAMPLE_TRACES.iterdir())[3:]:
        shutil.copy(file, desk / "traces")
    summary = desk / "summary.md"
    summary.write_text("# the step before\n")
    stopped = run(BUILD, desk, GITHUB_STEP_SUMMARY=str(summary))
    assert stopped.returncode == 1, stopped.stderr
    assert summary.read_text().startswith("# the step before\n## ")
    assert sarif_errors(json.loads((desk / "investigator.sarif").read_text())) == []
    assert junit_errors((desk / "investigator.xml").read_text()) == []


@pytest.mark.slow
def test_the_hook_and_the_one_liners_of_the_page_work(desk: Path) -> None:
    """The hook stops as the build does; each line of the shell prints something."""
    (desk / "investigator-baseline.json").write_text('{"schema_version": "1", "known": []}')
    assert run(HOOK, desk).returncode == 1
    run(BUILD, desk)
    for line in SHELL.strip().splitlines():
        if "jq" in line and shutil.which("jq") is None:
            continue
        ended = run(line, desk)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.strip()
