"""A live source that is whole, slow, old, broken, or gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, RunResult, Settings, investigate, replay_run, resume_run, verify_run
from investigator.connectors.phoenix.address import phoenix_address
from investigator.connectors.phoenix.connection import PhoenixConnection
from investigator.connectors.phoenix.source import PhoenixInspectionAPI
from investigator.connectors.server_connection import ATTEMPTS
from investigator.errors import SourceUnavailable, TraceNotFound, UsageError
from investigator.runs.sources import LAST, ingest_source, located
from investigator.runs.verification import Verification
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.evaluations import Rater
from tests.asking import asked
from tests.connectors.phoenix.scripted import SPAN, Asked, Said, ScriptedPhoenix, holds, named

BOOM = {
    "events": [
        {
            "name": "exception",
            "timestamp": "2026-03-01T10:00:00+00:00",
            "attributes": {"exception.type": "ValueError", "exception.message": "no such city"},
        }
    ],
    "status_code": "ERROR",
    "span_kind": "TOOL",
}
FAULTY = holds(named("t", "a"), named("t", "b", parent_id="a", **BOOM))


def opened(server: ScriptedPhoenix, timeout_s: float = 5.0) -> PhoenixInspectionAPI:
    """The source, which does not wait between attempts."""
    address = phoenix_address(server.source)
    connection = PhoenixConnection(address, timeout_s=timeout_s, pause=lambda _: None)
    return PhoenixInspectionAPI(connection)


def test_pages_are_read_to_the_last() -> None:
    """Each request names the cursor that the one before gave."""
    with ScriptedPhoenix(holds(*(named("t", f"s{i}") for i in range(5)))) as server:
        api = opened(server)
        assert [s.span_id for s in api.list_spans("t")] == [f"s{i}" for i in range(5)]
        of_spans = [a for a in server.asked if a.path.endswith("/spans")]
        assert [a.query.get("cursor") for a in of_spans] == [None, ["1"], ["2"], ["3"], ["4"]]
        api.close()


VERDICTS = (
    {
        "id": "1",
        "span_id": "b",
        "name": "quality",
        "annotator_kind": "HUMAN",
        "result": {"label": "fail", "score": 0, "explanation": "made up"},
        "created_at": "2026-03-01T11:00:00+00:00",
    },
    {"id": "2", "trace_id": "t", "name": "done", "annotator_kind": "CODE", "result": {"score": 1}},
    {"id": "3", "trace_id": "t", "name": "rca.primary", "result": {"label": "failure"}},
    {"id": "4", "span_id": "u1", "name": "tone", "annotator_kind": "LLM", "result": {"score": 0.4}},
)


def test_annotations_are_verdicts_live_and_frozen(tmp_path: Path) -> None:
    """On spans and traces, with who made them; those that the Investigator wrote are none."""
    spans = (named("t", "a"), named("t", "b", parent_id="a"), named("u", "u1"))
    with ScriptedPhoenix(holds(*spans, annotations=VERDICTS)) as server:
        live = opened(server)
        judged = {trace_id: live.get_evaluations(trace_id) for trace_id in ("t", "u")}
        live.freeze(tmp_path / "frozen.parquet")
        live.close()
    frozen = ParquetInspectionAPI(tmp_path / "frozen.parquet")
    assert {trace_id: frozen.get_evaluations(trace_id) for trace_id in ("t", "u")} == judged
    assert frozen.count_traces() == 2
    frozen.close()
    (quality, done), (tone,) = judged["t"], judged["u"]
    assert (quality.span_id, quality.rater, quality.passed) == ("b", Rater.PERSON, False)
    assert (done.span_id, done.rater, done.score, done.passed) == (None, Rater.CODE, 1.0, None)
    assert (tone.span_id, tone.rater, tone.score) == ("u1", Rater.MODEL, 0.4)


def test_a_window_cuts_no_trace() -> None:
    """The spans of the window say which traces; these are read whole by their ids."""
    early = named("t", "early", start_time="2026-03-01T09:00:00Z")

    def decide(asked: Asked) -> Said:
        windowed = "start_time" in asked.query
        return holds(SPAN)(asked) if windowed else holds(early, SPAN)(asked)

    with ScriptedPhoenix(decide) as server:
        api = opened(server)
        [row] = api.list_traces(start_ns=1772359200_000_000_000)
        api.close()
    assert row.span_count == 2


def test_a_span_knows_the_project_that_it_was_read_from() -> None:
    """Phoenix drops the resource that said so."""
    with ScriptedPhoenix(holds(SPAN)) as server:
        api = opened(server)
        assert [row.project_name for row in api.list_traces()] == ["shop"]
        api.close()


def test_a_trace_that_is_not_there_is_said_with_how_many_are() -> None:
    """It is no failure of the source."""
    with ScriptedPhoenix(holds(SPAN)) as server:
        api = opened(server)
        with pytest.raises(TraceNotFound, match=r"no trace 'x' .*\(1 trace\)"):
            api.get_trace("x")
        api.close()


@pytest.mark.parametrize("status", [429, 500, 503, None])
def test_what_may_pass_is_asked_again(status: int | None) -> None:
    """Until the last attempt the trouble stays unseen."""
    answers = iter([Said(status, "busy")] * (ATTEMPTS - 1))
    with ScriptedPhoenix(lambda asked: next(answers, None) or holds(SPAN)(asked)) as server:
        api = opened(server)
        assert len(api.get_trace("t").spans) == 1
        assert sum(a.path.endswith("/spans") for a in server.asked) == ATTEMPTS
        api.close()


@pytest.mark.parametrize(
    ("said", "requests", "words"),
    [
        (Said(503, "no database"), ATTEMPTS, r"answered 503 no database, 4 times; is it up"),
        (Said(None), ATTEMPTS, "cannot be reached"),
        (Said(401, "who?"), 1, "set PHOENIX_API_KEY"),
        (Said(404, "Project with name shop not found"), 1, "no project 'shop'"),
        (Said(404, {"detail": "Not Found"}), 1, r"version 7.1.0\) .*Phoenix 13.9 or newer"),
        (Said(200, "<html>hello</html>"), 1, "is that a Phoenix"),
        (Said(200, {"spans": []}), 1, "without data"),
        (Said(200, {"data": [SPAN | {"context": {"trace_id": "u"}}]}), 1, "Phoenix 13.9 or newer"),
    ],
)
def test_what_does_not_pass_is_said_in_words(said: Said, requests: int, words: str) -> None:
    """The message names what Phoenix did and what to do about it."""
    with ScriptedPhoenix(lambda _: said) as server:
        api = opened(server)
        with pytest.raises(SourceUnavailable, match=words):
            api.get_trace("t")
        assert len(server.asked) == requests
        api.close()


def test_a_key_is_a_header_and_stands_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read when the connection is made."""
    monkeypatch.setenv("PHOENIX_API_KEY", "px-planted-key")
    with ScriptedPhoenix(lambda _: Said(403, "px-planted-key")) as server:
        api = opened(server)
        with pytest.raises(SourceUnavailable) as refused:
            api.get_trace("t")
        api.close()
    assert server.asked[0].headers["authorization"] == "Bearer px-planted-key"
    assert "px-planted-key" not in str(refused.value)


ABOUT: dict[str, dict[str, Any]] = {
    "rca": {"trace_id": "t"},
    "compliance": {"trace_id": "t"},
    "incident": {},
}


def ask(engine: str, source: str | Path, **settings: Any) -> RunResult[Any]:
    """A run of an engine over the trace, or the window, that the tests are about."""
    return investigate(source, *asked(engine, **ABOUT[engine], **settings))


@pytest.mark.parametrize("engine", sorted(ABOUT))
def test_a_live_source_and_its_frozen_file_have_one_report(engine: str, tmp_path: Path) -> None:
    """Byte for byte; the run is verified and replayed after the source is gone."""
    with ScriptedPhoenix(FAULTY) as server:
        ingest_source([server.source], tmp_path / "frozen.parquet")
        ask(engine, server.source, runs_dir=tmp_path, run_id="live")
    ask(engine, tmp_path / "frozen.parquet", runs_dir=tmp_path, run_id="file")
    live, file = ((tmp_path / run / "output.json").read_bytes() for run in ("live", "file"))
    assert live == file
    assert verify_run("live", tmp_path) == Verification()
    assert replay_run("live", tmp_path).identical


def test_what_a_run_read_is_its_owners_alone(tmp_path: Path) -> None:
    """The frozen input holds secrets as they are."""
    with ScriptedPhoenix(FAULTY) as server:
        investigate(server.source, RCA(trace_id="t"), Settings(runs_dir=tmp_path, run_id="run"))
    frozen = tmp_path / "run" / "input.parquet"
    assert frozen.stat().st_mode & 0o777 == 0o600
    api = ParquetInspectionAPI(frozen)
    assert api.count_traces() == 1
    api.close()


BESIDE = holds(
    named("t", "a"),
    named("t", "b", parent_id="a", **BOOM),
    named("u", "c"),
    named("u", "d", parent_id="c", span_kind="TOOL"),
)
"""A trace that failed, and a run of the same task that passed."""


@pytest.mark.parametrize("form", ["u", "{}#u"])
def test_a_good_run_of_a_live_source_is_kept_with_the_run(tmp_path: Path, form: str) -> None:
    """As it was read, its owner's alone: the run is verified and replayed with the source gone."""
    with ScriptedPhoenix(BESIDE) as server:
        question = RCA(trace_id="t", good=form.format(server.source))
        result = investigate(server.source, question, Settings(runs_dir=tmp_path, run_id="run"))
    assert result.status is RunStatus.SUCCEEDED
    kept = tmp_path / "run" / "good.parquet"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).identical


def test_without_freezing_a_run_needs_its_source_again(tmp_path: Path) -> None:
    """Nothing of the traces is kept; verification says what it lacks."""
    with ScriptedPhoenix(FAULTY) as server:
        result = investigate(
            server.source,
            RCA(trace_id="t"),
            Settings(runs_dir=tmp_path, run_id="run", freeze=False),
        )
        assert replay_run("run", tmp_path).identical
    assert result.status is RunStatus.SUCCEEDED
    assert not (tmp_path / "run" / "input.parquet").exists()


@pytest.mark.parametrize("engine", sorted(ABOUT))
def test_a_source_that_dies_while_it_is_read_ends_the_run_and_resume_begins_it(
    engine: str, tmp_path: Path
) -> None:
    """A valid record and nothing invented; once it is back, the same report as ever."""
    alive = [True, False]

    def decide(asked: Asked) -> Said:
        if not alive[-1] and asked.query.get("cursor"):
            return Said(None)
        return FAULTY(asked)

    with ScriptedPhoenix(decide) as server:
        failed = ask(engine, server.source, runs_dir=tmp_path, run_id="run")
        assert failed.status is RunStatus.FAILED
        assert failed.error is not None
        assert failed.error.code is ErrorCode.SOURCE_UNAVAILABLE
        assert failed.report is None
        assert verify_run("run", tmp_path) == Verification()
        alive.append(True)
        resumed = resume_run("run", tmp_path)
        ask(engine, server.source, runs_dir=tmp_path, run_id="other")
    assert resumed.status is RunStatus.SUCCEEDED
    assert resumed.record.dataset_ref.dataset_hash is not None
    other = (tmp_path / "other" / "output.json").read_bytes()
    assert (tmp_path / "run" / "output.json").read_bytes() == other
    assert verify_run("run", tmp_path) == Verification()
    assert replay_run("run", tmp_path).identical


def test_a_resume_that_finds_the_source_still_gone_changes_nothing(tmp_path: Path) -> None:
    """It can be tried as often as one likes."""
    with ScriptedPhoenix(lambda _: Said(None)) as server:
        investigate(server.source, RCA(trace_id="t"), Settings(runs_dir=tmp_path, run_id="run"))
        journal = (tmp_path / "run" / "events.jsonl").read_bytes()
        with pytest.raises(SourceUnavailable):
            resume_run("run", tmp_path)
    assert (tmp_path / "run" / "events.jsonl").read_bytes() == journal
    assert verify_run("run", tmp_path) == Verification()


def test_a_file_is_brought_up_to_date_with_what_is_newer(tmp_path: Path) -> None:
    """Traces with newer spans are read again, whole; the others are kept unread."""
    old = named("old", "o", start_time="2026-03-01T08:00:00Z")
    grown = named("grown", "g", start_time="2026-03-01T08:30:00Z")
    held = [old, grown]

    def decide(asked: Asked) -> Said:
        since = asked.query.get("start_time", [""])[0]
        return holds(*(s for s in held if s["start_time"] >= since))(asked)

    target = tmp_path / "traces.parquet"
    with ScriptedPhoenix(decide) as server:
        assert ingest_source([server.source], target, window=LAST).written.traces == 2
        held += [named("grown", "h", parent_id="g", start_time="2026-03-01T09:45:00Z")]
        held += [named("new", "n", start_time="2026-03-01T10:00:00Z")]
        held.remove(old)
        assert ingest_source([server.source], target, window=LAST).written.traces == 2 + 1
        asked = [ids for a in server.asked if (ids := a.query.get("trace_id"))]
    api = ParquetInspectionAPI(target)
    counts = {row.trace_id: row.span_count for row in api.list_traces()}
    api.close()
    assert counts == {"old": 1, "grown": 2, "new": 1}
    assert {i for ids in asked for i in ids} == {"grown", "new"}


def test_a_window_of_files_is_refused(tmp_path: Path) -> None:
    """Files are ingested whole; a window is asked for later."""
    with pytest.raises(UsageError, match="ingested whole"):
        ingest_source([tmp_path], tmp_path / "traces.parquet", window=LAST)


def test_a_phoenix_is_a_source_by_itself() -> None:
    """Files and a live project are not one dataset."""
    with pytest.raises(UsageError, match="name it alone"):
        located(["traces.parquet", "phoenix://host/shop"])
