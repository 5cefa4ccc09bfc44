"""The same questions have the same answers, whatever holds the traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from investigator.errors import FilterSyntaxError, SpanNotFound, TraceNotFound, UsageError
from investigator.store.api import Match
from investigator.traces.evaluations import Evaluation, Rater
from investigator.traces.model import SpanEvent, SpanKind
from tests.builders import exception_event, span
from tests.connectors.mlflow.mlflow_serving import MLFLOW, serve_mlflow
from tests.connectors.phoenix.serving import PHOENIX, serve_phoenix
from tests.store.conformance import FILES, Served

Serve = Callable[..., Served]


@pytest.fixture(params=sorted(FILES))
def serve_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Serves spans of any sort, by each implementation that is no server."""
    with closing_all() as opened:
        yield lambda *spans: opened(FILES[request.param](spans, tmp_path))


SERVERS = [pytest.param("phoenix", marks=PHOENIX), pytest.param("mlflow", marks=MLFLOW)]


@pytest.fixture(params=[*sorted(FILES), *SERVERS])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Serves the spans it is given, by each implementation in turn."""
    with closing_all() as opened:
        if request.param in FILES:
            yield lambda *spans: opened(FILES[request.param](spans, tmp_path))
        elif request.param == "mlflow":
            mlflow = request.getfixturevalue("mlflow_server")
            yield lambda *spans: opened(serve_mlflow(spans, mlflow))
        else:
            server = request.getfixturevalue("phoenix_server")
            yield lambda *spans: opened(serve_phoenix(spans, server))


@contextmanager
def closing_all() -> Iterator[Callable[[Served], Served]]:
    """Closes what it was given, in the end."""
    with ExitStack() as stack:

        def opened(api: Served) -> Served:
            stack.callback(api.close)
            return api

        yield opened


LLM = span(
    "llm",
    parent="root",
    kind="LLM",
    start_ms=2,
    attributes={
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "what is 6 × 7?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "42",
        "llm.token_count.total": 12,
    },
)
TOOL = span(
    "tool",
    parent="root",
    kind="TOOL",
    start_ms=1,
    status="ERROR",
    message="boom",
    attributes={"tool.name": "calc", "input.value": '{"a": 6}', "output.value": "error: boom"},
    events=[exception_event("ValueError", "boom, again")],
)
RETRIEVER = span(
    "retriever",
    parent="llm",
    kind="RETRIEVER",
    start_ms=3,
    attributes={
        "retrieval.documents.0.document.id": "d1",
        "retrieval.documents.0.document.content": "six times seven",
        "retrieval.documents.0.document.score": 0.25,
    },
)
ROOT = span("root", kind="AGENT", end_ms=9)


def test_spans_come_in_time_order_whatever_the_order_they_were_written_in(serve: Serve) -> None:
    """Shorter ids come first among equals."""
    api = serve(span("late", start_ms=5), span("s-10"), span("s-2"))
    assert [s.span_id for s in api.list_spans("t")] == ["s-2", "s-10", "late"]


def test_what_has_no_times_comes_last_and_is_in_no_window(serve_file: Serve) -> None:
    """Spans in their trace, traces in a list; none is given a time."""
    never = span("a", trace_id="never", start_ms=None, end_ms=None)
    api = serve_file(span("none", start_ms=None), span("s", start_ms=5), never)
    assert [s.span_id for s in api.list_spans("t")] == ["s", "none"]
    rows = api.list_traces()
    assert [row.trace_id for row in rows] == ["t", "never"]
    assert (rows[1].start_ns, rows[1].end_ns) == (None, None)
    assert [row.trace_id for row in api.list_traces(start_ns=0)] == ["t"]


def test_spans_come_back_as_they_were(serve_file: Serve) -> None:
    """Attributes of every JSON type, events, times and texts are kept exactly."""
    odd = span(
        "odd",
        name="naïve \x00 \U0001f600",
        end_ms=None,
        attributes={"n": None, "f": 0.1, "i": 2**70, "b": True, "l": [1, {"k": "é"}], "": "e"},
        events=[exception_event("E", "m", time_ms=None)],
    )
    assert serve_file(odd).get_span("t", "odd") == odd


def test_spans_are_listed_by_kind(serve: Serve) -> None:
    """`kind` keeps the spans of that kind, and only those."""
    api = serve(ROOT, LLM, TOOL)
    assert [s.span_id for s in api.list_spans("t", SpanKind.TOOL)] == ["tool"]
    assert api.list_spans("t", SpanKind.PROMPT) == ()


def test_verdicts_are_given_with_their_trace_and_are_no_spans(serve_file: Serve) -> None:
    """Whether they came beside the spans or stand in one; nothing else of the trace changes."""
    event = SpanEvent(
        "gen_ai.evaluation.result",
        7,
        {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 0.5},
    )
    whole = Evaluation("t", None, "quality", Rater.PERSON, passed=False, label="fail", ts_ns=9)
    of_step = Evaluation("t", "s", "exact", Rater.CODE, passed=True)
    other = Evaluation("u", None, "quality", Rater.MODEL, score=0.5, explanation="naïve\n'so'")
    api = serve_file(
        span("s", events=[event]), of_step, other, whole, span("s", trace_id="u"), whole
    )
    tone, *beside = api.get_evaluations("t")
    assert (tone.name, tone.span_id, tone.score, tone.ts_ns) == ("tone", "s", 0.5, 7)
    assert beside == [whole, of_step]
    assert list(api.get_evaluations("u")) == [other]
    assert api.get_trace("t").evaluations == (tone, whole, of_step)
    assert api.count_traces() == 2
    assert [row.span_count for row in api.list_traces()] == [1, 1]
    assert api.list_traces(filter_expr="name == 'quality'") == api.list_traces(limit=0)
    with pytest.raises(TraceNotFound):
        api.get_evaluations("x")


def test_children_are_direct_and_in_order(serve: Serve) -> None:
    """Grandchildren are not children."""
    api = serve(ROOT, LLM, TOOL, RETRIEVER)
    assert [s.span_id for s in api.get_children("t", "root")] == ["tool", "llm"]
    assert api.get_children("t", "tool") == ()


def test_a_trace_holds_only_its_own_spans(serve_file: Serve) -> None:
    """Span ids may repeat in another trace."""
    api = serve_file(span("a", name="one"), span("a", trace_id="u", name="two"))
    assert [s.name for s in api.list_spans("u")] == ["two"]
    assert api.count_traces() == 2


def test_messages_tool_io_and_documents_are_read_off_their_spans(serve: Serve) -> None:
    """Each is empty or None on spans of another sort."""
    api = serve(ROOT, LLM, TOOL, RETRIEVER)
    assert [m.content for m in api.get_messages("t", "llm")] == ["what is 6 × 7?", "42"]
    io = api.get_tool_io("t", "tool")
    assert io is not None
    assert (io.name, io.result) == ("calc", "error: boom")
    assert [c.document_id for c in api.get_retrieval_chunks("t", "retriever")] == ["d1"]
    assert api.get_tool_io("t", "llm") is None
    assert api.get_retrieval_chunks("t", "root") == ()


def test_of_spans_that_share_an_id_the_first_is_kept_and_the_id_reported(serve_file: Serve) -> None:
    """The summary counts spans as the trace does."""
    api = serve_file(span("a", start_ms=1, name="second", status="ERROR"), span("a", name="first"))
    trace = api.get_trace("t")
    assert [s.name for s in trace.spans] == ["first"]
    assert trace.duplicate_ids == ("a",)
    [row] = api.list_traces()
    assert (row.span_count, row.error_count, row.root_name) == (1, 0, "first")


def test_a_cycle_of_parents_has_a_root(serve: Serve) -> None:
    """The first span of the cycle names the trace."""
    api = serve(span("a", parent="b"), span("b", parent="a"))
    assert [row.root_name for row in api.list_traces()] == ["a"]


def test_an_orphan_that_starts_first_is_the_root(serve: Serve) -> None:
    """A parent outside the trace is no parent."""
    api = serve(span("root", start_ms=5), span("orphan", parent="gone"), span("c", parent="orphan"))
    assert [row.root_name for row in api.list_traces()] == ["orphan"]


def test_traces_are_ordered_by_first_start_and_paged(serve: Serve) -> None:
    """Shorter ids come first among equals."""
    api = serve(
        span("a", trace_id="t-10"),
        span("b", trace_id="t-2"),
        span("c", trace_id="late", start_ms=7, end_ms=9),
        span("d", trace_id="late", start_ms=8, end_ms=8),
    )
    rows = api.list_traces()
    assert [row.trace_id for row in rows] == ["t-2", "t-10", "late"]
    assert (rows[2].start_ns, rows[2].end_ns) == (7_000_000, 9_000_000)
    assert [row.trace_id for row in api.list_traces(limit=2, offset=1)] == ["t-10", "late"]
    assert [row.trace_id for row in api.list_traces(offset=2)] == ["late"]


def test_a_window_selects_traces_with_a_span_that_starts_in_it(serve: Serve) -> None:
    """The start belongs to the window, the end does not; the trace is not cut."""
    api = serve(
        span("a", trace_id="early", start_ms=0),
        span("b", trace_id="early", start_ms=10),
        span("c", trace_id="late", start_ms=20),
    )
    found = api.list_traces(start_ns=10_000_000, end_ns=20_000_000)
    assert [(row.trace_id, row.span_count) for row in found] == [("early", 2)]
    assert [row.trace_id for row in api.list_traces(start_ns=20_000_000)] == ["late"]
    assert [row.trace_id for row in api.list_traces(end_ns=10_000_000)] == ["early"]


def test_traces_are_listed_by_project(serve: Serve) -> None:
    """The project is what the OpenInference resource of a span says."""
    mine = {"resource.openinference.project.name": "mine"}
    api = serve(span("a", attributes=mine), span("b"), span("c", trace_id="u"))
    assert [row.trace_id for row in api.list_traces(project_name="mine")] == ["t"]
    assert {row.trace_id: row.project_name for row in api.list_traces()} == {"t": "mine", "u": None}
    assert not api.list_traces(project_name="yours")


def test_a_filter_selects_traces_with_a_span_that_matches(serve: Serve) -> None:
    """The whole trace is summarised, not only what matched."""
    api = serve(ROOT, LLM, TOOL, span("a", trace_id="u"))
    found = api.list_traces(
        filter_expr="status_code == 'ERROR' and attributes['tool.name'] == 'calc'"
    )
    assert [(row.trace_id, row.span_count, row.error_count) for row in found] == [("t", 3, 1)]
    assert not api.list_traces(filter_expr="latency_ms > 1000")
    assert [r.trace_id for r in api.list_traces(filter_expr="latency_ms < 5", limit=1)] == ["t"]


def test_a_filter_that_does_not_parse_lists_nothing(serve: Serve) -> None:
    """The error names the position."""
    with pytest.raises(FilterSyntaxError) as error:
        serve(ROOT).list_traces(filter_expr="latency > 5")
    assert error.value.position == 0


def test_a_search_finds_each_match_with_its_field_and_place(serve: Serve) -> None:
    """Offsets count characters, in span order, then by field."""
    api = serve(ROOT, LLM, TOOL)
    assert list(api.search_trace("t", r"7\?|boom")) == [
        Match("tool", "status_message", 0, 4, "boom"),
        Match("tool", "attributes.output.value", 7, 11, "boom"),
        Match("tool", "events.0.exception.message", 0, 4, "boom"),
        Match("llm", "attributes.llm.input_messages.0.message.content", 12, 14, "7?"),
    ]


def test_a_search_is_narrowed_by_field_and_limit(serve: Serve) -> None:
    """A field narrows by its name or the start of its name."""
    api = serve(TOOL)
    fields = [m.field for m in api.search_trace("t", "boom", ["events.", "status_message"])]
    assert fields == ["status_message", "events.0.exception.message"]
    assert len(api.search_trace("t", "boom", limit=1)) == 1


def test_a_pattern_that_is_none_is_refused(serve: Serve) -> None:
    """Look-around is not RE2, since it cannot be matched in linear time."""
    with pytest.raises(UsageError, match="RE2"):
        serve(ROOT).search_trace("t", "(?=x)")


def test_a_pattern_that_would_backtrack_for_ever_answers_at_once(serve: Serve) -> None:
    """RE2 takes time linear in the text."""
    api = serve(span("a", name="a" * 20_000 + "!"))
    assert not api.search_trace("t", r"^(a+)+$")


def test_what_is_not_there_is_an_error_that_says_so(serve: Serve) -> None:
    """A missing trace or span is never an empty answer."""
    api = serve(ROOT)
    with pytest.raises(TraceNotFound, match=r"no trace 'x'.*1 trace"):
        api.list_spans("x")
    with pytest.raises(SpanNotFound, match=r"no span 'x' in trace 't' \(1 span\)"):
        api.get_children("t", "x")


def test_several_traces_are_each_as_they_are_alone(serve_file: Serve) -> None:
    """Each once, by id, with their verdicts; one that is missing is an error."""
    verdict = Evaluation("t09", None, "correctness", Rater.PERSON, passed=True)
    api = serve_file(
        *(span("b" if at % 2 else "a", trace_id=f"t{at // 2:02}") for at in range(40)), verdict
    )
    wanted = ["t09", "t03", "t19", "t03"]
    found = list(api.get_traces(wanted))
    assert [one.trace_id for one in found] == ["t03", "t09", "t19"]
    for one in found:
        alone = api.get_trace(one.trace_id)
        assert (one.spans, one.evaluations) == (alone.spans, alone.evaluations)
    assert list(api.get_traces([])) == []
    with pytest.raises(TraceNotFound):
        list(api.get_traces(["t03", "t03b", "t05"]))


def test_an_empty_source_has_no_traces(serve: Serve) -> None:
    """It is a source all the same."""
    api = serve()
    assert not api.list_traces()
    assert api.count_traces() == 0


def test_worker_threads_may_share_one_api(serve: Serve) -> None:
    """Each thread sees whole answers."""
    api = serve(*(span(f"s{i}", trace_id=f"t{i % 12}") for i in range(120)))

    def read(index: int) -> int:
        return len(api.list_spans(f"t{index % 12}")) + len(api.list_traces(limit=3))

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(32))) == {13}


def test_a_trace_of_ten_thousand_children_is_read(serve_file: Serve) -> None:
    """Wide traces cost no more than their spans."""
    api = serve_file(ROOT, *(span(f"c{i}", parent="root", start_ms=1) for i in range(10_000)))
    assert len(api.get_children("t", "root")) == 10_000


def test_ids_are_found_by_their_beginning(serve: Serve) -> None:
    """Shorter ones first, then in order, as many as are asked for."""
    spans = [span(f"s{n}", trace_id=one) for n, one in enumerate(("b1", "a22", "a1", "a11"))]
    api = serve(*spans)
    assert list(api.trace_ids_from("a", limit=9)) == ["a1", "a11", "a22"]
    assert list(api.trace_ids_from("", limit=2)) == ["a1", "b1"]
    assert list(api.trace_ids_from("c", limit=9)) == []
