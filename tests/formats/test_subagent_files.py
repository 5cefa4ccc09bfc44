"""A subagent that lies in a file of its own stands below its call; one that is missing is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.store.open import Ingested, ingest_files
from investigator.store.parquet_store import ParquetInspectionAPI
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import Trace
from investigator.traces.parquet import TraceRow, write_spans
from investigator.traces.subagent_files import STARTED_BY, SUBAGENT_TRACE
from tests.builders import span

Lines = list[JsonValue]


def at(second: int) -> str:
    """A time."""
    return f"2026-01-01T00:00:{second:02}Z"


def codex(thread: str, *items: dict[str, JsonValue], parent: str | None = None) -> Lines:
    """A rollout."""
    meta: dict[str, JsonValue] = {"id": thread, "parent_thread_id": parent}
    lines: Lines = [{"timestamp": at(0), "type": "session_meta", "payload": meta}]
    for number, item in enumerate(items, 1):
        lines.append({"timestamp": at(number), "type": "response_item", "payload": item})
    return lines


def says(role: str, text: str) -> dict[str, JsonValue]:
    """A message of a rollout."""
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def spawns(thread: str) -> tuple[dict[str, JsonValue], ...]:
    """A call that starts a subagent, and what it answered."""
    answer = json.dumps({"agent_id": thread})
    return (
        {"type": "function_call", "call_id": "c1", "name": "spawn_agent", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": answer},
    )


def openclaw(key: str, *events: dict[str, JsonValue]) -> Lines:
    """Telemetry of one session."""
    return [{"sessionKey": key, "ts": 1_767_225_600_000, **event} for event in events]


SPAWNED = json.dumps({"status": "accepted", "childSessionKey": "below"})
REF: JsonValue = {"session_id": "below", "trajectory_path": "below.json"}
ATIF_STEPS: list[JsonValue] = [
    {
        "step_id": 1,
        "source": "agent",
        "message": "I ask another.",
        "timestamp": at(1),
        "tool_calls": [{"tool_call_id": "c1", "function_name": "delegate", "arguments": {}}],
        "observation": {
            "results": [{"source_call_id": "c1", "subagent_trajectory_ref": [REF]}],
        },
    }
]


def atif(session: str, steps: list[JsonValue]) -> JsonValue:
    """A trajectory."""
    return {"schema_version": "ATIF-v1.7", "session_id": session, "agent": {}, "steps": steps}


ABOVE: dict[str, JsonValue] = {
    "codex": codex("above", says("user", "hi"), *spawns("below")),
    "openclaw": openclaw(
        "above",
        {"type": "message.in", "content": "hi"},
        {"type": "tool.start", "toolName": "sessions_spawn", "toolCallId": "c1", "params": {}},
        {"type": "tool.end", "toolName": "sessions_spawn", "toolCallId": "c1", "result": SPAWNED},
    ),
    "atif": atif("above", ATIF_STEPS),
}
BELOW: dict[str, JsonValue] = {
    "codex": codex("below", says("user", "find it"), says("assistant", "found"), parent="above"),
    "openclaw": openclaw(
        "below",
        {"type": "message.in", "content": "find it"},
        {"type": "message.out", "content": "found"},
    ),
    "atif": atif(
        "below",
        [
            {"step_id": 1, "source": "user", "message": "find it", "timestamp": at(2)},
            {"step_id": 2, "source": "agent", "message": "found", "timestamp": at(3)},
        ],
    ),
}
EACH = pytest.mark.parametrize("name", ABOVE)


def written(folder: Path, **files: JsonValue) -> Ingested:
    """The files, read together."""
    source = folder / "source"
    source.mkdir()
    for name, document in files.items():
        held = document if isinstance(document, list) else [document]
        text = "\n".join(json.dumps(line) for line in held)
        (source / f"{name}.jsonl").write_text(text + "\n", encoding="utf-8")
    return ingest_files([source], folder / "out.parquet")


def traces(folder: Path) -> Iterator[Trace]:
    """All that was written."""
    api = ParquetInspectionAPI(folder / "out.parquet")
    try:
        for summary in api.list_traces():
            yield api.get_trace(summary.trace_id)
    finally:
        api.close()


@EACH
def test_a_subagent_stands_below_its_call(name: str, tmp_path: Path) -> None:
    """Whichever file is read first, and nothing of it stands anywhere else."""
    made = written(tmp_path, a=BELOW[name], b=ABOVE[name])
    [trace] = traces(tmp_path)
    assert trace.trace_id == "above"
    [call] = [one for one in trace.spans if one.kind == "TOOL"]
    below = [one for one in trace.spans if one.span_id.startswith("agent-below/")]
    assert [one.parent_id for one in below] == [call.span_id] * 2
    assert [one.text("output.value") for one in below][-1] == "found"
    assert not [said for said in made.clashes if "no file" in said]


@EACH
def test_a_subagent_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    """With the trace that started it, which is read."""
    made = written(tmp_path, b=ABOVE[name])
    assert [trace.trace_id for trace in traces(tmp_path)] == ["above"]
    assert "subagent 'below' of trace 'above' is in no file that was read" in made.clashes


def test_a_subagent_whose_run_is_not_there_is_a_trace_of_its_own(tmp_path: Path) -> None:
    """And what started it is named."""
    made = written(tmp_path, a=BELOW["codex"])
    assert [trace.trace_id for trace in traces(tmp_path)] == ["below"]
    assert "trace 'above', which started 'below', is in no file that was read" in made.clashes


def test_subagents_of_subagents_stand_below_each_other(tmp_path: Path) -> None:
    """In the trace of the first, and a verdict on one of them stays with it."""
    spans: list[TraceRow] = [
        span("call", trace_id="a", attributes={SUBAGENT_TRACE: "b"}),
        span("call", trace_id="b", attributes={SUBAGENT_TRACE: "c"}),
        span("x", trace_id="c"),
        span("y", trace_id="c", parent="x"),
        Evaluation(trace_id="c", span_id=None, name="good", rater=Rater.CODE, label="fail"),
    ]
    write_spans(spans, tmp_path / "out.parquet")
    [trace] = traces(tmp_path)
    assert {one.span_id: one.parent_id for one in trace.spans} == {
        "call": None,
        "agent-b/call": "call",
        "agent-c/x": "agent-b/call",
        "agent-c/y": "agent-c/x",
    }
    [verdict] = trace.evaluations
    assert (verdict.trace_id, verdict.span_id) == ("a", "agent-b/call")


def test_traces_that_would_stand_below_themselves_stay(tmp_path: Path) -> None:
    """Nothing is lost, and nothing goes round for ever."""
    spans = [
        span("x", trace_id="a", attributes={SUBAGENT_TRACE: "b"}),
        span("x", trace_id="b", attributes={SUBAGENT_TRACE: "a"}),
        span("x", trace_id="c", attributes={STARTED_BY: "c"}),
    ]
    write_spans(spans, tmp_path / "out.parquet")
    assert [trace.trace_id for trace in traces(tmp_path)] == ["a", "b", "c"]


def test_what_was_joined_is_whole_when_it_is_written_again(tmp_path: Path) -> None:
    """The canonical file says of no subagent that it is missing."""
    written(tmp_path, a=BELOW["codex"], b=ABOVE["codex"])
    again = ingest_files([tmp_path / "out.parquet"], tmp_path / "again.parquet")
    assert again.clashes == ()
