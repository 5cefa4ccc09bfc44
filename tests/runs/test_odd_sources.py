"""Damaged, odd and huge sources: each ends in a clear message or a gap, never in an invention."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from investigator import RCA, Settings, investigate, replay_run, verify_run
from investigator.cli.main import main
from investigator.errors import SourceUnavailable
from investigator.ground.canonical_json import JsonValue
from investigator.rca.engine import MAX_UNEXAMINED
from investigator.rca.report import Outcome, RCAReport
from investigator.runs.verification import Verification
from investigator.runtime.status import RunStatus
from investigator.store.open import ingest_files, open_files
from investigator.traces.model import SpanKind, StatusCode, Trace
from tests.otlp import TRACE, hex_id, otlp, otlp_file, otlp_span, tool_span

CPU_SECONDS = 20
"""What no test here may come near to; a quadratic step in 10,000 spans takes longer."""


def investigated(source: Path, tmp_path: Path) -> RCAReport:
    """The report of the one trace of a source, whose run verifies and replays."""
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    result = investigate(source, RCA(), Settings(runs_dir=runs, run_id="run", cache_dir=cache))
    assert (result.status, result.error) == (RunStatus.SUCCEEDED, None)
    assert verify_run("run", runs, cache_dir=cache) == Verification()
    assert replay_run("run", runs, cache_dir=cache).difference is None
    assert result.report is not None
    return result.report


def read(source: Path, tmp_path: Path, trace_id: str = TRACE) -> Trace:
    """One trace of a source."""
    return open_files([source], cache_dir=tmp_path / "cache").api.get_trace(trace_id)


def truncated_parquet(folder: Path) -> Path:
    """Half of a canonical file."""
    whole = folder / "whole.parquet"
    ingest_files([otlp_file(folder / "one.json", otlp_span())], whole)
    half = folder / "half.parquet"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return half


def written(content: str | bytes) -> Callable[[Path], Path]:
    """A function that puts a file of this content into a folder."""

    def write(folder: Path) -> Path:
        path = folder / "bad.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


UNREADABLE = {
    "an empty file": (written(""), "empty: there is nothing in it"),
    "blank lines": (written("\n\n \n"), "empty: there is nothing in it"),
    "an object of nothing": (written("{}"), "no spans: found an object with no keys"),
    "truncated JSON": (written(json.dumps(otlp(otlp_span()))[:-20]), "JSON cut off"),
    "no JSON": (written("Hello, world"), "not JSON: Expecting value at byte 0"),
    "invalid UTF-8": (written(b'{"messages": ["\xff"]}'), "not UTF-8: byte 0xff at offset 15"),
    "JSON 100,000 lists deep": (written("[" * 100_000), "nested too deeply"),
    "a truncated Parquet file": (truncated_parquet, "not a readable Parquet file"),
    "no Parquet file": (written(b"PAR1 but nothing else"), "not a readable Parquet file"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_named_with_the_reason(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file, the place and what was found there; the command line says the same and exits 2."""
    write, reason = UNREADABLE[name]
    path = write(tmp_path)
    with pytest.raises(SourceUnavailable) as refused:
        investigate(path, RCA(), Settings(runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache"))
    assert str(path) in str(refused.value)
    assert reason in str(refused.value)
    assert not (tmp_path / "runs").exists()
    with pytest.raises(SystemExit) as ended:
        main(["rca", str(path), "--runs-dir", str(tmp_path / "runs")])
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert " ".join(reason.split()[:2]) in " ".join(told.err.split())


def test_one_bad_file_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The good trace is investigated, the bad file is named, and the exit code says so."""
    folder = tmp_path / "traces"
    folder.mkdir()
    otlp_file(folder / "good.json", otlp_span(), tool_span(2, error="TimeoutError: slow"))
    written("")(folder)
    with pytest.raises(SystemExit) as ended:
        main(["rca", str(folder), "--all", "--jobs", "1", "--runs-dir", str(tmp_path / "runs")])
    assert ended.value.code == 3
    assert "bad.json: empty" in "".join(capsys.readouterr().err.split("\n"))
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_line_of_100_megabytes_is_refused_by_its_size(tmp_path: Path) -> None:
    """Its line and size are named, nothing of it is held, and the other lines are read."""
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        file.write(json.dumps({"messages": [{"role": "user", "content": "hi"}]}) + "\n")
        file.write('{"messages":[{"role":"user","content":"')
        for _ in range(100):
            file.write("x" * 1_000_000)
        file.write('"}]}\n')
    opened = open_files([path], cache_dir=tmp_path / "cache")
    (problem,) = opened.unreadable
    assert problem.line == 2
    assert problem.reason.startswith("a line of 100,000,044 bytes, above the limit of 67,108,864")
    assert opened.api.count_traces() == 1


class Odd(NamedTuple):
    """Spans with something wrong, the gap that says so, and what the trace still shows."""

    spans: tuple[JsonValue, ...]
    gap: str | None


ODD = {
    "its own parent": Odd((otlp_span(1, 1), otlp_span(2, 1)), "1 span in a cycle of parents"),
    "a cycle of parents": Odd(
        (otlp_span(1, 3), otlp_span(2, 1), otlp_span(3, 2)), "1 span in a cycle of parents"
    ),
    "a span id that two spans have": Odd(
        (otlp_span(1), otlp_span(2, 1), otlp_span(2, 1, name="other")),
        "1 span with an id that another span has",
    ),
    "a parent that is not there": Odd(
        (otlp_span(1), otlp_span(2, 99)), "1 span whose parent is not in the trace"
    ),
    "no times": Odd(
        tuple(
            otlp_span(i, parent, startTimeUnixNano=None, endTimeUnixNano=None)
            for i, parent in ((1, None), (2, 1))
        ),
        "2 spans without a start",
    ),
    "no time of one span": Odd(
        (otlp_span(1), otlp_span(2, 1, startTimeUnixNano=None)), "1 span without a start"
    ),
    "no end": Odd((otlp_span(1, endTimeUnixNano="0"),), "1 span without an end"),
    "an end before the start": Odd(
        (otlp_span(1, endTimeUnixNano="1600000000000000000"),), "1 span that ends before it starts"
    ),
    "a time before all times": Odd((otlp_span(1, startTimeUnixNano="-5"),), "without a start"),
    "a time that no clock shows": Odd((otlp_span(1, endTimeUnixNano="9" * 30),), "without an end"),
    "a time that is no time": Odd((otlp_span(1, startTimeUnixNano="soon"),), "without a start"),
    "no time at all but a number": Odd((otlp_span(1, startTimeUnixNano=1e999),), "without a start"),
    "a trace of no length": Odd((otlp_span(1, endTimeUnixNano="1700000000000000001"),), None),
    "an unknown kind": Odd((otlp_span(1, kind="WIZARD"),), None),
    "an unknown status": Odd((otlp_span(1, status={"code": "STRANGE"}),), None),
    "a status that is none": Odd((otlp_span(1, status="bad", name=None),), None),
    "attributes that are none": Odd((otlp_span(1, attributes=None, events="x"),), None),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_in_a_trace_is_a_gap_or_left_unknown(name: str, tmp_path: Path) -> None:
    """The run succeeds; what cannot be relied on is named, and nothing is called free of faults."""
    odd = ODD[name]
    report = investigated(otlp_file(tmp_path / "odd.json", *odd.spans), tmp_path)
    assert report.findings == ()
    if odd.gap is None:
        assert (report.outcome, report.checks[0].met) == (Outcome.UNDETERMINED, True)
    else:
        assert report.outcome is Outcome.UNDETERMINED
        assert any(odd.gap in gap for gap in report.gaps)


def test_odd_traces_are_no_trouble_to_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It reports them like any others; a time or an item that cannot be read is named: exit 3."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for number, odd in enumerate(ODD.values(), 1):
        text = json.dumps(otlp(*odd.spans)).replace(TRACE, f"{number:032x}")
        (folder / f"{number}.json").write_text(text)
    runs = str(tmp_path / "runs")
    with pytest.raises(SystemExit) as ended:
        main(["rca", str(folder), "--all", "--jobs", "1", "--runs-dir", runs, "--json"])
    told = capsys.readouterr()
    assert ended.value.code == 3, told.err
    assert "2 unreadable" in told.err
    assert "Traceback" not in told.err
    states = [json.loads(line)["status"] for line in told.out.splitlines()]
    assert states == ["succeeded"] * len(ODD)


def test_what_a_source_does_not_say_is_not_invented(tmp_path: Path) -> None:
    """Unknown kinds and states are unknown; a time that is missing or none has no value."""
    spans = (
        otlp_span(1, kind="WIZARD", status={"code": 99}),
        otlp_span(2, 1, startTimeUnixNano=None, endTimeUnixNano="never"),
        otlp_span(3, 1, endTimeUnixNano="1600000000000000000"),
    )
    found = read(otlp_file(tmp_path / "odd.json", *spans), tmp_path)
    wizard, late, timeless = found.spans
    assert (wizard.kind, wizard.status) == (SpanKind.UNKNOWN, StatusCode.UNSET)
    assert (timeless.start_ns, timeless.end_ns, timeless.latency_ms) == (None, None, None)
    assert late.latency_ms is not None
    assert late.latency_ms < 0


def test_ids_that_are_no_texts_are_texts_or_named(tmp_path: Path) -> None:
    """A number is its digits; what cannot be referred to is counted as unreadable."""
    path = otlp_file(
        tmp_path / "ids.json",
        otlp_span(traceId=5, spanId=17),
        otlp_span(traceId=5, spanId=["a"]),
        otlp_span(traceId=5, spanId={"x": 1}),
        otlp_span(traceId=5, spanId=None),
    )
    opened = open_files([path], cache_dir=tmp_path / "cache")
    assert [row.span_count for row in opened.api.list_traces()] == [1]
    (problem,) = opened.unreadable
    assert problem.reason == "3 of 4 spans have no span id or no trace id"


def test_spans_of_one_trace_in_several_files_are_one_trace(tmp_path: Path) -> None:
    """The child's parent is in the other file."""
    folder = tmp_path / "split"
    folder.mkdir()
    otlp_file(folder / "b.json", otlp_span(1), otlp_span(3, 1))
    otlp_file(folder / "a.json", tool_span(2, 3, error="TimeoutError: slow"))
    report = investigated(folder, tmp_path)
    assert report.gaps == ()
    assert {finding.span_id for finding in report.findings} == {hex_id(2)}


def test_lone_surrogates_do_no_harm(tmp_path: Path) -> None:
    """In names, keys, values and messages they become the replacement character."""
    text = json.dumps(
        otlp(
            otlp_span(name="a\ud800b", attributes={"k\udc00": "v\ud83d"}, error="bad \udfff end"),
            otlp_span(2, 1),
        )
    )
    path = tmp_path / "surrogates.json"
    path.write_text(text, encoding="utf-8")
    report = investigated(path, tmp_path)
    assert "bad \N{REPLACEMENT CHARACTER} end" in report.findings[0].description
    found = read(path, tmp_path).spans[0]
    assert found.name == "a\N{REPLACEMENT CHARACTER}b"
    assert found.attributes["k\N{REPLACEMENT CHARACTER}"] == "v\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_json_cannot_say_do_no_harm(number: str, tmp_path: Path) -> None:
    """As an attribute, in a score, as a time: never a number that was not there."""
    text = json.dumps(otlp(otlp_span(startTimeUnixNano="#", attributes={"score": "#"})))
    path = tmp_path / "numbers.json"
    path.write_text(
        text.replace('{"stringValue": "#"}', f'{{"doubleValue": {number}}}').replace('"#"', number)
    )
    report = investigated(path, tmp_path)
    assert any("without a start" in gap for gap in report.gaps)
    found = read(path, tmp_path).spans[0]
    assert found.start_ns is None
    assert not isinstance(found.attributes.get("score"), float)


@pytest.mark.slow
def test_ten_thousand_failing_children_take_seconds_and_a_readable_report(tmp_path: Path) -> None:
    """What no scope looked at is listed as far as it can be read, and the rest counted."""
    children = (tool_span(i, error=f"TimeoutError: no answer {i}") for i in range(2, 10_002))
    path = otlp_file(tmp_path / "wide.json", otlp_span(1), *children)
    started = time.process_time()
    result = investigate(
        path, RCA(), Settings(runs_dir=tmp_path, run_id="run", cache_dir=tmp_path / "cache")
    )
    assert time.process_time() - started < CPU_SECONDS
    report = result.report
    assert report is not None
    assert report.outcome is Outcome.FAILURE
    assert MAX_UNEXAMINED <= len(report.findings) <= MAX_UNEXAMINED + 20
    assert any("further faults are not listed" in gap for gap in report.gaps)
    assert sum(file.stat().st_size for file in result.run_dir.iterdir()) < 500_000


@pytest.mark.slow
def test_ten_thousand_healthy_children_did_not_fail(tmp_path: Path) -> None:
    """Size alone is no fault."""
    said = {"input.value": "Is all well?", "output.value": "All is fine."}
    root = otlp_span(1, attributes=said)
    path = otlp_file(tmp_path / "wide.json", root, *map(tool_span, range(2, 10_002)))
    started = time.process_time()
    result = investigate(
        path, RCA(), Settings(runs_dir=tmp_path, run_id="run", cache_dir=tmp_path / "cache")
    )
    assert time.process_time() - started < CPU_SECONDS
    assert result.report is not None
    assert result.report.outcome is Outcome.NO_FAILURE


@pytest.mark.slow
def test_ten_thousand_levels_that_pass_a_failure_on_have_one_cause(tmp_path: Path) -> None:
    """The deepest one; nothing recurses, nothing is quadratic in the depth."""
    chain = (tool_span(i, i - 1, error="TimeoutError: no answer") for i in range(2, 10_001))
    path = otlp_file(tmp_path / "deep.json", otlp_span(1), *chain)
    started = time.process_time()
    result = investigate(
        path, RCA(), Settings(runs_dir=tmp_path, run_id="run", cache_dir=tmp_path / "cache")
    )
    assert time.process_time() - started < CPU_SECONDS
    assert result.report is not None
    assert [finding.span_id for finding in result.report.findings] == [hex_id(10_000)]


def test_a_text_of_five_megabytes_is_shown_in_part_and_cited_whole(tmp_path: Path) -> None:
    """The journal stays small."""
    long = "no answer from the service, " * 180_000
    spans = (
        otlp_span(1),
        otlp_span(
            2,
            1,
            kind="TOOL",
            error=f"TimeoutError: {long}",
            attributes={"tool.name": "search", "input.value": "{}", "output.value": long},
        ),
    )
    report = investigated(otlp_file(tmp_path / "long.json", *spans), tmp_path)
    assert report.outcome is Outcome.FAILURE
    assert len(report.summary) < 500
    run = tmp_path / "runs" / "run"
    assert (run / "events.jsonl").stat().st_size < 60_000
