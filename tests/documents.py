"""Documents as tests run them: their blocks, a desk to run them at, and how a line is judged.

What a line of a `sh` block needs decides: one that needs a server, a model or a name of the
reader's own (`RUN_ID`) is parsed by the command's own parser; every other one is run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from typer.exceptions import TyperException

from documentation.command_pages import commands
from investigator.samples import SAMPLE_TRACES, SEEDED

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(DOCS.rglob("*.md"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *PAGES])
OTHER_PROGRAMS = {"claude", "curl", "export", "git", "make", "pip", "podman", "set", "exec"}
"""What a reader runs besides the Investigator."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*(/[A-Z]+)?|[A-Z_]+\.\w+")
_ELSEWHERE = ("phoenix:", "phoenixs:", "--model", "agreement")
"""A server or a model is needed."""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str


class Ran(NamedTuple):
    """What a command printed and returned."""

    code: int
    out: str
    err: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*match.groups()) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def lines(block: Block) -> Iterator[str]:
    """The command lines of a `sh` block: joined where they go on, without comments."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True, posix=False)
        if words:
            yield " ".join(words)


def investigator_calls(line: str) -> list[list[str]]:
    """The words of each call of the command in a line, redirections left out."""
    calls = []
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", _masked, re.sub(r"\$\(.*?\)", "RUN_ID", line))
    for part in re.split(r"\||&&|;", plain):
        words = shlex.split(part.split(">")[0], comments=True)
        if "investigator" in words[:2] and words[0] in {"investigator", "exec"}:
            calls.append([_unmasked(word) for word in words[words.index("investigator") + 1 :]])
    return calls


_MASKED = {mark: chr(0xE000 + n) for n, mark in enumerate("|&;$()> '\"<#")}


def _masked(quoted: re.Match[str]) -> str:
    return "".join(_MASKED.get(character, character) for character in quoted[0][1:-1])


def _unmasked(word: str) -> str:
    for mark, stand_in in _MASKED.items():
        word = word.replace(stand_in, mark)
    return word


def can_be_run(line: str) -> bool:
    """Whether the desk has all that the line needs."""
    calls = investigator_calls(line)
    words = [word for call in calls for word in call]
    return bool(calls) and not any(
        word.startswith(_ELSEWHERE) or _PLACEHOLDER.fullmatch(word) for word in words
    )


def needs_a_shell(line: str) -> bool:
    """Whether a shell makes something of the line before the command sees it."""
    return re.search(r"[~$|&;<>*]", re.sub(r"'[^']*'|\"[^\"]*\"", "", line)) is not None


def problem(words: Sequence[str]) -> str | None:
    """What the command's own parser has against a call; None where it takes it."""
    known = {command.words[1:]: command for command in commands()}
    name = max((tuple(words[:n]) for n in (1, 2) if tuple(words[:n]) in known), default=())
    if not name:
        return None if not words or words[0].startswith("-") else f"no command: {' '.join(words)}"
    command = known[name]
    try:
        command.spec.make_context(command.title, list(words[len(name) :]))
    except SystemExit:
        return None  # --help
    except TyperException as error:
        return f"{command.title}: {error}"
    return None


def desk(folder: Path, files: Mapping[str, object]) -> Path:
    """A folder like a checkout, with exports of three traces, and files of the test's own."""
    (folder / "investigator" / "samples").mkdir(parents=True)
    (folder / "investigator" / "samples" / "traces").symlink_to(SAMPLE_TRACES)
    (folder / "investigator" / "samples" / "demo_agent").symlink_to(SEEDED)
    for name in ("exports", "traces"):
        (folder / name).mkdir()
        for trace in ("help-centre", "trip-planner", "weather-alert"):
            shutil.copy(SAMPLE_TRACES / f"{trace}.json", folder / name)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return folder


def run(argv: Sequence[str], folder: Path) -> Ran:
    """Run a program at the desk, with the package of this checkout."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    # The traces of the desk must not be mistaken for the package: Python runs from elsewhere.
    ended = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    return Ran(ended.returncode, ended.stdout, ended.stderr)
