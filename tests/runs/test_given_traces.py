"""Traces that a program holds, in any form, are a source like a file: read, kept, verified."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas
import pyarrow
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from investigator import RCA, Settings, UsageError, investigate, replay_run, steps, verify_run
from investigator.errors import SourceUnavailable
from investigator.runs.given_traces import as_file
from investigator.runs.sources import open_source
from investigator.traces.model import SpanKind, StatusCode
from tests.builders import span, trace

IDS = {"trace": "ab" * 16, "root": "cd" * 8, "child": "ef" * 8}


def rows() -> list[dict[str, Any]]:
    """Two spans as a data frame of Phoenix has them, the second one without an end."""
    shared = {"context.trace_id": IDS["trace"], "status_message": "", "events": []}
    began = datetime(2026, 3, 1, 9, 0, 0, 123_000, UTC)
    root = {
        "context.span_id": IDS["root"],
        "parent_id": None,
        "name": "agent",
        "span_kind": "AGENT",
        "start_time": began,
        "end_time": began,
        "status_code": "OK",
        "attributes.input.value": "hi",
        "attributes.llm.token_count.total": None,
    }
    child = {
        **root,
        "context.span_id": IDS["child"],
        "parent_id": IDS["root"],
        "span_kind": "LLM",
        "end_time": None,
        "status_code": "ERROR",
        "attributes.llm.token_count.total": 12.0,
        "attributes.llm.input_messages": [{"message.role": "user", "message.content": "hi"}],
    }
    return [{**shared, **root}, {**shared, **child}]


class Said(BaseModel):
    """A message of an SDK, or of LangChain."""

    type: str
    content: str


TALK = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]
BLOCKS = [
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "w", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "sun"}]},
    {"role": "assistant", "content": "Sun."},
]
LANGCHAIN = [Said(type="human", content="hi"), Said(type="ai", content="hello")]


def kinds_in(given: Any, cache: Path) -> list[list[str]]:
    """The kinds of the spans of each trace."""
    opened = open_source(given, cache_dir=cache)
    try:
        traces = opened.api.get_traces([row.trace_id for row in opened.api.list_traces()])
        assert opened.unreadable == ()
        return [[one.kind.value for one in found.spans] for found in traces]
    finally:
        opened.api.close()


FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pandas.DataFrame(rows()),
    "pandas by span id": lambda: pandas.DataFrame(rows()).set_index("context.span_id"),
    "pandas with times": lambda: pandas.DataFrame(rows()).astype(
        {"start_time": "datetime64[ns, UTC]", "end_time": "datetime64[ns, UTC]"}
    ),
    "pyarrow": lambda: pyarrow.Table.from_pylist(
        [{k: v for k, v in row.items() if k != "events"} for row in rows()]
    ),
    "dicts": rows,
    "generator": lambda: (row for row in rows()),
    "tuple": lambda: tuple(rows()),
}


@pytest.mark.parametrize("made", FRAMES.values(), ids=FRAMES)
def test_spans_are_the_same_in_whatever_form_they_are_given(
    made: Callable[[], Any], tmp_path: Path
) -> None:
    """Times, statuses and attributes too; what is not there stays away."""
    opened = open_source(made(), cache_dir=tmp_path)
    root, child = opened.api.get_trace(IDS["trace"]).spans
    opened.api.close()
    assert (root.span_id, child.span_id) == (IDS["root"], IDS["child"])
    assert (root.kind, child.kind) == (SpanKind.AGENT, SpanKind.LLM)
    assert root.start_ns == child.start_ns == 1_772_355_600_123_000_000
    assert child.end_ns is None
    assert child.status is StatusCode.ERROR
    assert "llm.token_count.total" not in root.attributes
    assert child.attributes["llm.token_count.total"] == 12


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        (TALK, [["UNKNOWN", "LLM"]]),
        (BLOCKS, [["UNKNOWN", "LLM", "TOOL", "LLM"]]),
        (LANGCHAIN, [["UNKNOWN", "LLM"]]),
        ({"messages": TALK}, [["UNKNOWN", "LLM"]]),
        ([TALK, [TALK[0], {"role": "assistant", "content": "5"}]], [["UNKNOWN", "LLM"]] * 2),
        (trace(span("a", kind="TOOL")), [["TOOL"]]),
        ([span("a", kind="TOOL"), span("b", trace_id="u")], [["TOOL"], ["CHAIN"]]),
    ],
    ids=["OpenAI", "Anthropic", "LangChain", "transcript", "two talks", "Trace", "Span"],
)
def test_messages_and_spans_of_ours_are_read(
    given: Any, kinds: list[list[str]], tmp_path: Path
) -> None:
    """A list of messages is a conversation, a list of such lists several."""
    assert kinds_in(given, tmp_path) == kinds


def test_spans_of_opentelemetry_are_read(tmp_path: Path) -> None:
    """With what an exception left, as the SDK's in-memory exporter gives them."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with (
        pytest.raises(ValueError, match="bad"),
        tracer.start_as_current_span("agent", attributes={"openinference.span.kind": "AGENT"}),
        tracer.start_as_current_span("tool", attributes={"openinference.span.kind": "TOOL"}),
    ):
        raise ValueError("bad")
    given = exporter.get_finished_spans()
    opened = open_source(given, cache_dir=tmp_path)
    (row,) = opened.api.list_traces()
    spans = opened.api.get_trace(row.trace_id).spans
    opened.api.close()
    assert [one.kind.value for one in spans] == ["AGENT", "TOOL"]
    assert spans[1].events[0].attributes["exception.message"] == "bad"
    assert kinds_in(given[0], tmp_path) == [["TOOL"]]


def test_a_run_over_given_traces_is_verified_and_replayed_without_them(tmp_path: Path) -> None:
    """They are kept in the cache, for their owner alone, once for the same content."""
    settings = Settings(runs_dir=tmp_path / "runs", run_id="given", cache_dir=tmp_path / "cache")
    result = investigate([dict(one) for one in TALK], RCA(), settings)
    assert result.report is not None
    runs = tmp_path / "runs"
    assert verify_run("given", runs).problems == ()
    assert replay_run("given", runs, cache_dir=tmp_path / "cache")
    kept = list((tmp_path / "cache" / "given").rglob("*.json"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
    assert as_file(TALK, tmp_path / "cache") == str(kept[0])
    assert len(steps(TALK)) == len(TALK)


@dataclasses.dataclass
class Odd:
    """No value of a trace."""

    value: object


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (5, "int is no source"),
        (None, "NoneType is no source"),
        (b"spans", "bytes is no source"),
        (iter(()), "are empty"),
        (pandas.DataFrame(), "are empty"),
        ([{"role": "user", "content": object()}], "item 0.content is of type object"),
        ([{"role": "user", "content": Odd(object())}], "item 0.content.value is of type object"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_place(given: Any, said: str, tmp_path: Path) -> None:
    """In one line, before anything is run."""
    with pytest.raises(UsageError, match=said):
        investigate(given, RCA(), Settings(runs_dir=tmp_path, cache_dir=tmp_path))


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    """However deep it goes."""
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(UsageError, match="holds itself"):
        as_file([{"role": "user", "content": ring}], tmp_path)


def test_values_that_are_no_spans_are_named_as_what_was_given(tmp_path: Path) -> None:
    """Not as the file that they were written to."""
    with pytest.raises(SourceUnavailable, match="nothing readable in the traces given") as told:
        open_source([{"x": 1}], cache_dir=tmp_path)
    assert "keys 'x'" in str(told.value)
