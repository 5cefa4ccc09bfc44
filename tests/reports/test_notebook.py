"""The notebook of the documentation runs from its first cell to its last, and shows something."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rooms import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
CELLS = [
    "".join(cell["source"])
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code"
]
SHOWN = [False, True, True, True, True, True]
"""Which cells end with something to show."""

KERNEL = """
import ast, asyncio, json, sys, inspect
from types import ModuleType

async def run(cells):
    names = {}
    for cell in cells:
        tree = ast.parse(cell)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        await done(compile(tree, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        shown = None
        if last is not None:
            last = ast.Expression(last.value)
            code = compile(last, "cell", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            shown = (await done(code, names))._repr_html_()
        print(json.dumps(shown))

async def done(code, names):
    value = eval(code, names)
    return await value if inspect.isawaitable(value) else value

asyncio.run(run(json.loads(sys.stdin.read())))
"""
"""Cells one after another in one namespace and one event loop, as a notebook has them."""


@pytest.mark.slow
def test_every_cell_runs_and_shows_what_it_ends_with(tmp_path: Path) -> None:
    """In a folder that holds nothing, and within the loop that a kernel runs."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", KERNEL],
        input=json.dumps(CELLS),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    shown = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one is not None for one in shown] == SHOWN
    assert "503 Service Unavailable" in shown[1]
    assert "failure" in shown[3]


def test_the_notebook_imports_from_the_public_interface_alone() -> None:
    """And it is stored without outputs, which would grow stale."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    imports = [
        line for cell in CELLS for line in cell.splitlines() if line.startswith(("from", "import"))
    ]
    assert imports
    assert all(line.startswith("from investigator import ") for line in imports)
    assert all(not cell.get("outputs") for cell in notebook["cells"])
