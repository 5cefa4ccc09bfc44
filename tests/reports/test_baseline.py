"""A baseline knows a fault again under another id and in other words, and a new one is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from investigator.claims.rows import FindingRow, lasting, signature_of
from investigator.errors import UsageError
from investigator.reports.baseline import Baseline, baseline_of, read_baseline, write_baseline


def finding(*parts: str, said: str = "it failed") -> FindingRow:
    """A finding of that signature."""
    return FindingRow(
        trace_id="t",
        rank=1,
        category=parts[1],
        description=said,
        fails=True,
        signature=signature_of(*parts),
    )


KNOWN = ("rca", "tool_failure", "http_error", "search", "# Not Found for <url>")


def test_another_wording_of_the_error_is_no_new_fault() -> None:
    """Ids and numbers are masked in the template; other words of it do not count either."""
    baseline = baseline_of([finding(*KNOWN)])
    assert baseline.knows(signature_of(*KNOWN))
    assert baseline.knows(signature_of(*KNOWN[:4], "the page is gone"))


@pytest.mark.parametrize("place", range(4))
def test_another_engine_category_fault_or_tool_is_a_new_fault(place: int) -> None:
    """Each of the parts before the template counts."""
    other = [*KNOWN]
    other[place] = "other"
    assert not baseline_of([finding(*KNOWN)]).knows(signature_of(*other))


def test_a_file_is_read_back_and_does_not_depend_on_the_order(tmp_path: Path) -> None:
    """One line a fault, each once, sorted."""
    rows = [finding(*KNOWN), finding("rca", "b", "c", "d"), finding(*KNOWN[:4], "other words")]
    one, other = baseline_of(rows[:2]), baseline_of(rows[1::-1])
    assert one == other
    assert len(baseline_of(rows).known) == 2
    write_baseline(tmp_path / "b.json", one)
    assert read_baseline(tmp_path / "b.json") == one
    write_baseline(tmp_path / "empty.json", Baseline())
    assert read_baseline(tmp_path / "empty.json") == Baseline()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no baseline"),
        ("{", "Invalid JSON"),
        ("[]", "is no baseline"),
        ('{"schema_version": "9", "known": []}', "schema_version"),
        ('{"known": [{"signature": ""}]}', "known.0"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_what_is_no_baseline_is_a_usage_error(
    tmp_path: Path, content: str | bytes | None, told: str
) -> None:
    """It names the place in the file, and how one is made."""
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=told):
        read_baseline(path)


def test_the_lasting_parts_leave_out_the_template_alone() -> None:
    """A signature of fewer parts lasts as it is."""
    assert lasting("rca | a | b | c | d | e") == "rca | a | b | c"
    assert lasting("compliance | control.x") == "compliance | control.x"
