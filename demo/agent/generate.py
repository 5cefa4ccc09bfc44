"""A seeded set: every form of failure several times, healthy runs, and runs that recovered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TypeVar

from demo.agent.domain import Domain
from demo.agent.domains import DOMAINS
from demo.agent.export import decoded
from demo.agent.faults.catalogue import FORMS
from demo.agent.faults.form import Form
from demo.agent.incidents import Window, windows
from demo.agent.manifest import FILE, TRACES, Kind, Manifest, SeededTrace
from demo.agent.runs import Ran, run_once
from investigator.ground.files import write_target
from investigator.traces.parquet import write_spans

_T = TypeVar("_T")
EACH_FORM = 3
HEALTHY = 24
RECOVERED = 20
_START_NS = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp()) * 10**9
_BETWEEN_NS = 150 * 10**9


@dataclass(frozen=True, slots=True)
class _Planned:
    kind: Kind
    domain: Domain
    form: Form | None


@dataclass(frozen=True, slots=True)
class Seeded:
    """A generated set in memory."""

    runs: tuple[Ran, ...]
    windows: tuple[Window, ...]
    manifest: Manifest


def generate(seed: int) -> Seeded:
    """Run the agent for every trace of the set; the same seed gives the same ids and contents."""
    rng = Random(f"plan/{seed}")
    planned = [*_faulty(rng), *_recovered(rng), *_healthy(rng)]
    rng.shuffle(planned)
    runs, told = [], []
    for number, plan in enumerate(planned):
        ran = _run(plan, f"{seed}/{number}", _START_NS + number * _BETWEEN_NS)
        runs.append(ran)
        told.append(_told(plan, ran))
    made = tuple(windows(seed))
    incidents = tuple(window.told for window in made)
    return Seeded(tuple(runs), made, Manifest(seed=seed, traces=tuple(told), incidents=incidents))


def write(seeded: Seeded, folder: Path) -> None:
    """Write the traces, the incidents with their snapshots, and the manifest."""
    write_spans(decoded(seeded.runs), folder / TRACES)
    for window in seeded.windows:
        place = folder / window.told.folder
        write_spans(decoded(window.runs), place / TRACES)
        for path, text in window.snapshots.items():
            file = place / "snapshots" / path
            write_target(file, text.encode())
    text = seeded.manifest.model_dump_json(indent=1) + "\n"
    write_target(folder / FILE, text.encode())


def _faulty(rng: Random) -> Iterator[_Planned]:
    for form in FORMS:
        for domain in _some([d for d in DOMAINS if form.suits(d)], EACH_FORM, rng):
            yield _Planned(Kind.FAULTY, domain, form)


def _recovered(rng: Random) -> Iterator[_Planned]:
    forms = [form for form in FORMS if any(map(form.recovers, DOMAINS))]
    for form in _some(forms, RECOVERED, rng):
        domain = rng.choice([d for d in DOMAINS if form.recovers(d)])
        yield _Planned(Kind.RECOVERED, domain, form)


def _healthy(rng: Random) -> Iterator[_Planned]:
    for domain in _some(DOMAINS, HEALTHY, rng):
        yield _Planned(Kind.HEALTHY, domain, None)


def _some(held: Sequence[_T], count: int, rng: Random) -> list[_T]:
    """So many of them, each as often as the others."""
    found: list[_T] = []
    while len(found) < count:
        found += rng.sample(held, len(held))
    return found[:count]


def _run(plan: _Planned, seed: str, start_ns: int) -> Ran:
    if plan.form is None:
        return run_once(plan.domain, seed, start_ns)
    times = 1 if plan.kind is Kind.RECOVERED else None
    ran = run_once(plan.domain, seed, start_ns, installs=(plan.form.install,), times=times)
    assert ran.began is not None, f"{plan.form.name} did not befall {plan.domain.agent}"
    return ran


def _told(plan: _Planned, ran: Ran) -> SeededTrace:
    return SeededTrace(
        trace_id=ran.trace_id,
        agent=plan.domain.agent,
        kind=plan.kind,
        form=plan.form.name if plan.form else None,
        label=plan.form.label if plan.form and plan.kind is Kind.FAULTY else None,
        origin_span_id=ran.began,
    )
