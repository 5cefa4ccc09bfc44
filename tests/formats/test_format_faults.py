"""Damaged exports: what is wrong is named, the rest is read, and nothing is made up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from investigator.errors import UnreadableInput
from investigator.formats.registry import decode
from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.traces.model import Span, Trace
from investigator.traces.openinference import (
    messages_of,
    retrieval_chunks_of,
    token_counts_of,
    tool_definitions_of,
    tool_io_of,
)
from tests.formats import same_run
from tests.formats.same_run import IDS, TRACE, UUIDS

Path_ = tuple[str | int, ...]

DOCUMENTS: dict[str, JsonValue] = {
    "Langfuse": same_run.LANGFUSE,
    "MLflow 2": same_run.MLFLOW_2,
    "MLflow 3": same_run.MLFLOW_3,
    "MLflow OTLP": same_run.MLFLOW_OTLP,
    "LangSmith": same_run.LANGSMITH,
    "LangSmith nested": same_run.LANGSMITH_NESTED,
    "OpenLLMetry": same_run.OPENLLMETRY,
    "gen_ai": same_run.GENAI,
}
WRONG: list[JsonValue] = [None, True, -1, 10**30, 1.5, "", "no", "{", '{"a"', "AAAA", [], {}]
WRONG += [[None], [[1]], {"a": None}, {"messages": 3}, [{"role": 1}], {"choices": [3]}]
WRONG += [{"generations": [[[]]]}]


def paths(value: JsonValue, at: Path_ = ()) -> Iterator[Path_]:
    """Every place in a value, outermost first."""
    yield at
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*at, index))


def put(document: JsonValue, path: Path_, value: JsonValue) -> JsonValue:
    """A copy of a document with a value at a place."""
    copy = deepcopy(document)
    holder: JsonValue = {"": copy}
    step: str | int = ""
    root = holder
    for following in path:
        assert isinstance(holder, dict | list)
        holder = holder[step]  # type: ignore[index]
        step = following
    holder[step] = value  # type: ignore[index]
    assert isinstance(root, dict)
    return root[""]


def texts(value: JsonValue) -> Iterator[str]:
    """Every text and key of a value, and those of the JSON that its texts hold."""
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_wrong_type_anywhere_spares_the_other_spans(name: str) -> None:
    """Every place takes wrong values, each of them in turn: spans or a reason, no traceback."""
    document = DOCUMENTS[name]
    for number, path in enumerate(paths(document)):
        for wrong in WRONG[number % 4 :: 4]:
            try:
                spans = decode(put(document, path, wrong), stem="run")
            except UnreadableInput:
                continue
            views(spans)


def views(spans: tuple[Span, ...]) -> None:
    """All that is read of spans, read."""
    for span in spans:
        messages_of(span)
        tool_io_of(span)
        retrieval_chunks_of(span)
        token_counts_of(span)
        tool_definitions_of(span)
    Trace("t", spans).content_hash  # noqa: B018


@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_what_is_taken_out_of_a_document_is_not_in_its_spans(
    name: str, data: st.DataObject
) -> None:
    """Without one of its values a document gives no text that it does not hold any more."""
    document = DOCUMENTS[name]
    path = data.draw(st.sampled_from(list(paths(document))[1:]))
    damaged = put(document, path, None)
    try:
        spans = decode(damaged, stem="run")
    except UnreadableInput:
        return
    left = "\n".join(texts(damaged))
    for secret in (same_run.SYSTEM, same_run.ASKED, same_run.SAID, same_run.RESULT, "Dry summers."):
        if secret not in left:
            assert not any(secret in text for span in spans for text in texts(span.to_json()))


def read(tmp_path: Path, *lines: str) -> tuple[list[Span], list[str]]:
    """What a JSONL file of these lines gives: its spans and what is said of the rest."""
    file = tmp_path / "run.jsonl"
    file.write_text("\n".join(lines) + "\n")
    items = list(read_source([file]))
    spans = [span for item in items if isinstance(item, Decoded) for span in item.spans]
    return spans, [str(i).removeprefix(str(file)) for i in items if not isinstance(i, Decoded)]


def test_a_truncated_base64_id_stays_the_text_that_it_is() -> None:
    """It is not decoded to another id; the span loses its children and nothing else."""
    cut = same_run.b64(IDS["support"])[:-2]
    spans = decode(put(same_run.MLFLOW_3, ("data", "spans", 0, "span_id"), cut), stem="run")
    assert [span.span_id for span in spans] == [cut, *list(IDS.values())[1:]]
    assert {span.trace_id for span in spans} == {TRACE}
    assert len(Trace(TRACE, spans).roots) == 5


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (same_run.MLFLOW_3, ("data", "spans", 0)),
        (same_run.LANGSMITH, ("runs", 0)),
        (same_run.LANGFUSE, ("observations", 0)),
    ],
)
def test_spans_without_their_parent_are_roots_of_the_same_trace(
    document: JsonValue, path: Path_
) -> None:
    """They keep the parent that they name; no root is made for them."""
    spans = decode(put(document, path, None), stem="run")
    trace = Trace(spans[0].trace_id, spans)
    assert (len(spans), len(trace.roots)) == (4, 4)
    assert [span.parent_id for span in spans] == [spans[0].parent_id] * 4
    assert spans[0].parent_id


def test_a_run_that_stands_twice_is_reported_and_kept_once() -> None:
    """As when an export lists its runs and nests them too."""
    assert isinstance(same_run.LANGSMITH, dict)
    both = [same_run.LANGSMITH_NESTED, same_run.LANGSMITH]
    spans = decode(list[JsonValue](both), stem="run")
    trace = Trace(UUIDS["support"], spans)
    assert len(spans) == 10
    assert (len(trace.spans), sorted(trace.duplicate_ids)) == (5, sorted(UUIDS.values()))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (same_run.MLFLOW_4, ("data", "spans", 2, "attributes", "mlflow.spanOutputs")),
        (same_run.LANGSMITH_NESTED, ("child_runs", 1, "outputs", "output", "kwargs", "content")),
        (same_run.LANGFUSE, ("observations", 2, "output")),
    ],
)
def test_a_megabyte_of_text_is_one_whole_result(document: JsonValue, path: Path_) -> None:
    """Nothing is cut and nothing is tried twice: brackets that never close are text."""
    large = '{"[' * 350_000
    io = tool_io_of(decode(put(document, path, large), stem="run")[2])
    assert io is not None
    assert io.result == large


def test_mixed_lines_are_each_read_or_named(tmp_path: Path) -> None:
    """A line that is cut off, one of another kind and a lone message; the runs beside them stay."""
    assert isinstance(same_run.LANGSMITH, dict)
    runs = same_run.LANGSMITH["runs"]
    assert isinstance(runs, list)
    spans, troubles = read(
        tmp_path,
        json.dumps(runs[0]),
        json.dumps(runs[1])[:-9],
        json.dumps({"a": 1}),
        json.dumps({"role": "user", "content": "hi"}),
        json.dumps(runs[2]),
    )
    assert [span.name for span in spans] == ["support", "weather"]
    assert [trouble.split(":")[0] for trouble in troubles] == [", line 2", ", line 3", ", line 4"]


def test_a_run_that_names_no_trace_is_counted(tmp_path: Path) -> None:
    """A child without a trace, a path or an enclosing run cannot be placed; the others can."""
    child = {"id": "b", "parent_run_id": "a", "run_type": "tool", "name": "b"}
    root = {"id": "a", "run_type": "chain", "name": "a"}
    spans, troubles = read(tmp_path, json.dumps(root), json.dumps(child))
    assert [(span.trace_id, span.span_id) for span in spans] == [("a", "a")]
    assert troubles == [", line 2: 1 of 1 span has no span id or no trace id"]
