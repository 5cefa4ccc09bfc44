"""A batch that is killed leaves nothing behind and charges nothing twice: the benchmark, small."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.batch_kills import WAYS, Totals, Way, chain


def _way(name: str) -> Way:
    return next(way for way in WAYS if way.name == name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "names"),
    [(4, ["SIGKILL parent"]), (5, ["SIGKILL parent", "SIGKILL worker"]), (6, ["SIGTERM, in &"])],
    ids=str,
)
def test_kills_leave_nothing_behind_and_charge_nothing_twice(
    seed: int, names: list[str], tmp_path: Path
) -> None:
    """Killed at random moments and gone on with; what was billed is what was booked."""
    totals = Totals()
    ways = [_way(name) for name in names]
    chain(tmp_path, ways=ways, traces=3, jobs=2, seed=seed, totals=totals)
    assert totals.violations == []
    assert totals.kills == len(names)
    assert totals.twice == 0
    assert totals.billed <= totals.settled + totals.lost
