"""Packages of plug-ins, installed for a test: a module and its metadata in a folder of the path."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "extend.md"
_BLOCK = re.compile(r"^```(python|toml|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example(title: str, page: Path = PAGE) -> dict[str, str]:
    """The blocks of a section of a page, by language."""
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    section = next(text for text in sections if text.startswith(title + "\n"))
    return {block[1]: block[2] for block in _BLOCK.finditer(section)}


def install(folder: Path, module: str, pyproject: str) -> None:
    """What `pip install` would leave of a package of one module."""
    project = tomllib.loads(pyproject)["project"]
    groups: Mapping[str, Mapping[str, str]] = project["entry-points"]
    [value] = {value for points in groups.values() for value in points.values()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{value.partition(':')[0]}.py").write_text(module, encoding="utf-8")
    name = project["name"].replace("-", "_")
    metadata = folder / f"{name}-{project['version']}.dist-info"
    metadata.mkdir()
    told = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(told, encoding="utf-8")
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{n} = {v}" for n, v in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def install_example(folder: Path, title: str) -> dict[str, str]:
    """Install the example of a section of the page; its blocks."""
    blocks = example(title)
    install(folder, blocks["python"], blocks["toml"])
    return blocks


def run_python(program: Path, site: Path) -> str:
    """What a program that has the packages of `site` says on stderr."""
    ended = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        cwd=program.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])},
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stderr


def run(
    *argv: str | Path, site: Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`investigator` in a process of its own that has the packages of `site`."""
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "investigator", *map(str, argv)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "120", **(env or {})},
        timeout=120,
    )
