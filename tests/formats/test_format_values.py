"""A format is one value: each keeps the same promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.formats import FORMATS, Format
from investigator.formats.registry import sniff
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.evaluations import Evaluation
from investigator.traces.model import Span
from tests import rooms

Record = dict[str, JsonValue]

TRACE, SPAN, START = "0" * 31 + "1", "0" * 15 + "1", "2026-01-01T00:00:00Z"
IDS: Record = {"trace_id": TRACE, "span_id": SPAN}
RUN: Record = {"id": "r", "trace_id": "r", "run_type": "tool", "name": "x"}

SMALLEST: dict[str, Record] = {
    "OTLP JSON": {
        "resourceSpans": [
            {"scopeSpans": [{"spans": [{"traceId": TRACE, "spanId": SPAN, "name": "x"}]}]}
        ]
    },
    "nested OpenTelemetry JSON": {**IDS, "span_name": "x", "child_spans": []},
    "Phoenix span": {"context.trace_id": TRACE, "context.span_id": SPAN, "name": "x"},
    "MLflow trace": {
        "info": {"request_id": "tr-1"},
        "data": {
            "spans": [
                {
                    "name": "x",
                    "context": IDS,
                    "attributes": {"mlflow.traceRequestId": '"tr-1"'},
                }
            ]
        },
    },
    "LangSmith run": RUN,
    "LangSmith ingest request": {"post": [RUN]},
    "Langfuse export": {
        "id": "t",
        "observations": [{"id": "o", "traceId": "t", "type": "SPAN", "startTime": START}],
    },
    "Langfuse blob row": {
        "id": "o",
        "trace_id": "t",
        "type": "SPAN",
        "parent_observation_id": None,
        "start_time": START,
    },
    "ClickHouse row": {"TraceId": "t", "SpanId": "a", "SpanName": "x"},
    "Jaeger trace": {
        "traceID": TRACE,
        "spans": [{"traceID": TRACE, "spanID": SPAN, "operationName": "x"}],
        "processes": {},
    },
    "Zipkin span": {"traceId": TRACE, "id": SPAN, "name": "x", "localEndpoint": {}},
    "Logfire row": {**IDS, "span_name": "x", "start_timestamp": START},
    "Braintrust span": {**IDS, "root_span_id": SPAN, "span_attributes": {"name": "x"}},
    "Weave call": {"id": "c", "trace_id": "t", "op_name": "x", "started_at": START},
    "Opik trace": {"id": "t", "project_id": "p", "start_time": START, "thread_id": None},
    "OpenAI Agents SDK trace": {
        "object": "trace.span",
        "id": "s",
        "trace_id": "t",
        "span_data": {"type": "function", "name": "x"},
    },
    "Claude Code session": {
        "type": "user",
        "uuid": "u",
        "sessionId": "s",
        "message": {"role": "user", "content": "hi"},
    },
    "Codex rollout": {
        "type": "response_item",
        "payload": {"type": "message", "role": "user", "content": "hi"},
    },
    "Copilot session": {
        "type": "user.message",
        "id": "e",
        "timestamp": START,
        "data": {"content": "hi"},
    },
    "Gemini CLI session": {
        "sessionId": "s",
        "projectHash": "h",
        "messages": [{"id": "m", "type": "user", "content": "hi"}],
    },
    "OpenClaw session": {
        "type": "message",
        "id": "m",
        "timestamp": START,
        "parentId": None,
        "message": {"role": "user", "content": "hi"},
    },
    "opencode session": {
        "info": {"id": "s"},
        "messages": [
            {"info": {"role": "user"}, "parts": [{"type": "text", "text": "hi"}]},
        ],
    },
    "ADK session": {
        "events": [
            {"author": "user", "invocation_id": "i", "content": {"parts": [{"text": "hi"}]}},
        ],
    },
    "ATIF trajectory": {
        "schema_version": "ATIF-v1.7",
        "session_id": "s",
        "steps": [{"step_id": 1, "source": "user", "message": "hi"}],
    },
    "Inspect log": {
        "eval": {},
        "samples": [{"id": 1, "messages": [{"role": "user", "content": "hi"}]}],
    },
    "OpenHands trajectory": {
        "id": 0,
        "source": "user",
        "action": "message",
        "args": {"content": "hi"},
    },
    "tau-bench run": {"task_id": 1, "reward": None, "traj": [{"role": "user", "content": "hi"}]},
    "Assistants thread": {
        "object": "thread.message",
        "id": "m",
        "role": "user",
        "content": [{"type": "text", "text": {"value": "hi"}}],
    },
    "Hermes session": {
        "session_id": "s",
        "platform": "cli",
        "session_start": START,
        "system_prompt": "hi",
        "messages": [],
    },
    "SWE-agent trajectory": {"trajectory": [{"action": "ls", "observation": None}]},
    "model call": {
        "object": "chat.completion",
        "id": "r",
        "choices": [{"message": {"role": "assistant", "content": "hi"}}],
    },
    "chat transcript": {"messages": [{"role": "user", "content": "hi"}]},
    "OpenTelemetry SDK span": {"name": "x", "context": IDS},
    "span attributes": {"llm.model_name": "m"},
    "verdict beside a trace": {
        **IDS,
        "name": "quality",
        "annotator_kind": "HUMAN",
        "result": {"label": "fail"},
    },
}
"""The smallest record of each format."""

NO_RECORDS: tuple[Record, ...] = ({}, {"a": 1}, {"spans": []}, {"data": [None, 1, "x", []]})
ODD_VALUES: tuple[JsonValue, ...] = (None, 1, "x", [], {}, [None], [[]], {"a": None})

EACH = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)


def test_every_format_has_a_name_of_its_own_and_a_smallest_record() -> None:
    """Who adds a format adds its record here."""
    assert [known.name for known in FORMATS] == list(SMALLEST)
    assert len({known.reads for known in FORMATS}) == len(FORMATS)


@EACH
def test_a_format_knows_its_own_record_and_no_others(known: Format) -> None:
    """Nor what is no record of any."""
    for name, record in SMALLEST.items():
        assert known.looks_like(record) is (name == known.name)
    for nothing in NO_RECORDS:
        assert not known.looks_like(nothing)
    assert sniff(SMALLEST[known.name]) is known


@EACH
def test_a_format_stands_whatever_its_own_keys_hold(known: Format) -> None:
    """A value of another type, or none, is no reason to raise."""
    record = SMALLEST[known.name]
    for key in record:
        for value in ODD_VALUES:
            changed = {**record, key: value}
            if known.looks_like(changed):
                assert all(
                    item is None or isinstance(item, Span | Evaluation)
                    for item in known.decode(changed, "f")
                )


@EACH
def test_a_format_is_read_from_the_files_that_it_names(known: Format, tmp_path: Path) -> None:
    """As a document and as a line; a Parquet file has tests of its own."""
    record = SMALLEST[known.name]
    files = {"JSON": json.dumps(record, indent=1), "JSONL": json.dumps(record) + '\n{"a": 1}\n'}
    assert set(known.files) - {"Parquet"} == files.keys()
    for kind, content in files.items():
        path = tmp_path / f"records-of-{kind}"
        path.write_text(content, encoding="utf-8")
        found = [item for item in read_source([path]) if isinstance(item, Decoded)]
        assert [len(item.stored) for item in found] == [1]


def test_what_the_cache_is_named_after_covers_all_that_decodes() -> None:
    """Decoders import from the rooms whose code is in the key, and from the error tree alone."""
    arrows = set(rooms.imports(rooms.module_files()))
    reached = {rooms.room_of(one.imported) for one in arrows if _decodes(one.importer)}
    assert reached <= {"formats", "traces", "ground", "errors"}


def _decodes(module: str) -> bool:
    return rooms.room_of(module) in {"formats", "traces", "ground"}
