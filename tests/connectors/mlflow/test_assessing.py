"""Reports as assessments in a real MLflow, and in one that fails half-way."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Settings, investigate, replay_run, resume_run, verify_run
from investigator.claims.annotations import annotations_of
from investigator.connectors.annotation_store import Stored
from investigator.connectors.mlflow.mlflow_address import mlflow_address
from investigator.connectors.mlflow.mlflow_connection import MLflowConnection, trace_url
from investigator.runs.engines import engine_of_run
from investigator.runs.human_feedback import judgements
from investigator.runs.run_store import annotate_run, read_record, undo_annotations
from investigator.runs.verification import Verification
from investigator.runs.write_back import annotation_store
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.samples import SAMPLE_TRACES
from investigator.store.open import open_files
from investigator.testing.mlflow_server import MLflowServer
from tests.asking import asked as asked_of
from tests.connectors.mlflow.mlflow_serving import MLFLOW, ClearedMLflow, send_mlflow
from tests.connectors.mlflow.scripted_mlflow import (
    mlflow_holds,
    mlflow_of,
    scripted_mlflow,
    step,
    trace,
)
from tests.connectors.phoenix.scripted import Asked, Said

TRIP, ROOT = "617fdb16cf685c234f3ef3cfbe54acd9", "09656e31b888ecf7"


def sent(server: MLflowServer) -> ClearedMLflow:
    """The trip planner's trace in a real MLflow."""
    with closing(open_files([SAMPLE_TRACES]).api) as api:
        return send_mlflow(api.get_trace(TRIP).spans, server, "trips")


def of_run(address: str, run_id: str, runs_dir: Path) -> list[Stored]:
    """What stands there of a run."""
    noted = read_record(run_id, runs_dir).writeback_ref.annotation_ids
    with closing(annotation_store(address)) as held:
        return list(held.stored_of(run_id, noted))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"trace_id": TRIP}, marks=MLFLOW, id="rca"),
        pytest.param({"engine": "compliance", "trace_id": TRIP}, marks=MLFLOW, id="compliance"),
        pytest.param({"engine": "incident"}, marks=MLFLOW, id="incident"),
    ],
)
def test_what_is_read_back_is_what_was_written(
    asked: dict[str, Any], mlflow_server: MLflowServer, tmp_path: Path
) -> None:
    """Written twice it stands there once; undone it is gone; the record says each time."""
    held, trips = sent(mlflow_server), mlflow_server.address("trips")
    told = {"runs_dir": tmp_path, "run_id": "run", "write_back": True, **asked}
    run = investigate(trips, *asked_of(**told))
    assert run.report is not None
    remarks = engine_of_run(run.record.run_type).remarks(run.report, "CODE")
    wanted = {
        (a.target, a.target_id, a.name, a.annotator_kind, a.label, a.score, a.explanation)
        for a in annotations_of(remarks, {TRIP: ROOT})
    }
    for _ in range(2):
        found = of_run(trips, "run", tmp_path)
        assert {s[1:-1] for s in found} == wanted
        assert len(found) == len(wanted)
        written = read_record("run", tmp_path).writeback_ref
        assert written.status == "written"
        assert sorted(written.annotation_ids) == sorted(s.id for s in found)
        annotate_run("run", tmp_path)
    before = read_record("run", tmp_path).writeback_ref.annotation_ids
    assert undo_annotations("run", tmp_path).record.writeback_ref.status == "undone"
    with closing(annotation_store(trips)) as store:
        assert list(store.stored_of("run", before)) == []
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).identical
    assert resume_run("run", tmp_path).status is RunStatus.SUCCEEDED
    held.close()


@pytest.mark.parametrize("name", [pytest.param("rca.primary", marks=MLFLOW)])
def test_what_people_say_is_set_beside_what_the_run_said(
    name: str, mlflow_server: MLflowServer, tmp_path: Path
) -> None:
    """A person's feedback of the same name on the same span answers the run's; two runs differ."""
    held, trips = sent(mlflow_server), mlflow_server.address("trips")
    for run_id in ("run", "other"):
        settings = Settings(runs_dir=tmp_path, run_id=run_id, write_back=True)
        assert investigate(trips, RCA(trace_id=TRIP), settings).report is not None
    assert list(judgements(runs_dir=tmp_path)) == []
    with MLflowConnection(mlflow_address(trips)) as connection:
        for label, who in (("instruction_failure", "ann"), ("tool_failure", "bob")):
            said = {
                "assessment_name": name,
                "trace_id": f"tr-{TRIP}",
                "span_id": ROOT,
                "source": {"source_type": "HUMAN", "source_id": who},
                "feedback": {"value": label},
            }
            url = trace_url(f"tr-{TRIP}", "/assessments")
            connection.send("POST", url, body={"assessment": said})
    found = sorted(judgements(["run"], tmp_path), key=lambda judgement: judgement.agree)
    assert [(j.investigator, j.human, j.agree) for j in found] == [
        ("tool_failure", "instruction_failure", False),
        ("tool_failure", "tool_failure", True),
    ]
    undo_annotations("other", tmp_path)
    assert of_run(trips, "run", tmp_path)
    held.close()


class Assessed:
    """An MLflow that holds one trace and takes assessments while it is up."""

    def __init__(self, takes: int, *, answers_lost: int = 0) -> None:
        self.takes = takes
        self.answers_lost = answers_lost
        self.held: dict[str, dict[str, Any]] = {}
        self._made = 0

    def __call__(self, asked: Asked) -> Said:
        if "/assessments" not in asked.path:
            own = list(self.held.values())
            holds = mlflow_holds(trace("t", step("t", "a"), assessments=own))
            return holds(asked)
        if asked.method == "DELETE":
            self.held.pop(asked.path.rpartition("/")[2])
            return Said(200, {})
        if self.takes <= 0:
            return Said(400, "the disk is full")
        self.takes -= 1
        self._made += 1
        made = {**asked.body["assessment"], "assessment_id": f"a{self._made}"}
        self.held[made["assessment_id"]] = made
        if self.answers_lost > 0:
            self.answers_lost -= 1
            return Said(None)
        return Said(200, {"assessment": made})


def written(server: Any, tmp_path: Path) -> Any:
    """A run over the one trace, written back."""
    settings = Settings(runs_dir=tmp_path, run_id="run", write_back=True)
    return investigate(mlflow_of(server), RCA(trace_id="t"), settings)


@pytest.mark.parametrize("takes", [0, 1])
def test_a_write_back_that_stops_half_way_is_partial_until_it_is_completed(
    takes: int, tmp_path: Path
) -> None:
    """The record says what was written; a second call writes the rest, and leaves nothing twice."""
    mlflow = Assessed(takes)
    with scripted_mlflow(mlflow) as server:
        run = written(server, tmp_path)
        assert run.status is RunStatus.PARTIAL
        assert run.error is not None
        assert run.error.code is ErrorCode.WRITEBACK_FAILED
        assert "the disk is full; `investigator annotate run` completes it" in run.error.message
        assert len(run.record.writeback_ref.annotation_ids) == len(mlflow.held) == takes
        mlflow.takes = 99
        done = annotate_run("run", tmp_path)
    assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
    assert {f"t/{one}" for one in mlflow.held} == set(done.record.writeback_ref.annotation_ids)
    assert verify_run("run", tmp_path) == Verification()


def test_a_request_that_is_repeated_leaves_one_assessment(tmp_path: Path) -> None:
    """The answer to the first was lost, though it had been carried out."""
    mlflow = Assessed(99, answers_lost=1)
    with scripted_mlflow(mlflow) as server:
        run = written(server, tmp_path)
    assert run.status is RunStatus.SUCCEEDED
    assert {f"t/{one}" for one in mlflow.held} == set(run.record.writeback_ref.annotation_ids)
    places = [(one.get("span_id"), one["assessment_name"]) for one in mlflow.held.values()]
    assert len(places) == len(set(places))


def test_what_is_written_is_no_verdict_when_it_is_read_again(tmp_path: Path) -> None:
    """Else a second run would believe the first."""
    mlflow = Assessed(99)
    with scripted_mlflow(mlflow) as server:
        written(server, tmp_path)
        run = investigate(mlflow_of(server), RCA(trace_id="t"), Settings(runs_dir=tmp_path))
    assert mlflow.held
    assert run.record.input_ref.known_outcome is None


def test_a_trace_that_is_not_there_is_not_written_to(tmp_path: Path) -> None:
    """The run is partial, its report is there, and the message says what MLflow lacks."""
    investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, run_id="run"))
    with scripted_mlflow(mlflow_holds()) as server:
        run = annotate_run("run", tmp_path, to=mlflow_of(server))
    assert run.status is RunStatus.PARTIAL
    assert run.error is not None
    assert f"holds no trace '{TRIP}'" in run.error.message
