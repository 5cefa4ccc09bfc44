"""What comes back at an hour or in a slice is told there, with counts; what is spread is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from investigator.incident.report import IncidentDossier, IncidentOutcome
from investigator.traces.model import Trace
from tests.incident.running import case_of, incident_run, investigated
from tests.incident.windows import TIMEOUT, run

HOUR = 60
DAY = 24 * HOUR


def dossier_of(window: list[Trace], folder: Path) -> IncidentDossier:
    """The dossier of a window, by rules."""
    return investigated(incident_run(window), folder / "run")[1]


def every(minutes: int, days: int, wrong: Callable[[int], bool]) -> list[Trace]:
    """A run every so many minutes; `wrong` says by its minute whether it fails."""
    return [
        run(at, trace_id=f"t{at:06}", error=TIMEOUT if wrong(at) else None)
        for at in range(0, days * DAY, minutes)
    ]


@pytest.mark.parametrize(
    ("minutes", "days", "wrong", "place"),
    [
        (30, 6, lambda at: at % DAY // HOUR == 1, "daily from 01:00 to 02:00 UTC"),
        (60, 5, lambda at: at % DAY // HOUR in (23, 0), "daily from 23:00 to 01:00 UTC"),
        (5, 1, lambda at: at % HOUR < 5, "hourly from minute 0 to 5"),
        # 1970-01-01 was a Thursday.
        (180, 28, lambda at: (at // DAY + 3) % 7 == 5, "weekly on Saturday"),
    ],
)
def test_what_recurs_is_told_with_its_time(
    tmp_path: Path, minutes: int, days: int, wrong: Callable[[int], bool], place: str
) -> None:
    """With how many runs fail then, and how many do at other times."""
    found = next(
        one for one in dossier_of(every(minutes, days, wrong), tmp_path).patterns if one.recurs
    )
    assert found.place == place
    assert found.bad_there == found.runs_there
    assert found.bad_elsewhere == 0
    assert "search: timeout" in found.what
    assert found.chance < 0.001


def test_slow_runs_every_night_are_an_incident_without_any_error(tmp_path: Path) -> None:
    """No change explains them, and no shift holds them."""
    rng = random.Random(1)
    window = [
        run(
            at,
            trace_id=f"t{at:06}",
            seconds=2 * rng.lognormvariate(0, 0.2) * (5 if at % DAY // HOUR == 1 else 1),
        )
        for at in range(0, 6 * DAY, 20)
    ]
    dossier = dossier_of(window, tmp_path)
    assert dossier.outcome is IncidentOutcome.INCIDENT
    found = next(one for one in dossier.patterns if one.recurs)
    assert (found.what, found.place) == ("much latency", "daily from 01:00 to 02:00 UTC")
    assert "daily from 01:00" in dossier.incident_summary


@pytest.mark.parametrize(
    ("key", "name"),
    [("tenant.id", "tenant"), ("user.id", "user"), ("cloud.region", "region"), ("plan", "plan")],
)
def test_the_slice_in_which_it_happens_is_told(tmp_path: Path, key: str, name: str) -> None:
    """By whatever the runs say of their circumstances."""
    window = [
        run(at, error=TIMEOUT if at % 4 == 1 else None, attributes={key: f"v{at % 4}"})
        for at in range(80)
    ]
    found = next(one for one in dossier_of(window, tmp_path).patterns if not one.recurs)
    assert found.place == f"{name} v1"
    assert (found.bad_there, found.runs_there, found.bad_elsewhere) == (20, 20, 0)


@pytest.mark.slow
@given(st.integers(0, 10**6), st.floats(0.05, 0.4))
@settings(max_examples=15, deadline=None)
def test_failures_at_any_time_for_anyone_have_no_pattern(seed: int, share: float) -> None:
    """The look-alike: as many, spread by chance."""
    rng = random.Random(seed)
    window = [
        run(
            at,
            trace_id=f"t{at:06}",
            error=TIMEOUT if rng.random() < share else None,
            attributes={"tenant.id": f"v{at % 5}"},
        )
        for at in range(0, 5 * DAY, 45)
    ]
    assert [one for one in case_of(window).patterns if one.chance < 0.001] == []


def test_one_bad_night_does_not_recur(tmp_path: Path) -> None:
    """It takes three to tell a habit from an accident."""
    dossier = dossier_of(every(30, 6, lambda at: at // HOUR == 49), tmp_path)
    assert [one for one in dossier.patterns if one.recurs] == []
