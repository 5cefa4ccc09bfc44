"""`investigator controls` lists, shows, exports and checks libraries, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.controls.library import BUILT_IN_LIBRARIES, load_library
from investigator.samples import SAMPLE_TRACES
from tests.cli.conftest import Call

OURS = """\
version: ours-1
extends: controls-v1
parameters: {approved_models: [atlas-4-mini]}
drop: [control.operations.budget]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with a library of ours."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.yaml").write_text(OURS)
    return tmp_path


def test_libraries_are_listed_with_how_many_controls_they_have(folder: Path, call: Call) -> None:
    """As a table, and one JSON object each."""
    assert folder.exists()
    shown = call("controls", "list")
    rows = [json.loads(line) for line in call("controls", "list", "--json").out.splitlines()]
    assert [row["library"] for row in rows] == list(BUILT_IN_LIBRARIES)
    for row in rows:
        library = load_library(row["library"])
        assert (row["controls"], row["version"]) == (len(library.controls), library.version)
        assert row["library"] in shown.out


def test_the_controls_of_a_library_are_listed_the_gravest_first(folder: Path, call: Call) -> None:
    """And what is not configured for them is said once, beside them."""
    shown = call("controls", "list", "ours.yaml")
    listed = [line.split()[0] for line in shown.out.splitlines()[1:] if line.startswith("control.")]
    library = load_library(folder / "ours.yaml")
    assert listed == [control.control_id for control in library.ordered]
    assert shown.err.count("not configured") == 1
    assert "approved_models" not in shown.err
    (folder / "investigator.toml").write_text("[controls]\nretention_days = 30\n")
    assert "retention_days" not in call("controls", "list", "ours.yaml").err
    rows = [
        json.loads(line)
        for line in call("controls", "list", "ours.yaml", "--json").out.split("\n")
        if line
    ]
    assert [row["control_id"] for row in rows] == listed


def test_a_control_is_shown_with_what_it_asks_and_lacks(folder: Path, call: Call) -> None:
    """By its id alone where it is built in, else in the library that is named."""
    assert folder.exists()
    shown = call("controls", "show", "control.guardrails.ran")
    for part in ("Guardrails ran", "medium", "guardrails_ran", "not configured", "NIST AI 600-1"):
        assert part in shown.out
    (told,) = call("controls", "show", "control.guardrails.ran", "--json").out.splitlines()
    assert json.loads(told)["control_id"] == "control.guardrails.ran"
    ours = call("controls", "show", "control.governance.approved_model", "--controls", "ours.yaml")
    assert "[atlas-4-mini]" in ours.out
    assert "not configured" not in ours.out
    (whole,) = call("controls", "show", "ours.yaml", "--json").out.splitlines()
    assert json.loads(whole)["version"] == "ours-1"


@pytest.mark.parametrize("name", [*BUILT_IN_LIBRARIES, "ours.yaml"])
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_exported_is_the_same_library(
    name: str, form: str, folder: Path, call: Call
) -> None:
    """By its hash; `check` accepts it."""
    written = f"written.{form}"
    flags = ("--json",) if form == "json" else ()
    assert call("controls", "export", name, "-o", written, *flags).code == 0
    assert load_library(folder / written).content_hash == load_library(name).content_hash
    assert call("controls", "check", written).code == 0
    assert call("controls", "export", name, *flags).out == (folder / written).read_text()
    again = call("controls", "export", name, "-o", written, *flags)
    assert (again.code, "already exists" in again.err) == (2, True)


def test_a_run_takes_what_was_exported(folder: Path, call: Call) -> None:
    """And says the same as under the library itself."""
    call("controls", "export", "ours.yaml", "-o", "written.yaml")
    asked = ("compliance", SAMPLE_TRACES, "--trace-id", "e185", "--output")
    for library in ("ours.yaml", "written.yaml"):
        assert call(*asked, f"{library}.json", "--controls", library).code == 0
    reports = [(folder / f"{name}.yaml.json").read_text() for name in ("ours", "written")]
    assert reports[0] == reports[1]


def test_what_is_wrong_is_told_by_file_and_line(folder: Path, call: Call) -> None:
    """All of it, of every file, with the names that were meant; for programs, a line each."""
    (folder / "wrong.yaml").write_text(
        "version: w\nextends: controls-v1\ndrop: [control.operations.buget]\n"
        "change:\n  control.guardrails.ran: {params: {requird: [x]}}\n"
    )
    (folder / "base.yaml").write_text("version: b\nextends: wrong.yaml\n")
    ended = call("controls", "check", "wrong.yaml", "ours.yaml", "nowhere.yaml")
    assert ended.code == 2
    first, second, *others = ended.out.splitlines()
    assert first.startswith("wrong.yaml:3: drop.0: no control 'control.operations.buget'")
    assert first.endswith("did you mean control.operations.budget?")
    assert second == (
        "wrong.yaml:5: change.control.guardrails.ran.params.requird: no such field here; did you "
        "mean required?"
    )
    assert others[0].startswith("ours.yaml: ours-1, 29 controls")
    assert others[-1].startswith("nowhere.yaml: no control library 'nowhere.yaml'")
    assert call("controls", "check", "base.yaml").out.startswith("wrong.yaml:3: ")
    told = [
        json.loads(line)
        for line in call("controls", "check", "wrong.yaml", "ours.yaml", "--json").out.splitlines()
    ]
    assert [(one["file"], one["ok"], one.get("line")) for one in told] == [
        ("wrong.yaml", False, 3),
        ("wrong.yaml", False, 5),
        ("ours.yaml", True, None),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", None),
        ("- a\n", 1),
        ("a: [\n", 2),
        ("version: x\nversion: y\n", 2),
        ("version: x\ndescription: y\n", 1),
        ("\x00", 1),
        ('{"version": "x", "controls": [}', 1),
    ],
)
def test_what_is_no_library_at_all_is_told_too(
    text: str, line: int | None, folder: Path, call: Call
) -> None:
    """Empty, a list, broken off, a key twice, binary: a line, and exit code 2."""
    (folder / "none.yaml").write_text(text)
    ended = call("controls", "check", "none.yaml")
    place = "none.yaml: " if line is None else f"none.yaml:{line}: "
    assert (ended.code, ended.out.startswith(place)) == (2, True), ended.out


def test_a_name_that_is_nothing_is_told_with_the_one_that_was_meant(
    folder: Path, call: Call
) -> None:
    """A control's, a library's, and one that is like none."""
    assert folder.exists()
    for name, meant in (
        ("control.guardrail.ran", "did you mean control.guardrails.ran?"),
        ("controls-v2", "did you mean controls-v1?"),
        ("zzz", "`investigator controls list`"),
    ):
        ended = call("controls", "show", name)
        assert (ended.code, meant in " ".join(ended.err.split())) == (2, True), ended.err
