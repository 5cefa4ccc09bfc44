"""What a planner sees of a trace: bounded pages, redacted, each row with evidence that resolves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.errors import InvestigatorError, UsageError
from investigator.ground.canonical_json import JsonValue, canonical_json, sha256_json
from investigator.ground.redaction import Redactor
from investigator.inspection.pages import PAGE_CHARS
from investigator.inspection.trace_tools import inspection_tools
from investigator.runtime.tools import ToolAnswer, ToolRegistry
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.evidence import EvidenceRef, unresolved_reason
from investigator.traces.model import Span, Trace
from tests.builders import exception_event, span, trace

MAIL = "jane@example.com"


class Desk:
    """The tools over one trace, and what was cited through them."""

    def __init__(
        self, given: Trace, *, bound: bool = True, ignore_evaluations: bool = False
    ) -> None:
        self.trace = given
        self.cited: dict[str, EvidenceRef] = {}
        self.in_part: dict[str, bool] = {}
        api = MemoryInspectionAPI([given])
        self.registry = ToolRegistry(
            inspection_tools(
                api,
                Redactor(),
                trace_id=given.trace_id if bound else None,
                ignore_evaluations=ignore_evaluations,
            )
        )

    def cite(self, ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str:
        found = EvidenceRef.model_validate(ref)
        self.in_part[found.ref] = self.in_part.get(found.ref, True) and in_part
        for short, known in self.cited.items():
            if known == found:
                return short
        self.cited[f"e{len(self.cited) + 1}"] = found
        return f"e{len(self.cited)}"

    def ask(self, tool: str, **args: object) -> ToolAnswer:
        model = self.registry.tools[tool].args
        return asyncio.run(self.registry.call(tool, model.model_validate(args), self.cite))

    def page(self, tool: str, **args: object) -> Any:
        return self.ask(tool, **args).page


def all_pages(desk: Desk, tool: str, **args: object) -> Iterator[Any]:
    """Pages from the first on, as long as each names the next."""
    offset: int | None = 0
    while offset is not None:
        page = desk.page(tool, offset=offset, **args)
        yield page
        assert page["next_offset"] is None or page["next_offset"] > offset
        offset = page["next_offset"]


CALL = span(
    "call",
    parent="root",
    kind="TOOL",
    start_ms=5,
    status="ERROR",
    message=f"no mail to {MAIL}",
    attributes={"tool.name": "mail", "input.value": '{"to": "x"}', "output.value": "ok " * 3000},
    events=[exception_event("MailError", f"{MAIL} unknown")],
)
CHAT = span(
    "chat",
    parent="root",
    kind="LLM",
    attributes={
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": f"write to {MAIL}",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "done. " * 2000,
    },
)
FETCH = span(
    "fetch",
    parent="root",
    kind="RETRIEVER",
    attributes={
        "retrieval.documents.0.document.id": "d0",
        "retrieval.documents.0.document.content": "seven " * 2000,
        "retrieval.documents.0.document.score": 0.5,
        "retrieval.documents.1.document.content": "eight",
    },
)
DAY = trace(span("root", kind="AGENT", start_ms=0, end_ms=90), CALL, CHAT, FETCH)


def test_a_page_of_spans_says_what_each_is_and_where() -> None:
    """What is unknown or usual is left out of a row; it is a place to read, no reading."""
    desk = Desk(DAY)
    page = desk.page("list_spans", kind=None, errors_only=True, offset=0)
    assert page == {
        "rows": [
            {
                "id": "call",
                "parent": "root",
                "kind": "TOOL",
                "name": "call",
                "status": "ERROR",
                "message": "no mail to [REDACTED:email]",
                "at_ms": 5.0,
                "ms": -4.0,
                "step": 3,
                "role": "tool",
                "chars": 9011,
                "text": f'{{"to":"x"}} {"ok " * 21}ok…',
                "at": "t3",
            }
        ],
        "total": 1,
        "next_offset": None,
    }
    assert desk.cited == {}


def test_only_what_was_shown_can_be_cited() -> None:
    """Rows that did not fit on the page have no id yet, and a text that was cut is seen in part."""
    said: dict[str, JsonValue] = {}
    for number in range(40):
        said[f"llm.input_messages.{number}.message.role"] = "user"
        said[f"llm.input_messages.{number}.message.content"] = f"{number} " * (40 * number)
    desk = Desk(trace(span("s", kind="LLM", attributes=said)))
    page = desk.page("get_messages", span_id="s", index=None, offset=0)
    assert 0 < len(page["rows"]) < 40
    assert len(desk.cited) == len(page["rows"])
    cut = [desk.in_part[desk.cited[row["evidence"]].ref] for row in page["rows"]]
    assert cut == ["length" in row for row in page["rows"]]
    assert any(cut)
    assert not all(cut)


def test_pages_lead_from_one_to_the_next_until_all_rows_were_shown() -> None:
    """No row is missing and none is shown twice."""
    desk = Desk(trace(*(span(f"s{i}") for i in range(300))))
    rows = [
        row["id"]
        for page in all_pages(desk, "list_spans", kind=None, errors_only=False)
        for row in page["rows"]
    ]
    assert rows == [s.span_id for s in desk.trace.spans]


def test_a_long_text_is_read_on_to_its_end() -> None:
    """The parts of a message make the whole message."""
    desk = Desk(DAY)
    parts = [page["text"] for page in all_pages(desk, "get_messages", span_id="chat", index=1)]
    assert "".join(parts) == "done. " * 2000
    results = [p["text"] for p in all_pages(desk, "get_tool_io", span_id="call", part="result")]
    assert "".join(results) == "ok " * 3000
    texts = [
        p["text"] for p in all_pages(desk, "get_retrieval_chunks", span_id="fetch", position=0)
    ]
    assert "".join(texts) == "seven " * 2000
    field = "attributes.output.value"
    fields = [page["text"] for page in all_pages(desk, "get_span", span_id="call", field=field)]
    assert "".join(fields) == "ok " * 3000


def test_each_sort_of_content_is_cited_as_what_it_is() -> None:
    """Messages, tool calls and documents have evidence of their own kind."""
    desk = Desk(DAY)
    desk.page("get_messages", span_id="chat", index=None, offset=0)
    desk.page("get_tool_io", span_id="call", part=None, offset=0)
    desk.page("get_retrieval_chunks", span_id="fetch", position=None, offset=0)
    desk.page("get_span", span_id="call", field=None, offset=0)
    desk.page("search_trace", span_id=None, context=0, pattern="eight", fields=None, offset=0)
    assert [ref.ref for ref in desk.cited.values()] == [
        "message:chat:0",
        "message:chat:1",
        "tool:call",
        "retrieval:fetch:0:d0",
        "retrieval:fetch:1:",
        "span:call",
    ]
    assert all(unresolved_reason(ref, DAY) is None for ref in desk.cited.values())


def test_a_search_shows_what_is_around_a_match_without_its_secrets() -> None:
    """A match inside a secret shows the marker, and counts as a redaction."""
    answer = Desk(DAY).ask(
        "search_trace", span_id=None, context=0, pattern="jane", fields=["events"], offset=0
    )
    assert answer.page == {
        "rows": [
            {
                "id": "call",
                "field": "events.0.exception.message",
                "offset": 0,
                "text": "[REDACTED:email] unknown",
                "evidence": "e1",
            }
        ],
        "offset": 0,
        "next_offset": None,
    }
    assert answer.redactions == 1


def test_a_secret_that_an_excerpt_would_cut_is_redacted_whole() -> None:
    """Redaction comes before cutting, so no half of a secret is shown."""
    key = "sk-proj-Ab3dEf6hIj9kLmN0pQr"
    for gap in range(570, 620):
        desk = Desk(trace(span("a", attributes={"k": "x" * (gap - 1) + " " + key + " end"})))
        answer = desk.ask("get_span", span_id="a", field=None, offset=0)
        assert "sk-" not in canonical_json(answer.page)


def test_the_original_hash_is_that_of_the_page_before_redaction() -> None:
    """With nothing to redact it is the hash of the page itself."""
    clean = Desk(DAY).ask("get_tool_io", span_id="call", part=None, offset=0)
    assert clean.original_hash == sha256_json(clean.page)
    redacted = Desk(DAY).ask("get_messages", span_id="chat", index=0, offset=0)
    assert isinstance(redacted.page, dict)
    assert redacted.page["text"] == "write to [REDACTED:email]"
    assert redacted.original_hash != sha256_json(redacted.page)
    before = {**redacted.page, "text": f"write to {MAIL}", "length": len(f"write to {MAIL}")}
    assert redacted.original_hash == sha256_json(before)


def test_unbound_tools_name_the_trace_and_list_traces() -> None:
    """Bound tools have no trace to name."""
    desk = Desk(DAY, bound=False)
    page = desk.page("list_traces", filter=None, start_time=None, end_time=None, offset=0)
    assert page["rows"] == [
        {
            "id": "t",
            "root": "root",
            "start": "1970-01-01T00:00:00Z",
            "ms": 90.0,
            "spans": 4,
            "errors": 1,
        }
    ]
    assert desk.page("get_children", trace_id="t", span_id="root", offset=0)["total"] == 3
    assert "list_traces" not in Desk(DAY).registry.tools


@pytest.mark.parametrize(
    ("tool", "args", "message"),
    [
        ("get_messages", {"span_id": "chat", "index": 9, "offset": 0}, "2 messages"),
        (
            "get_tool_io",
            {"span_id": "chat", "part": None, "offset": 0},
            "kind LLM, not a tool call",
        ),
        ("get_span", {"span_id": "chat", "field": "attributes.x", "offset": 0}, "no field"),
        ("get_span", {"span_id": "nope", "field": None, "offset": 0}, "no span 'nope'"),
        ("get_retrieval_chunks", {"span_id": "fetch", "position": 7, "offset": 0}, "position 7"),
        (
            "search_trace",
            {"pattern": "(", "span_id": None, "context": 0, "fields": None, "offset": 0},
            "RE2",
        ),
    ],
)
def test_a_question_without_an_answer_says_what_to_ask(
    tool: str, args: dict[str, object], message: str
) -> None:
    """The planner sees the message and goes on."""
    with pytest.raises(InvestigatorError, match=message):
        Desk(DAY).ask(tool, **args)


def test_a_time_that_is_none_is_refused() -> None:
    """Rather than taken as no bound."""
    with pytest.raises(UsageError, match="ISO 8601"):
        Desk(DAY, bound=False).ask(
            "list_traces", filter=None, start_time="noon", end_time=None, offset=0
        )


@pytest.mark.parametrize("bound", [True, False])
def test_every_schema_stands_strict_structured_output(bound: bool) -> None:
    """All properties are required, none is open, each is described."""
    for tool in Desk(DAY, bound=bound).registry.tools.values():
        schema = tool.args.model_json_schema()
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])


texts = st.text(max_size=40) | st.builds(
    lambda part, times: part * times,
    st.sampled_from(
        ["a", "é", '"\\', "\x00\x1f", f"{MAIL} ", "password=hunter22 ", "\ufffd", "🙂", "\ud800"]
    ),
    st.integers(1, 3000),
)
keys = (
    st.sampled_from(
        [
            "input.value",
            "output.value",
            "tool.name",
            "llm.input_messages.0.message.role",
            "llm.input_messages.0.message.content",
            "llm.output_messages.0.message.content",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
            "retrieval.documents.0.document.content",
            "retrieval.documents.0.document.id",
            "retrieval.documents.3.document.metadata",
        ]
    )
    | texts
)
spans_of_any_sort = st.builds(
    span,
    st.sampled_from(["a", "b", "c", "d", "x" * 5000]),
    parent=st.none() | st.sampled_from(["a", "b", "zz" * 4000]),
    kind=st.sampled_from(["LLM", "TOOL", "RETRIEVER", "CHAIN"]),
    name=texts,
    start_ms=st.none() | st.integers(0, 10),
    end_ms=st.none() | st.integers(0, 10**9),
    status=st.sampled_from(["OK", "ERROR", "UNSET"]),
    message=texts,
    attributes=st.dictionaries(
        keys, texts | st.integers() | st.lists(texts, max_size=3), max_size=8
    ),
    events=st.lists(st.builds(exception_event, texts, texts), max_size=2),
)


def questions(spans: tuple[Span, ...]) -> Iterator[tuple[str, dict[str, object]]]:
    """Each tool with each sort of argument."""
    for offset in (0, 1, 700):
        yield "list_spans", {"kind": None, "errors_only": False, "offset": offset}
        yield (
            "search_trace",
            {"pattern": "(?s).", "span_id": None, "context": 0, "fields": None, "offset": offset},
        )
        yield (
            "search_trace",
            {
                "pattern": "hunter|jane",
                "span_id": None,
                "context": 0,
                "fields": None,
                "offset": offset,
            },
        )
        for one in spans[:2]:
            named: dict[str, object] = {"span_id": one.span_id, "offset": offset}
            yield "get_span", {**named, "field": None}
            yield "get_span", {**named, "field": "name"}
            yield "get_span", {**named, "field": "attributes.input.value"}
            yield "get_children", named
            yield "get_messages", {**named, "index": None}
            yield "get_messages", {**named, "index": 0}
            yield "get_tool_io", {**named, "part": None}
            yield "get_tool_io", {**named, "part": "result"}
            yield "get_retrieval_chunks", {**named, "position": None}
            yield "get_retrieval_chunks", {**named, "position": 0}


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(spans_of_any_sort, min_size=1, max_size=12))
def test_any_page_of_any_trace_is_bounded_and_its_evidence_resolves(spans: list[Span]) -> None:
    """Whatever a trace holds: long ids, control characters, secrets, odd marks.

    Lone surrogates too, which values in memory may hold; span ids are there once.
    """
    desk = Desk(Trace("t", list({one.span_id: one for one in spans}.values())))
    for tool, args in questions(desk.trace.spans):
        try:
            answer = desk.ask(tool, **args)
        except InvestigatorError:
            continue
        shown = canonical_json(answer.page)
        most = PAGE_CHARS * (2 if tool == "search_trace" else 1)
        assert len(shown) <= most, (tool, args)
        assert MAIL not in shown
        assert "hunter22" not in shown
    assert all(unresolved_reason(ref, desk.trace) is None for ref in desk.cited.values())


def test_the_first_page_of_spans_shows_the_verdicts_redacted_and_citable() -> None:
    """On the trace and on its spans; a long list is counted, and later pages do not repeat it."""
    judged = [
        Evaluation(
            "t", "a", f"q{at}" * 200, Rater.PERSON, passed=False, explanation=f"{MAIL} " * 99
        )
        for at in range(8)
    ]
    desk = Desk(Trace("t", [span("a"), span("b")], judged))
    page = desk.page("list_spans", kind=None, errors_only=False, offset=0)
    assert len(canonical_json(page)) <= PAGE_CHARS
    assert MAIL not in canonical_json(page)
    assert [row["id"] for row in page["rows"]] == ["a", "b"]
    assert (len(page["evaluations"]), page["more_evaluations"]) == (6, 2)
    assert all(row["passed"] is False and row["span"] == "a" for row in page["evaluations"])
    refs = [desk.cited[row["evidence"]] for row in page["evaluations"]]
    assert [unresolved_reason(ref, desk.trace) for ref in refs] == [None] * 6
    gone = Trace("t", desk.trace.spans)
    assert "names no evaluation" in str(unresolved_reason(refs[0], gone))
    later = desk.page("list_spans", kind=None, errors_only=False, offset=1)
    assert "evaluations" not in later


def test_verdicts_that_are_to_be_ignored_stand_on_no_page() -> None:
    """A planner concludes as if the data carried none."""
    judged = Evaluation("t", "a", "quality", Rater.PERSON, passed=False)
    desk = Desk(Trace("t", [span("a")], [judged]), ignore_evaluations=True)
    assert "evaluations" not in desk.page("list_spans", kind=None, errors_only=False, offset=0)


def test_a_trace_without_verdicts_shows_none() -> None:
    """Its pages are as they were."""
    page = Desk(trace(span("a"))).page("list_spans", kind=None, errors_only=False, offset=0)
    assert page.keys() == {"rows", "total", "next_offset"}
