"""Exports of tracing systems in their published shapes: kinds, parents, times, verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from investigator.formats.registry import decode, read_document
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, StatusCode
from investigator.traces.openinference import (
    input_messages_of,
    output_messages_of,
    token_counts_of,
    tool_io_of,
)

TRACE, ROOT, CHILD = "0" * 31 + "1", "0" * 15 + "1", "0" * 15 + "2"
START = 1_767_225_600_000_000_000
ISO = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z")
CHAT: dict[str, JsonValue] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 2,
    "gen_ai.usage.cache_read.input_tokens": 3,
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "q"}]}]',
    "gen_ai.output.messages": '[{"role": "model", "parts": [{"type": "text", "content": "a"}]}]',
}
MESSAGES: JsonValue = {"messages": [{"role": "user", "content": "q"}], "model": "m"}
ANSWER: JsonValue = {"choices": [{"message": {"role": "assistant", "content": "a"}}], "model": "m"}


def tags(said: dict[str, JsonValue]) -> JsonValue:
    """Jaeger's tags."""
    return [{"key": key, "type": "string", "value": value} for key, value in said.items()]


JAEGER: JsonValue = {
    "data": [
        {
            "traceID": TRACE,
            "processes": {"p1": {"serviceName": "svc", "tags": tags({"host": "h"})}},
            "spans": [
                {
                    "traceID": TRACE,
                    "spanID": ROOT,
                    "operationName": "chat m",
                    "references": [],
                    "startTime": START // 1000,
                    "duration": 2_000_000,
                    "tags": tags(CHAT),
                    "processID": "p1",
                },
                {
                    "traceID": TRACE,
                    "spanID": CHILD,
                    "operationName": "look_up",
                    "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": ROOT}],
                    "startTime": START // 1000,
                    "duration": 1,
                    "tags": tags({"gen_ai.operation.name": "execute_tool", "error": "true"}),
                    "logs": [
                        {
                            "timestamp": START // 1000,
                            "fields": tags({"event": "exception", "x": "y"}),
                        }
                    ],
                    "processID": "p1",
                },
            ],
        }
    ]
}
ZIPKIN: JsonValue = [
    {
        "traceId": TRACE,
        "id": ROOT,
        "name": "chat m",
        "timestamp": START // 1000,
        "duration": 2_000_000,
        "localEndpoint": {"serviceName": "svc"},
        "tags": {key: str(value) for key, value in CHAT.items()},
    },
    {
        "traceId": TRACE,
        "id": CHILD,
        "parentId": ROOT,
        "name": "look_up",
        "timestamp": START // 1000,
        "duration": 1,
        "tags": {"gen_ai.operation.name": "execute_tool", "error": "boom"},
        "annotations": [{"timestamp": START // 1000, "value": "retry"}],
    },
]


def otlp(span: dict[str, JsonValue]) -> JsonValue:
    """A span with its attributes in OTLP's terms."""
    pairs: list[JsonValue] = [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in CHAT.items()
    ]
    return [
        {
            "resource": {
                "attributes": [{"key": "service.name", "value": {"stringValue": "svc"}}],
            },
            "scopeSpans": [{"spans": [{**span, "attributes": pairs}]}],
        }
    ]


OTLP_SPAN: dict[str, JsonValue] = {
    "traceId": TRACE,
    "spanId": ROOT,
    "name": "chat m",
    "startTimeUnixNano": str(START),
    "endTimeUnixNano": str(START + 2 * 10**9),
}
LOGFIRE: JsonValue = [
    {
        "trace_id": TRACE,
        "span_id": ROOT,
        "span_name": "chat m",
        "kind": kind,
        "service_name": "svc",
        "start_timestamp": ISO[0],
        "end_timestamp": ISO[1],
        "attributes": attributes,
    }
    for kind, attributes in (("pending_span", {}), ("span", json.dumps(CHAT)))
]
CLICKHOUSE: JsonValue = [
    {
        "Timestamp": ISO[0],
        "TraceId": TRACE,
        "SpanId": ROOT,
        "ParentSpanId": "",
        "SpanName": "chat m",
        "ServiceName": "svc",
        "SpanAttributes": {key: str(value) for key, value in CHAT.items()},
        "ResourceAttributes": {"host": "h"},
        "Duration": "2000000000",
        "StatusCode": "Unset",
        "Events.Timestamp": [],
        "Events.Name": [],
        "Events.Attributes": [],
    }
]


@pytest.mark.parametrize(
    "document",
    [
        JAEGER,
        ZIPKIN,
        {"batches": otlp(OTLP_SPAN)},
        {"trace": {"batches": otlp(OTLP_SPAN)}},
        {"trace": {"resourceSpans": otlp(OTLP_SPAN)}},
        LOGFIRE,
        CLICKHOUSE,
    ],
    ids=["jaeger", "zipkin", "tempo v1", "tempo v1 trace", "tempo v2", "logfire", "clickhouse"],
)
def test_a_model_call_is_the_same_in_every_envelope(document: JsonValue) -> None:
    """Its kind, messages, model, tokens (cached too), times and service."""
    span = decode(document, stem="f")[0]
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, ROOT, None)
    assert (span.kind.value, span.name) == ("LLM", "chat m")
    assert (span.start_ns, span.latency_ms) == (START, 2000.0)
    assert [m.content for m in input_messages_of(span)] == ["q"]
    assert [m.content for m in output_messages_of(span)] == ["a"]
    counts = token_counts_of(span)
    assert (counts.prompt, counts.completion) == (5, 2)
    assert str(span.attributes["llm.token_count.prompt_details.cache_read"]) == "3"
    assert span.attributes["llm.model_name"] == "m"
    assert span.attributes["resource.service.name"] == "svc"


@pytest.mark.parametrize("document", [JAEGER, ZIPKIN], ids=["jaeger", "zipkin"])
def test_a_failed_child_has_its_parent_status_and_events(document: JsonValue) -> None:
    """As tags and references say them."""
    span = decode(document, stem="f")[1]
    assert (span.parent_id, span.kind.value, span.status) == (ROOT, "TOOL", StatusCode.ERROR)
    assert len(span.events) == 1


def test_the_halves_of_a_remote_call_are_two_spans() -> None:
    """Zipkin gives them one id."""
    half: dict[str, JsonValue] = {"traceId": "t", "id": "a", "name": "x", "duration": 1}
    client, server = decode([half, {**half, "shared": True}], stem="f")
    assert (client.span_id, server.span_id, server.parent_id) == ("a", "a-server", "a")


@pytest.mark.parametrize(
    ("attributes", "kind", "tool"),
    [
        ({"mcp.method.name": "tools/call", "gen_ai.tool.name": "t"}, "TOOL", "t"),
        ({"mcp.method.name": "tools/list"}, "UNKNOWN", None),
        ({"gen_ai.operation.name": "load_skill"}, "TOOL", None),
        ({"gen_ai.operation.name": "plan"}, "CHAIN", None),
        ({"openinference.span.kind": "DECISION"}, "DECISION", None),
    ],
)
def test_newer_operations_have_their_kinds(
    attributes: dict[str, JsonValue], kind: str, tool: str | None
) -> None:
    """MCP's calls, skills, plans and decisions."""
    ids: dict[str, JsonValue] = {"trace_id": TRACE, "span_id": ROOT}
    (span,) = decode({"name": "x", "context": ids, "attributes": attributes}, stem="f")
    assert (span.kind.value, span.text("tool.name")) == (kind, tool)


BRAINTRUST: JsonValue = {
    "id": "r",
    "span_id": "a",
    "root_span_id": "t",
    "span_parents": ["p"],
    "span_attributes": {"name": "chat", "type": "llm"},
    "input": [{"role": "user", "content": "q"}],
    "output": [{"message": {"role": "assistant", "content": "a"}}],
    "metadata": {"model": "m"},
    "metrics": {
        "start": 1767225600.0,
        "end": 1767225602.0,
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "tokens": 7,
        "prompt_cached_tokens": 3,
    },
    "scores": {"accuracy": 0.25},
}
OPIK: JsonValue = {
    "id": "a",
    "trace_id": "t",
    "parent_span_id": "p",
    "project_id": "x",
    "name": "chat",
    "type": "llm",
    "start_time": ISO[0],
    "end_time": ISO[1],
    "input": MESSAGES,
    "output": ANSWER,
    "model": "m",
    "usage": {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 3},
    },
    "feedback_scores": [{"name": "accuracy", "value": 0.25, "source": "sdk"}],
}
WEAVE: JsonValue = {
    "id": "a",
    "trace_id": "t",
    "parent_id": "p",
    "op_name": "weave:///e/p/op/chat:v1",
    "started_at": ISO[0],
    "ended_at": ISO[1],
    "inputs": MESSAGES,
    "output": ANSWER,
    "summary": {
        "usage": {
            "m": {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 3},
            }
        },
        "weave.feedback": [{"feedback_type": "accuracy", "payload": {"score": 0.25}}],
    },
}


@pytest.mark.parametrize("document", [BRAINTRUST, OPIK, WEAVE], ids=["braintrust", "opik", "weave"])
def test_a_platforms_model_call_has_all_that_it_says(document: JsonValue) -> None:
    """Messages, model, tokens, times, parent, and its score as a verdict."""
    found = read_document(document, stem="f")
    (span,) = found.spans
    assert (span.trace_id, span.span_id, span.parent_id) == ("t", "a", "p")
    assert (span.kind.value, span.latency_ms) == ("LLM", 2000.0)
    assert [m.content for m in input_messages_of(span)] == ["q"]
    assert [m.content for m in output_messages_of(span)] == ["a"]
    assert span.attributes["llm.model_name"] == "m"
    counts = token_counts_of(span)
    assert (counts.prompt, counts.completion) == (5, 2)
    assert span.attributes["llm.token_count.prompt_details.cache_read"] == 3
    (verdict,) = found.evaluations
    assert (verdict.name, verdict.score, verdict.span_id) == ("accuracy", 0.25, "a")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {
                "id": "r",
                "span_id": "a",
                "root_span_id": "t",
                "error": "boom",
                "span_attributes": {"name": "look_up", "type": "tool"},
                "input": {"x": 1},
                "output": None,
            },
            "boom",
        ),
        (
            {
                "id": "a",
                "trace_id": "t",
                "project_id": "x",
                "name": "look_up",
                "type": "tool",
                "start_time": ISO[0],
                "input": {"x": 1},
                "error_info": {"exception_type": "ValueError", "message": "boom"},
            },
            "boom",
        ),
        (
            {
                "id": "a",
                "trace_id": "t",
                "op_name": "weave:///e/p/op/look_up:v",
                "started_at": ISO[0],
                "inputs": {"x": 1},
                "exception": "Traceback…\nboom",
                "attributes": {"weave": {"kind": "tool"}},
            },
            "boom",
        ),
        (
            {
                "object": "trace.span",
                "id": "a",
                "trace_id": "t",
                "started_at": ISO[0],
                "span_data": {"type": "function", "name": "look_up", "input": '{"x":1}'},
                "error": {"message": "boom", "data": {"k": 1}},
            },
            "boom",
        ),
    ],
    ids=["braintrust", "opik", "weave", "agents sdk"],
)
def test_a_platforms_failed_tool_has_its_name_arguments_and_error(
    document: JsonValue, message: str
) -> None:
    """Status and message."""
    (span,) = decode(document, stem="f")
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, json.loads(io.arguments or "")) == ("look_up", {"x": 1})
    assert (span.kind.value, span.status, span.status_message) == (
        "TOOL",
        StatusCode.ERROR,
        message,
    )


def test_a_trace_of_the_agents_sdk_has_its_session_on_its_root(tmp_path: Path) -> None:
    """The object of the trace may come before or after its spans; a response names its usage."""
    lines: list[JsonValue] = [
        {
            "object": "trace.span",
            "id": "a",
            "trace_id": "t",
            "parent_id": None,
            "span_data": {"type": "agent", "name": "Helper"},
        },
        {
            "object": "trace.span",
            "id": "b",
            "trace_id": "t",
            "parent_id": "a",
            "started_at": ISO[0],
            "span_data": {
                "type": "response",
                "input": [{"role": "user", "content": "q"}],
                "response": {
                    "model": "m",
                    "output": [
                        {
                            "type": "message",
                            "role": "assistant",
                            "content": [{"type": "output_text", "text": "a"}],
                        }
                    ],
                    "usage": {"input_tokens": 5, "output_tokens": 2},
                },
            },
        },
        {"object": "trace", "id": "t", "workflow_name": "w", "group_id": "s-1"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (item,) = read_source([tmp_path])
    assert isinstance(item, Decoded)
    agent, model = item.spans
    assert (agent.kind.value, agent.text("session.id")) == ("AGENT", "s-1")
    assert (model.kind.value, model.parent_id, model.text("llm.model_name")) == ("LLM", "a", "m")
    assert [m.content for m in output_messages_of(model)] == ["a"]
    assert token_counts_of(model).prompt == 5


OBSERVATION: dict[str, JsonValue] = {
    "id": "a",
    "trace_id": "t",
    "type": "GENERATION",
    "parent_observation_id": None,
    "start_time": ISO[0],
    "end_time": ISO[1],
    "name": "chat",
    "level": "ERROR",
    "status_message": "boom",
    "provided_model_name": "m",
    "usage_details": '{"input": 5, "output": 2}',
    "input": '[{"role": "user", "content": "q"}]',
    "output": '{"role": "assistant", "content": "a"}',
    "session_id": "s-1",
}
RUN: dict[str, JsonValue] = {
    "id": "a",
    "trace_id": "t",
    "run_type": "llm",
    "dotted_order": "20260101T000000000000Za",
    "name": "chat",
    "start_time": ISO[0],
    "end_time": ISO[1],
    "error": "boom",
    "status": "error",
    "inputs": json.dumps(MESSAGES),
    "outputs": json.dumps(ANSWER),
    "prompt_tokens": 5,
    "completion_tokens": 2,
    "extra": '{"metadata": {"session_id": "s-1"}}',
}


def only(path: Path) -> Span:
    """The one span of a source."""
    (item,) = read_source([path])
    assert isinstance(item, Decoded), item
    (span,) = item.spans
    return span


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize("row", [OBSERVATION, RUN], ids=["langfuse", "langsmith"])
def test_a_row_of_a_bulk_export_says_the_same_in_every_file(
    tmp_path: Path, row: dict[str, JsonValue], suffix: str
) -> None:
    """Objects that it has as texts are read."""
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    else:
        path.write_text(json.dumps(row) + "\n")
    span = only(path)
    assert (span.trace_id, span.span_id, span.kind.value) == ("t", "a", "LLM")
    assert (span.status, span.status_message) == (StatusCode.ERROR, "boom")
    assert span.latency_ms == 2000.0
    assert [m.content for m in input_messages_of(span)] == ["q"]
    assert [m.content for m in output_messages_of(span)] == ["a"]
    counts = token_counts_of(span)
    assert (counts.prompt, counts.completion) == (5, 2)
    assert span.text("session.id") == "s-1"


def test_a_table_of_the_clickhouse_exporter_is_read(tmp_path: Path) -> None:
    """Maps, lists of events and unsigned nanoseconds, as its Parquet files have them."""
    map_of_texts = pa.map_(pa.string(), pa.string())
    schema = pa.schema(
        [
            ("Timestamp", pa.timestamp("ns")),
            ("TraceId", pa.string()),
            ("SpanId", pa.string()),
            ("ParentSpanId", pa.string()),
            ("SpanName", pa.string()),
            ("SpanAttributes", map_of_texts),
            ("Duration", pa.uint64()),
            ("StatusCode", pa.string()),
            ("StatusMessage", pa.string()),
            ("Events.Timestamp", pa.list_(pa.timestamp("ns"))),
            ("Events.Name", pa.list_(pa.string())),
            ("Events.Attributes", pa.list_(map_of_texts)),
        ]
    )
    row = {
        "Timestamp": START,
        "TraceId": TRACE,
        "SpanId": ROOT,
        "ParentSpanId": "",
        "SpanName": "x",
        "SpanAttributes": [("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "t")],
        "Duration": 2_000_000_000,
        "StatusCode": "Error",
        "StatusMessage": "boom",
        "Events.Timestamp": [START],
        "Events.Name": ["exception"],
        "Events.Attributes": [[("exception.message", "boom")]],
    }
    pq.write_table(pa.Table.from_pylist([row], schema=schema), tmp_path / "a.parquet")
    span = only(tmp_path / "a.parquet")
    assert (span.kind.value, span.text("tool.name"), span.latency_ms) == ("TOOL", "t", 2000.0)
    assert (span.status, span.start_ns) == (StatusCode.ERROR, START)
    assert span.events[0].attributes["exception.message"] == "boom"
    assert span.events[0].time_ns == START


def test_a_score_of_a_blob_export_is_a_verdict(tmp_path: Path) -> None:
    """In snake_case, in a file beside the observations."""
    score: JsonValue = {
        "id": "s",
        "trace_id": "t",
        "observation_id": "a",
        "name": "quality",
        "value": 1,
        "data_type": "BOOLEAN",
        "source": "ANNOTATION",
        "project_id": "p",
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(score) + "\n")
    (item,) = read_source([tmp_path])
    assert isinstance(item, Decoded)
    (verdict,) = item.evaluations
    assert (verdict.trace_id, verdict.span_id, verdict.passed) == ("t", "a", True)


def test_a_known_format_that_is_not_read_is_named_once_a_file(tmp_path: Path) -> None:
    """With the way out."""
    row: JsonValue = {"id": "p", "sessionID": "s", "messageID": "m", "type": "text"}
    (tmp_path / "a.jsonl").write_text((json.dumps(row) + "\n") * 50)
    (trouble,) = read_source([tmp_path])
    assert isinstance(trouble, Unreadable)
    assert "opencode export" in trouble.reason
    assert "49 more lines" in trouble.reason
