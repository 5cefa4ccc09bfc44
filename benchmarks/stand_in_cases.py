"""Which cases a stand-in reads: chosen by rule, spread over lengths, their labels kept apart.

A set of any size gives as many cases as are named here, at evenly spread places of an order by
length, so a small sample has short and long ones alike. What a run is asked holds no label, but
that a run failed where all of a set did; labels are in `Truth`, which only the score reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.reports import traces_in
from investigator.compliance.question import Compliance
from investigator.incident.question import Incident
from investigator.inspection.engine import Question
from investigator.rca.question import RCA
from investigator.runs.sources import TraceSource
from investigator.runtime.told import ToldOutcome

_T = TypeVar("_T")

COUNTS: Mapping[str, int] = {
    "who_and_when": 12,
    "field": 4,
    "trail": 2,
    "served": 2,
    "not_served": 2,
    "judgement": 1,
}
WINDOW = 8
"""The traces of the incident."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the labels say: who was wrong, in which spans it began, the verdict that is right.

    Empty or None where a set has no such label. `steps` are positions where a set labels those.
    """

    agent: str | None = None
    spans: frozenset[str] = frozenset()
    verdict: str | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One run that is asked for; `name` says the set and a number, and nothing of the label."""

    name: str
    source: TraceSource
    question: Question[Any]
    truth: Truth = field(default_factory=Truth)

    @property
    def set_name(self) -> str:
        """The set that it is of."""
        return self.name.rpartition("-")[0]


def chosen_cases(data: Path) -> list[Case]:
    """The cases of the sets that are there."""
    sets = (_who_and_when, _field, _trail, _tau_bench, _judgement, _incident)
    return [case for cases in sets for case in cases(data)]


def spread(items: Sequence[_T], count: int) -> list[_T]:
    """So many of the items, evenly over their order; all where there are fewer."""
    if len(items) <= count:
        return list(items)
    return [items[int((place + 0.5) * len(items) / count)] for place in range(count)]


def _by_size(paths: Iterator[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.stat().st_size, path.name))


def _who_and_when(data: Path) -> Iterator[Case]:
    folder = data / "who_and_when" / "algorithm_generated"
    logs = spread(_by_size((folder / "logs").glob("*.json")), COUNTS["who_and_when"])
    for number, path in enumerate(logs, start=1):
        label = _json(folder / "gold" / path.name)
        step = int(label["mistake_step"])
        truth = Truth(label["mistake_agent"], frozenset({f"step-{step}"}), "failure", step)
        question = RCA(outcome="failed", ignore_evaluations=True)
        yield Case(f"who_and_when-{number}", path, question, truth)


def _field(data: Path) -> Iterator[Case]:
    failing = []
    for folder in (data / "field").glob("*/"):
        told = _json(folder / "expected.json")
        if told.get("engine") is None and told.get("outcome") == "failure":
            failing.append(next(folder.glob("trace.*")))
    for number, path in enumerate(spread(_by_size(iter(failing)), COUNTS["field"]), start=1):
        begins = _json(path.parent / "expected.json").get("begins_at") or {}
        truth = Truth(spans=frozenset(begins.values()), verdict="failure")
        yield Case(f"field-{number}", path, RCA(outcome="failed"), truth)


def _trail(data: Path) -> Iterator[Case]:
    folder = data / "trail" / "gaia"
    paths = spread(_by_size((folder / "traces").glob("*.json")), COUNTS["trail"])
    for number, path in enumerate(paths, start=1):
        errors = _json(folder / "gold" / path.name)["errors"]
        truth = Truth(spans=frozenset(error["location"] for error in errors), verdict="failure")
        question = RCA(outcome="failed", taxonomy="trail", ignore_evaluations=True)
        yield Case(f"trail-{number}", path, question, truth)


def _tau_bench(data: Path) -> Iterator[Case]:
    """Runs that were served rightly and such that weren't, in an order that tells neither."""
    path, rewards = data / "tau_bench" / "runs.json", _rewards(data)
    lengths = _run_lengths(path)
    picked = [
        run
        for served, name in ((True, "served"), (False, "not_served"))
        for run in spread([r for r in lengths if (rewards[r] == 1) is served], COUNTS[name])
    ]
    for number, run in enumerate(sorted(picked, key=_shuffled), start=1):
        truth = Truth(verdict="no_failure" if rewards[run] == 1 else "failure")
        question = RCA(trace_id=run, controls="airline-example", ignore_evaluations=True)
        yield Case(f"tau-{number}", path, question, truth)


def _judgement(data: Path) -> Iterator[Case]:
    """A conversation of the middle length, judged by what only a reader can judge."""
    path = data / "tau_bench" / "runs.json"
    for number, run in enumerate(spread(_run_lengths(path), COUNTS["judgement"]), start=1):
        question = Compliance(trace_id=run, controls="judgement-v1", ignore_evaluations=True)
        yield Case(f"judgement-{number}", path, question)


def _incident(data: Path) -> Iterator[Case]:
    """The shortest traces of TRAIL, all of which failed: what they share is asked of a reader."""
    paths = _by_size((data / "trail" / "gaia" / "traces").glob("*.json"))[:WINDOW]
    ids = [trace.trace_id for path in paths for trace in traces_in(path)]
    if ids:
        told = tuple(ToldOutcome(trace_id=one, outcome="failed") for one in ids)
        question = Incident(trace_ids=tuple(ids), outcomes=told, ignore_evaluations=True)
        yield Case("incident-1", paths, question)


def _run_lengths(path: Path) -> list[str]:
    """The ids of conversations, the short ones first."""
    runs = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [run["run_id"] for run in sorted(runs, key=lambda run: len(json.dumps(run)))]


def _rewards(data: Path) -> dict[str, float]:
    path = data / "tau_bench" / "gold.json"
    labels = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return {label["run_id"]: label["reward"] for label in labels}


def _shuffled(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def _json(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
