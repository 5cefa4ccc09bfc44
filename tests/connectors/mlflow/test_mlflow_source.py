"""A live MLflow that is whole, slow, hostile, broken, or gone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from investigator import RCA, Settings, investigate, replay_run, verify_run
from investigator.connectors.mlflow.mlflow_address import mlflow_address
from investigator.connectors.mlflow.mlflow_connection import MLflowConnection
from investigator.connectors.mlflow.mlflow_source import MLflowInspectionAPI
from investigator.connectors.phoenix.address import phoenix_address
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.connectors.server_connection import (
    ATTEMPTS,
    AnswerBounds,
    TooLargeAnswer,
    path_segment,
)
from investigator.errors import SourceUnavailable, TraceNotFound, UsageError
from investigator.runs.sources import ingest_source, located, open_source
from investigator.runs.trace_names import trace_named
from investigator.runs.verification import Verification
from investigator.runtime.status import RunStatus
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.testing.mlflow_server import MLflowServer
from investigator.traces.evaluations import Rater
from tests.asking import asked as asked_of
from tests.builders import exception_event, span
from tests.connectors.mlflow.mlflow_serving import MLFLOW, send_mlflow
from tests.connectors.mlflow.scripted_mlflow import (
    GONE,
    mlflow_holds,
    mlflow_of,
    opened,
    scripted_mlflow,
    size,
    step,
    trace,
)
from tests.connectors.phoenix.scripted import Asked, Said

A, B = "617fdb16cf685c234f3ef3cfbe54acd9", "717fdb16cf685c234f3ef3cfbe54acd9"
NOW = 1_772_359_200_000


def test_pages_are_read_to_the_last_and_traces_in_batches() -> None:
    """Each request names the page that the one before gave."""
    held = [trace(f"t{n}", step(f"t{n}", "a")) for n in range(5)]
    with scripted_mlflow(mlflow_holds(*held, page=2)) as server:
        api = opened(server)
        assert [row.trace_id for row in api.list_traces()] == [f"t{n}" for n in range(5)]
        pages = [a.body.get("page_token") for a in server.asked if a.path.endswith("search")]
        assert pages == [None, "2", "4"]
        assert sum(a.path.endswith("batchGet") for a in server.asked) == 1
        api.close()


def test_an_experiment_is_named_by_its_name_or_its_id() -> None:
    """A number may be a name all the same; one that is not there is named with what to do."""
    with scripted_mlflow(mlflow_holds()) as server:
        for named in ("shop", "7"):
            held = MLflowConnection(mlflow_address(mlflow_of(server, named)))
            assert held.experiment.id == "7"
            held.close()
        held = MLflowConnection(mlflow_address(mlflow_of(server, "12")))
        with pytest.raises(SourceUnavailable, match="no experiment '12': name one by its name"):
            _ = held.experiment
        assert [a.path.rpartition("/")[2] for a in server.asked[-2:]] == ["get", "get-by-name"]
        held.close()


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fadmin", "../../etc", "a?b#c"])
def test_a_name_cannot_leave_its_place_in_an_address(name: str) -> None:
    """An experiment is a parameter; a trace or a project is one segment, or is refused."""
    with scripted_mlflow(lambda _: GONE) as server:
        held = MLflowConnection(mlflow_address(mlflow_of(server, quote(name, safe="%"))))
        with pytest.raises(SourceUnavailable):
            _ = held.experiment
        assert {a.path for a in server.asked} == {"/api/2.0/mlflow/experiments/get-by-name"}
        held.close()
    if name == "..":
        with pytest.raises(UsageError, match="a folder, not a name"):
            path_segment(name)
        project = PhoenixConnection(phoenix_address("phoenix://127.0.0.1:1/.."))
        with pytest.raises(UsageError, match="a folder, not a name"):
            project.project_url("spans")
        project.close()
    else:
        assert not set(path_segment(name)) & set("/?#")


def test_an_answer_that_is_too_long_is_asked_for_in_parts() -> None:
    """Half as many traces at once, down to one."""
    held = [trace(f"t{n}", step(f"t{n}", "a", name="x" * 4000)) for n in range(8)]
    bounds = AnswerBounds(most_bytes=3 * size(held[0]))
    with scripted_mlflow(mlflow_holds(*held, page=1)) as server:
        api = opened(server, bounds)
        assert len(api.list_traces()) == 8
        api.close()
        api = opened(server, AnswerBounds(most_bytes=2000))
        with pytest.raises(TooLargeAnswer, match="answered more than"):
            api.get_trace("t1")
        api.close()


@contextmanager
def dripping(head: bytes, drip: bytes) -> Iterator[int]:
    """A server that says the head and then, for ever, the drip; its port."""
    ended = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        came, _ = listening.accept()
        with came:
            came.recv(65536)
            came.sendall(head)
            while not ended.wait(0.01):
                try:
                    came.sendall(drip)
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        ended.set()
        thread.join()
        listening.close()


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("head", "bounds", "words"),
    [
        (CHUNKED + b"\r\n", AnswerBounds(most_s=0.2), "still sending after 0.2 s"),
        (CHUNKED + b"\r\n", AnswerBounds(most_bytes=100), "answered more than 0 MB"),
        (CHUNKED + b"content-encoding: gzip\r\n\r\n", AnswerBounds(), "answered in gzip"),
    ],
)
@pytest.mark.parametrize("kind", [MLflowConnection, PhoenixConnection])
def test_an_answer_is_bounded_in_bytes_and_in_time(
    kind: Any, head: bytes, bounds: AnswerBounds, words: str
) -> None:
    """A server that goes on for ever, or packs what it sends, is named with its address."""
    with dripping(head, b"1\r\n \r\n") as port:
        address = (
            mlflow_address(f"mlflow://127.0.0.1:{port}/shop")
            if kind is MLflowConnection
            else phoenix_address(f"phoenix://127.0.0.1:{port}/shop")
        )
        held = kind(address, bounds=bounds, pause=lambda _: None)
        with pytest.raises(SourceUnavailable, match=words):
            held.ask("GET", "x", since="1")
        held.close()


@pytest.mark.parametrize(
    ("said", "requests", "words"),
    [
        (Said(503, "no database"), ATTEMPTS, r"answered 503 no database, 4 times; is it up"),
        (Said(None), ATTEMPTS, "MLflow at .* cannot be reached"),
        (Said(401, "who?"), 1, "set MLFLOW_TRACKING_TOKEN"),
        (Said(404, "<html>"), 1, "no experiment 'shop'"),
        (Said(200, "<html>hello</html>"), 1, "is that an MLflow"),
        (Said(400, "odd"), 1, "answered 400 odd"),
    ],
)
def test_what_does_not_pass_is_said_in_words(said: Said, requests: int, words: str) -> None:
    """The message names what MLflow did and what to do about it."""
    with scripted_mlflow(lambda _: said) as server:
        api = opened(server)
        with pytest.raises(SourceUnavailable, match=words):
            api.count_traces()
        assert len(server.asked) == requests
        api.close()


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "planted"}, "Bearer planted"),
        (
            {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "planted"},
            "Basic YW5uOnBsYW50ZWQ=",
        ),
    ],
)
def test_a_key_is_a_header_and_stands_in_no_message(
    variables: dict[str, str], header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read when the connection is made."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with scripted_mlflow(lambda _: Said(403, "no planted here")) as server:
        api = opened(server)
        with pytest.raises(SourceUnavailable) as refused:
            api.count_traces()
        api.close()
    sent = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert sent["authorization"] == header
    assert "planted" not in str(refused.value)


def test_a_trace_of_another_experiment_is_not_here() -> None:
    """MLflow knows ids across experiments; a source is one of them."""
    other = {"mlflow_experiment": {"experiment_id": "9"}}
    with scripted_mlflow(mlflow_holds(trace("t", step("t", "a"), trace_location=other))) as server:
        api = opened(server)
        with pytest.raises(TraceNotFound, match=r"no trace 't' in mlflow://.*\(1 trace\)"):
            api.get_trace("t")
        api.close()


def test_a_window_asks_for_the_traces_that_last_into_it() -> None:
    """One without a known end may; the spans decide."""
    early = {"request_time": "2026-03-01T09:00:00Z", "execution_duration": "10s"}
    running = {"request_time": "2026-03-01T09:00:00Z", "execution_duration": None}
    held = [trace("t", step("t", "a")), trace("early", **early), trace("runs", **running)]
    with scripted_mlflow(mlflow_holds(*held, page=9)) as server:
        api = opened(server)
        found = api.list_traces(start_ns=NOW * 10**6, end_ns=(NOW + 1) * 10**6)
        assert [row.trace_id for row in found] == ["t"]
        [ids] = [a.query["trace_ids"] for a in server.asked if a.path.endswith("batchGet")]
        assert ids == ["t", "runs"]
        filters = {a.body.get("filter") for a in server.asked if a.path.endswith("search")}
        assert f"timestamp_ms <= {NOW + 1}" in filters
        api.close()


ASSESSMENTS = [
    {
        "assessment_id": "1",
        "assessment_name": "correctness",
        "span_id": None,
        "source": {"source_type": "HUMAN"},
        "feedback": {"value": False},
        "rationale": "no such city",
    },
    {
        "assessment_id": "2",
        "assessment_name": "rca.primary",
        "source": {"source_type": "CODE"},
        "feedback": {"value": "tool_failure"},
    },
]


def test_its_assessments_are_verdicts_and_become_the_known_outcome(tmp_path: Path) -> None:
    """Live and frozen; those that the Investigator wrote are none."""
    held = trace("t", step("t", "a"), assessments=ASSESSMENTS)
    with scripted_mlflow(mlflow_holds(held)) as server:
        live = opened(server)
        [judged] = live.get_evaluations("t")
        live.freeze(tmp_path / "frozen.parquet")
        live.close()
        question, settings = asked_of("rca", trace_id="t", runs_dir=tmp_path, run_id="run")
        run = investigate(mlflow_of(server), question, settings)
    assert (judged.name, judged.rater, judged.passed) == ("correctness", Rater.PERSON, False)
    frozen = ParquetInspectionAPI(tmp_path / "frozen.parquet")
    assert list(frozen.get_evaluations("t")) == [judged]
    frozen.close()
    known = run.record.input_ref.known_outcome
    assert known is not None
    assert "person" in known.said_by
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).identical


SPANS = (
    span(
        "09656e31b888ecf7",
        trace_id=A,
        kind="AGENT",
        start_ms=NOW,
        end_ms=NOW + 900,
        attributes={"output.value": "The trip is booked."},
    ),
    span(
        "09656e31b888ecf8",
        trace_id=A,
        parent="09656e31b888ecf7",
        kind="TOOL",
        start_ms=NOW + 10,
        end_ms=NOW + 20,
        status="ERROR",
        message="no such city",
        attributes={"tool.name": "weather", "input.value": '{"city": "Atlantis"}'},
        events=[exception_event("ValueError", "no such city", time_ms=NOW + 15)],
    ),
    span("19656e31b888ecf7", trace_id=B, kind="AGENT", start_ms=NOW + 5000, end_ms=NOW + 6000),
)


@pytest.mark.parametrize("experiment", [pytest.param("trips%2F2026", marks=MLFLOW)])
def test_what_was_sent_over_otlp_is_read_from_a_real_server(
    experiment: str, mlflow_server: MLflowServer, tmp_path: Path
) -> None:
    """From its database: whole, by id, by prefix as MLflow writes ids, by window and by filter."""
    api = send_mlflow(SPANS, mlflow_server, experiment)
    source = mlflow_server.address(experiment)
    found = open_source(source)
    try:
        assert {row.trace_id: row.span_count for row in api.list_traces()} == {A: 2, B: 1}
        assert {row.project_name for row in api.list_traces()} == {"trips/2026"}
        assert trace_named(found, "tr-617f") == trace_named(found, "617f") == A
        assert [r.trace_id for r in api.list_traces(start_ns=(NOW + 4000) * 10**6)] == [B]
        assert [r.trace_id for r in api.list_traces(end_ns=(NOW + 4000) * 10**6)] == [A]
        assert [r.trace_id for r in api.list_traces(filter_expr="status_code == 'ERROR'")] == [A]
        tool = api.get_tool_io(A, "09656e31b888ecf8")
        assert tool is not None
        assert tool.name == "weather"
        assert api.get_span(A, "09656e31b888ecf8").start_ns == (NOW + 10) * 10**6
        made = ingest_source([source], tmp_path / "frozen.parquet")
        assert (made.written.traces, made.written.spans) == (2, 3)
        for name, read in (("live", source), ("file", tmp_path / "frozen.parquet")):
            told = Settings(runs_dir=tmp_path, run_id=name)
            assert investigate(read, RCA(trace_id=A), told).status is RunStatus.SUCCEEDED
        live, file = ((tmp_path / run / "output.json").read_bytes() for run in ("live", "file"))
        assert live == file
    finally:
        found.api.close()
        api.close()


def test_an_mlflow_is_a_source_by_itself() -> None:
    """Files and a live experiment are not one dataset."""
    with pytest.raises(UsageError, match="an MLflow is a source by itself: name it alone"):
        located(["traces.parquet", "mlflow://host/shop"])


def test_a_source_that_dies_while_it_is_read_is_named() -> None:
    """After it was asked again; nothing is invented."""

    def decide(asked: Asked) -> Said:
        holds = mlflow_holds(trace("t", step("t", "a")))
        return Said(None) if asked.path.endswith("batchGet") else holds(asked)

    with scripted_mlflow(decide) as server:
        api: MLflowInspectionAPI = opened(server)
        with pytest.raises(SourceUnavailable, match="cannot be reached"):
            api.get_trace("t")
        api.close()
