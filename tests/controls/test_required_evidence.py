"""What a control needs to see is either visible or named as missing, with its span."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from investigator.controls.required_evidence import RequiredEvidence as Kind
from investigator.controls.required_evidence import missing, missing_evidence
from investigator.ground.canonical_json import JsonValue
from investigator.readings.cut_texts import is_cut
from investigator.traces.model import REDACTED, Span, Trace
from tests.builders import readings, span, trace
from tests.controls.policy_chat import call, chat, says, user

ASKED, ANSWERED, DONE = "ask-1", "llm-1", "llm-2"
TOOL, FETCH, RAIL = "tool-1", "fetch-1", "rail-1"

Told = Mapping[str, JsonValue]


def _message(put: str, index: int, role: str, content: JsonValue) -> dict[str, JsonValue]:
    base = f"llm.{put}_messages.{index}.message."
    return {f"{base}role": role, f"{base}content": content}


SPANS: dict[str, tuple[str, dict[str, JsonValue]]] = {
    ASKED: ("AGENT", {"input.value": "pay"}),
    ANSWERED: (
        "LLM",
        {
            **_message("input", 0, "system", "You pay bills."),
            **_message("input", 1, "user", "pay"),
            **_message("output", 0, "assistant", "I pay it."),
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "pay",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"sum":9}',
            "llm.tools.0.tool.json_schema": '{"name": "pay"}',
            "llm.model_name": "m-1",
            "llm.token_count.prompt": 7,
            "llm.token_count.completion": 3,
        },
    ),
    TOOL: (
        "TOOL",
        {
            "tool.name": "pay",
            "tool_call.id": "c1",
            "input.value": '{"sum":9}',
            "output.value": "done by bank",
        },
    ),
    FETCH: (
        "RETRIEVER",
        {
            "retrieval.documents.0.document.id": "d1",
            "retrieval.documents.0.document.content": "a page about bills",
        },
    ),
    RAIL: ("GUARDRAIL", {"output.value": "allowed"}),
    DONE: (
        "LLM",
        {
            **_message("output", 0, "assistant", "paid"),
            "llm.model_name": "m-1",
            "llm.token_count.total": 12,
        },
    ),
}
"""A run that shows everything."""


def run(span_id: str = "", changes: Told | None = None, *, without: str = "") -> Trace:
    """The run with one span's attributes put differently (None: absent), or without a span."""
    found: list[Span] = []
    for at, (name, (kind, known)) in enumerate(SPANS.items()):
        given = {**known, **(changes or {})} if name == span_id else known
        attributes = {key: value for key, value in given.items() if value is not None}
        parent = None if name == ASKED else ASKED
        found.append(
            span(name, kind=kind, parent=parent, start_ms=at, end_ms=at + 1, attributes=attributes)
        )
    return trace(*(one for one in found if one.span_id != without))


def lines(found: Trace, kind: Kind) -> str:
    """What the trace does not show of a kind of content."""
    return "\n".join(missing(readings(found), kind))


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_missing_where_everything_is_visible(kind: Kind) -> None:
    """For every kind of evidence."""
    assert lines(run(), kind) == ""


@pytest.mark.parametrize("kind", Kind)
def test_an_empty_trace_shows_nothing(kind: Kind) -> None:
    """For every kind of evidence."""
    assert lines(trace(), kind) == "the trace has no spans"


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in (Kind.TIMESTAMPS, Kind.COMPLETE_TREE)]
)
def test_what_a_trace_holds_nothing_of_is_missing(kind: Kind) -> None:
    """Whoever asks for it needs it."""
    assert lines(trace(span(kind="CHAIN")), kind)


TEXTS = [
    (Kind.MESSAGES, ANSWERED, "llm.input_messages.1.message.content"),
    (Kind.SYSTEM_MESSAGE, ANSWERED, "llm.input_messages.0.message.content"),
    (Kind.USER_MESSAGE, ANSWERED, "llm.input_messages.1.message.content"),
    (Kind.FINAL_ANSWER, DONE, "llm.output_messages.0.message.content"),
    (Kind.TOOL_RESULTS, TOOL, "output.value"),
    (Kind.TOOL_DEFINITIONS, ANSWERED, "llm.tools.0.tool.json_schema"),
    (Kind.RETRIEVAL_CHUNKS, FETCH, "retrieval.documents.0.document.content"),
    (Kind.GUARDRAIL_RESULTS, RAIL, "output.value"),
    (
        Kind.TOOL_ARGUMENTS,
        ANSWERED,
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
    ),
]
CUTS = [
    "it begins so…[truncated 1200 chars]",
    "it begins so <truncated>",
    "it begins so... (900 more characters)",
    '{"a": "it begins so [TRUNCATED]"}',
    "it begins so [... 40 bytes omitted ...] and ends so",
]


@pytest.mark.parametrize(("kind", "span_id", "key"), TEXTS)
@pytest.mark.parametrize("text", [REDACTED, f"it begins so {REDACTED}", *CUTS])
def test_hidden_and_cut_content_is_told_with_its_span(
    kind: Kind, span_id: str, key: str, text: str
) -> None:
    """Whether all of it was withheld, or a part."""
    told = lines(run(span_id, {key: text}), kind)
    assert span_id in told
    assert ("hidden" if REDACTED in text else "cut off") in told


@pytest.mark.parametrize(("kind", "span_id", "key"), TEXTS)
def test_a_sentence_about_cutting_is_not_cut(kind: Kind, span_id: str, key: str) -> None:
    """The word alone says nothing of the record."""
    text = "The list was truncated to ten rows, the rest omitted."
    assert lines(run(span_id, {key: text}), kind) == ""


@pytest.mark.parametrize("text", CUTS)
def test_an_exporters_mark_is_a_cut(text: str) -> None:
    """In brackets, or with a count of what is gone."""
    assert is_cut(text)


@pytest.mark.parametrize(
    "text",
    [
        "The output was truncated.",
        "He waited...",
        "an ellipsis…",
        "We removed 200 characters from the title.",
        "See <b>removed</b> below.",
        "TRUNCATE TABLE bills",
        "",
        "\ud800",
    ],
)
def test_words_about_cutting_are_no_cut(text: str) -> None:
    """Nor is an ellipsis by itself."""
    assert not is_cut(text)


@pytest.mark.parametrize(
    ("kind", "span_id", "absent"),
    [
        (Kind.RETRIEVAL_CHUNKS, FETCH, ["retrieval.documents.0.document.content"]),
        (Kind.GUARDRAIL_RESULTS, RAIL, ["output.value"]),
        (Kind.MODEL_NAME, DONE, ["llm.model_name"]),
        (Kind.TOKEN_COUNTS, DONE, ["llm.token_count.total"]),
        (Kind.TOKEN_COUNTS, ANSWERED, ["llm.token_count.prompt"]),
        (Kind.MESSAGES, DONE, [key for key in SPANS[DONE][1] if "messages" in key]),
        (Kind.FINAL_ANSWER, DONE, ["llm.output_messages.0.message.content"]),
    ],
)
def test_what_is_absent_on_one_span_is_told_with_it(
    kind: Kind, span_id: str, absent: list[str]
) -> None:
    """Though others of its kind show theirs."""
    assert span_id in lines(run(span_id, dict.fromkeys(absent)), kind)


def test_a_silent_model_may_have_called_what_has_no_span() -> None:
    """Where tools have spans of their own, these show every call."""
    silent = dict.fromkeys(key for key in SPANS[DONE][1] if "messages" in key)
    assert DONE in lines(run(DONE, silent, without=TOOL), Kind.TOOL_ARGUMENTS)
    assert lines(run(DONE, silent), Kind.TOOL_ARGUMENTS) == ""


def test_a_page_that_a_retriever_gave_as_text_may_be_cut_too() -> None:
    """Not every retriever lists documents."""
    page = {"output.value": "it begins so <truncated>", **dict.fromkeys(SPANS[FETCH][1])}
    told = lines(run(FETCH, page), Kind.RETRIEVAL_CHUNKS)
    assert told == "what fetch-1 answered in fetch-1 (fetch-1) is cut off"


def test_a_call_without_a_result_is_told_where_it_was_asked_for() -> None:
    """By the step and the tool."""
    told = lines(run(TOOL, {"output.value": None}), Kind.TOOL_RESULTS)
    assert "what pay answered (llm-1) is not recorded" in told


def test_a_tool_without_recorded_arguments_is_told() -> None:
    """A call that no model wrote down is known by its span alone."""
    bare = trace(span(TOOL, kind="TOOL", name="pay", attributes={"output.value": "done"}))
    assert lines(bare, Kind.TOOL_ARGUMENTS) == "the arguments of pay (tool-1) are not recorded"


def test_no_times_are_told_for_starts_and_ends() -> None:
    """Each with its spans."""
    found = trace(span("a", end_ms=None), span("b", start_ms=None))
    assert lines(found, Kind.TIMESTAMPS) == "1 span without a start: b\n1 span without an end: a"


def test_a_broken_tree_is_told() -> None:
    """Parents that are not there, cycles, ids that are taken."""
    found = trace(span("a", parent="gone"), span("b", parent="c"), span("c", parent="b"), span("a"))
    told = lines(found, Kind.COMPLETE_TREE).split("\n")
    assert told == [
        "the trace has no root span",
        "1 span whose parent is not in the trace: a",
        "1 span in a cycle of parents: b",
        "1 span with an id that another span has: a",
    ]


def test_a_time_that_cannot_be_is_told() -> None:
    """A span that ends before it starts says no more of when it was than one without times."""
    found = trace(span("a", start_ms=5, end_ms=3), span("b", start_ms=None))
    assert lines(found, Kind.TIMESTAMPS).split("\n") == [
        "1 span without a start: b",
        "1 span that ends before it starts: a",
    ]


def test_a_chat_log_shows_its_words() -> None:
    """Turns have no spans of their own for models and tools."""
    found = readings(chat(user("find it"), call("search", "a page", q="it"), says("found")))
    kinds = (Kind.MESSAGES, Kind.USER_MESSAGE, Kind.FINAL_ANSWER, Kind.TOOL_ARGUMENTS)
    assert missing_evidence(found, [*kinds, Kind.TOOL_RESULTS]) == ()
    unanswered = chat(user("find it"), call("search", None, q="it"), says("found"))
    assert lines(unanswered, Kind.TOOL_RESULTS) == "what search answered (step-1) is not recorded"


def test_lines_are_few_and_each_is_told_once() -> None:
    """However much is missing; secrets and line breaks in names stay out."""
    secret = "sk-" + "a1B2c3D4" * 6
    spans = [span(f"t{i}", kind="TOOL", name=f"{secret}\n{i}") for i in range(40)]
    subject = readings(trace(*spans))
    told = missing_evidence(subject, [Kind.TOOL_RESULTS, Kind.TOOL_RESULTS])
    assert len(told) == len(set(told)) == 9
    assert told[-1].endswith("more of tool_results")
    assert not any(secret in line or "\n" in line or len(line) > 300 for line in told)
