"""The record and the report of one run, as files that a reader can look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from investigator.runtime.budget import Budget
from investigator.runtime.driver import OUTPUT_FILE
from investigator.runtime.record import RECORD_FILE
from investigator.testing.toy import read, toy_run
from tests.runtime.toys import FAMILY, Script, failing, paid, run_toy

GOLDEN = Path(__file__).parent / "golden"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
HEAD = re.compile(r'("head_hash": ")[0-9a-f]{64}')


def test_golden_run_of_two_levels(tmp_path: Path, golden: Callable[[Path, str], None]) -> None:
    """Children, a repeat, a tool error, a call that failed; times and the chain left out."""
    script: Script = {**FAMILY, "0/2": [read(40), failing()]}
    budget = Budget(iterations=60, tokens=5000, cost_usd=0.01, wall_time_s=100)
    run_toy(toy_run(paid(script), budget=budget), tmp_path / "run")
    record = (tmp_path / "run" / RECORD_FILE).read_text(encoding="utf-8")
    record = HEAD.sub(r"\g<1>…", TIME.sub("…", record))
    golden(GOLDEN / RECORD_FILE, record)
    golden(GOLDEN / OUTPUT_FILE, (tmp_path / "run" / OUTPUT_FILE).read_text(encoding="utf-8"))
