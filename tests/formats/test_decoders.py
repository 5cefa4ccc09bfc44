"""Each format gives the same facts in the same terms."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.errors import UnreadableInput
from investigator.formats.fields import duration_ns, hex_id, status_code, time_ns
from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, SpanKind, StatusCode, Trace, parse_time
from investigator.traces.openinference import messages_of, tool_io_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT, CHILD = "b7ad6b7169203331", "00f067aa0ba902b7"
START = 1_700_000_000_000_000_000
END = START + 1_500_000_000
START_ISO, END_ISO = "2023-11-14T22:13:20Z", "2023-11-14T22:13:21.500000Z"
MESSAGE = "boom"


def b64(hex_text: str) -> str:
    """The base64 spelling of an id."""
    return base64.b64encode(bytes.fromhex(hex_text)).decode()


def typed(**values: str) -> JsonValue:
    """String attributes as OTLP has them."""
    return [{"key": k.replace("_", "."), "value": {"stringValue": v}} for k, v in values.items()]


def otlp(spans: list[JsonValue]) -> JsonValue:
    """An OTLP export request of one scope."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": typed(service_name="svc")},
                "scopeSpans": [{"scope": {"name": "lib", "version": "1"}, "spans": spans}],
            }
        ]
    }


def otlp_spans(trace_id: str, root: str, child: str) -> list[JsonValue]:
    """Two OTLP spans whose ids are spelled as given."""
    times = {"startTimeUnixNano": str(START), "endTimeUnixNano": str(END)}
    exception = {"timeUnixNano": str(END), "name": "exception", "attributes": typed(a_b="c")}
    return [
        {"traceId": trace_id, "spanId": root, "name": "root", **times},
        {
            "traceId": trace_id,
            "spanId": child,
            "parentSpanId": root,
            "name": "child",
            "status": {"code": "STATUS_CODE_ERROR", "message": MESSAGE},
            "attributes": [
                {"key": "openinference.span.kind", "value": {"stringValue": "TOOL"}},
                {"key": "tool.name", "value": {"stringValue": "search"}},
            ],
            "events": [exception],
            **times,
        },
    ]


NESTED: JsonValue = {
    "trace_id": TRACE,
    "spans": [
        {
            "timestamp": START_ISO,
            "trace_id": TRACE,
            "span_id": ROOT,
            "parent_span_id": "None",
            "span_name": "root",
            "span_attributes": {},
            "duration": "PT1.5S",
            "status_code": "Unset",
            "events": "[]",
            "resource_attributes": '{"service.name": "svc"}',
            "child_spans": [
                {
                    "timestamp": START_ISO,
                    "trace_id": TRACE,
                    "span_id": CHILD,
                    "span_name": "child",
                    "span_attributes": {
                        "openinference.span.kind": "TOOL",
                        "tool.name": "search",
                    },
                    "duration": "PT1.5S",
                    "status_code": "Error",
                    "status_message": MESSAGE,
                    "resource_attributes": {"service.name": "svc"},
                    "events": [
                        {"Name": "exception", "Timestamp": END_ISO, "Attributes": {"a.b": "c"}}
                    ],
                }
            ],
        }
    ],
}

PYTHON_SDK: JsonValue = [
    {
        "name": "root",
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{ROOT}"},
        "parent_id": None,
        "start_time": START_ISO,
        "end_time": END_ISO,
        "status": {"status_code": "UNSET"},
        "attributes": {},
        "resource": {"attributes": {"service.name": "svc"}},
    },
    {
        "name": "child",
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{CHILD}"},
        "parent_id": f"0x{ROOT}",
        "start_time": START_ISO,
        "end_time": END_ISO,
        "status": {"status_code": "ERROR", "description": MESSAGE},
        "attributes": {"openinference.span.kind": "TOOL", "tool.name": "search"},
        "events": [{"name": "exception", "timestamp": END_ISO, "attributes": {"a.b": "c"}}],
        "resource": {"attributes": {"service.name": "svc"}},
    },
]

INTEGER_SDK: JsonValue = {
    "spans": [
        {
            "name": "root",
            "context": {"trace_id": int(TRACE, 16), "span_id": int(ROOT, 16)},
            "parent": None,
            "start_time": START,
            "end_time": END,
            "status": {"status_code": "unset", "description": None},
            "attributes": {},
            "resource": {"attributes": {"service.name": "svc"}},
        },
        {
            "name": "child",
            "context": {"trace_id": int(TRACE, 16), "span_id": int(CHILD, 16)},
            "parent": {"trace_id": int(TRACE, 16), "span_id": int(ROOT, 16)},
            "start_time": START,
            "end_time": END,
            "status": {"status_code": "error", "description": MESSAGE},
            "attributes": {"openinference.span.kind": "TOOL", "tool.name": "search"},
            "events": [{"name": "exception", "timestamp": END, "attributes": {"a.b": "c"}}],
            "resource": {"attributes": {"service.name": "svc"}},
        },
    ]
}

JAVASCRIPT_SDK: JsonValue = [
    {
        "name": "root",
        "spanContext": {"traceId": TRACE, "spanId": ROOT},
        "startTime": [START // 10**9, START % 10**9],
        "endTime": [END // 10**9, END % 10**9],
        "status": {"code": 0},
        "resource": {"attributes": {"service.name": "svc"}},
        "attributes": {},
    },
    {
        "name": "child",
        "spanContext": {"traceId": TRACE, "spanId": CHILD},
        "parentSpanId": ROOT,
        "startTime": [START // 10**9, START % 10**9],
        "endTime": [END // 10**9, END % 10**9],
        "status": {"code": 2, "message": MESSAGE},
        "resource": {"attributes": {"service.name": "svc"}},
        "attributes": {"openinference.span.kind": "TOOL", "tool.name": "search"},
        "events": [
            {
                "name": "exception",
                "time": [END // 10**9, END % 10**9],
                "attributes": {"a.b": "c"},
            }
        ],
    },
]

PHOENIX_REST: JsonValue = {
    "next_cursor": None,
    "data": [
        {
            "id": "U3Bhbjox",
            "name": "root",
            "context": {"trace_id": TRACE, "span_id": ROOT},
            "span_kind": "UNKNOWN",
            "parent_id": None,
            "start_time": START_ISO,
            "end_time": END_ISO,
            "status_code": "UNSET",
            "status_message": "",
            "attributes": {"resource.service.name": "svc"},
            "events": [],
        },
        {
            "id": "U3Bhbjoy",
            "name": "child",
            "context": {"trace_id": TRACE, "span_id": CHILD},
            "span_kind": "TOOL",
            "parent_id": ROOT,
            "start_time": START_ISO,
            "end_time": END_ISO,
            "status_code": "ERROR",
            "status_message": MESSAGE,
            "attributes": {"tool.name": "search", "resource.service.name": "svc"},
            "events": [{"name": "exception", "timestamp": END_ISO, "attributes": {"a.b": "c"}}],
        },
    ],
}

PHOENIX_ROWS: JsonValue = [
    {
        "context.trace_id": TRACE,
        "context.span_id": ROOT,
        "parent_id": None,
        "name": "root",
        "span_kind": "UNKNOWN",
        "start_time": START,
        "end_time": END,
        "status_code": "UNSET",
        "status_message": "",
        "events": [],
        "attributes.tool": None,
        "attributes.resource": {"service": {"name": "svc"}},
    },
    {
        "context.trace_id": TRACE,
        "context.span_id": CHILD,
        "parent_id": ROOT,
        "name": "child",
        "span_kind": "TOOL",
        "start_time": START,
        "end_time": END,
        "status_code": "ERROR",
        "status_message": MESSAGE,
        "events": [{"name": "exception", "timestamp": END_ISO, "attributes": {"a": {"b": "c"}}}],
        "attributes.tool": {"name": "search", "description": None},
        "attributes.resource": {"service": {"name": "svc"}},
    },
]

FORMATS: dict[str, JsonValue] = {
    "otlp-hex": otlp(otlp_spans(TRACE, ROOT, CHILD)),
    "otlp-base64": otlp(otlp_spans(b64(TRACE), b64(ROOT), b64(CHILD))),
    "nested": NESTED,
    "python-sdk": PYTHON_SDK,
    "integer-sdk": INTEGER_SDK,
    "javascript-sdk": JAVASCRIPT_SDK,
    "phoenix-rest": PHOENIX_REST,
    "phoenix-rows": PHOENIX_ROWS,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_the_same_trace_reads_alike(name: str) -> None:
    """Ids, parents, times, statuses, kinds, tool calls and events come out the same."""
    root, child = decode(FORMATS[name], stem="file")
    assert (root.trace_id, root.span_id, root.parent_id) == (TRACE, ROOT, None)
    assert (child.trace_id, child.span_id, child.parent_id) == (TRACE, CHILD, ROOT)
    assert (root.name, root.kind, root.status) == ("root", SpanKind.UNKNOWN, StatusCode.UNSET)
    assert (child.name, child.kind, child.status) == ("child", SpanKind.TOOL, StatusCode.ERROR)
    assert (child.start_ns, child.end_ns, child.status_message) == (START, END, MESSAGE)
    assert child.attributes["resource.service.name"] == "svc"
    io = tool_io_of(child)
    assert io is not None
    assert io.name == "search"
    (event,) = child.events
    assert (event.name, event.time_ns, dict(event.attributes)) == ("exception", END, {"a.b": "c"})


def test_lists_of_spans_under_other_names_are_found() -> None:
    """An object whose values are lists of spans is read, whatever its keys."""
    assert len(decode({"a": PYTHON_SDK, "b": "c"}, stem="file")) == 2


def test_what_stands_beside_the_spans_is_kept() -> None:
    """Other keys of the document are on its first span."""
    first, second = decode({"spans": PYTHON_SDK, "final_output": {"ok": True}}, stem="file")
    assert first.attributes["source.final_output.ok"] is True
    assert "source.final_output.ok" not in second.attributes


def test_typed_otlp_values_keep_their_types() -> None:
    """Integers may be texts in OTLP; arrays and key-value lists nest."""
    attributes: JsonValue = [
        {"key": "i", "value": {"intValue": "42"}},
        {"key": "d", "value": {"doubleValue": 0.5}},
        {"key": "b", "value": {"boolValue": False}},
        {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
        {
            "key": "m",
            "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": 1}}]}},
        },
        {"key": "e", "value": {"arrayValue": {}}},
        {"key": "n", "value": {}},
    ]
    spans: list[JsonValue] = [{"traceId": TRACE, "spanId": ROOT, "attributes": attributes}]
    (span,) = decode(otlp(spans), stem="file")
    own = {k: v for k, v in span.attributes.items() if not k.startswith(("resource.", "otel."))}
    assert own == {"i": 42, "d": 0.5, "b": False, "l": ["x"], "m.k": 1, "e": []}


def test_spans_without_times_have_none() -> None:
    """Zero is how protobuf says nothing."""
    spans: list[JsonValue] = [{"traceId": TRACE, "spanId": ROOT, "startTimeUnixNano": "0"}]
    (span,) = decode(otlp(spans), stem="file")
    assert (span.start_ns, span.end_ns, span.latency_ms) == (None, None, None)


def test_a_bare_object_of_attributes_is_a_trace_of_its_own() -> None:
    """Its ids come from its content, wherever the file lies; its name is the file's."""
    attributes: dict[str, JsonValue] = {"openinference.span.kind": "LLM", "input.value": "hi"}
    (one,) = decode(attributes, stem="a")
    (same,) = decode(dict(attributes), stem="b")
    assert (one.span_id, one.trace_id) == (same.span_id, same.trace_id)
    assert (len(one.trace_id), len(one.span_id), one.name, one.kind) == (32, 16, "a", "LLM")


def test_a_deep_nesting_of_spans_is_read() -> None:
    """Child spans are walked without recursion."""
    span: dict[str, JsonValue] = {"span_id": "0", "trace_id": "t", "child_spans": []}
    for depth in range(1, 5000):
        span = {"span_id": str(depth), "trace_id": "t", "child_spans": [span]}
    assert len(decode(span, stem="file")) == 5000


def test_a_cycle_of_parents_and_shared_ids_pass_through() -> None:
    """Decoding does not judge; the trace reports both."""
    spans: Sequence[dict[str, JsonValue]] = [
        {"trace_id": "t", "span_id": "a", "parent_id": "b", "name": "x"},
        {"trace_id": "t", "span_id": "b", "parent_id": "a", "name": "x"},
        {"trace_id": "t", "span_id": "b", "parent_id": "a", "name": "again"},
    ]
    trace = Trace("t", decode(list(spans), stem="file"))
    assert (trace.cycle_ids, trace.duplicate_ids) == (("a",), ("b",))


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        3,
        "text",
        [[]],
        {"errors": [{"a": 1}]},
        {"spans": []},
        {"resourceSpans": []},
        {"messages": []},
        {"messages": ["a", "b"]},
        {"trace": {"id": "t"}, "observations": []},
    ],
)
def test_a_document_without_spans_is_named_for_what_it_is(document: JsonValue) -> None:
    """No trace is made up from it."""
    with pytest.raises(UnreadableInput, match="no spans"):
        decode(document, stem="file")


WORDS = """
    spans data messages history role content name context span_id trace_id parent_id attributes
    resourceSpans scopeSpans traceId spanId events status child_spans span_attributes observations
    trace type startTime gen_ai.prompt tool_calls tool_call ai.operationId context.span_id
    timestamp duration links
"""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(set(WORDS.split()))), inner, max_size=5)
    ),
    max_leaves=25,
)


@given(json_values)
def test_no_document_is_a_traceback(document: JsonValue) -> None:
    """Whatever the shapes, the outcome is spans or a reason."""
    try:
        spans: tuple[Span, ...] = decode(document, stem="file")
    except UnreadableInput:
        return
    for span in spans:
        Trace(span.trace_id, [span]).content_hash  # noqa: B018


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TRACE.upper(), TRACE),
        (f"0x{TRACE}", TRACE),
        (int(TRACE, 16), TRACE),
        (b64(TRACE), TRACE),
        ("step-1", "step-1"),
        ("0" * 32, None),
        ("None", None),
        ("", None),
        (0, None),
        (None, None),
    ],
)
def test_trace_ids_in_every_spelling_are_hex(value: JsonValue, expected: str | None) -> None:
    """What is no OpenTelemetry id is left as it is; an invalid one is none."""
    assert hex_id(value, 16) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PT1M33.789274S", 93_789_274_000),
        ("PT0.000000001S", 1),
        ("P1DT2H", 93_600_000_000_000),
        ("PT0S", 0),
        ("P", None),
        ("1 s", None),
        (None, None),
    ],
)
def test_durations_are_exact(value: JsonValue, expected: int | None) -> None:
    """To the nanosecond; what is no duration is none."""
    assert duration_ns(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (START, START),
        (str(START), START),
        (START_ISO, START),
        ([START // 10**9, 5], START + 5),
        ("soon", None),
        (True, None),
        (-1, None),
        ([1], None),
    ],
)
def test_times_in_every_spelling_are_nanoseconds(value: JsonValue, expected: int | None) -> None:
    """What is no time is none."""
    assert time_ns(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Error", StatusCode.ERROR),
        ("STATUS_CODE_OK", StatusCode.OK),
        ("StatusCode.ERROR", StatusCode.ERROR),
        (2, StatusCode.ERROR),
        ("fine", StatusCode.UNSET),
        (None, StatusCode.UNSET),
    ],
)
def test_statuses_in_every_spelling(value: JsonValue, expected: StatusCode) -> None:
    """Unknown words are no status."""
    assert status_code(value) == expected


def test_the_table_of_times_agrees_with_itself() -> None:
    """Guards the constants of this file."""
    assert (parse_time(START_ISO), parse_time(END_ISO)) == (START, END)


def test_langfuse_observations_are_spans() -> None:
    """Types give kinds, levels give statuses, usage gives token counts."""
    export: JsonValue = {
        "trace": {"id": "t", "sessionId": "s", "input": "in", "name": "whole"},
        "observations": [
            {
                "id": "o2",
                "traceId": "t",
                "type": "GENERATION",
                "parentObservationId": "o1",
                "name": "call",
                "startTime": START_ISO,
                "endTime": END_ISO,
                "level": "ERROR",
                "statusMessage": MESSAGE,
                "model": "m",
                "usageDetails": {"input": 1, "output": 2, "total": 3},
                "input": '[{"role": "user", "content": "q"}]',
                "output": '{"role": "assistant", "content": "a"}',
                "metadata": '{"resourceAttributes": {"service.name": "svc"}, "team": "x"}',
            },
            {"id": "o1", "traceId": "t", "type": "AGENT", "name": "run", "startTime": START_ISO},
        ],
    }
    call, run = decode(export, stem="file")
    assert (call.kind, call.status, call.status_message) == ("LLM", "ERROR", MESSAGE)
    assert (call.parent_id, call.latency_ms) == ("o1", 1500.0)
    assert [(m.role, m.content) for m in messages_of(call)] == [("user", "q"), ("assistant", "a")]
    assert call.attributes["llm.token_count.total"] == 3
    assert call.attributes["resource.service.name"] == "svc"
    assert call.attributes["metadata"] == '{"team":"x"}'
    assert (run.kind, run.attributes["session.id"]) == ("AGENT", "s")
    assert run.attributes["langfuse.trace.input"] == "in"


def test_a_langfuse_span_that_put_out_a_tool_message_is_a_tool_call() -> None:
    """Its type says only SPAN, but its content says what it was; its name says nothing."""
    observation: JsonValue = {
        "id": "o",
        "traceId": "t",
        "type": "SPAN",
        "name": "x",
        "startTime": START_ISO,
        "input": "{'q': 1}",
        "output": '{"type": "tool", "name": "search", "tool_call_id": "c", "content": "found"}',
    }
    (span,) = decode(observation, stem="file")
    io = tool_io_of(span)
    assert io is not None
    assert (io.name, io.arguments, io.result, io.call_id) == ("search", "{'q': 1}", "found", "c")


def test_otlp_in_snake_case_keeps_its_parents_and_times() -> None:
    """As the Python libraries of protobuf write it on request."""
    camel = otlp(otlp_spans(TRACE, ROOT, CHILD))
    snake = json.loads(_snake_case(json.dumps(camel)))
    found = decode(snake, stem="file")
    assert found == decode(camel, stem="file")
    assert [span.parent_id for span in found] == [None, ROOT]


def _snake_case(text: str) -> str:
    return re.sub(r'"(\w+)":', lambda key: f'"{_snake(key[1])}":', text)


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()


@pytest.mark.parametrize("time", ["99999999999999999999", "-1", str(2**63)])
def test_a_start_out_of_range_keeps_its_span_and_its_file(time: str) -> None:
    """The time alone is unknown."""
    root, child = otlp_spans(TRACE, ROOT, CHILD)
    assert isinstance(root, dict)
    found = decode(otlp([{**root, "startTimeUnixNano": time}, child]), stem="file")
    assert [(span.name, span.start_ns is None) for span in found] == [
        ("root", True),
        ("child", False),
    ]
