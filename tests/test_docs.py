"""The documents are run: commands print what they show, and every option is in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

import investigator
from investigator.cli.commands import EngineCommand
from investigator.cli.exits import Exit
from investigator.cli.main import app
from investigator.runs.engines import engine_named
from investigator.samples import SAMPLE_TRACES, SEEDED
from investigator.store.filter_parser import parse_filter

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / "docs" / "python.md"
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "cli.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A command line of the tree: its words and what typer knows of it."""

    words: tuple[str, ...]
    spec: typer.core.TyperCommand

    @property
    def title(self) -> str:
        return " ".join(self.words)

    @property
    def options(self) -> list[typer.core.TyperOption]:
        return [p for p in self.spec.params if isinstance(p, typer.core.TyperOption)]


def commands() -> list[Command]:
    """Every command that does something, in the order of `--help`."""
    return list(_walk(("investigator",), typer.main.get_command(app)))


def _walk(words: tuple[str, ...], spec: object) -> Iterator[Command]:
    if isinstance(spec, typer.core.TyperGroup):
        context = typer.Context(spec)
        for name in spec.list_commands(context):
            child = spec.get_command(context, name)
            known = child.made(name) if isinstance(child, EngineCommand) else child
            yield from _walk((*words, name), known)
    elif isinstance(spec, typer.core.TyperCommand):
        yield Command(words, spec)


def reference() -> str:
    """`docs/cli.md`: the help of every command as Markdown."""
    parts = [
        "# Command line",
        "Written from the commands' own help by `make golden`. Results go to stdout, everything "
        "about the work to stderr. Exit codes, of which the gravest is told where several are due, "
        "are in the README; any command exits with 5 at a defect of the Investigator, and names "
        "the file that holds its traceback.",
    ]
    for command in commands():
        text = re.sub(r"\[bold\](.*?)\[/\]", r"\1:", _dedented(command.spec.help or ""))
        parts += [f"## `{_usage(command)}`", _prose(text), _option_table(command.options)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _dedented(text: str) -> str:
    lines = text.strip().splitlines()
    margin = min((len(x) - len(x.lstrip()) for x in lines[1:] if x.strip()), default=0)
    return "\n".join([lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])])


def _prose(text: str) -> str:
    """Paragraphs as they are; lines that are indented become a code block."""
    shown: list[str] = []
    for line in text.splitlines():
        code = line.startswith("  ")
        if code and shown and shown[-1] and not shown[-1].startswith("    "):
            shown.append("")
        shown.append(f"    {line.strip()}" if code else line)
    return "\n".join(shown)


def _usage(command: Command) -> str:
    names = [p for p in command.spec.params if not isinstance(p, typer.core.TyperOption)]
    words = [(p.metavar or p.name or "") + ("..." if p.nargs == -1 else "") for p in names]
    return " ".join([command.title, *words])


def _option_table(options: Sequence[typer.core.TyperOption]) -> str:
    rows = ["| option | meaning |", "|---|---|"]
    for option in options:
        flags = ", ".join(f"`{flag}`" for flag in [*option.opts, *option.secondary_opts])
        value = f" {option.metavar}" if option.metavar else ""
        default = ""
        if option.show_default and option.default not in (None, False) and not option.required:
            default = f" Default: {option.default}."
        rows.append(f"| {flags}{value} | {option.help}{default} |")
    return "\n".join(rows)


def test_golden_reference_of_the_command_line(golden: Callable[[Path, str], None]) -> None:
    """`docs/cli.md` has every command and every option, in the words of `--help`."""
    golden(REFERENCE, reference())


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.title)
def test_every_command_teaches(command: Command) -> None:
    """A command's help shows examples, and every option of it says what it does."""
    assert "[bold]Example" in (command.spec.help or "")
    assert f"{command.title} " in (command.spec.help or "")
    assert [option.opts for option in command.options if not option.help] == []


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.title)
def test_the_readme_names_every_command(command: Command) -> None:
    """Whoever reads the README meets every command."""
    assert f"`{command.title}" in README.read_text() or f"$ {command.title}" in README.read_text()


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    for match in _BLOCK.finditer(text):
        yield match[1], match[2]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a checkout, with the traces that come with the package where they stand."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(SAMPLE_TRACES, folder / "investigator" / "samples" / "traces")
    shutil.copytree(SEEDED, folder / "investigator" / "samples" / "demo_agent")
    return folder


def _run(argv: Sequence[str], desk: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    # The traces of the desk must not be mistaken for the package: Python runs from elsewhere.
    return subprocess.run(argv, cwd=desk, env=env, capture_output=True, text=True, timeout=120)


def _console(block: str, desk: Path) -> str:
    """The block with what its commands print now; `echo $?` shows the last exit code."""
    shown, last = [], 0
    for line in block.splitlines():
        if line.startswith("$ "):
            ended = _run(["sh", "-c", f"(exit {last}); {line[2:]}"], desk)
            assert "Traceback" not in ended.stderr, ended.stderr
            assert ended.returncode != 2, ended.stderr
            last = ended.returncode
            shown.append(f"{line}\n{ended.stdout}")
    return "".join(shown)


def test_the_page_for_python_names_the_whole_public_interface() -> None:
    """Each name of `investigator.__all__` has its row, and no other name has one."""
    rows = re.findall(r"^\| (`.+?`) \|", PYTHON.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert named | {"__version__"} == set(investigator.__all__)
    assert all(hasattr(investigator, name) for name in investigator.__all__)


def test_the_examples_for_python_run(desk: Path) -> None:
    """Each is a program of its own, in a folder that holds `traces.parquet`."""
    ended = _run(["investigator", "ingest", str(SAMPLE_TRACES), "-o", "traces.parquet"], desk)
    assert ended.returncode == 0, ended.stderr
    for number, (_, block) in enumerate(_blocks(PYTHON.read_text(encoding="utf-8"))):
        program = desk / f"example_{number}.py"
        program.write_text(block, encoding="utf-8")
        ended = _run([sys.executable, "-P", str(program)], desk)
        assert ended.returncode == 0, ended.stderr


def test_documents_import_from_the_public_interface_alone() -> None:
    """Whoever follows them needs no other module."""
    for document in (README, PYTHON):
        found = re.findall(r"^from (investigator[\w.]*) import", document.read_text(), re.MULTILINE)
        assert set(found) == {"investigator"}


def test_golden_readme_examples_print_what_it_shows(
    desk: Path, golden: Callable[[Path, str], None]
) -> None:
    """Every command and every Python example of the README runs, in order, and prints that."""
    text = README.read_text(encoding="utf-8")
    told = text
    for language, block in _blocks(text):
        if language == "console":
            told = told.replace(block, _console(block, desk))
        else:
            ended = _run([sys.executable, "-P", "-c", block], desk)
            assert ended.returncode == 0, ended.stderr
    golden(README, told)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """Paths in backticks that look like files of the project are files of the project."""
    named = re.findall(r"`((?:docs|tests|investigator|benchmarks)/[\w./-]*)`", document.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_filters_in_the_documents_parse() -> None:
    """Every example of the filter language is in the language."""
    text = (ROOT / "docs" / "filters.md").read_text(encoding="utf-8")
    examples = text.split("```text\n")[1].split("```")[0].splitlines()
    assert [bool(parse_filter(example)) for example in examples] == [True] * len(examples)


def test_the_readme_names_every_limit_with_its_default() -> None:
    """The table of limits holds the options and the defaults that the code has."""
    rows = re.findall(r"^\| [^|]+ \| `(--max-[\w-]+)` \| (.+?) \|$", README.read_text(), re.M)
    told = {option: values.split(" | ") for option, values in rows}
    budgets = [engine_named(name).default_budget for name in ("rca", "compliance", "incident")]
    assert told == {
        "--max-iterations": [f"{budget.iterations:,}" for budget in budgets],
        "--max-tool-calls": [f"{budget.tool_calls:,}" for budget in budgets],
        "--max-subcalls": [f"{budget.subcalls:,}" for budget in budgets],
        "--max-tokens": [f"{budget.tokens:,}" for budget in budgets],
        "--max-cost-usd": ["none"] * 3,
        "--max-wall-time": [f"{budget.wall_time_s:g} s" for budget in budgets],
        "--max-depth": [f"{budget.depth}" for budget in budgets],
    }


def test_the_readme_names_every_exit_code() -> None:
    """The table of exit codes has those of the code, and no other."""
    named = re.findall(r"^\| (\d+) \| ", README.read_text(), re.MULTILINE)
    assert [int(code) for code in named] == [code.value for code in Exit]
