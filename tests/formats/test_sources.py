"""Files, folders and globs: what is read, and what is named as unreadable."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from investigator.errors import SourceUnavailable
from investigator.formats.folders import files_of
from investigator.formats.json_files import BadRecord, JsonRecord, json_records
from investigator.formats.source_files import Decoded, Unreadable, read_source
from investigator.traces.model import parse_time
from investigator.traces.openinference import messages_of, tool_io_of
from investigator.traces.parquet import write_spans
from tests.builders import exception_event, span

CHAT = json.dumps({"messages": [{"role": "user", "content": "hi"}]})


def outcome(*paths: Path) -> tuple[list[str], list[str]]:
    """The trace ids that were read, and the reasons of what was not."""
    traces: dict[str, None] = {}
    troubles: list[str] = []
    for item in read_source(paths):
        match item:
            case Decoded(_, spans):
                traces |= dict.fromkeys(span.trace_id for span in spans)
            case Unreadable():
                troubles.append(str(item))
    return list(traces), troubles


def test_a_folder_is_walked_for_trace_files_only(tmp_path: Path) -> None:
    """To any depth, in order; what is hidden or plainly no trace is not even counted."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "b.JSONL").write_text(CHAT)
    (tmp_path / "deep" / "a.json").write_text(CHAT)
    (tmp_path / ".hidden").mkdir()
    for ignored in ("README.md", "LICENSE", "c.yaml", ".d.json", ".hidden/e.json"):
        (tmp_path / ignored).write_text("no trace")
    assert outcome(tmp_path) == (["a", "b"], [])


def test_a_file_that_is_named_is_always_tried(tmp_path: Path) -> None:
    """Whatever its name: content alone decides."""
    (tmp_path / "trace.txt").write_text(CHAT)
    assert outcome(tmp_path / "trace.txt") == (["trace"], [])


def test_a_glob_takes_what_it_matches(tmp_path: Path) -> None:
    """Without a suffix of its own, only trace files; with one, every match."""
    for name in ("a.json", "b.txt", "c.md"):
        (tmp_path / name).write_text(CHAT)
    assert outcome(tmp_path / "*") == (["a"], [])
    assert outcome(tmp_path / "*.txt") == (["b"], [])


def test_a_file_that_is_reached_twice_is_read_once(tmp_path: Path) -> None:
    """By its folder and by name."""
    (tmp_path / "a.json").write_text(CHAT)
    assert files_of([tmp_path, tmp_path / "a.json"]) == (tmp_path / "a.json",)


def test_transcripts_of_the_same_file_name_stay_apart(tmp_path: Path) -> None:
    """A stem that is taken is told apart by its folder."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.json").write_text(CHAT)
    assert outcome(tmp_path) == (["a", "two/a"], [])


@pytest.mark.parametrize("path", ["missing.json", "missing/", "*.parquet", "empty"])
def test_a_path_that_leads_to_nothing_is_said_at_once(tmp_path: Path, path: str) -> None:
    """Before anything is read; the message names the path."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceUnavailable, match=r"missing|parquet|empty"):
        read_source([tmp_path / path])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b'{"messages": [{"role": "user"', "cut off"),
        (b'{"messages": [{"role": "us', "cut off"),
        (b'{\n "messages": [\n  {"role": "user",', "cut off"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8: byte 0x89 at offset 0"),
        (b'{"messages": "\xff"}', "not UTF-8: byte 0xff at offset 14"),
        (b"\x00" * 64, "not JSON"),
        (b"# Notes\n\nNot a trace.\n", "not JSON"),
        (b'{"captureDate": 1, "results": []}', "an object with keys 'captureDate', 'results'"),
        (b"[1, 2]", "a list of 2, first a int"),
        (b"[" * 100_000, "nested too deeply"),
        (b"PAR1" + b"\x00" * 100, "not a readable Parquet file"),
        (b'{"context": {"span_id": "a"}, "name": "x"}', "1 of 1 span has no span id or no trace"),
    ],
)
def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """It is named, with what was found in it."""
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "b.json").write_text(CHAT)
    traces, (trouble,) = outcome(tmp_path)
    assert traces == ["b"]
    assert str(tmp_path / "a.json") in trouble
    assert reason in trouble


def test_a_bad_line_does_not_stop_the_others(tmp_path: Path) -> None:
    """It is named by its number, with the offset in the file."""
    bad = [b'{"messages": [{"role": "user"', b'{"x": "\xff"}', b'{"x": 1}']
    good = json.dumps({"id": "good", "messages": [{"role": "user", "content": "é"}]}).encode()
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([good, *bad, b"", good.replace(b"good", b"b")]))
    traces, troubles = outcome(tmp_path)
    assert traces == ["good", "b"]
    assert [trouble.partition(": ")[0].rpartition(", ")[2] for trouble in troubles] == [
        "line 2",
        "line 3",
        "line 4",
    ]
    offset = len(good) + 1 + len(bad[0]) + 1 + 7
    assert f"offset {offset:,}" in troubles[1]


def test_items_that_are_no_spans_do_not_stop_those_that_are(tmp_path: Path) -> None:
    """They are counted."""
    spans = [{"trace_id": "t", "span_id": "a", "name": "x"}, {"note": 1}, 7]
    (tmp_path / "a.json").write_text(json.dumps({"spans": spans}))
    traces, (trouble,) = outcome(tmp_path)
    assert traces == ["t"]
    assert "2 items in it are damaged or of kinds that are not known" in trouble


def test_a_line_above_the_limit_is_passed_over(tmp_path: Path) -> None:
    """Its size and the limit are named; lines after it are read."""
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"a": "{"x" * 1000}"}}\n{{"b": 1}}\n')
    bad, good = json_records(file, max_line=100)
    assert isinstance(bad, BadRecord)
    assert "1,010 bytes, above the limit of 100" in bad.reason
    assert good == JsonRecord(2, {"b": 1})


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('{"a": 1}', [None]),
        ('{"a": 1}\n', [None]),
        ('{"a": 1}\n{"a": 2}\n', [1, 2]),
        ('\n{"a": 1}\r\n\r\n{"a": 2}', [2, 4]),
        ('{\n"a":\n1}\n', [None]),
        ('[{"a": 1},\n{"a": 2}]', [None]),
        ("[\n[1],\n[2]]", [None]),
        ("[1]\n[2]\n", [1, 2]),
        ('\ufeff{"a": 1}', [None]),
    ],
)
def test_documents_and_records_a_line_are_told_apart(
    tmp_path: Path, content: str, lines: list[int | None]
) -> None:
    """By their first two lines."""
    (tmp_path / "a").write_text(content, encoding="utf-8", newline="")
    assert [record.line for record in json_records(tmp_path / "a")] == lines


def test_lone_surrogates_become_text_that_can_be_written(tmp_path: Path) -> None:
    """A JSON escape can say them, UTF-8 cannot; paired ones are one character."""
    (tmp_path / "a.json").write_text(
        r'{"messages": [{"role": "user", "content": "a\ud800b \ud83d\ude00"}]}'
    )
    (item,) = read_source([tmp_path])
    assert isinstance(item, Decoded)
    assert messages_of(item.spans[0])[0].content == "a\ufffdb 😀"


def test_a_dangling_link_is_named(tmp_path: Path) -> None:
    """It is in the folder, so it is counted."""
    (tmp_path / "a.json").symlink_to(tmp_path / "gone")
    _, (trouble,) = outcome(tmp_path)
    assert "cannot be read" in trouble


def phoenix_rows() -> list[dict[str, object]]:
    """Rows as Phoenix's data frame has them, before the round trip fills in None."""
    start = parse_time("2024-01-01T00:00:00.000001Z")
    return [
        {
            "context.trace_id": "t" * 32,
            "context.span_id": "a" * 16,
            "parent_id": None,
            "name": "ask",
            "span_kind": "LLM",
            "start_time": start,
            "end_time": start + 1000,
            "status_code": "UNSET",
            "status_message": "",
            "events": [],
            "attributes.llm.input_messages": [
                {"message.role": "user", "message.content": "hi"},
                {
                    "message.role": "assistant",
                    "message.tool_calls": [
                        {
                            "tool_call.function.name": "search",
                            "tool_call.function.arguments": "{}",
                        }
                    ],
                },
            ],
            "attributes.http": {"status_code": 503},
            "attributes.metadata": {"tier": "gold"},
        },
        {
            "context.trace_id": "t" * 32,
            "context.span_id": "b" * 16,
            "parent_id": "a" * 16,
            "name": "search",
            "span_kind": "TOOL",
            "start_time": start,
            "end_time": None,
            "status_code": "ERROR",
            "status_message": "boom",
            "events": [
                {
                    "name": "exception",
                    "timestamp": "2024-01-01T00:00:01+00:00",
                    "attributes": {"exception.type": "ValueError"},
                }
            ],
            "attributes.tool": {"name": "search"},
            "attributes.output.value": "none",
        },
    ]


def write_phoenix(path: Path, *, zone: str | None) -> None:
    """A Phoenix export, its times with or without a zone."""
    rows = phoenix_rows()
    columns = {key: [row.get(key) for row in rows] for key in (rows[0] | rows[1])}
    times = {key: pa.array(columns.pop(key), pa.timestamp("ns", tz=zone)) for key in TIMES}
    pq.write_table(pa.table({**{k: pa.array(v) for k, v in columns.items()}, **times}), path)


TIMES = ("start_time", "end_time")


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Rome"])
def test_a_phoenix_export_in_parquet_is_read(tmp_path: Path, zone: str | None) -> None:
    """Nested columns, structs filled with None, and times in any zone."""
    write_phoenix(tmp_path / "spans.parquet", zone=zone)
    (item,) = read_source([tmp_path])
    assert isinstance(item, Decoded)
    ask, search = item.spans
    assert (ask.kind, ask.start_ns) == ("LLM", parse_time("2024-01-01T00:00:00.000001Z"))
    assert (search.end_ns, search.status, search.parent_id) == (None, "ERROR", "a" * 16)
    question, called = messages_of(ask)
    assert (question.content, question.tool_calls, called.content) == ("hi", (), None)
    assert called.tool_calls[0].name == "search"
    assert ask.attributes["http.status_code"] == 503
    assert ask.attributes["metadata"] == '{"tier":"gold"}'
    assert not [key for key, value in search.attributes.items() if value is None]
    io = tool_io_of(search)
    assert io is not None
    assert (io.name, io.result) == ("search", "none")
    assert search.events[0].attributes == {"exception.type": "ValueError"}
    assert search.events[0].time_ns == parse_time("2024-01-01T00:00:01Z")


def test_a_canonical_file_is_a_source_too(tmp_path: Path) -> None:
    """What was ingested can be ingested again, unchanged."""
    original = span("a", kind="TOOL", attributes={"x": [1]}, events=[exception_event("E", "m")])
    write_spans([original], tmp_path / "traces.parquet")
    (item,) = read_source([tmp_path])
    assert isinstance(item, Decoded)
    assert item.spans == (original,)


def test_a_truncated_parquet_file_is_named(tmp_path: Path) -> None:
    """Wherever it was cut."""
    write_phoenix(tmp_path / "a.parquet", zone="UTC")
    whole = (tmp_path / "a.parquet").read_bytes()
    for size in (4, len(whole) // 2, len(whole) - 4):
        (tmp_path / "a.parquet").write_bytes(whole[:size])
        traces, (trouble,) = outcome(tmp_path)
        assert not traces
        assert "not a readable Parquet file" in trouble


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"x": [1], "y": [2]}, "its columns are x, y"),
        ({"context.span_id": [], "context.trace_id": []}, "no rows"),
    ],
)
def test_a_parquet_file_without_spans_is_named_for_what_it_is(
    tmp_path: Path, columns: dict[str, list[int]], reason: str
) -> None:
    """By its columns, or by its emptiness."""
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    traces, (trouble,) = outcome(tmp_path)
    assert not traces
    assert reason in trouble


def message(role: str, content: str, **more: str) -> str:
    """A line that is one chat message."""
    return json.dumps({"role": role, "content": content, **more})


def test_messages_that_fill_a_file_one_a_line_are_a_transcript(tmp_path: Path) -> None:
    """In order of the lines; a line that is cut off is named, and the others are read."""
    lines = [message("user", "hi"), '{"role": "ass', message("assistant", "hello")]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    spans = [s for item in read_source([tmp_path]) if isinstance(item, Decoded) for s in item.spans]
    assert [(s.trace_id, s.span_id, s.kind.value) for s in spans] == [
        ("a", "step-0", "UNKNOWN"),
        ("a", "step-1", "LLM"),
    ]
    _, (trouble,) = outcome(tmp_path)
    assert "a.jsonl, line 2: JSON cut off" in trouble


def test_messages_of_several_conversations_are_told_apart_by_their_id(tmp_path: Path) -> None:
    """Also where their lines alternate; a line that names none belongs to the file's own."""
    lines = [
        message("user", "one", session_id="x"),
        message("user", "two", session_id="y"),
        message("assistant", "1", session_id="x"),
        message("system", "be kind"),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found = {
        item.spans[0].trace_id: [m.content for s in item.spans for m in messages_of(s)]
        for item in read_source([tmp_path])
        if isinstance(item, Decoded)
    }
    assert found == {"x": ["one", "1"], "y": ["two"], "a": ["be kind"]}


@pytest.mark.parametrize(
    "lines",
    [
        [message("user", "hi"), message("assistant", "hello"), CHAT],
        [message("user", "hi"), message("user", "a list of prompts is no conversation")],
    ],
)
def test_messages_that_cannot_be_placed_are_named(tmp_path: Path, lines: list[str]) -> None:
    """Beside records of another kind, or where nobody answers, no transcript is made of them."""
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    traces, troubles = outcome(tmp_path)
    assert traces == ["a-2"] * (CHAT in lines)
    assert len(troubles) == sum(line != CHAT for line in lines)
    assert all("a lone chat message" in trouble for trouble in troubles)
