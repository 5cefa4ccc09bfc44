"""The project's own files: pinned, complete, and free of places that only some can reach."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _name(requirement: str) -> str:
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0].replace("_", "-").lower()


def test_constraints_name_versions_and_no_place() -> None:
    """Each line pins one version exactly; none says where to get it."""
    pinned = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; [^:/@]+)?")
    assert [line for line in CONSTRAINTS if not pinned.fullmatch(line)] == []


def test_every_declared_dependency_is_pinned() -> None:
    """A dependency without a pin would differ from machine to machine."""
    extras = PROJECT["project"]["optional-dependencies"]["dev"]
    declared = {_name(line) for line in [*PROJECT["project"]["dependencies"], *extras]}
    assert declared - {_name(line) for line in CONSTRAINTS} == set()


def test_ci_runs_what_the_readme_says() -> None:
    """CI is the gate and the demo, by the same commands that a user has."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [line for line in script.splitlines() if line.startswith("make ")] == [
        "make check",
        "make demo",
    ]


def test_every_make_target_is_explained() -> None:
    """`make` alone lists each target with what it does."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    explained = re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE)
    assert sorted(phony.split()) == sorted(explained)
