"""Transcripts that share an id are kept apart, and the clash is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.formats.source_files import Decoded, read_source
from investigator.ground.canonical_json import JsonValue
from investigator.store.open import ingest_files, open_files


def run(answer: str, **more: JsonValue) -> JsonValue:
    """A transcript of a question and an answer."""
    entries: JsonValue = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": entries, **more}


def write(folder: Path, **files: list[JsonValue]) -> None:
    """Each file with one record a line."""
    for name, lines in files.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def read(path: Path) -> tuple[dict[str, list[str | None]], list[str]]:
    """What each trace answered, and the clashes that were said."""
    answers: dict[str, list[str | None]] = {}
    clashes = []
    for item in read_source([path]):
        assert isinstance(item, Decoded), item
        clashes += [item.clash] if item.clash else []
        for span in item.spans:
            if span.kind == "LLM":
                answers.setdefault(span.trace_id, []).append(span.text("output.value"))
    return answers, clashes


def test_files_that_count_their_samples_alike_stay_apart(tmp_path: Path) -> None:
    """The first file keeps the id; the clash names the file, the id and what it became."""
    write(tmp_path, a=[run("one", id=1), run("two", id=2)], b=[run("three", id=1)])
    answers, clashes = read(tmp_path)
    assert answers == {"1": ["one"], "2": ["two"], "b/1": ["three"]}
    assert clashes == [
        f"{tmp_path / 'b.jsonl'}: another transcript has the id '1'; this one is 'b/1'"
    ]


@pytest.mark.parametrize("together", [True, False])
def test_epochs_of_a_sample_stay_apart(tmp_path: Path, together: bool) -> None:
    """In a list and one a line, in two files too."""
    epochs = [run(f"a{epoch}", id="s", epoch=epoch) for epoch in (1, 2, 3)]
    lines: list[JsonValue] = [epochs] if together else epochs
    write(tmp_path, a=lines, b=[run("b1", id="s", epoch=1), run("b2", id="s", epoch=2)])
    answers, clashes = read(tmp_path)
    assert answers == {
        "s": ["a1"],
        "s-epoch-2": ["a2"],
        "s-epoch-3": ["a3"],
        "b/s": ["b1"],
        "b/s-epoch-2": ["b2"],
    }
    assert len(clashes) == 4


def test_one_id_over_and_over_is_numbered(tmp_path: Path) -> None:
    """Also where the number is another's id already."""
    write(tmp_path, a=[run("one", id="s"), run("x", id="s-2"), run("two", id="s")])
    assert read(tmp_path)[0] == {"s": ["one"], "s-2": ["x"], "s-3": ["two"]}


def test_a_transcript_that_stands_twice_is_read_once(tmp_path: Path) -> None:
    """Word for word the same, in another file; it is said."""
    write(tmp_path, a=[run("one", id="s")], b=[run("one", id="s")])
    answers, (clash,) = read(tmp_path)
    assert answers == {"s": ["one"]}
    assert "b.jsonl: transcript 's' stands here again" in clash


def test_messages_one_a_line_are_told_apart_by_sample_and_epoch(tmp_path: Path) -> None:
    """Each line names both."""
    lines: list[JsonValue] = [
        {"role": role, "content": f"{role} {sample} {epoch}", "sample_id": sample, "epoch": epoch}
        for sample in ("s", "t")
        for epoch in (1, 2)
        for role in ("user", "assistant")
    ]
    write(tmp_path, a=lines)
    answers, _ = read(tmp_path)
    assert answers == {
        "s": ["assistant s 1"],
        "s-epoch-2": ["assistant s 2"],
        "t": ["assistant t 1"],
        "t-epoch-2": ["assistant t 2"],
    }


def test_files_of_one_name_do_not_pass_for_one_file(tmp_path: Path) -> None:
    """Their folders tell them apart."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, run=[run(folder, id=1)])
    assert list(read(tmp_path)[0]) == ["1", "y/run/1"]


def test_clashes_are_said_by_ingestion_and_by_the_cache(tmp_path: Path) -> None:
    """Whether a source is opened for the first time or the second."""
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", a=[run("one", id=1), run("two", id=1)])
    made = ingest_files([tmp_path / "in"], tmp_path / "out.parquet")
    assert (made.written.traces, made.written.spans, len(made.clashes)) == (2, 4, 1)
    for _ in range(2):
        opened = open_files([tmp_path / "in"], cache_dir=tmp_path / "cache")
        assert opened.clashes == made.clashes
        assert opened.unreadable == ()
