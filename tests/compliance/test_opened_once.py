"""A run opens its source once and its control library once, and parses a library once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from investigator.traces.parquet import write_spans
from tests.builders import span

LIBRARY = resources.files("investigator.controls") / "libraries" / "controls-v1.yaml"
WATCHED = """
import json, os, sys
opened = []
watched = sys.argv[1:3]

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str | os.PathLike):
        if os.path.abspath(arguments[0]) in watched:
            opened.append(os.path.abspath(arguments[0]))

sys.addaudithook(watch)
"""
COMMAND_LINE = """
from investigator.cli.main import main
try:
    main(["compliance", watched[0], "--controls", watched[1]])
except SystemExit:
    print(json.dumps(opened), file=sys.stderr)
"""
PYTHON = """
from investigator import Compliance, investigate
for _ in range(2):
    investigate(watched[0], Compliance(controls=watched[1]))
print(json.dumps(opened), file=sys.stderr)
"""


def _opened(script: str, folder: Path) -> list[str]:
    """The names of the files that were opened, in order, by a run over a source in a folder."""
    source, library = folder / "traces.parquet", folder / "own.yaml"
    write_spans([span("a"), span("b", parent="a", kind="TOOL")], source)
    with resources.as_file(LIBRARY) as built_in:
        shutil.copyfile(built_in, library)
    argv = [sys.executable, "-c", WATCHED + script, str(source), str(library)]
    ended = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=300)
    return [Path(path).name for path in json.loads(ended.stderr.splitlines()[-1])]


def test_a_command_opens_its_source_and_its_library_once(tmp_path: Path) -> None:
    """Nothing is opened to be looked at, and again to be investigated."""
    assert sorted(_opened(COMMAND_LINE, tmp_path)) == ["own.yaml", "traces.parquet"]


def test_each_run_in_a_process_opens_them_once(tmp_path: Path) -> None:
    """A library that was changed in between is noticed, so its bytes are read in each run."""
    assert sorted(_opened(PYTHON, tmp_path)) == ["own.yaml"] * 2 + ["traces.parquet"] * 2
