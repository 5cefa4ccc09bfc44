"""A package that is installed beside the Investigator brings a format of trace files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugging import example, install, run

FORMAT = example("A format")["python"]
POINTS = """
[project]
name = "{0}"
version = "1.0"

[project.entry-points."investigator.formats"]
{0} = "{0}:FORMAT"
"""
RAISES = FORMAT.replace("return", "return 1 / 0 and").replace("Acme run", "Odd run")
RECORD = {"acme_run": "run-7", "steps": [{"does": "plan", "said": "a"}, {"does": "act"}]}
SPAN = {"trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "1", "name": "x"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A folder with packages in it, and a cache that no other test has."""

    site: Path
    folder: Path

    def package(self, name: str, module: str) -> None:
        """Install a package of one module that names a format."""
        install(self.site, module, POINTS.format(name))

    def traces(self, document: object, *flags: str) -> Ended:
        """`investigator [flags] traces FILE --json` of a document, which is written once."""
        text = json.dumps(document)
        file = self.folder / f"{len(text)}.json"
        if not file.exists():
            file.write_text(text, encoding="utf-8")
        ended = run(
            *flags,
            *("traces", str(file), "--json"),
            site=self.site,
            cwd=self.folder,
            env={
                "INVESTIGATOR_CACHE_DIR": str(self.folder / "cache"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        return Ended(ended.returncode, ended.stdout, " ".join(ended.stderr.split()))


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """A place to install packages in."""
    site = tmp_path / "site"
    site.mkdir()
    return Installed(site, tmp_path)


def test_a_package_brings_a_format(installed: Installed) -> None:
    """Its file is read; without plug-ins the same file is refused, although it is in the cache."""
    installed.package("acme", FORMAT)
    read = installed.traces(RECORD)
    assert (read.code, read.err) == (0, "")
    assert (json.loads(read.out)["trace_id"], json.loads(read.out)["span_count"]) == ("run-7", 2)
    refused = installed.traces(RECORD, "--no-plugins")
    assert refused.code == 2
    assert "no spans: found an object with keys 'acme_run', 'steps'" in refused.err
    assert "Acme" not in refused.err


@pytest.mark.slow
def test_what_is_read_without_a_plug_in_is_read_the_same_with_it(installed: Installed) -> None:
    """A format that takes everything for its own is asked after the built-in ones only."""
    greedy = FORMAT.replace('return "acme_run"', 'return True or "acme_run"')
    alone = installed.traces(SPAN)
    installed.package("greedy", greedy)
    assert installed.traces(SPAN) == alone
    assert alone.code == 0


@pytest.mark.slow
def test_a_changed_plug_in_reads_its_files_again(installed: Installed) -> None:
    """Under the same version too; what was decoded before is left behind in the cache."""
    installed.package("acme", FORMAT)
    assert json.loads(installed.traces(RECORD).out)["root_name"] == "plan"
    (installed.site / "acme.py").write_text(FORMAT.replace('text(step.get("does"))', '"new"'))
    assert json.loads(installed.traces(RECORD).out)["root_name"] == "new"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named"),
        ("FORMAT = 'x'", "is of type str, not Format"),
        ("OTHER = 1", "AttributeError"),
        (RAISES, "its looks_like raised ZeroDivisionError"),
    ],
)
def test_a_broken_plug_in_is_named_and_skipped(
    installed: Installed, module: str, reason: str
) -> None:
    """One that works is used beside it, and what needs no plug-in is read."""
    installed.package("aaa", module)
    installed.package("acme", FORMAT)
    read = installed.traces(RECORD)
    assert read.code == 0
    assert json.loads(read.out)["trace_id"] == "run-7"
    assert read.err.startswith("plug-in formats/aaa (aaa 1.0) is left out: ")
    assert read.err.count("left out") == 1
    assert reason in read.err
    assert installed.traces(SPAN).code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('records(run.get("steps"))', 'run["step"]', "raised KeyError: 'step'"),
        ("yield make_span(", "yield dict(", "gave a dict, not a Span"),
    ],
)
def test_a_decoder_that_fails_makes_its_record_unreadable(
    installed: Installed, before: str, after: str, reason: str
) -> None:
    """With the plug-in's name in the reason; the other files are read."""
    assert before in FORMAT
    installed.package("acme", FORMAT.replace(before, after))
    told = f"plug-in formats/acme (acme 1.0) {reason}"
    refused = installed.traces(RECORD)
    assert refused.code == 2
    assert told in refused.err
    assert installed.traces(SPAN).code == 0
