"""What is taken out of the overview of a run is counted in its record, once a scope."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from investigator.runtime.planner import FREE_TURN
from investigator.runtime.runner import start
from investigator.testing.scripted_planner import ScriptedPlanner
from investigator.testing.toy import delegate, finalize, read, toy_run


def test_each_scope_counts_what_its_overview_hides_once(tmp_path: Path) -> None:
    """However many prompts show it."""
    bound = replace(FREE_TURN, redactions=3)
    script = {"0": [read(0), delegate("a"), read(1), finalize("x")], "0/0": [finalize("a")]}
    plain = ScriptedPlanner(script)
    shown = ScriptedPlanner(script, bound=bound)
    without = asyncio.run(start(toy_run(plain), tmp_path / "plain"))
    record = asyncio.run(start(toy_run(shown), tmp_path / "shown"))
    told = record.runtime_ref.usage.redactions - without.runtime_ref.usage.redactions
    assert told == 6
