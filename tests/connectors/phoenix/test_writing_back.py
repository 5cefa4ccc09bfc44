"""Reports as annotations in a real Phoenix, and in one that fails half-way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Settings, investigate, replay_run, verify_run
from investigator.claims.annotations import annotations_of
from investigator.connectors.annotation_store import Stored
from investigator.connectors.phoenix.address import phoenix_address
from investigator.connectors.phoenix.annotating import PhoenixAnnotations
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.errors import UsageError
from investigator.runs.engines import engine_of_run
from investigator.runs.human_feedback import judgements
from investigator.runs.run_store import annotate_run, read_record, resume_run, undo_annotations
from investigator.runs.verification import Verification
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.samples import SAMPLE_TRACES
from investigator.store.open import open_files
from investigator.testing.phoenix_server import PhoenixServer
from tests.asking import asked as asked_of
from tests.connectors.phoenix.scripted import Asked, Said, ScriptedPhoenix
from tests.connectors.phoenix.serving import PHOENIX, Cleared, serve_phoenix
from tests.connectors.phoenix.test_source import FAULTY

TRIP, ROOT = "617fdb16cf685c234f3ef3cfbe54acd9", "09656e31b888ecf7"


@pytest.fixture
def trips(phoenix_server: PhoenixServer) -> Iterator[str]:
    """The trip planner's trace in a real Phoenix; its address."""
    api = open_files([SAMPLE_TRACES]).api
    served: Cleared = serve_phoenix(api.get_trace(TRIP).spans, phoenix_server, "trips")
    yield phoenix_server.address("trips")
    served.close()
    api.close()


def stored(address: str, run_id: str) -> list[Stored]:
    with PhoenixConnection(phoenix_address(address)) as connection:
        return list(PhoenixAnnotations(connection).stored_of(run_id))


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"trace_id": TRIP}, marks=PHOENIX, id="rca"),
        pytest.param({"engine": "compliance", "trace_id": TRIP}, marks=PHOENIX, id="compliance"),
        pytest.param({"engine": "incident"}, marks=PHOENIX, id="incident"),
    ],
)
def test_what_is_read_back_is_what_was_written(
    asked: dict[str, Any], trips: str, tmp_path: Path
) -> None:
    """Written twice it stands there once; undone it is gone; the record says each time."""
    told = {"runs_dir": tmp_path, "run_id": "run", "write_back": True, **asked}
    run = investigate(trips, *asked_of(**told))
    assert run.report is not None
    remarks = engine_of_run(run.record.run_type).remarks(run.report, "CODE")
    wanted = {
        (a.target, a.target_id, a.name, a.annotator_kind, a.label, a.score, a.explanation)
        for a in annotations_of(remarks, {TRIP: ROOT})
    }
    for _ in range(2):
        found = stored(trips, "run")
        assert {s[1:-1] for s in found} == wanted
        assert len(found) == len(wanted)
        written = read_record("run", tmp_path).writeback_ref
        assert (written.status, sorted(written.annotation_ids)) == (
            "written",
            sorted(s.id for s in found),
        )
        annotate_run("run", tmp_path)
    assert undo_annotations("run", tmp_path).record.writeback_ref.status == "undone"
    assert stored(trips, "run") == []
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).identical
    assert resume_run("run", tmp_path).status is RunStatus.SUCCEEDED


@pytest.mark.usefixtures("trips")
@pytest.mark.parametrize("name", [pytest.param("rca.primary", marks=PHOENIX)])
def test_what_people_say_is_set_beside_what_the_run_said(
    name: str, trips: str, tmp_path: Path
) -> None:
    """A person's annotation of the same name at the same span answers the run's."""
    run = investigate(
        trips, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, run_id="run", write_back=True)
    )
    assert run.report is not None
    assert list(judgements(runs_dir=tmp_path)) == []
    with PhoenixConnection(phoenix_address(trips)) as connection:
        for label, who in (("instruction_failure", "ann"), ("tool_failure", "bob")):
            connection.client.spans.add_span_annotation(
                span_id=ROOT,
                annotation_name=name,
                annotator_kind="HUMAN",
                label=label,
                identifier=who,
                sync=True,
            )
    found = sorted(judgements(["run"], tmp_path), key=lambda judgement: judgement.agree)
    assert [(j.investigator, j.human, j.agree) for j in found] == [
        ("tool_failure", "instruction_failure", False),
        ("tool_failure", "tool_failure", True),
    ]


@pytest.mark.parametrize("project", [pytest.param("trips", marks=PHOENIX)])
def test_a_phoenix_that_lacks_the_traces_refuses_and_stores_nothing(
    project: str, phoenix_server: PhoenixServer, tmp_path: Path
) -> None:
    """The run is partial, its report is there, and the message says what Phoenix lacks."""
    serve_phoenix([], phoenix_server, project).close()
    investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, run_id="run"))
    run = annotate_run("run", tmp_path, to=phoenix_server.address(project))
    assert run.status is RunStatus.PARTIAL
    assert run.error is not None
    assert run.error.code is ErrorCode.WRITEBACK_FAILED
    assert "does not have what was named" in run.error.message
    assert stored(phoenix_server.address(project), "run") == []


class Forgetful:
    """A Phoenix that holds one trace and takes annotations while it is up."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.posted: dict[tuple[str, str], str] = {}

    def __call__(self, asked: Asked) -> Said:
        if asked.method == "GET" and "annotations" in asked.path:
            return Said(200, {"data": [], "next_cursor": None})
        if asked.method == "GET":
            return FAULTY(asked)
        if self.takes <= 0:
            return Said(400, "the disk is full")
        self.takes -= 1
        items = asked.body["data"]
        for item in items:
            place = item.get("span_id") or item.get("trace_id")
            self.posted[place, item["name"]] = item["identifier"]
        return Said(200, {"data": [{"id": f"{asked.path} {n}"} for n, _ in enumerate(items)]})


@pytest.mark.parametrize("takes", [0, 1])
def test_a_write_back_that_stops_half_way_is_partial_until_it_is_completed(
    takes: int, tmp_path: Path
) -> None:
    """The record says what was written; a second call writes the rest."""
    phoenix = Forgetful(takes)
    with ScriptedPhoenix(phoenix) as server:
        run = investigate(
            server.source,
            RCA(trace_id="t"),
            Settings(runs_dir=tmp_path, run_id="run", write_back=True),
        )
        assert run.report is not None
        assert run.status is RunStatus.PARTIAL
        assert run.error is not None
        assert run.error.code is ErrorCode.WRITEBACK_FAILED
        assert "the disk is full; `investigator annotate run` completes it" in run.error.message
        assert len(run.record.writeback_ref.annotation_ids) == len(phoenix.posted)
        assert run.record.writeback_ref.status == "partial"
        assert verify_run("run", tmp_path) == Verification()
        phoenix.takes = 9
        done = annotate_run("run", tmp_path)
    assert (done.status, done.error) == (RunStatus.SUCCEEDED, None)
    assert len(done.record.writeback_ref.annotation_ids) == len(phoenix.posted)
    assert verify_run("run", tmp_path) == Verification()


def test_what_was_read_from_files_needs_a_place_to_be_written_to(tmp_path: Path) -> None:
    """Before a run it is refused, after a run it is asked for."""
    with pytest.raises(UsageError, match="investigator annotate RUN_ID --to"):
        investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, write_back=True))
    investigate(SAMPLE_TRACES, RCA(trace_id=TRIP), Settings(runs_dir=tmp_path, run_id="run"))
    with pytest.raises(UsageError, match="say what holds the same traces"):
        annotate_run("run", tmp_path)
    with pytest.raises(UsageError, match="there is nothing to undo"):
        undo_annotations("run", tmp_path)
