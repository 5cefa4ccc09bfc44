"""The page "Read your own format": its packages are installed, its program is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugging import ROOT, example, install, run

PAGE = ROOT / "docs" / "read-your-own-format.md"
STEPS = [
    {"does": "ask", "said": "I look."},
    7,
    {"does": "call", "name": "look_up", "given": {"x": 1}, "said": "gone", "failed": True},
]
LINES = [
    {"acme_log": "a", "step": {"name": "plan", "said": "first"}},
    {"acme_log": "b", "step": {"name": "other"}},
    {"acme_log": "a", "step": 7},
    {"acme_log": "a", "step": {"name": "act"}},
    {"odd": 1},
]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with both packages of the page."""
    folder = tmp_path / "site"
    for title in ("A document a trace", "Many lines a trace"):
        blocks = example(title, PAGE)
        install(folder, blocks["python"], blocks["toml"])
    return folder


def traces(path: Path, site: Path, *flags: str) -> tuple[list[dict[str, object]], str]:
    """What `investigator traces` lists of a file, and what it says of the rest."""
    env = {"INVESTIGATOR_CACHE_DIR": str(path.parent / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = run(*flags, "traces", path, "--json", site=site, cwd=path.parent, env=env)
    return [json.loads(line) for line in ended.stdout.splitlines()], " ".join(ended.stderr.split())


def test_a_document_of_a_plug_in_is_read(site: Path, tmp_path: Path) -> None:
    """With its failure, and with word of the item that is no step."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"acme_run": "run-7", "steps": STEPS}))
    [row], said = traces(file, site)
    assert (row["trace_id"], row["span_count"], row["error_count"]) == ("run-7", 2, 1)
    assert "1 item in it is damaged" in said


def test_lines_of_a_plug_in_are_put_together(site: Path, tmp_path: Path) -> None:
    """By run; a line that is damaged, or of nobody, is named."""
    file = tmp_path / "log.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    rows, said = traces(file, site)
    assert {row["trace_id"]: row["span_count"] for row in rows} == {"a": 2, "b": 1}
    assert "1 item in it is damaged" in said
    assert "line 5: no spans" in said
    nothing, refused = traces(file, site, "--no-plugins")
    assert nothing == []
    assert "no spans" in refused


def test_lines_of_a_built_in_format_are_nobody_elses(site: Path, tmp_path: Path) -> None:
    """A plug-in that takes every line is asked of none that a built-in format knows."""
    greedy = example("Many lines a trace", PAGE)
    module = greedy["python"].replace('return "acme_log" in line and', "return True or")
    assert module != greedy["python"]
    (site / "acme_log.py").write_text(module)
    file = tmp_path / "spans.jsonl"
    span = {"trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "1", "name": "x"}
    file.write_text(json.dumps(span) + "\n" + json.dumps({**span, "span_id": "0" * 15 + "2"}))
    [row], said = traces(file, site)
    assert (row["span_count"], said) == (2, "")


def test_a_fold_that_raises_is_named(site: Path, tmp_path: Path) -> None:
    """With the plug-in's name; the process goes on."""
    module = example("Many lines a trace", PAGE)["python"].replace(
        "    runs: dict", "    1 / 0\n    runs: dict"
    )
    (site / "acme_log.py").write_text(module)
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps(LINES[0]) + "\n")
    rows, said = traces(file, site)
    assert rows == []
    assert "plug-in formats/acme_log (acme-log 1.0) raised ZeroDivisionError" in said


def test_who_converts_writes_the_canonical_file(tmp_path: Path) -> None:
    """The program of the page is run, and what it wrote is read with its verdict."""
    program = tmp_path / "convert.py"
    program.write_text(example("Convert by yourself", PAGE)["python"])
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, program],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout == "1 trace, 2 spans, 1 verdict\n", ended.stderr
    [row], said = traces(tmp_path / "acme.parquet", tmp_path)
    assert (row["trace_id"], row["span_count"], row["error_count"]) == ("run-7", 2, 1)
    assert said == ""
