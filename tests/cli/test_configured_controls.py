"""What is configured under `[controls]` is what controls are judged by, in whatever command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator import Compliance, ControlParameters, UsageError
from investigator.runs.config import FILE_NAME
from investigator.samples import SAMPLE_TRACES, SEEDED
from tests.cli.conftest import Call

HEALTHY = [
    (SAMPLE_TRACES, "814eda3c0328aae5cc3296644c33bd73"),
    (SAMPLE_TRACES, "e185ad49328d9d74a0d44c56d78b59c0"),
    (SEEDED / "traces.parquet", "bac1508ad8d2d48b8defe5579f99d5f9"),
    (SEEDED / "traces.parquet", "717aadeb3b1832cd79d0f277bf51177f"),
]
"""Traces of the demo agents in which nothing is wrong, as OTLP JSON and as Parquet."""

CONFIGURED = """
[controls]
approved_models = ["atlas-*", "*"]
pinned_models = ["*"]
retention_days = 30
"""
OF_A_MODEL = ["control.governance.approved_model", "control.governance.pinned_model"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("source", "trace_id"), HEALTHY)
def test_a_healthy_trace_is_compliant_over_what_applies(
    source: Path, trace_id: str, folder: Path, call: Call
) -> None:
    """Without any configuration; how many were checked and what is not configured is said once."""
    told = call("compliance", source, "--trace-id", trace_id, "--output", "report.json")
    report = json.loads((folder / "report.json").read_text())
    assert (told.code, report["overall"]) == (0, "compliant")
    checked = [c for c in report["controls_evaluated"] if c["pass_fail"] == "pass"]
    total = len(report["controls_evaluated"])
    assert report["summary"].startswith(f"{len(checked)} of {total} controls checked: ")
    assert "approved_models" in report["not_configured"]
    plain = " ".join(told.out.split())
    assert plain.count("Not configured") == plain.count("approved_models") == 1
    assert "control.governance.approved_model" not in plain


@pytest.mark.parametrize(("source", "trace_id"), HEALTHY)
def test_a_healthy_trace_is_compliant_under_what_is_configured(
    source: Path, trace_id: str, folder: Path, call: Call
) -> None:
    """In the file or in a library; the run is verified and replayed under the same."""
    (folder / FILE_NAME).write_text(CONFIGURED)
    (folder / "ours.yaml").write_text(
        "version: ours\nextends: controls-v1\nparameters:\n  approved_models: ['*']\n"
        "  pinned_models: ['*']\n  retention_days: 30\n"
    )
    for library in ("controls-v1", "ours.yaml"):
        asked = ("compliance", source, "--trace-id", trace_id, "--controls", library)
        assert call(*asked, "--run-id", library, "--output", "report.json").code == 0
        report = json.loads((folder / "report.json").read_text())
        assert report["overall"] == "compliant"
        assert not {"approved_models", "pinned_models"} & set(report["not_configured"])
        verdicts = {c["control_id"]: c["pass_fail"] for c in report["controls_evaluated"]}
        assert [verdicts[control_id] for control_id in OF_A_MODEL] == ["pass", "pass"]
    (folder / FILE_NAME).write_text("")
    for run_id in ("controls-v1", "ours.yaml"):
        assert call("runs", "verify", run_id).code == 0
        assert call("runs", "replay", run_id).code == 0
    changed = (folder / "ours.yaml").read_text().replace("30", "31")
    (folder / "ours.yaml").write_text(changed)
    assert "has changed since run" in call("runs", "verify", "ours.yaml").out


@pytest.mark.slow
def test_every_run_of_a_batch_is_made_under_what_is_configured(folder: Path, call: Call) -> None:
    """And a batch that goes on under something else makes them again."""
    (folder / FILE_NAME).write_text('[controls]\napproved_models = ["nothing"]\n')
    asked = ("compliance", SAMPLE_TRACES, "--all", "--jobs", "1", "--control", OF_A_MODEL[0])
    call(*asked, "--output", "reports.jsonl")
    reports = [json.loads(line) for line in (folder / "reports.jsonl").read_text().splitlines()]
    assert [report["overall"] for report in reports].count("non_compliant") == 7
    runs = folder / "artifacts" / "investigator_runs"
    before = len(list(runs.iterdir()))
    assert call(*asked, "--continue").code == 0
    assert len(list(runs.iterdir())) == before
    (folder / FILE_NAME).write_text('[controls]\napproved_models = ["*"]\n')
    assert call(*asked, "--continue").code == 0
    assert len(list(runs.iterdir())) > before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[controls]\n\naproved_models = ['x']\n", "line 3: controls.aproved_models: no such"),
        ("# ours\n[controls]\napproved_models = 'x'\n", "line 3: controls.approved_models: "),
        ("controls.retention_days = -1\n", "line 1: controls.retention_days: Input should be gre"),
        ("controls = {retention_days = 'x'}\n", "line 1: controls.retention_days: Input should"),
        ("[controls]\napproved_models = []\n", "line 2: controls.approved_models: "),
        ("[controls]\napproved_models = ['']\n", "line 2: controls.approved_models.0: String"),
        ("[control]\nx = 1\n", "line 1: control: "),
    ],
)
def test_a_mistake_in_the_file_is_told_at_its_line(
    content: str, told: str, folder: Path, call: Call
) -> None:
    """Before anything is read, in one line."""
    (folder / FILE_NAME).write_text(content)
    ended = call("compliance", SAMPLE_TRACES, "--all")
    assert ended.code == 2
    assert f"{FILE_NAME}, {told}" in " ".join(ended.err.split())


def test_a_mistake_in_python_is_told_with_the_name_that_was_meant() -> None:
    """When the question is made."""
    asked = Compliance(parameters=ControlParameters(approved_models=("x",)))
    assert asked.parameters.approved_models == ("x",)
    with pytest.raises(UsageError, match=r"parameters\.aproved_models: no such .* approved_models"):
        Compliance.model_validate({"parameters": {"aproved_models": ["x"]}})
