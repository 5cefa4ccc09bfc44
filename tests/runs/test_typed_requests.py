"""A request is typed: a mistake is an error for a type checker and one clear line at run time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import investigator
from investigator import RCA, Compliance, Incident, Settings, UsageError, investigate
from investigator.samples import SAMPLE_TRACES
from tests.rooms import ROOT

MISTAKES = (
    'investigate("x", RCA(taxonmy="trail"))',
    'investigate("x", RCA(trace_id=5))',
    'investigate("x", Compliance(control_ids="one"))',
    'investigate("x", Incident(start=0))',
    'investigate("x", RCA(), Settings(concurency=2))',
    'investigate("x", RCA(), Settings(concurrency="2"))',
    'investigate("x", RCA(), budget=None)',
    'investigate("x")',
    'investigate("x", RCA()).report.controls_evaluated',
)


@pytest.mark.slow
def test_a_type_checker_finds_each_mistake(tmp_path: Path) -> None:
    """A misspelt name, a wrong type, a report of another engine; paths may be strings."""
    right = (
        "from pathlib import Path\n"
        "from investigator import RCA, Compliance, Incident, Settings, investigate\n"
        'investigate("x", RCA(trace_id="t", taxonomy="own.yaml"), Settings(runs_dir="runs"))\n'
        'investigate(Path("x"), RCA(taxonomy=Path("own.yaml")), Settings(runs_dir=Path("runs")))\n'
        'investigate(["x", Path("y")], Compliance(control_ids=("a",))).report\n'
    )
    program = tmp_path / "asking.py"
    program.write_text(right + "".join(f"{line}\n" for line in MISTAKES), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    told = subprocess.run(
        [*command, str(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    wrong = {int(line.split(":")[1]) for line in told.splitlines() if ": error: " in line}
    first = right.count("\n") + 1
    assert wrong == set(range(first, first + len(MISTAKES))), told


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RCA(taxonmy="trail"), "RCA has no setting 'taxonmy'; did you mean taxonomy?"),  # type: ignore[call-arg]
        (lambda: RCA(trace_id=5), "RCA: trace_id: input should be a valid string, not 5"),  # type: ignore[arg-type]
        (lambda: Settings(concurency=2), "did you mean concurrency?"),  # type: ignore[call-arg]
        (lambda: Settings(concurrency="2"), "Settings: concurrency: "),  # type: ignore[arg-type]
        (lambda: Settings(best_effort="yes"), "Settings: best_effort: "),  # type: ignore[arg-type]
        (lambda: Settings(run_id="../x"), "a run id"),
        (lambda: Incident(trace_ids=("t",), start="2026-01-01").materials(), "leave --from"),
        (lambda: Compliance(control_ids="one"), "Compliance: control_ids: "),  # type: ignore[arg-type]
    ],
)
def test_a_mistake_is_told_in_one_line(make: Callable[[], object], words: str) -> None:
    """It names the setting and what it was given, when the value is made."""
    with pytest.raises(UsageError) as told:
        make()
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_paths_may_be_strings(tmp_path: Path) -> None:
    """Wherever a path is asked for."""
    settings = Settings(runs_dir=str(tmp_path / "runs"), cache_dir=str(tmp_path / "cache"))
    result = investigate(str(SAMPLE_TRACES / "trip-planner.json"), RCA(), settings)
    assert result.run_dir.parent == tmp_path / "runs"


def test_the_public_interface_is_imported_when_it_is_used() -> None:
    """`import investigator` brings nothing else, and every public name is there."""
    code = "import sys, investigator; print(sorted(n for n in sys.modules if 'pydantic' in n))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
    assert {name for name in dir(investigator) if not name.startswith("_")} <= set(
        investigator.__all__
    )
