"""Spans of several files that share their ids are told apart, and what was done is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.ground.canonical_json import JsonValue
from investigator.store.open import Ingested, ingest_files, open_files
from investigator.store.parquet_store import ParquetInspectionAPI


def line(span_id: str, name: str, *, trace_id: str = "t", **more: JsonValue) -> JsonValue:
    """One span of an OpenTelemetry SDK."""
    return {"trace_id": trace_id, "span_id": span_id, "name": name, **more}


def ingested(folder: Path, **files: list[JsonValue]) -> tuple[Ingested, dict[str, list[str]]]:
    """What is said of the files, and the names of the spans of each trace."""
    source = folder / "in"
    source.mkdir()
    for name, lines in files.items():
        (source / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    made = ingest_files([source], folder / "out.parquet")
    api = ParquetInspectionAPI(folder / "out.parquet")
    names = {
        row.trace_id: [span.name for span in api.get_trace(row.trace_id).spans]
        for row in api.list_traces()
    }
    return made, names


def test_a_trace_that_contradicts_an_earlier_file_is_another_trace(tmp_path: Path) -> None:
    """Exporters that count from one give every run the same ids; the third file has its own too."""
    made, traces = ingested(
        tmp_path,
        a=[line("1", "root"), line("2", "search")],
        b=[line("1", "root"), line("2", "book")],
        c=[line("1", "start"), line("2", "pay"), line("3", "end")],
    )
    assert traces == {
        "t": ["root", "search"],
        "b/t": ["root", "book"],
        "c/t": ["start", "pay", "end"],
    }
    assert made.written.spans == 7
    first, second = made.clashes
    assert "b.jsonl: 1 span of trace 't' contradicts" in first
    assert "a.jsonl; the trace is 'b/t' here" in first
    assert "'c/t'" in second


def test_a_trace_that_is_spread_over_files_stays_one(tmp_path: Path) -> None:
    """Its spans have ids of their own."""
    made, traces = ingested(
        tmp_path, a=[line("1", "root")], b=[line("2", "x", parent_id="1"), line("3", "y")]
    )
    assert traces == {"t": ["root", "x", "y"]}
    assert made.clashes == ()


@pytest.mark.parametrize("together", [True, False])
def test_a_span_that_stands_twice_is_kept_once(tmp_path: Path, together: bool) -> None:
    """Word for word the same, in one file or two."""
    spans = [line("1", "root"), line("2", "x")]
    files = {"a": spans + spans} if together else {"a": spans, "b": spans}
    made, traces = ingested(tmp_path, **files)
    assert traces == {"t": ["root", "x"]}
    assert (made.written.spans, made.clashes) == (
        2,
        ("2 spans stand twice, word for word; each is read once",),
    )


def test_a_few_spans_that_changed_do_not_split_a_trace(tmp_path: Path) -> None:
    """A later export of the same trace: what changed is kept beside what was, and said."""
    spans = [line(str(number), f"s{number}") for number in range(5)]
    made, traces = ingested(
        tmp_path, a=spans, b=[*spans[:4], line("4", "changed"), line("5", "s5")]
    )
    assert traces == {"t": ["s0", "s1", "s2", "s3", "s4", "s5"]}
    assert made.written.spans == 7
    assert made.clashes == (
        "4 spans stand twice, word for word; each is read once",
        "1 span id of trace 't' stands for several spans ('4'); the first of each is read",
    )


def test_a_name_that_a_trace_has_already_is_numbered(tmp_path: Path) -> None:
    """Nothing falls together by the renaming."""
    _, traces = ingested(
        tmp_path,
        a=[line("1", "one"), line("1", "x", trace_id="b/t")],
        b=[line("1", "two")],
    )
    assert traces == {"t": ["one"], "b/t": ["x"], "b/t-2": ["two"]}


def test_a_cached_source_says_it_each_time(tmp_path: Path) -> None:
    """As it names what is unreadable."""
    made, _ = ingested(tmp_path, a=[line("1", "one")], b=[line("1", "two")])
    for _ in range(2):
        opened = open_files([tmp_path / "in"], cache_dir=tmp_path / "cache")
        assert opened.clashes == made.clashes
    assert len(made.clashes) == 1
