"""A file of outcomes: what is read of it, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.errors import UsageError
from investigator.runs.outcome_files import read_outcomes, require_known
from investigator.runtime.told import ToldOutcome
from investigator.store.memory import MemoryInspectionAPI
from tests.builders import span, trace

TOLD = (
    ToldOutcome(trace_id="a", outcome="failed", symptom="wrong, twice", expected="4"),
    ToldOutcome(trace_id="b", outcome="passed"),
)
CSV = 'trace_id,outcome,symptom,expected\na,failed,"wrong, twice",4\n\nb,passed,,\n'
JSON = (
    '{"trace_id": "a", "outcome": "failed", "symptom": "wrong, twice", "expected": "4"}\n'
    '\n{"trace_id": "b", "outcome": "passed", "symptom": null}\n'
)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "outcomes"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", [CSV, JSON, "\ufeff" + CSV, CSV.replace("\n", "\r\n")])
def test_csv_and_json_lines_say_the_same(tmp_path: Path, text: str) -> None:
    assert read_outcomes(written(tmp_path, text)) == TOLD


def test_columns_come_in_any_order_and_may_be_left_out(tmp_path: Path) -> None:
    found = read_outcomes(written(tmp_path, "outcome,trace_id\nfailed,a\n"))
    assert found == (ToldOutcome(trace_id="a", outcome="failed"),)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("trace_id,outcome\na,bad\n", 2, "'passed' or 'failed', not 'bad'"),
        ("trace_id,outcome\na,failed\na,passed\n", 3, "told of in line 2 already"),
        ("trace_id,outcome\n,failed\n", 2, "has to name its trace_id"),
        ("trace_id,outcome\na\n", 2, "1 cell under 2 columns"),
        ("trace_id,outcome\na,\n", 2, "nothing is told of trace 'a'"),
        ("trace_id,result\na,failed\n", 1, "no column 'result'"),
        ("outcome,symptom\nfailed,x\n", 1, "no column trace_id"),
        ("trace_id,trace_id\na,a\n", 1, "twice in the header"),
        ("", 1, "no header"),
        ('trace_id,outcome\na,"failed\n', 2, "not CSV"),
        ('{"trace_id": "a", "outcome": "failed"}\n{oops\n', 2, "not JSON"),
        ('{"trace_id": "a", "outcome": "failed"}\n[1]\n', 2, "not a JSON object"),
        ('{"trace_id": "a", "outcome": true}\n', 1, "outcome"),
        ('{"trace_id": 7, "outcome": "failed"}\n', 1, "trace_id"),
        ('{"trace_id": "a", "verdict": "failed"}\n', 1, "no column 'verdict'"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_outcomes(written(tmp_path, text))
    assert f"line {line}: " in str(refused.value)
    assert why in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"outcomes .*gone.* cannot be read"):
        read_outcomes(tmp_path / "gone")


def test_traces_that_the_source_does_not_hold_are_named() -> None:
    api = MemoryInspectionAPI([trace(span(trace_id="a"))])
    require_known(TOLD[:1], api, "file")
    with pytest.raises(UsageError, match="not in the source: 'b' "):
        require_known(TOLD, api, "file")
