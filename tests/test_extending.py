"""What the page "Extend it" shows is installed and run: plug-ins do what built-in values do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from investigator.cli.main import app
from investigator.runs.engines import BUILT_IN_ENGINES, COMMANDS, RUN_TYPES, engine_named
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.journal import FILE
from investigator.runtime.record import RECORD_FILE
from investigator.samples import SAMPLE_TRACES
from investigator.testing.model_server import ModelServer, says
from investigator.traces.parquet import write_spans
from tests.builders import span
from tests.plugging import install, install_example, run, run_python

SAMPLE = SAMPLE_TRACES / "trip-planner.json"
RUNS = ("--runs-dir", "runs")


@pytest.fixture(scope="module")
def engine_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fourth engine, installed."""
    site = tmp_path_factory.mktemp("engine")
    install_example(site, "An engine")
    return site


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, engine_site: Path) -> Path:
    """A folder in which the fourth engine has made the run `first`."""
    desk = tmp_path_factory.mktemp("desk")
    made = run("slowest", SAMPLE, *RUNS, "--run-id", "first", site=engine_site, cwd=desk)
    assert made.returncode == 0, made.stderr
    return desk


def _record(desk: Path, run_id: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((desk / "runs" / run_id / RECORD_FILE).read_text())
    return record


def test_a_fourth_engine_has_its_command(engine_site: Path, tmp_path: Path) -> None:
    """The help lists it, and its own help has the fields of its question."""
    assert (
        "Find the step that took the longest."
        in run("--help", site=engine_site, cwd=tmp_path).stdout
    )
    told = run("slowest", "--help", site=engine_site, cwd=tmp_path).stdout
    assert "--limit-ms" in told
    assert "investigator slowest exports/ --all" in told


@pytest.mark.parametrize(("limit", "code"), [("0.001", 1), ("1000000000", 0)])
def test_the_threshold_of_a_fourth_engine(
    limit: str, code: int, engine_site: Path, tmp_path: Path
) -> None:
    """`--fail-on` takes its verdicts."""
    ended = run(
        *("slowest", SAMPLE, *RUNS, "--limit-ms", limit, "--fail-on", "slow", "--json"),
        site=engine_site,
        cwd=tmp_path,
    )
    assert ended.returncode == code, ended.stderr
    row = json.loads(ended.stdout)
    assert (row["engine"], row["report"]["outcome"]) == ("slowest", "slow" if code else "fine")
    assert row["report"]["steps"][0]["evidence_refs"]


def test_a_record_names_the_plugins_with_their_versions(desk: Path) -> None:
    """And what the run was of."""
    record = _record(desk, "first")
    assert record["runtime_ref"]["plugins"] == ["engines/slowest (investigator-slowest 1.0)"]
    assert record["run_type"] == "slowest"


def test_runs_of_a_fourth_engine_are_read_back(engine_site: Path, desk: Path) -> None:
    """List, show, verify and replay."""
    for command in ("show", "verify", "replay"):
        ended = run("runs", command, "first", *RUNS, site=engine_site, cwd=desk)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
    assert "slowest" in run("runs", "list", *RUNS, site=engine_site, cwd=desk).stdout


def test_an_interrupted_run_of_a_fourth_engine_is_resumed(engine_site: Path, desk: Path) -> None:
    """Cut at its beginning or on its way, it comes to the same report."""
    first = desk / "runs" / "first"
    report = (first / OUTPUT_FILE).read_bytes()
    lines = (first / FILE).read_bytes().splitlines(keepends=True)
    for kept in (1, len(lines) // 2):
        cut = desk / "cut" / f"at-{kept}"
        shutil.copytree(first, cut)
        (cut / RECORD_FILE).unlink()
        (cut / OUTPUT_FILE).unlink()
        (cut / FILE).write_bytes(b"".join(lines[:kept]))
        ended = run("runs", "resume", cut.name, "--runs-dir", "cut", site=engine_site, cwd=desk)
        assert ended.returncode == 0, ended.stderr
        assert (cut / OUTPUT_FILE).read_bytes() == report


def test_a_batch_of_a_fourth_engine(engine_site: Path, tmp_path: Path) -> None:
    """Every trace of a folder, in worker processes that have the plug-in too."""
    batch = ("slowest", SAMPLE_TRACES, "--all", "--jobs", "2", *RUNS)
    ended = run(*batch, "--json", "-o", "reports.jsonl", site=engine_site, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(rows) > 5
    assert {(row["engine"], row["status"]) for row in rows} == {("slowest", "succeeded")}
    assert len((tmp_path / "reports.jsonl").read_text().splitlines()) == len(rows)
    again = run(*batch, "--continue", site=engine_site, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "runs").glob("slowest-*"))) == len(rows)


def test_the_limits_of_a_fourth_engine_stand_in_the_config(
    engine_site: Path, tmp_path: Path
) -> None:
    """`[budget.slowest]`."""
    (tmp_path / "investigator.toml").write_text("[budget.slowest]\niterations = 7\n")
    ended = run("slowest", SAMPLE, *RUNS, "--run-id", "r", site=engine_site, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert _record(tmp_path, "r")["runtime_ref"]["budget"]["iterations"] == 7


def test_without_plugins_a_fourth_engine_is_unknown(engine_site: Path, desk: Path) -> None:
    """Its command is, and nothing names it; what is installed is not loaded."""
    ended = run("--no-plugins", "slowest", SAMPLE, site=engine_site, cwd=desk)
    assert ended.returncode == 2
    assert "no command 'slowest'" in ended.stderr
    assert "slowest" not in run("--no-plugins", "--help", site=engine_site, cwd=desk).stdout


def test_runs_of_an_engine_that_is_gone_are_listed_and_shown(engine_site: Path, desk: Path) -> None:
    """Verify says what it cannot check; replay and resume name the plug-in that is needed."""

    def told(command: str, code: int) -> str:
        ended = run("--no-plugins", "runs", *command.split(), *RUNS, site=engine_site, cwd=desk)
        assert ended.returncode == code, (command, ended.stdout, ended.stderr)
        assert "Traceback" not in ended.stderr
        return " ".join((ended.stdout + ended.stderr).split())

    assert "slowest" in told("list", 0)
    assert "slowest" in told("show first", 0)
    assert "cannot be recomputed" in told("verify first", 3)
    assert "investigator-slowest 1.0" in told("verify first", 3)
    assert "investigator-slowest 1.0" in told("replay first", 2)
    assert "investigator-slowest 1.0" in told("resume first", 2)


def test_what_no_engine_can_be_called() -> None:
    """The names of other commands, and of run types that are no engine's name."""
    assert {*COMMANDS} == {
        *(command.name or command.callback.__name__ for command in app.registered_commands),  # type: ignore[union-attr]
        *(group.typer_instance.info.name for group in app.registered_groups),  # type: ignore[union-attr]
    }
    assert {*RUN_TYPES, *BUILT_IN_ENGINES} >= {
        engine_named(name).run_type for name in BUILT_IN_ENGINES
    }


def test_a_signal_of_a_plugin_is_a_cause(tmp_path: Path) -> None:
    """What it saw is in the report; without plug-ins nobody saw it."""
    install_example(tmp_path / "site", "A signal")
    notice = {"output.value": "Scheduled maintenance until 6:00, try later."}
    write_spans(
        [span("a", kind="AGENT"), span("b", parent="a", kind="TOOL", attributes=notice)],
        tmp_path / "trace.parquet",
    )
    seen = run("rca", "trace.parquet", "--json", site=tmp_path / "site", cwd=tmp_path)
    unseen = run(
        "--no-plugins", "rca", "trace.parquet", "--json", site=tmp_path / "site", cwd=tmp_path
    )
    told = [f["description"] for f in json.loads(seen.stdout)["report"]["findings"]]
    assert "was down for maintenance" in " ".join(told)
    assert "was down for maintenance" not in unseen.stdout


def test_a_check_of_a_plugin_is_named_by_a_control(tmp_path: Path) -> None:
    """It decides; without plug-ins the library is refused, with the checks that there are."""
    blocks = install_example(tmp_path / "site", "A check")
    (tmp_path / "house.yaml").write_text(blocks["yaml"])
    asked = ("compliance", SAMPLE, "--controls", "house.yaml", "--json")
    ended = run(*asked, site=tmp_path / "site", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    [result] = json.loads(ended.stdout)["report"]["controls_evaluated"]
    assert result["pass_fail"] == "fail"
    refused = run("--no-plugins", *asked, site=tmp_path / "site", cwd=tmp_path)
    assert refused.returncode == 2
    assert "no check 'short_answers'; there are:" in " ".join(refused.stderr.split())


def test_a_model_of_a_plugin_is_asked(tmp_path: Path) -> None:
    """With its own key; one that there is not is refused, with those that there are."""
    install_example(tmp_path / "site", "A model provider")
    turn = '{"action":{"type":"finalize","output":{"findings":[],"gaps":[],"summary":"fine"}}}'
    with ModelServer(lambda _: says(turn)) as server:
        asked = (
            *("rca", SAMPLE, *RUNS, "--run-id", "r", "--planner", "model", "--model", "large"),
            *("--provider", "acme", "--base-url", server.base_url, "--api-key-env", "ACME_API_KEY"),
        )
        env = {"ACME_API_KEY": "k-123456"}
        ended = run(*asked, site=tmp_path / "site", cwd=tmp_path, env=env)
        request = server.requests[0]
    assert ended.returncode == 0, ended.stderr
    assert request.headers["authorization"] == "Bearer k-123456"
    assert _record(tmp_path, "r")["runtime_ref"]["model_provider"] == "acme"
    refused = run("--no-plugins", *asked, site=tmp_path / "site", cwd=tmp_path, env=env)
    assert refused.returncode == 2
    assert "no model provider 'acme'; there are: openai, anthropic, google" in " ".join(
        refused.stderr.split()
    )


_POINTS = '[project]\nname = "odd{}"\nversion = "2.1"\n[project.entry-points."investigator.{}"]\n'
BROKEN: dict[str, tuple[str, str, str]] = {
    "an import that fails": (
        "engines",
        "import no_such_module\nVALUE = 1\n",
        "ModuleNotFoundError",
    ),
    "an exit": ("models", "raise SystemExit(3)\n", "SystemExit"),
    "no such value": ("checks", "OTHER = 1\n", "AttributeError"),
    "the wrong type": ("signals", "VALUE = 1\n", "VALUE is of type int, not Detector"),
    "a name that is taken": (
        "checks",
        "from investigator.controls.checks.tool_use import CHECKS\nVALUE = CHECKS[0]\n",
        "the name 'allowed_tools' is taken",
    ),
    "the name of a command": (
        "engines",
        "from dataclasses import replace\nfrom investigator.rca import ENGINE\n"
        "VALUE = replace(ENGINE, name='traces')\n",
        "the name 'traces' is taken",
    ),
    "runs that look like another's": (
        "engines",
        "from dataclasses import replace\nfrom investigator.rca import ENGINE\n"
        "VALUE = replace(ENGINE, name='other')\n",
        "its run_type is of 'rca', and its name is 'other'",
    ),
}


def test_broken_plugins_are_named_once_and_left_out(tmp_path: Path) -> None:
    """On stderr, by the help and by a batch with its workers; all else works."""
    site = tmp_path / "site"
    for number, (group, module, _) in enumerate(BROKEN.values()):
        points = _POINTS.format(number, group) + f'odd{number} = "odd{number}:VALUE"\n'
        install(site, module, points)
    for argv in (("--help",), ("rca", SAMPLE_TRACES, "--all", "--jobs", "2", *RUNS)):
        ended = run(*argv, site=site, cwd=tmp_path)
        told = " ".join(ended.stderr.split())
        assert ended.returncode in (0, 3), told
        assert told.count("is left out") == len(BROKEN)
        for number, (group, _, reason) in enumerate(BROKEN.values()):
            assert f"plug-in {group}/odd{number} (odd{number} 2.1) is left out: " in told
            assert reason in told
    assert "left out" not in run("--no-plugins", "--help", site=site, cwd=tmp_path).stderr


def test_python_is_warned_of_a_broken_plugin(tmp_path: Path) -> None:
    """Once, where its kind is first used."""
    install(tmp_path / "site", "VALUE = 1\n", _POINTS.format(0, "signals") + 'odd = "odd:VALUE"\n')
    program = tmp_path / "program.py"
    program.write_text(
        "from investigator import RCA, Settings, investigate\n"
        f"investigate({str(SAMPLE)!r}, RCA(), Settings(runs_dir='a'))\n"
        f"investigate({str(SAMPLE)!r}, RCA(), Settings(runs_dir='b'))\n"
    )
    ended = run_python(program, tmp_path / "site")
    assert ended.count("PlugInWarning: plug-in signals/odd (odd0 2.1) is left out") == 1
