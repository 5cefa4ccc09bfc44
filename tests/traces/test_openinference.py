"""What is read off a span's flat attributes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.traces.chat_messages import message_attributes
from investigator.traces.model import REDACTED, Message, ToolCall
from investigator.traces.openinference import (
    TokenCounts,
    flatten,
    messages_of,
    output_messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_definitions_of,
    tool_io_of,
)
from tests.builders import span

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
optional_texts = st.none() | texts
tool_calls = st.builds(ToolCall, call_id=optional_texts, name=texts, arguments=texts)
messages = st.builds(
    Message,
    role=texts,
    content=optional_texts,
    name=optional_texts,
    tool_calls=st.lists(tool_calls, max_size=12).map(tuple),
    tool_call_id=optional_texts,
)
scalars = st.booleans() | st.integers(-(2**63), 2**63) | texts | st.floats(allow_nan=False)
keys = st.text("abcxyz_", min_size=1, max_size=6)


@given(st.lists(messages, max_size=12))
def test_messages_written_as_attributes_read_back_the_same(said: list[Message]) -> None:
    """However many messages and calls there are: indices sort as numbers, not as text."""
    attributes = message_attributes("llm.output_messages", said)
    assert output_messages_of(span(attributes=attributes)) == tuple(said)


def test_input_messages_come_before_output_messages() -> None:
    """The position in this list is the evidence index."""
    attributes: dict[str, JsonValue] = {
        "llm.output_messages.0.message.role": "assistant",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.0.message.role": "system",
    }
    roles = [message.role for message in messages_of(span(attributes=attributes))]
    assert roles == ["system", "user", "assistant"]


def test_text_parts_of_a_message_are_its_content() -> None:
    """`message.contents` is read where `message.content` is missing; images have no text."""
    base = "llm.input_messages.0.message"
    attributes: dict[str, JsonValue] = {
        f"{base}.role": "user",
        f"{base}.contents.0.message_content.text": "one",
        f"{base}.contents.1.message_content.image.image.url": "data:",
        f"{base}.contents.2.message_content.text": "two",
    }
    assert messages_of(span(attributes=attributes))[0].content == "one\ntwo"


def test_hidden_content_stays_recognisable() -> None:
    """`__REDACTED__` is passed on as it is; absent content is None, not an empty text."""
    attributes: dict[str, JsonValue] = {
        "llm.input_messages.0.message.content": REDACTED,
        "llm.input_messages.1.message.role": "assistant",
    }
    hidden, absent = messages_of(span(attributes=attributes))
    assert (hidden.content, absent.content) == (REDACTED, None)


def test_a_deprecated_function_call_is_a_tool_call() -> None:
    """The keys from before tool calls are still read."""
    base = "llm.output_messages.0.message"
    attributes: dict[str, JsonValue] = {
        f"{base}.function_call_name": "add",
        f"{base}.function_call_arguments_json": '{"a":1}',
    }
    assert messages_of(span(attributes=attributes))[0].tool_calls == (
        ToolCall(None, "add", '{"a":1}'),
    )


@pytest.mark.parametrize(
    ("attributes", "arguments"),
    [
        ({"input.value": "x", "tool.parameters": "{}"}, "x"),
        ({"tool.parameters": '{"q": 1}'}, '{"q": 1}'),
        ({"gen_ai.tool.args": "y"}, "y"),
        ({}, None),
    ],
)
def test_tool_arguments_come_from_the_first_key_that_has_them(
    attributes: dict[str, JsonValue], arguments: str | None
) -> None:
    """`input.value` is what was asked; `tool.parameters` only where nothing else is said."""
    io = tool_io_of(span(kind="TOOL", attributes=attributes))
    assert io is not None
    assert io.arguments == arguments


def test_only_a_tool_span_has_tool_io() -> None:
    """A chain with an input and an output is no tool call."""
    assert tool_io_of(span(kind="CHAIN", attributes={"tool.name": "x"})) is None


def test_documents_are_in_order_of_their_position() -> None:
    """Scores may be numbers or texts; metadata is text."""
    attributes: dict[str, JsonValue] = {
        "retrieval.documents.10.document.content": "late",
        "retrieval.documents.2.document.id": "d2",
        "retrieval.documents.2.document.score": "0.5",
    }
    first, last = retrieval_chunks_of(span(attributes=attributes))
    assert (first.position, first.document_id, first.score, first.content) == (2, "d2", 0.5, None)
    assert (last.position, last.content) == (10, "late")


def test_token_counts_written_as_text_are_numbers() -> None:
    """What is no whole number is unknown."""
    attributes: dict[str, JsonValue] = {
        "llm.token_count.prompt": "12",
        "llm.token_count.completion": "many",
    }
    assert token_counts_of(span(attributes=attributes)) == TokenCounts(12, None, None)


@pytest.mark.parametrize(
    "schema", [{"name": "add"}, {"type": "function", "function": {"name": "add"}}]
)
def test_a_tool_definition_is_known_by_name(schema: JsonValue) -> None:
    """Both shapes of a function's JSON schema name the tool."""
    attributes: dict[str, JsonValue] = {"llm.tools.0.tool.json_schema": json.dumps(schema)}
    assert [tool.name for tool in tool_definitions_of(span(attributes=attributes))] == ["add"]


class Array:
    """Stands for an array of another library."""

    def __init__(self, *items: object) -> None:
        self.items = items

    def tolist(self) -> list[object]:
        """As numpy has it."""
        return list(self.items)


@pytest.mark.parametrize(
    ("nested", "flat"),
    [
        ({"a": {"b": {"c": 1}}}, {"a.b.c": 1}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.0.b": 1, "a.1.b": 2}),
        ({"a": [1, "x", None]}, {"a": [1, "x", None]}),
        ({"a": []}, {"a": []}),
        ({"a": None, "b": {"c": None, "d": [None]}}, {"b.d": [None]}),
        ({"a": Array({"b": Array(1.5)}, Array())}, {"a.0.b": [1.5], "a.1": []}),
        ({"a": float("nan"), "b": float("inf")}, {"b": "inf"}),
        ({"metadata": {"k": 1, "empty": None}}, {"metadata": '{"k":1}'}),
        ({"a": b"\xff", "b": b"ok"}, {"a": "ff", "b": "ok"}),
    ],
)
def test_nested_attributes_become_flat_keys(
    nested: dict[str, object], flat: dict[str, JsonValue]
) -> None:
    """Also with what a Parquet round trip leaves: arrays, and structs filled with None."""
    assert flatten(nested) == flat


@given(st.dictionaries(keys, scalars, max_size=8))
def test_flat_attributes_are_left_as_they_are(flat: dict[str, JsonValue]) -> None:
    """Infinite numbers apart, which JSON cannot say."""
    finite = {k: v for k, v in flat.items() if v not in (float("inf"), float("-inf"))}
    assert flatten(finite) == finite


@given(
    st.recursive(
        st.none() | scalars | st.just(float("nan")),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=20,
    )
)
def test_whatever_is_flattened_can_be_written_as_json(value: object) -> None:
    """And flattening twice is flattening once."""
    flat = flatten({"root": value})
    canonical_json(dict(flat))
    assert flatten(flat) == flat


def test_documents_of_a_reranker_are_retrieved_documents() -> None:
    """Where the span retrieved none itself; those it was given to rank are no result."""
    attributes: dict[str, JsonValue] = {
        "reranker.output_documents.0.document.id": "d1",
        "reranker.output_documents.0.document.content": "kept",
        "reranker.input_documents.0.document.id": "d0",
    }
    (kept,) = retrieval_chunks_of(span(kind="RERANKER", attributes=attributes))
    assert (kept.document_id, kept.content) == ("d1", "kept")
