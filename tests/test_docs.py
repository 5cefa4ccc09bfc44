"""The documents are run: commands print what they show, and every option is in them."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
import yaml

import investigator
from documentation.command_pages import Command, commands
from investigator.cli.main import main
from investigator.runs.config import load_config
from investigator.samples import SAMPLE_TRACES
from investigator.store.filter_parser import parse_filter
from tests import documents
from tests.documents import DOCS, DOCUMENTS, PAGES, README, ROOT, Block, blocks, lines
from tests.formats.test_format_values import SMALLEST

PYTHON = DOCS / "python.md"
GUIDES = [README, *(page for page in PAGES if page.parent.name in {"start", "how-to"})]
"""What a reader follows line by line."""
SHOWING = [page for page in GUIDES if any(b.language == "console" for b in blocks(page))]
OWN_TRACES = {
    "otel/traces.jsonl": SMALLEST["OTLP JSON"],
    "langfuse/trace.json": SMALLEST["Langfuse export"],
    "langsmith/runs.jsonl": SMALLEST["LangSmith run"],
    "mlflow/traces.jsonl": SMALLEST["MLflow trace"],
    ".claude/projects/my-project/session.jsonl": SMALLEST["Claude Code session"],
    "chats.jsonl": SMALLEST["chat transcript"],
}
"""The smallest trace of each platform that "Your own traces" tells of."""


def name_of(page: Path) -> str:
    """A page, for the name of a test."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.title)
def test_every_command_teaches(command: Command) -> None:
    """A command's help shows examples, each of which its own parser takes."""
    told = command.spec.help or ""
    examples = [
        line.strip() for line in told.splitlines() if line.strip().startswith("investigator ")
    ]
    assert "[bold]Example" in told
    assert any(f"{command.title} " in f"{line} " for line in examples)
    assert [documents.problem(c) for e in examples for c in documents.investigator_calls(e)] == [
        None for e in examples for _ in documents.investigator_calls(e)
    ]


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.title)
def test_a_guide_names_every_command(command: Command) -> None:
    """Whoever reads the guides meets every command, where it is of use."""
    guides = [*GUIDES, DOCS / "ci.md", DOCS / "controls.md"]
    assert any(command.title in page.read_text(encoding="utf-8") for page in guides)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder like a checkout, with traces of every platform where the pages have them."""
    return documents.desk(tmp_path, OWN_TRACES)


def _printed(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """What a call of the command returns and prints; in this process, as starting one is slow."""
    [words] = documents.investigator_calls(line)
    with pytest.raises(SystemExit) as ended:
        main(words)
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    assert ended.value.code != 2, captured.err
    assert "Traceback" not in captured.err
    return ended.value.code, captured.out


def _shown(line: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The same of a line that a shell may have to read first."""
    if not documents.needs_a_shell(line):
        return _printed(line, capsys)
    ended = documents.run(["sh", "-c", line], desk)
    assert "Traceback" not in ended.err
    return ended.code, ended.out


def _console(block: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The block with what its commands print now; `echo $?` shows the last exit code."""
    shown, last = [], 0
    for line in block.splitlines():
        if line == "$ echo $?":
            shown.append(f"{line}\n{last}\n")
        elif line.startswith("$ "):
            last, printed = _shown(line[2:], desk, capsys)
            shown.append(f"{line}\n{printed}")
    return "".join(shown)


@pytest.mark.parametrize("page", SHOWING, ids=name_of)
def test_golden_pages_show_what_commands_print(
    page: Path,
    desk: Path,
    golden: Callable[[Path, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every command of a `console` block runs, in the order of the page, and prints that."""
    told = page.read_text(encoding="utf-8")
    with chdir(desk):
        for block in blocks(page):
            if block.language == "console":
                told = told.replace(block.text, _console(block.text, desk, capsys), 1)
    golden(page, told)


def _guided() -> Iterator[tuple[Path, Block]]:
    yield from ((page, b) for page in DOCUMENTS for b in blocks(page) if b.language == "sh")


@pytest.mark.parametrize("page", sorted({page for page, _ in _guided()}), ids=name_of)
def test_command_lines_of_the_documents_parse(page: Path, tmp_path: Path) -> None:
    """Every line of a `sh` block is a call that its command's own parser takes, or names what the
    project has: a target of make, an extra, a program that a reader knows."""
    with chdir(tmp_path):
        for line in (line for p, block in _guided() if p == page for line in lines(block)):
            calls = documents.investigator_calls(line)
            assert [documents.problem(call) for call in calls] == [None] * len(calls), line
            if not calls:
                _known_to_the_project(line)


def _known_to_the_project(line: str) -> None:
    program, *words = line.split()
    assert program in documents.OTHER_PROGRAMS or program.startswith("#!"), line
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
    extras = re.search(r"\.\[([\w,-]+)\]", line)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in extras[1].split(",") if extras else ():
        assert extra in project["optional-dependencies"], line


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_command_lines_of_the_guides_run(
    page: Path, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of the page: each that needs no server and no model succeeds."""
    told = (line for b in blocks(page) if b.language == "sh" for line in lines(b))
    with chdir(desk):
        for line in filter(documents.can_be_run, told):
            code, _ = _shown(line, desk, capsys)
            assert code in {0, 1}, line


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_examples_of_other_languages_are_of_that_language(page: Path, tmp_path: Path) -> None:
    """Python compiles, YAML and TOML parse; a whole `investigator.toml` is one."""
    for block in blocks(page):
        match block.language:
            case "py" | "python":
                compile(block.text, name_of(page), "exec")
            case "yaml":
                yaml.safe_load(block.text)
            case "toml" if page.parent.name in {"how-to", "start"} or page == README:
                file = tmp_path / "investigator.toml"
                file.write_text(block.text, encoding="utf-8")
                load_config(file)
            case "toml":
                tomllib.loads(block.text)
            case _:
                pass


def test_the_page_for_python_names_the_whole_public_interface() -> None:
    """Each name of `investigator.__all__` has its row, and no other name has one."""
    rows = re.findall(r"^\| (`.+?`) \|", PYTHON.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert named | {"__version__"} == set(investigator.__all__)
    assert all(hasattr(investigator, name) for name in investigator.__all__)


@pytest.mark.parametrize("page", [README, PYTHON], ids=name_of)
def test_the_examples_for_python_run(page: Path, desk: Path) -> None:
    """Each is a program of its own, in a folder that holds `traces.parquet`."""
    argv = ["investigator", "ingest", str(SAMPLE_TRACES), "-o", "traces.parquet"]
    assert documents.run(argv, desk).code == 0
    for number, block in enumerate(b for b in blocks(page) if b.language == "python"):
        program = desk / f"example_{number}.py"
        program.write_text(block.text, encoding="utf-8")
        ended = documents.run([sys.executable, "-P", str(program)], desk)
        assert ended.code == 0, ended.err


def test_documents_import_from_the_public_interface_alone() -> None:
    """Whoever follows them needs no other module."""
    for document in (README, PYTHON):
        found = re.findall(r"^from (investigator[\w.]*) import", document.read_text(), re.MULTILINE)
        assert set(found) == {"investigator"}


def test_the_readme_is_read_in_five_minutes() -> None:
    """It has fewer than 1,200 words, and a picture of a report in the first screen."""
    text = README.read_text(encoding="utf-8")
    assert len(text.split()) < 1200
    [picture] = re.findall(r"!\[.+\]\((.+)\)", "\n".join(text.splitlines()[:20]))
    assert (ROOT / picture).stat().st_size < 150_000


def test_links_of_the_readme_resolve() -> None:
    """To files of the checkout, and to headings of them where they name one."""
    for document in DOCUMENTS:
        if document.parent != ROOT:
            continue
        text = document.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
            assert (ROOT / link).exists(), f"{document.name}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    """Paths in backticks that look like files of the project are files of the project."""
    named = re.findall(r"`((?:docs|tests|investigator|benchmarks)/[\w./-]*)`", document.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_filters_in_the_documents_parse() -> None:
    """Every example of the filter language is in the language."""
    text = (ROOT / "docs" / "filters.md").read_text(encoding="utf-8")
    examples = text.split("```text\n")[1].split("```")[0].splitlines()
    assert [bool(parse_filter(example)) for example in examples] == [True] * len(examples)
