"""A measure at another level is told with its change, its slice and its chance; noise is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.made_windows import Measure, made_window, write_openinference, write_otlp
from investigator import Incident, Settings, investigate
from investigator.ground.canonical_json import JsonValue
from investigator.incident.changes import detect_changes
from investigator.incident.digest import TraceDigest, digest
from investigator.incident.level_shifts import level_shifts
from investigator.incident.report import IncidentDossier, IncidentOutcome, SuspicionStatus
from investigator.incident.shifts import Shift
from investigator.traces.model import Trace
from tests.builders import QUOTE, readings
from tests.incident.running import incident_run, investigated
from tests.incident.windows import TIMEOUT, run


def shifts_in(window: Sequence[Trace]) -> list[Shift]:
    """The shifts of a window of traces."""
    found = [digest(readings(trace)) for trace in window]
    return list(level_shifts(found, detect_changes(found, None, QUOTE)))


def seconds(rng: random.Random, times: float = 1.0, spread: float = 0.3) -> float:
    """A latency as agents have them, around two seconds."""
    return 2.0 * times * rng.lognormvariate(0, spread)


def about(**said: JsonValue) -> dict[str, JsonValue]:
    """Attributes of a root."""
    return {key.replace("_", "."): value for key, value in said.items()}


@pytest.mark.slow
@given(
    st.integers(0, 10**6),
    st.integers(12, 60),
    st.integers(12, 60),
    st.floats(2.5, 8.0),
    st.sampled_from(("model", "prompt", "parameters", "tools")),
)
@settings(max_examples=25, deadline=None)
def test_a_slower_half_is_told_with_its_change(
    seed: int, before: int, after: int, times: float, changed: str
) -> None:
    """Whatever changed, however many runs there are on either side."""
    rng = random.Random(seed)
    new = {
        "model": {"model": "small-2"},
        "prompt": {"prompt": "Answer at length."},
        "parameters": {"temperature": 1.0},
        "tools": {"tools": ("search", "browse")},
    }[changed]
    window = [run(at, seconds=seconds(rng)) for at in range(before)]
    window += [
        run(at, seconds=seconds(rng, times), **new)  # type: ignore[arg-type]
        for at in range(before, before + after)
    ]
    first = next(shift for shift in shifts_in(window) if shift.measure == "latency")
    assert first.worse
    assert 0.6 * times < first.effect < 1.7 * times
    assert first.chance < 0.05
    assert changed in {change.kind.value for change in first.changes}


@pytest.mark.slow
@given(st.integers(0, 10**6), st.integers(20, 120), st.floats(0.05, 0.6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_noise_with_an_unrelated_change_is_no_shift(
    seed: int, count: int, spread: float, heavy: bool
) -> None:
    """Also where latencies have a heavy tail."""
    rng = random.Random(seed)
    window = [
        run(
            at,
            seconds=seconds(rng, 6.0 if heavy and rng.random() < 0.04 else 1.0, spread),
            model="small-1" if at < count // 2 else "small-2",
        )
        for at in range(count)
    ]
    worse = [shift for shift in shifts_in(window) if shift.worse]
    assert [shift.measure for shift in worse if shift.chance < 0.001] == []


def test_faster_is_told_and_is_no_incident(tmp_path: Path) -> None:
    """The look-alike of a slow model."""
    rng = random.Random(1)
    window = [
        run(at, seconds=seconds(rng, 1.0 if at < 15 else 0.3), model=f"small-{1 + at // 15}")
        for at in range(30)
    ]
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    assert dossier.outcome is IncidentOutcome.NO_INCIDENT
    assert "For the better: latency fell" in dossier.incident_summary
    assert [shift.worse for shift in dossier.shifts if shift.measure == "latency"] == [False]


def test_a_model_that_slows_half_of_the_runs_is_an_incident_with_its_change(tmp_path: Path) -> None:
    """As many runs are slow as are not, so none stands out from the others."""
    rng = random.Random(2)
    window = [
        run(at, seconds=seconds(rng, 1.0 if at < 15 else 10.0), model=f"small-{1 + at // 15}")
        for at in range(30)
    ]
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    assert dossier.outcome is IncidentOutcome.INCIDENT
    assert dossier.suspected_change.status is SuspicionStatus.ASSERTED
    assert dossier.suspected_change.changes[0].after == ("small-2",)
    first = dossier.shifts[0]
    assert (first.measure, first.runs_before, first.runs_after) == ("latency", 15, 15)
    assert (first.unit, first.effect_is, first.slice) == ("ms", "ratio", None)
    assert "Latency rose ×" in dossier.incident_summary
    assert dossier.hypotheses[0].confidence >= 0.5


@pytest.mark.parametrize("affected", ["acme", "globex"])
def test_a_shift_in_one_slice_names_the_slice(affected: str) -> None:
    """The change came to all, and slowed one tenant's runs."""
    rng = random.Random(3)
    tenants = ("acme", "globex", "initech")
    window = [
        run(
            at,
            seconds=seconds(rng, 4.0 if at >= 45 and tenants[at % 3] == affected else 1.0),
            model="small-1" if at < 45 else "small-2",
            attributes=about(tenant_id=tenants[at % 3]),
        )
        for at in range(90)
    ]
    first = next(shift for shift in shifts_in(window) if shift.measure == "latency")
    assert (first.slice and (first.slice.name, first.slice.value)) == ("tenant", affected)
    assert first.changes[0].subject.startswith("model")


def test_a_tenant_who_always_was_slow_has_no_shift() -> None:
    """Nor has one who asks more often later on: whom the runs are for is held constant."""
    rng = random.Random(4)
    window = []
    for at in range(120):
        slow = rng.random() < (0.1 if at < 60 else 0.7)
        window.append(
            run(
                at,
                seconds=seconds(rng, 5.0 if slow else 1.0),
                model="small-1" if at < 60 else "small-2",
                attributes=about(tenant_id="big" if slow else "small"),
            )
        )
    assert [shift for shift in shifts_in(window) if shift.worse] == []


def test_of_two_changes_the_one_that_came_with_the_shift_is_named() -> None:
    """The other is refuted, with the runs that speak against it."""
    rng = random.Random(5)
    window = [
        run(
            at,
            seconds=seconds(rng, 1.0 if at < 60 else 4.0),
            model="small-1" if at < 25 else "small-2",
            temperature=0 if at < 60 else 1,
        )
        for at in range(100)
    ]
    first = next(shift for shift in shifts_in(window) if shift.measure == "latency")
    assert [change.subject for change in first.changes] == ["parameters of helper"]
    (refuted,) = first.refuted
    assert refuted.change.subject == "model of helper"
    assert refuted.reason == "35 runs that have it were before the shift, at the old level"


def test_changes_that_came_together_are_named_together(tmp_path: Path) -> None:
    """Nothing tells them apart."""
    rng = random.Random(6)
    window = [
        run(
            at,
            seconds=seconds(rng, 1.0 if at < 20 else 4.0),
            model="small-1" if at < 20 else "small-2",
            temperature=0 if at < 20 else 1,
        )
        for at in range(40)
    ]
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    assert {change.kind for change in dossier.suspected_change.changes} == {"model", "parameters"}
    assert "at the same place changed" in dossier.suspected_change.statement
    assert dossier.refuted == ()


def test_a_shift_that_nothing_recorded_explains_says_so(tmp_path: Path) -> None:
    """When it was is told."""
    rng = random.Random(7)
    window = [run(at, seconds=seconds(rng, 4.0 if 40 <= at < 65 else 1.0)) for at in range(100)]
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    assert dossier.outcome is IncidentOutcome.INCIDENT
    assert dossier.suspected_change.status is SuspicionStatus.NONE_FOUND
    assert "no recorded change explains it" in dossier.suspected_change.statement
    assert dossier.shifts[0].start.startswith("1970-01-01T00:4")
    assert dossier.shifts[0].end is not None


def test_failing_runs_do_not_set_the_norm(tmp_path: Path) -> None:
    """Most fail at once, and those that do not are not slow for it."""
    window = [
        run(at, seconds=0.05 if at % 4 else 1.1, error=TIMEOUT if at % 4 else None)
        for at in range(40)
    ]
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    assert dossier.window.slow == 0
    assert "stood out by their latency" not in dossier.incident_summary


def test_the_tail_of_latencies_is_no_incident(tmp_path: Path) -> None:
    """A few slow runs of many, at no time in particular."""
    rng = random.Random(8)
    window = [run(at, seconds=seconds(rng, 8.0 if at % 31 == 5 else 1.0)) for at in range(120)]
    _, dossier = investigated(incident_run(window), tmp_path / "run")
    assert dossier.window.slow > 0
    assert dossier.outcome is IncidentOutcome.NO_INCIDENT
    assert "as the tail of latencies is" in dossier.incident_summary


@pytest.mark.slow
@pytest.mark.parametrize("write", [write_openinference, write_otlp])
@pytest.mark.parametrize("measure", list(Measure))
def test_each_measure_is_told_in_each_format(
    tmp_path: Path, measure: Measure, write: Callable[..., Path]
) -> None:
    """The first made window of the measure: an incident, with the kind of its change."""
    windows = (made_window(seed, shifted=True) for seed in range(40_000, 40_200))
    window = next(
        one for one in windows if one.truth.measure is measure and one.truth.affected > 25
    )
    question = Incident()
    found = investigate(
        write(window, tmp_path / "window.json"), question, Settings(runs_dir=tmp_path)
    ).report
    assert isinstance(found, IncidentDossier)
    assert found.outcome is IncidentOutcome.INCIDENT
    assert window.truth.cause is not None
    assert found.suspected_change.changes[0].kind == window.truth.cause.kind.value


@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_shifts_do_not_depend_on_the_order_of_the_traces(seed: int, rng: random.Random) -> None:
    """The same digests in another order say the same."""
    own = random.Random(seed)
    window = [run(at, seconds=seconds(own, 1 + at // 20), model=f"m{at // 20}") for at in range(40)]
    one = [digest(readings(trace)) for trace in window]
    other = list(one)
    rng.shuffle(other)
    changes = detect_changes(one, None, QUOTE)
    assert level_shifts(one, changes) == level_shifts(other, changes)


def test_runs_without_times_are_not_compared() -> None:
    """Nothing is before or after."""
    found = [undated(digest(readings(run(at)))) for at in range(30)]
    assert level_shifts(found, ()) == ()


def undated(found: TraceDigest) -> TraceDigest:
    """The digest of a trace whose start is not known."""
    return replace(found, start_ns=None)
