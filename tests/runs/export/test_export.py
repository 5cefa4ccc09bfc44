"""A run as spans: what was asked and answered, all of it, once, and the same each time."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from investigator import RCA, Settings, ainvestigate, resume_run
from investigator.errors import RunNotFound, SourceUnavailable, UsageError
from investigator.formats.otlp import decode_otlp
from investigator.runs.export.draft import nanoseconds, span_id_of, trace_id_of
from investigator.runs.export.export import Export, export_run
from investigator.runs.export.sending import protobuf
from investigator.runs.planners import PlannerChoice
from investigator.runs.run_store import read_record
from investigator.runtime.journal import FILE, read_entries
from investigator.runtime.record import RECORD_FILE, RunRecord
from investigator.runtime.status import RunStatus
from investigator.samples import SAMPLE_TRACES
from investigator.store.memory import MemoryInspectionAPI
from investigator.store.open import OpenedSource, ingest_files
from investigator.testing.model_server import Hang, ModelServer, error, says
from investigator.traces.model import Span, SpanKind, StatusCode, Trace
from tests.runs.export.runs import (
    CONCLUDES,
    DELEGATES,
    ENOUGH,
    KEY,
    TRIP,
    asked_of,
    investigated,
    of_kind,
    prompt,
    reads,
    sent,
    settings,
)

LIST: dict[str, Any] = {"kind": None, "errors_only": False}


HELP = "5010ed12a034dec6f3a29908cb189a39"
ASKED: dict[str, dict[str, Any]] = {
    "compliance": {
        "engine": "compliance",
        "trace_id": HELP,
        "controls": "judgement-v1",
        "control_ids": ("judgement.answer.addresses_request",),
    },
    "incident": {"engine": "incident"},
}


def adds_up(export: Export, record: RunRecord) -> None:
    """What the spans say was used is what the run record says."""
    usage = record.runtime_ref.usage
    turns = of_kind(export.spans, SpanKind.LLM)
    counted = [_number(span, "llm.token_count.prompt") for span in turns]
    assert sum(counted) == usage.tokens_in
    assert sum(_number(span, "llm.token_count.completion") for span in turns) == usage.tokens_out
    total = usage.tokens_in + usage.tokens_out
    assert sum(_number(span, "llm.token_count.total") for span in turns) == total
    assert sum(_number(span, "llm.cost.total") for span in turns) == pytest.approx(usage.cost_usd)
    assert sum(_metadata(span).get("requests", 0) for span in turns) == usage.llm_calls
    assert len(of_kind(export.spans, SpanKind.TOOL)) == usage.tool_calls
    assert len(of_kind(export.spans, SpanKind.AGENT)) == usage.subcalls + 2


def _number(span: Span, key: str) -> float:
    value = span.attributes.get(key, 0)
    assert isinstance(value, int | float)
    return value


def _metadata(span: Span) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(span.text("metadata") or "{}")
    return value


@pytest.mark.parametrize("planner", ["model", "hybrid"])
def test_every_turn_has_the_prompt_that_was_sent_and_the_reply_that_came(
    planner: str, tmp_path: Path
) -> None:
    """Byte for byte, in the order in which the endpoint saw them, and the totals add up."""
    with ModelServer([reads(), says("prose"), CONCLUDES]) as server:
        result = asked_of(server, tmp_path, planner=planner, concurrency=1)
        asked = sent(server)
    export = export_run("run", tmp_path)
    turns = of_kind(export.spans, SpanKind.LLM)
    assert export.without_prompts is None
    assert [prompt(span) for span in turns] == asked
    assert len(turns) == len(asked) == result.record.runtime_ref.usage.llm_calls >= 3
    assert turns[1].text("llm.output_messages.0.message.content") == "prose"
    assert {span.text("llm.model_name") for span in turns} == {"scripted"}
    assert {span.text("llm.provider") for span in turns} == {"openai"}
    parameters = json.loads(turns[0].text("llm.invocation_parameters") or "")
    assert parameters == {"max_tokens": 1500, "temperature": 0.0}
    adds_up(export, result.record)


def test_what_is_exported_is_read_without_loss(tmp_path: Path) -> None:
    """Our own reader gives back every span, with its kind, times, status and attributes."""
    with ModelServer([reads(), reads("get_span", span_id="nothing"), CONCLUDES]) as server:
        asked_of(server, tmp_path)
    export = export_run("run", tmp_path)
    read = {span.span_id: span for span in decode_otlp(json.loads(export.text))}
    assert len(read) == len(export.spans)
    for span in export.spans:
        again = read[span.span_id]
        assert span.attributes.items() <= again.attributes.items()
        assert _but_attributes(again) == _but_attributes(span)


def _but_attributes(span: Span) -> dict[str, Any]:
    told = span.to_json()
    del told["attributes"]
    return told


def test_an_exported_run_can_itself_be_investigated(tmp_path: Path) -> None:
    """By both engines that look at a trace, under its id."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path)
    exported = tmp_path / "run.json"
    exported.write_text(export_run("run", tmp_path).text)
    for engine in ("rca", "compliance"):
        result = investigated(
            tmp_path,
            source=exported,
            engine=engine,
            trace_id=trace_id_of("run"),
            run_id=engine,
            budget=None,
        )
        assert result.status is RunStatus.SUCCEEDED
        assert result.record.input_ref.trace_ids == (trace_id_of("run"),)


def test_scopes_nest_as_they_were_opened(tmp_path: Path) -> None:
    """The run, scope 0 below it, children below their parent; calls below their scope."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path, planner="hybrid")
    spans = export_run("run", tmp_path).spans
    by_id = {span.span_id: span for span in spans}
    root = span_id_of("run", "run", 0, "run")
    assert [span.span_id for span in spans if span.parent_id is None] == [root]
    for span in spans:
        scope = _metadata(span)["scope"]
        if span.kind is not SpanKind.AGENT:
            assert by_id[span.parent_id or ""].name == f"scope {scope}"
        elif "/" in scope:
            assert by_id[span.parent_id or ""].name == f"scope {scope.rpartition('/')[0]}"
        elif scope == "0":
            assert span.parent_id == root
    children = [span for span in spans if _metadata(span)["scope"].startswith("0/")]
    assert children


def test_times_lie_within_the_parent(tmp_path: Path) -> None:
    """No span begins before its parent or ends after it."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path, planner="hybrid")
    spans = export_run("run", tmp_path).spans
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        parent = by_id[span.parent_id or span.span_id]
        times = (parent.start_ns, span.start_ns, span.end_ns, parent.end_ns)
        known = [time for time in times if time is not None]
        assert len(known) == 4
        assert known == sorted(known)


def test_the_same_run_is_exported_to_the_same_bytes(tmp_path: Path) -> None:
    """Ids follow from the run's id, its scopes and their steps, times from the journal."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path, planner="hybrid", concurrency=4)
    export = export_run("run", tmp_path)
    assert export.text == export_run("run", tmp_path).text
    assert len({span.span_id for span in export.spans}) == len(export.spans)
    assert {span.trace_id for span in export.spans} == {trace_id_of("run")}
    assert {span.text("session.id") for span in export.spans} == {"run"}


def test_an_export_is_an_otlp_request(tmp_path: Path) -> None:
    """Protobuf takes it as it is, but for the ids, which its own JSON has in base64."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path)
    export = export_run("run", tmp_path)
    document = json.loads(export.text)
    for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in span:
                span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    messages = import_module("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    json_format = import_module("google.protobuf.json_format")
    parsed = json_format.ParseDict(document, messages.ExportTraceServiceRequest())
    (spans,) = parsed.resource_spans[0].scope_spans
    assert [span.span_id.hex() for span in spans.spans] == [s.span_id for s in export.spans]
    assert [span.start_time_unix_nano for span in spans.spans] == [s.start_ns for s in export.spans]
    assert parsed.SerializeToString(deterministic=True) == protobuf(json.loads(export.text))


def test_a_run_of_rules_has_agents_and_tool_calls(tmp_path: Path) -> None:
    """Rules ask nobody, so their turns are no spans; the source is not needed either."""
    source = tmp_path / "traces.parquet"
    ingest_files([SAMPLE_TRACES], source)
    result = investigated(tmp_path, source=source)
    source.unlink()
    export = export_run("run", tmp_path)
    assert export.without_prompts is None
    assert of_kind(export.spans, SpanKind.LLM) == []
    assert {span.status for span in export.spans} == {StatusCode.OK}
    assert result.record.runtime_ref.usage.tool_calls > 0
    adds_up(export, result.record)


def test_each_turn_names_the_model_that_was_asked(tmp_path: Path) -> None:
    """Of several, the one that could be afforded."""
    with ModelServer([*(reads(offset=n, **LIST) for n in range(3)), CONCLUDES]) as it:
        strong = settings(it, price_in_per_mtok=2.0, price_out_per_mtok=8.0)
        cheap = settings(it, model="cheap", temperature=0.5)
        choice = PlannerChoice(planner="model", model=strong, cheaper=(cheap,))
        limits = ENOUGH.model_copy(update={"cost_usd": 0.17})
        result = investigated(tmp_path, planner=choice, budget=limits)
        asked = [request.body["model"] for request in it.requests]
    export = export_run("run", tmp_path)
    turns = of_kind(export.spans, SpanKind.LLM)
    told = [json.loads(span.text("llm.invocation_parameters") or "") for span in turns]
    assert [span.text("llm.model_name") for span in turns] == asked
    assert set(asked) == {"scripted", "cheap"}
    assert [p["temperature"] for p in told] == [0.5 if m == "cheap" else 0.0 for m in asked]
    adds_up(export, result.record)


def test_a_child_that_the_model_opened_lies_below_its_parent(tmp_path: Path) -> None:
    """With its objective, its answer and its own turns."""
    with ModelServer([DELEGATES, CONCLUDES, CONCLUDES]) as server:
        result = asked_of(server, tmp_path)
        asked = sent(server)
    export = export_run("run", tmp_path)
    child = next(span for span in export.spans if span.name == "scope 0/0")
    parent = next(span for span in export.spans if span.name == "scope 0")
    turns = of_kind(export.spans, SpanKind.LLM)
    assert [prompt(span) for span in turns] == asked
    assert [span.parent_id for span in turns] == [
        parent.span_id,
        child.span_id,
        parent.span_id,
    ]
    assert child.parent_id == parent.span_id
    assert child.text("input.value") == "look at the errors"
    assert "a model looked" in (child.text("output.value") or "")
    adds_up(export, result.record)


def test_a_source_that_has_changed_costs_the_prompts_too(tmp_path: Path) -> None:
    """They would be others than those that were sent."""
    source = tmp_path / "traces.json"
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path / "first")
        source.write_text(export_run("run", tmp_path / "first").text)
        about: dict[str, Any] = {"source": source, "trace_id": trace_id_of("run")}
        asked_of(server, tmp_path, **about)
    assert export_run("run", tmp_path).without_prompts is None
    source.write_text(source.read_text().replace("list_spans", "list_others"))
    assert "has changed since" in (export_run("run", tmp_path).without_prompts or "")


def test_a_prompt_that_was_not_sent_is_never_exported(tmp_path: Path) -> None:
    """Where the hash of the request is another: not there, and not in what is shown its end."""
    with ModelServer([CONCLUDES]) as server:
        asked_of(server, tmp_path, engine="incident")
        asked = sent(server)
    first, *beside, synthesis = of_kind(export_run("run", tmp_path).spans, SpanKind.LLM)
    journal = tmp_path / "run" / FILE
    sha256 = str(_metadata(first)["request_sha256"])
    journal.write_text(journal.read_text().replace(sha256, "0" * len(sha256)))
    export = export_run("run", tmp_path)
    told = {span.span_id: prompt(span) for span in of_kind(export.spans, SpanKind.LLM)}
    assert len(beside) > 1
    assert told[first.span_id] == told[synthesis.span_id] == [None, None]
    assert all(told[span.span_id] == prompt(span) for span in beside)
    assert all(prompt(span) in asked for span in beside)
    assert (export.without_prompts or "").startswith(f"2 of {len(asked)} model turns")
    assert "asks was" in (export.without_prompts or "")


def test_a_cancelled_run_is_exported(tmp_path: Path) -> None:
    """The turn that was waited for has its prompt, and the code."""

    async def cancelled(choice: PlannerChoice) -> None:
        made = Settings(planner=choice, budget=ENOUGH, runs_dir=tmp_path, run_id="run")
        run = asyncio.ensure_future(ainvestigate(SAMPLE_TRACES, RCA(trace_id=TRIP), made))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        run.cancel()
        await asyncio.wait([run])

    with ModelServer([reads(), Hang()]) as server:
        asyncio.run(cancelled(PlannerChoice(planner="model", model=settings(server))))
        asked = sent(server)
    export = export_run("run", tmp_path)
    turns = of_kind(export.spans, SpanKind.LLM)
    assert export.without_prompts is None
    assert [prompt(span) for span in turns] == asked
    assert turns[-1].status is StatusCode.ERROR
    assert turns[-1].status_message.startswith("CANCELLED")
    adds_up(export, read_record("run", tmp_path))


def test_a_source_that_is_gone_costs_the_prompts_and_nothing_else(tmp_path: Path) -> None:
    """And one line says so."""
    source = tmp_path / "traces.parquet"
    ingest_files([SAMPLE_TRACES], source)
    with ModelServer([reads(), CONCLUDES]) as server:
        result = asked_of(server, tmp_path, source=source)
    source.unlink()
    export = export_run("run", tmp_path)
    asked = result.record.runtime_ref.usage.llm_calls
    assert export.without_prompts is not None
    assert export.without_prompts.startswith(f"{asked} of {asked} model turns")
    assert str(source) in export.without_prompts
    assert all(prompt(span) == [None, None] for span in export.spans)
    adds_up(export, result.record)


def test_an_endpoint_that_is_down_leaves_an_error_with_its_code(tmp_path: Path) -> None:
    """On the turn, on its scope and on the run; the prompt was sent all the same."""
    with ModelServer([error(503)]) as server:
        result = asked_of(server, tmp_path)
        asked = sent(server)
    export = export_run("run", tmp_path)
    (told,) = of_kind(export.spans, SpanKind.LLM)
    run = next(span for span in export.spans if span.parent_id is None)
    assert result.status is RunStatus.FAILED
    assert [prompt(told)] == asked
    for span in (told, run):
        assert span.status is StatusCode.ERROR
        (event,) = span.events
        assert (event.name, event.attributes["exception.type"]) == (
            "exception",
            "MODEL_CALL_FAILED",
        )
    adds_up(export, result.record)


@pytest.mark.parametrize("engine", ["compliance", "incident"])
@pytest.mark.parametrize("planner", ["model", "hybrid"])
def test_runs_of_the_other_engines_are_exported_too(
    engine: str, planner: str, tmp_path: Path
) -> None:
    """Several scopes ask side by side; each turn has one of the prompts that were sent."""
    with ModelServer([CONCLUDES]) as server:
        result = asked_of(server, tmp_path, planner=planner, concurrency=4, **ASKED[engine])
        asked = sent(server)
    export = export_run("run", tmp_path)
    told = [prompt(span) for span in of_kind(export.spans, SpanKind.LLM)]
    run = next(span for span in export.spans if span.parent_id is None)
    assert export.without_prompts is None
    assert sorted(map(str, told)) == sorted(map(str, asked))
    assert run.name == result.record.run_type
    adds_up(export, result.record)


@pytest.mark.parametrize("planner", ["model", "hybrid"])
def test_an_interrupted_run_is_exported_as_far_as_it_came(planner: str, tmp_path: Path) -> None:
    """Cut after any event: each turn that was held has its prompt, and what was open ends there."""
    with ModelServer([reads(), reads("get_span", span_id="nothing"), CONCLUDES]) as server:
        asked_of(server, tmp_path / "whole", planner=planner)
    whole = {span.span_id: span for span in export_run("run", tmp_path / "whole").spans}
    lines = (tmp_path / "whole" / "run" / FILE).read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines), max(1, len(lines) // 12)):
        torn = tmp_path / f"cut-{cut}" / "run"
        shutil.copytree(tmp_path / "whole" / "run", torn)
        (torn / FILE).write_bytes(b"".join(lines[:cut]))
        (torn / RECORD_FILE).unlink()
        export = export_run("run", torn.parent)
        last = read_entries(torn)[-1].ts
        assert export.without_prompts is None
        for span in export.spans:
            assert prompt(span) == prompt(whole[span.span_id])
            assert span.start_ns == whole[span.span_id].start_ns
        (run,) = [span for span in export.spans if span.parent_id is None]
        assert _metadata(run)["unfinished"] is True
        assert run.end_ns == nanoseconds(last)


def test_what_a_resume_undid_is_exported_beside_what_it_did_instead(tmp_path: Path) -> None:
    """The turn that failed and the one in its place: each a span of its own, with its prompt."""
    with ModelServer([reads(), error(503), CONCLUDES]) as server:
        failed = asked_of(server, tmp_path)
        resumed = resume_run("run", tmp_path)
        asked = sent(server)
    export = export_run("run", tmp_path)
    turns = of_kind(export.spans, SpanKind.LLM)
    assert (failed.error is not None, resumed.status) == (True, RunStatus.SUCCEEDED)
    assert export.without_prompts is None
    assert [prompt(span) for span in turns] == asked
    assert [span.status.value for span in turns] == ["OK", "ERROR", "OK"]
    assert [_metadata(span).get("undone", False) for span in turns] == [False, True, False]
    assert len({span.span_id for span in export.spans}) == len(export.spans)
    adds_up(export, resumed.record)


def test_a_turn_whose_process_died_ends_with_what_was_written_last(tmp_path: Path) -> None:
    """It has its prompt and no tokens: those that may have been billed are under `lost`."""
    with ModelServer([reads(), CONCLUDES, CONCLUDES]) as server:
        asked_of(server, tmp_path)
        lines = (tmp_path / "run" / FILE).read_bytes().splitlines(keepends=True)
        held = max(n for n, line in enumerate(lines) if b'"turn_held"' in line)
        (tmp_path / "run" / FILE).write_bytes(b"".join(lines[: held + 1]))
        died = nanoseconds(read_entries(tmp_path / "run")[-1].ts)
        record = resume_run("run", tmp_path).record
    export = export_run("run", tmp_path)
    (lost,) = [span for span in export.spans if "lost" in _metadata(span)]
    again = of_kind(export.spans, SpanKind.LLM)[-1]
    assert len(record.runtime_ref.usage.lost) == 1
    assert export.without_prompts is None
    assert lost.end_ns == died
    assert lost.status is StatusCode.ERROR
    assert None not in prompt(lost)
    assert again.status is StatusCode.OK
    adds_up(export, record)


class Gone(MemoryInspectionAPI):
    """A source that goes down before anything was read of it."""

    def get_trace(self, trace_id: str) -> Trace:
        """Raises."""
        raise SourceUnavailable(f"trace '{trace_id}' cannot be read: the source is down")


def test_a_run_that_could_not_begin_is_one_span_with_its_error(tmp_path: Path) -> None:
    """Nothing was asked of anyone."""
    result = investigated(tmp_path, source=OpenedSource(Gone([]), ()), trace_id="t")
    (span,) = export_run("run", tmp_path).spans
    assert result.status is RunStatus.FAILED
    assert span.status is StatusCode.ERROR
    assert span.status_message.startswith("SOURCE_UNAVAILABLE: trace 't' cannot be read")


def test_no_key_is_exported(tmp_path: Path) -> None:
    """Not in a prompt, not in an attribute, under no name."""
    with ModelServer([reads(), CONCLUDES]) as server:
        asked_of(server, tmp_path)
    assert KEY not in export_run("run", tmp_path).text


def test_an_unknown_run_is_refused(tmp_path: Path) -> None:
    """With where the runs are listed."""
    with pytest.raises(RunNotFound, match=r"no run 'other'.*runs list"):
        export_run("other", tmp_path)


def test_a_journal_without_an_event_has_nothing_to_export(tmp_path: Path) -> None:
    """A run whose process died before its first line was whole."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / FILE).write_bytes(b'{"seq":0,')
    with pytest.raises(UsageError, match="holds no opening"):
        export_run("run", tmp_path)
