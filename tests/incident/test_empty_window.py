"""A window without traces is a usage error that says what there is, and leaves no run behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from investigator import Incident, Settings, UsageError, investigate
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span
from investigator.traces.parquet import write_spans
from tests.incident.windows import run

PROJECT = "resource.openinference.project.name"


def source(folder: Path, *projects: str) -> Path:
    """A file with a run of each project, a minute apart."""
    named: list[dict[str, JsonValue]] = [{PROJECT: name} for name in projects]
    spans: list[Span] = [
        span for at, said in enumerate(named) for span in run(at, attributes=said).spans
    ]
    write_spans(spans, folder / "traces.parquet")
    return folder / "traces.parquet"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"project_name": "chekout"}, "no trace of project 'chekout'"),
        ({"start": "2030-01-01"}, "no trace from 2030-01-01"),
        ({"end": "1960-01-01"}, "no trace to 1960-01-01"),
        ({"filter_expr": "status_code == 'ERROR'"}, "no trace that passes the filter"),
        ({"project_name": "checkout", "start": "2030-01-01"}, "of project 'checkout' from 2030"),
    ],
)
def test_it_says_which_projects_and_times_there_are(
    tmp_path: Path, asked: dict[str, Any], words: str
) -> None:
    """Whatever was asked for."""
    found = source(tmp_path, "checkout", "search")
    with pytest.raises(UsageError) as refused:
        investigate(found, Incident(**asked), Settings(runs_dir=tmp_path / "runs"))
    message = str(refused.value)
    assert words in message
    assert "2 traces, from 1970-01-01T00:00:00Z to 1970-01-01T00:01:02Z" in message
    assert "of the projects 'checkout', 'search'" in message
    assert not list((tmp_path / "runs").glob("*"))


def test_a_source_without_projects_says_so(tmp_path: Path) -> None:
    """None can be named."""
    spans = [span for at in range(3) for span in run(at).spans]
    write_spans(spans, tmp_path / "traces.parquet")
    with pytest.raises(UsageError, match="none of which names a project"):
        investigate(
            tmp_path / "traces.parquet",
            Incident(project_name="x"),
            Settings(runs_dir=tmp_path / "runs"),
        )
