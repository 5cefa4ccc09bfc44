"""The wheel is the whole product: it runs outside the checkout, with what it declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from investigator.samples import SAMPLES

ROOT = Path(__file__).parent.parent
PACKAGE_DATA = (".yaml", ".json", ".jsonl", ".md", ".typed")


def _run(*argv: str | Path, cwd: Path) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    ended = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, built without a network."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder))
    _run(*build, str(ROOT), cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, its dependencies lent by the one that runs the tests."""
    folder = tmp_path_factory.mktemp("elsewhere")
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder)
    python = folder / "venv" / "bin" / "python"
    paths = json.loads(
        _run(
            python,
            "-c",
            "import sysconfig, json; print(json.dumps(sysconfig.get_paths()))",
            cwd=folder,
        )
    )
    install: Sequence[str] = ("--no-deps", "--no-index", "--target", paths["purelib"], str(wheel))
    _run(sys.executable, "-m", "pip", "install", "--quiet", *install, cwd=folder)
    # A line in a .pth lends packages; the editable install of the checkout is not among them.
    lent = Path(paths["purelib"]) / "lent.pth"
    lent.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


@pytest.mark.slow
def test_the_wheel_holds_every_data_file_of_the_package(wheel: Path) -> None:
    """Samples, taxonomies and the typing marker travel with the code."""
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "investigator").rglob("*")
        if path.suffix in PACKAGE_DATA or path.name == "py.typed"
    }
    assert wanted - held == set()


@pytest.mark.slow
def test_the_installed_wheel_runs_the_demo_outside_the_checkout(installed: Path) -> None:
    """In an environment of its own the demo reaches the expected outcome of every sample."""
    home = installed.parent.parent.parent
    where = _run(installed, "-c", "import investigator; print(investigator.__file__)", cwd=home)
    assert str(ROOT) not in where
    told = _run(installed, "-m", "investigator", "demo", "--json", cwd=home)
    rows = [json.loads(line) for line in told.splitlines()]
    assert {row["engine"] for row in rows} == {"rca", "compliance", "incident"}
    reports = [row["report"] for row in rows if row["engine"] == "rca"]
    expected = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
    found = {r["trace_id"]: (r["outcome"], r["primary_label"]) for r in reports}
    assert found == {key: (e["outcome"], e["label"]) for key, e in expected.items()}
