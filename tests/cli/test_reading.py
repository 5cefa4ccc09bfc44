"""`ingest` and `traces`: what is read, what is not, and what the exit code says about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from investigator.samples import SAMPLE_TRACES
from tests.cli.conftest import Call

SAMPLE = SAMPLE_TRACES / "trip-planner.json"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A file that is not what its name says."""
    path = tmp_path / "broken.json"
    path.write_text("{ not json", encoding="utf-8")
    return path


def test_ingest_writes_one_file_that_traces_reads(call: Call, tmp_path: Path) -> None:
    """What `ingest` wrote is a source of the same traces."""
    target = tmp_path / "all.parquet"
    assert call("ingest", SAMPLE_TRACES, "-o", target).code == 0
    listed = call("traces", target, "--json")
    assert listed.code == 0
    assert len(listed.out.splitlines()) == 9


def test_ingest_names_and_counts_what_it_cannot_read(
    call: Call, broken: Path, tmp_path: Path
) -> None:
    """One bad file is named on stderr with its reason, the others go on, and the exit is 3."""
    ended = call("ingest", broken, SAMPLE, "-o", tmp_path / "t.parquet", "--json")
    assert ended.code == 3
    assert "1 unreadable" in ended.err
    assert f"{broken}: not JSON" in ended.err
    assert json.loads(ended.out)["traces"] == 1


def test_ids_that_several_transcripts_share_are_named(call: Call, tmp_path: Path) -> None:
    """On stderr and in the JSON; nothing is lost, so the exit is 0."""
    for name in ("a", "b"):
        run = {"id": 1, "messages": [{"role": "user", "content": name}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(run))
    ended = call("ingest", tmp_path, "-o", tmp_path / "t.parquet", "--json")
    assert ended.code == 0
    said = " ".join(ended.err.split())
    assert "another transcript has the id '1'; this one is 'b/1'" in said
    made = json.loads(ended.out)
    assert (made["traces"], len(made["clashes"])) == (2, 1)
    assert "'b/1'" in call("traces", tmp_path).err


def test_ingest_of_nothing_readable_writes_nothing(
    call: Call, broken: Path, tmp_path: Path
) -> None:
    """Where no file can be read the exit is 2 and no file appears."""
    ended = call("ingest", broken, "-o", tmp_path / "t.parquet")
    assert ended.code == 2
    assert str(broken) in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [broken.name]


def test_a_target_that_cannot_be_written_is_a_message(call: Call, tmp_path: Path) -> None:
    """A target below a file, which cannot be, is named."""
    (tmp_path / "file").touch()
    ended = call("ingest", SAMPLE, "-o", tmp_path / "file" / "t.parquet")
    assert ended.code == 2
    assert "cannot write" in ended.err


def test_traces_shows_a_table_to_people(call: Call, samples: Path) -> None:
    """Ids are whole, whatever the width, and what a format lacks is a dash."""
    out = call("traces", samples).out
    assert "617fdb16cf685c234f3ef3cfbe54acd9" in out
    chat = next(line for line in out.splitlines() if line.startswith("trip-planner-chat"))
    assert "–" in chat


def test_traces_of_a_window_are_those_that_start_in_it(call: Call, samples: Path) -> None:
    """`--from` is included, `--to` is not; a chat without times is in no window."""
    ended = call("traces", samples, "--from", "2026-03-03", "--to", "2026-03-04", "--json")
    roots = [json.loads(line)["root_name"] for line in ended.out.splitlines()]
    assert roots == ["brief_agent", "stock_agent"]


def test_a_filter_selects_traces_with_a_matching_span(call: Call, samples: Path) -> None:
    """Two samples have a tool that takes longer than a second."""
    ended = call(
        "traces", samples, "--filter", "span_kind == 'TOOL' and latency_ms > 1000", "--json"
    )
    assert len(ended.out.splitlines()) == 2


def test_a_filter_that_does_not_parse_points_at_the_place(call: Call, samples: Path) -> None:
    """The caret stands under the position; the exit is 2."""
    ended = call("traces", samples, "--filter", "span_kind = 'TOOL'")
    assert ended.code == 2
    shown, caret = ended.err.splitlines()[-2:]
    assert shown[caret.index("^")] == "="


@pytest.mark.parametrize(
    "argv",
    [
        ("traces", "no-such-file.json"),
        ("traces", "."),
        ("traces", SAMPLE, "--from", "yesterday"),
        ("traces", SAMPLE, "--limit", "0"),
        ("traces",),
        ("no-such-command",),
    ],
    ids=lambda argv: " ".join(map(str, argv[:3])),
)
def test_a_call_that_makes_no_sense_is_explained(
    call: Call, argv: tuple[str, ...], tmp_path: Path
) -> None:
    """Usage errors exit with 2 and say something; `.` stands for a folder without traces."""
    ended = call(*(str(tmp_path) if word == "." else word for word in argv))
    assert ended.code == 2
    assert ended.err.strip()
    assert ended.out == ""


def test_a_long_list_says_that_it_is_cut(call: Call, samples: Path) -> None:
    """`--limit` cuts, and stderr says so."""
    ended = call("traces", samples, "--limit", "2", "--json")
    assert len(ended.out.splitlines()) == 2
    assert "--limit" in ended.err


def test_control_characters_of_a_trace_do_not_reach_the_terminal(
    call: Call, tmp_path: Path
) -> None:
    """An escape sequence in a trace is shown, not obeyed."""
    path = tmp_path / "evil.json"
    record = {"run_id": "x\x1b[31m", "messages": [{"role": "user", "content": "hi"}]}
    path.write_text(json.dumps(record), encoding="utf-8")
    target = tmp_path / "evil.parquet"
    call("ingest", path, "-o", target)
    ended = call("traces", target)
    assert "x\\x1b[31m" in ended.out
    assert "\x1b" not in ended.out
