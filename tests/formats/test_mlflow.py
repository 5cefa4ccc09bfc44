"""MLflow traces: what its schemas say in their own ways."""

from __future__ import annotations

import json

import pytest

from investigator.formats.registry import decode
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, ToolCall
from investigator.traces.openinference import (
    messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_io_of,
)
from tests.formats.same_run import b64

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def mlflow(name: str = "step", **values: JsonValue) -> Span:
    """One span alone; `spanType="TOOL"` is the attribute `mlflow.spanType`."""
    attributes: dict[str, JsonValue] = {"mlflow.traceRequestId": json.dumps("tr-1")}
    attributes |= {f"mlflow.{key}": json.dumps(value) for key, value in values.items()}
    context: JsonValue = {"trace_id": TRACE, "span_id": SPAN}
    span: JsonValue = {"name": name, "context": context, "attributes": attributes}
    return decode(span, stem="file")[0]


@pytest.mark.parametrize(
    ("span_type", "kind"),
    [
        ("LLM", "LLM"),
        ("CHAT_MODEL", "LLM"),
        ("PARSER", "CHAIN"),
        ("RERANKER", "RERANKER"),
        ("MEMORY", "UNKNOWN"),
        ("my own", "UNKNOWN"),
        (None, "UNKNOWN"),
        (["TOOL"], "UNKNOWN"),
    ],
)
def test_the_span_type_is_the_kind(span_type: JsonValue, kind: str) -> None:
    """A type of the user's own names none, whatever the span is called."""
    assert mlflow("llm", spanType=span_type).kind == kind


@pytest.mark.parametrize(
    ("name", "function", "tool"),
    [
        ("search", None, "search"),
        ("search_2", "search", "search"),
        ("search_2", None, "search_2"),
        ("Search the web", "search", "Search the web"),
    ],
)
def test_a_tool_is_named_by_its_span(name: str, function: str | None, tool: str) -> None:
    """Unless MLflow numbered the span, which shows beside the function's name."""
    io = tool_io_of(mlflow(name, spanType="TOOL", spanFunctionName=function))
    assert io is not None
    assert io.name == tool


@pytest.mark.parametrize(
    ("stored", "result"),
    [
        ('"sunny"', "sunny"),
        ('{"a": 1}', '{"a":1}'),
        (json.dumps('{"a": 1}'), '{"a": 1}'),
        ("not JSON", "not JSON"),
        ("3", "3"),
        ("null", None),
    ],
)
def test_a_value_is_what_its_json_text_holds(stored: str, result: str | None) -> None:
    """One layer of JSON is MLflow's; a text that looks like JSON stays as the tool wrote it."""
    attributes: JsonValue = {
        "mlflow.traceRequestId": '"tr-1"',
        "mlflow.spanType": '"TOOL"',
        "mlflow.spanOutputs": stored,
    }
    span: JsonValue = {"name": "t", "span_id": SPAN, "trace_id": TRACE, "attributes": attributes}
    io = tool_io_of(decode(span, stem="file")[0])
    assert io is not None
    assert io.result == result


def test_attributes_of_the_users_own_are_read_out() -> None:
    """Numbers and texts as such; objects stay the JSON text that they are."""
    attributes: JsonValue = {
        "mlflow.traceRequestId": '"tr-1"',
        "temperature": "0.5",
        "release": '"v7"',
        "limits": '{"a": 1}',
        "plain": "as another exporter writes it",
    }
    document: JsonValue = {
        "name": "s",
        "span_id": SPAN,
        "trace_id": TRACE,
        "attributes": attributes,
    }
    (span,) = decode(document, stem="file")
    assert span.attributes["temperature"] == 0.5
    assert span.attributes["release"] == "v7"
    assert span.attributes["limits"] == '{"a": 1}'
    assert span.attributes["plain"] == "as another exporter writes it"


@pytest.mark.parametrize(
    ("trace_id", "more"),
    [
        (TRACE, {}),
        (f"0x{TRACE}", {}),
        (b64(TRACE), {}),
        (f"tr-{TRACE}", {}),
        (f"trace:/catalog.schema/{TRACE}", {}),
        ("tr-of-an-older-kind", {"otel_trace_id": TRACE}),
    ],
)
def test_a_trace_has_its_opentelemetry_id(trace_id: str, more: dict[str, JsonValue]) -> None:
    """However its spans spell it, so that it is found again where else it was sent."""
    spans: list[JsonValue] = [{"name": "s", "trace_id": trace_id, "span_id": SPAN, **more}]
    (span,) = decode({"info": {"trace_id": "tr-1"}, "data": {"spans": spans}}, stem="file")
    assert span.trace_id == TRACE


def test_what_the_trace_says_of_itself_stands_on_the_root() -> None:
    """Session and user as such, the rest under `mlflow.info.`; other spans do not repeat it."""
    spans: list[JsonValue] = [
        {"name": name, "span_id": name * 16, "parent_span_id": above, "trace_id": TRACE}
        for name, above in (("b", "a" * 16), ("a", None))
    ]
    info: JsonValue = {
        "trace_id": f"tr-{TRACE}",
        "state": "OK",
        "tags": {"release": "v7"},
        "trace_metadata": {"mlflow.trace.session": "s-1", "mlflow.trace.user": "u-1"},
    }
    child, root = decode({"info": info, "data": {"spans": spans}}, stem="file")
    assert (root.text("session.id"), root.text("user.id")) == ("s-1", "u-1")
    assert root.text("mlflow.info.tags.release") == "v7"
    assert child.attributes == {}


def test_a_trace_without_spans_is_unreadable_with_its_keys() -> None:
    """As MLflow gives it where the spans were not downloaded."""
    with pytest.raises(Exception, match="no spans: found an object with keys 'info', 'data'"):
        decode({"info": {"trace_id": "tr-1"}, "data": {"spans": []}}, stem="file")


def test_langchain_calls_are_read_in_mlflow_too() -> None:
    """Lists of lists of messages, generations with usage, and calls that were no valid JSON."""
    answer: JsonValue = {
        "content": "",
        "type": "ai",
        "tool_calls": [],
        "invalid_tool_calls": [{"name": "f", "args": '{"a": ', "id": "c1", "error": "cut"}],
        "usage_metadata": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    }
    span = mlflow(
        spanType="CHAT_MODEL",
        spanInputs=[[{"content": "hi", "type": "human"}]],
        spanOutputs={"generations": [[{"text": "", "message": answer}]]},
    )
    asked, answered = messages_of(span)
    assert (asked.role, asked.content) == ("user", "hi")
    assert answered.tool_calls == (ToolCall("c1", "f", '{"a": '),)
    assert token_counts_of(span).total == 5


def test_documents_keep_what_they_say() -> None:
    """Id and score from the document or its metadata; what is no document gives none."""
    found: JsonValue = [
        {"page_content": "one", "metadata": {"doc_uri": "u", "chunk_id": "c"}, "id": None},
        {"rows": 3},
        {"page_content": "two", "metadata": {"relevance_score": 0.5}, "id": "d"},
    ]
    chunks = retrieval_chunks_of(mlflow(spanType="RETRIEVER", spanOutputs=found))
    assert [(c.position, c.document_id, c.content, c.score) for c in chunks] == [
        (0, "c", "one", None),
        (2, "d", "two", 0.5),
    ]
    assert chunks[0].metadata == '{"doc_uri":"u","chunk_id":"c"}'
    nothing = mlflow(spanType="RETRIEVER", spanOutputs=[{"rows": 3}])
    assert retrieval_chunks_of(nothing) == ()
    assert nothing.text("output.value") == '[{"rows":3}]'
