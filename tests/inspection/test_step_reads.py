"""A run is read by its steps, whole or as outlines, and cited under ids that say what they name."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.errors import SpanNotFound, UsageError
from investigator.ground.canonical_json import JsonValue, canonical_json
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import outline_of, reads_of
from investigator.inspection.reference_names import ReferenceNames
from investigator.inspection.repeats import Repeats
from investigator.inspection.step_pages import STEPS_CHARS
from investigator.model_planner.overview import Outline
from investigator.readings.reading import Readings
from investigator.runtime.tokens import estimate_tokens
from investigator.runtime.tools import ToolAnswer
from investigator.store.memory import MemoryInspectionAPI
from investigator.traces.evidence import EvidenceRef, evidence_of
from investigator.traces.model import Span, Trace
from tests.builders import span, trace
from tests.signals import steps as made
from tests.store.conformance import FILES

MAIL = "jane@example.com"
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "a.py", line 3, in f\n'
    "    g()\n"
    "ValueError: no such page"
)


def asked(text: str) -> dict[str, str]:
    """The attributes of a model call that was told something."""
    first = "llm.input_messages.0.message"
    return {f"{first}.role": "user", f"{first}.content": text}


def answered(text: str) -> dict[str, str]:
    """And of what it said."""
    first = "llm.output_messages.0.message"
    return {f"{first}.role": "assistant", f"{first}.content": text}


def tool(span_id: str, at: int, arguments: str, result: str) -> Span:
    """A call of `search`."""
    told = {"tool.name": "search", "input.value": arguments, "output.value": result}
    return span(span_id, parent="root", kind="TOOL", start_ms=at, attributes=told)


def run_of(calls: int, size: int = 40) -> Trace:
    """An agent that is asked, calls a tool so many times, and answers."""
    root = span("root", kind="AGENT", start_ms=0)
    question = asked(f"Q {MAIL}")
    ask = span("ask", parent="root", kind="LLM", start_ms=1, attributes=question)
    reads = (
        tool(f"call{n}", 2 + n, json.dumps({"q": f"{n}"}), f"result {n} {'w ' * size}")
        for n in range(calls)
    )
    told = {**question, **answered("The answer is 7.")}
    end = span("end", parent="root", kind="LLM", start_ms=9000, attributes=told)
    return trace(root, ask, *reads, end)


class Reader:
    """The tools over one trace, and what was cited through them."""

    def __init__(self, given: Trace) -> None:
        self.readings = Readings(given, Redactor())
        self.tools = reads_of(MemoryInspectionAPI([given]), self.readings)
        self.cited: dict[str, EvidenceRef] = {}
        self.in_part: dict[str, bool] = {}

    def cite(self, ref: dict[str, JsonValue], /, *, in_part: bool = False) -> str:
        self.in_part[str(ref["ref"])] = in_part
        name = self.tools.names(ref)
        assert name is not None
        found = EvidenceRef.model_validate(ref)
        assert self.cited.setdefault(name, found) == found, name
        return name

    def ask(self, name: str, **args: object) -> ToolAnswer:
        model = self.tools.tools[name].args
        return asyncio.run(self.tools.call(name, model.model_validate(args), self.cite))

    def steps(self, first: int, last: int | None = None, **args: object) -> Any:
        plain: dict[str, object] = {"detail": "full", "offset": 0, **args}
        return self.ask("read_steps", **{"from": first, "to": last}, **plain).page

    @property
    def outline(self) -> Outline:
        outline = outline_of(self.readings)("0")
        assert outline is not None
        return outline


def test_a_step_says_who_did_what_and_how_to_cite_it() -> None:
    """Without secrets; a step's further lines are indented, so no text passes for a step."""
    root = span("root", kind="AGENT", start_ms=0)
    told = asked(f"{MAIL}\n[9] t9 x")
    said = span("a", parent="root", kind="LLM", start_ms=1, attributes=told)
    reader = Reader(trace(root, said, tool("b", 2, "{}", "found")))
    page = reader.steps(0)
    assert [row["text"] for row in page["rows"]] == [
        "[0] m0 user: [REDACTED:email]\n [9] t9 x",
        "[1] t1 root → search({}): found",
    ]
    assert [row["evidence"] for row in page["rows"]] == [["m0"], ["t1"]]
    assert reader.cited["t1"].ref == "tool:b"
    assert page["next"] is None


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 3000), st.sampled_from(["full", "outline"]))
def test_pages_of_steps_lead_to_the_end(calls: int, size: int, detail: str) -> None:
    """Every character of every step is shown once, each page in bounded size."""
    reader = Reader(run_of(calls, size))
    texts: dict[int, str] = {}
    following: Any = {"from": 0, "offset": 0}
    while following is not None:
        page = reader.steps(following["from"], offset=following["offset"], detail=detail)
        assert len(canonical_json(page)) <= STEPS_CHARS * 1.25
        assert page["rows"]
        for row in page["rows"]:
            assert row.get("offset", 0) == len(texts.get(row["step"], ""))
            texts[row["step"]] = texts.get(row["step"], "") + row["text"]
        following = page.get("next")
        cut = [row["step"] for row in page["rows"] if " more)… " in row["text"]]
        assert page.get("first_cut") == (cut[0] if detail == "outline" and cut else None)
        assert following is not None or not cut or "next" not in page or detail == "full"
    assert list(texts) == list(range(len(reader.readings.steps)))
    if detail == "full":
        assert texts[1].count("w ") >= size - 1


def test_what_cannot_be_read_is_refused_with_the_reason() -> None:
    """A step that there is not, a range that ends before it begins."""
    reader = Reader(run_of(2))
    with pytest.raises(UsageError, match="the run has 4 steps, numbered from 0"):
        reader.steps(4)
    with pytest.raises(UsageError, match="comes before"):
        reader.steps(2, 1)


def test_ids_say_what_they_name_and_name_one_thing() -> None:
    """Whatever of a trace is cited, and by whichever tool; steps are accepted where spans are."""
    reader = Reader(run_of(3))
    names = ReferenceNames(reader.readings)
    every = [ref for one in reader.readings.trace.spans for ref in evidence_of(one)]
    told = {ref.ref: names.of(ref) for ref in every}
    assert len(set(told.values())) == len(told)
    assert None not in told.values()
    assert told["tool:call1"] == "t2"
    assert told["span:call1"] == "s3"
    assert told["message:end:0"] == "s5.m0"
    assert told["message:end:1"] == "m4"
    read = reader.ask("get_tool_io", span_id="t2", part=None, offset=0).page
    assert isinstance(read, dict)
    assert read["evidence"] == "t2"


@pytest.mark.parametrize("name", ["t2", " T2 ", "[2]", "step 2", "2", "s3", "call1", "2:t2"])
def test_a_span_is_meant_by_its_id_or_by_its_step(name: str) -> None:
    """However it is written."""
    names = ReferenceNames(Reader(run_of(3)).readings)
    assert names.span_named(name) == "call1"


@pytest.mark.parametrize("name", ["t99", "x2", "", "s77", "call9", "t-1", "²"])
def test_what_names_no_step_names_no_span(name: str) -> None:
    """Nothing is guessed."""
    assert ReferenceNames(Reader(run_of(3)).readings).span_named(name) is None


def test_the_overview_tells_the_whole_run_where_it_fits() -> None:
    """Question, known outcome, answer and every step, and all of them can be cited."""
    reader = Reader(run_of(3))
    shown = reader.outline.whole(3000, estimate_tokens)
    assert shown is not None
    assert "Question: [0] Q [REDACTED:email]" in shown.text
    assert "Known outcome: nobody says" in shown.text
    assert "Final answer: [4] The answer is 7." in shown.text
    assert '[2] t2 root → search({"q":"1"}): result 1 w w' in shown.text
    assert set(shown.shows) == {"m0", "t1", "t2", "t3", "m4"}
    assert MAIL not in shown.text


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2000), st.integers(400, 6000))
def test_an_overview_is_never_over_its_size(calls: int, size: int, tokens: int) -> None:
    """And it cites nothing that it does not show."""
    outline = Reader(run_of(calls, size)).outline
    shown = outline.whole(tokens, estimate_tokens) or outline.within(tokens, estimate_tokens)
    assert estimate_tokens(shown.text) <= tokens
    for name in shown.shows:
        assert f"] {name} " in shown.text


def test_of_a_long_run_the_ends_are_shown() -> None:
    """And the others are counted, by what they called."""
    shown = Reader(run_of(2000)).outline.within(1500, estimate_tokens).text
    assert "[0] m0 user" in shown
    assert "(final answer): The answer is 7." in shown
    assert "calls of search" in shown
    assert "not shown" in shown


def test_tracebacks_are_folded_and_json_is_compact() -> None:
    """In the overview; a full read shows them as they are."""
    root = span("root", kind="AGENT", start_ms=0)
    reader = Reader(trace(root, tool("b", 2, '{"a":  1}', TRACEBACK)))
    text = reader.outline.within(2000, estimate_tokens).text
    assert "ValueError: no such page" in text
    assert "a.py" not in text
    assert 'search({"a":1})' in text
    assert "a.py" in reader.steps(0)["rows"][0]["text"]


@pytest.mark.parametrize("kind", sorted(FILES))
def test_steps_are_the_same_whatever_holds_the_trace(kind: str, tmp_path: Path) -> None:
    """The tool is part of the inspection API."""
    given = run_of(3)
    api = FILES[kind](given.spans, tmp_path)
    tools = reads_of(api, Readings(api.get_trace(given.trace_id), Redactor()))
    args = tools.tools["read_steps"].args.model_validate(
        {"from": 0, "to": None, "detail": "full", "offset": 0}
    )
    answer = asyncio.run(tools.call("read_steps", args, Reader(given).cite))
    assert answer.page == Reader(given).steps(0)
    api.close()


def searched(reader: Reader, pattern: str, **args: object) -> Any:
    """The page of a search in the steps."""
    plain: dict[str, object] = {"span_id": None, "context": 0, "fields": None, "offset": 0, **args}
    return reader.ask("search_trace", pattern=pattern, **plain).page


def test_a_search_finds_each_text_once_with_the_lines_around_it() -> None:
    """In the steps, not in every request that carries them along; each match says where it is."""
    said = [f"line {n}: {'needle' if n in (20, 23, 60) else 'hay'}" for n in range(80)]
    first = made.llm("ask", "\n".join(said), at=1)
    again = {
        "llm.input_messages.1.message.role": "assistant",
        "llm.input_messages.1.message.content": "\n".join(said),
    }
    later = made.llm("again", "done", at=2, attributes=again)
    reader = Reader(trace(made.agent(), first, later))
    alone = searched(reader, "needle")
    assert [row["text"] for row in alone["rows"]] == [said[20], said[23], said[60]]
    assert {row["at"] for row in alone["rows"]} == {row["evidence"] for row in alone["rows"]}
    assert set(reader.in_part.values()) == {True}
    around = searched(reader, "needle", context=2)["rows"]
    assert [row["text"].split("\n") for row in around] == [said[18:26], said[58:63]]
    assert [row.get("matches") for row in around] == [2, None]


def test_a_search_keeps_to_a_span_or_to_the_fields_that_are_named() -> None:
    """A step's id names its span too."""
    reader = Reader(
        trace(made.agent(), made.llm("ask", "a needle", at=1), made.tool("t", "needle", at=2))
    )
    assert len(searched(reader, "needle")["rows"]) == 2
    for one in ("t", searched(reader, "needle", span_id="t")["rows"][0]["at"]):
        (row,) = searched(reader, "needle", span_id=one)["rows"]
        assert row["text"] == "needle"
    (row,) = searched(reader, "needle", span_id="t", fields=["attributes.output"])["rows"]
    assert row["field"] == "attributes.output.value"
    with pytest.raises(SpanNotFound, match="no span"):
        searched(reader, "needle", span_id="nowhere")


def test_a_search_matches_no_secret() -> None:
    """What is hidden cannot be found out by asking for it letter by letter."""
    reader = Reader(trace(made.agent(), made.llm("ask", "write to jane@example.com now", at=1)))
    assert searched(reader, "jane")["rows"] == []
    assert "REDACTED" in searched(reader, "write to")["rows"][0]["text"]


@given(st.text(max_size=400), st.integers(0, 40), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_any_search_is_bounded_and_goes_on(text: str, context: int, offset: int) -> None:
    """Whatever stands in the steps, surrogates among it."""
    reader = Reader(trace(made.agent(), made.llm("ask", text * 60 + " \ud800 end", at=1)))
    page = searched(reader, "(?s).", context=context, offset=offset)
    assert len(canonical_json(page)) <= 13_000
    assert searched(reader, "end", context=context)["rows"]


def test_every_step_has_an_id_of_its_own() -> None:
    """Also where two of them stand in one span, so that all that they have is that span's."""
    reader = Reader(
        trace(span("a", kind="CHAIN", attributes={"input.value": "Why?", "output.value": "So."}))
    )
    known = ReferenceNames(reader.readings)
    names = [known.of_step(step) for step in reader.readings.steps]
    assert len(set(names)) == len(names) == 2
    for step, name in zip(reader.readings.steps, names, strict=True):
        assert name in known.shown_by(step)


BLOCK = "\n".join(f"{n}. a rule of the house that everybody has to keep" for n in range(12))


def test_a_block_that_stood_before_is_named_and_not_shown_again() -> None:
    """Word for word, but for spaces; what is new in the step stands."""
    reader = Reader(
        trace(
            made.agent(**{"input.value": "What is to be done?"}),
            made.llm("zero", "I think.", at=0),
            made.llm("one", f"My plan:\n{BLOCK}\nThen I begin.", at=1),
            made.llm("two", f"The plan was:\n  {BLOCK}\nNow I go on.", at=2),
            made.llm("three", "1. a rule of the house that everybody has to keep", at=3),
        )
    )
    shown = reader.outline.whole(8000, estimate_tokens)
    assert shown is not None
    assert shown.text.count("5. a rule of the house") == 1
    assert "[as in m" in shown.text
    assert "Now I go on." in shown.text


@given(st.lists(st.sampled_from([BLOCK, "x" * 400, "a\nb", "", "{\n}\n" * 200]), max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_fold_loses_nothing_that_is_new(texts: list[str]) -> None:
    """Each line of each text stands somewhere in what is shown of the run."""
    repeats = Repeats()
    shown = "\n".join(repeats.folded(f"m{n}", text) for n, text in enumerate(texts))
    for text in texts:
        for line in text.split("\n"):
            assert line in shown
    if texts:
        assert repeats.folded("m99", texts[0]).count("\n") <= texts[0].count("\n")


def test_tools_that_were_offered_are_named_with_what_they_take() -> None:
    """In any provider's form."""
    schema = {"type": "object", "properties": {"hours_back": {}, "server": {}}}
    forms = [
        {"type": "function", "function": {"name": "get_log", "parameters": schema}},
        {"name": "list_servers", "input_schema": {"type": "object", "properties": {}}},
    ]
    offered = {f"llm.tools.{n}.tool.json_schema": json.dumps(one) for n, one in enumerate(forms)}
    shown = Reader(
        trace(made.agent(), made.llm("ask", "x", at=1, attributes=offered))
    ).outline.whole(3000, estimate_tokens)
    assert shown is not None
    assert "Tools offered: get_log(hours_back, server); list_servers()" in shown.text
