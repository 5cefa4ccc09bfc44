"""Whether the first departure from a good run is the step of the fault, on pairs of the demo agent.

    python -m benchmarks.good [--seed N …] [--all] [--show]

A pair is two runs of one task, of which one is given one fault; ids, times and latencies differ.
Without `--all` each seed makes ten pairs, two of each label; with it one of every fault in every
agent that it can befall. Also made are as many pairs of which both runs are healthy: none of these
may have a departure. The truth is read here only. It exits with 1 where fewer than nine of ten
departures are right, or where two healthy runs depart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demo.agent.domain import Domain
from demo.agent.domains import DOMAINS
from demo.agent.export import decoded
from demo.agent.faults.catalogue import FORMS
from demo.agent.faults.form import Form
from demo.agent.runs import Ran, run_once
from investigator import RCA, Settings
from investigator.rca.report import Finding
from investigator.runs.investigation import investigate
from investigator.traces.parquet import write_spans

_FAILED_NS, _GOOD_NS = 1_772_000_000 * 10**9, 1_773_000_000 * 10**9
_EACH_LABEL = 2
_ENOUGH = 0.9


@dataclass(frozen=True, slots=True)
class Pair:
    """A run with one fault (None: a healthy one) and a good run of the same task."""

    domain: Domain
    form: Form | None
    failed: Ran
    good: Ran

    @property
    def name(self) -> str:
        """The fault and the agent."""
        return f"{self.form.name if self.form else 'healthy'} in {self.domain.agent}"


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """What the report says of a pair: the finding that departs, if any, and its first finding."""

    pair: Pair
    departs: Finding | None
    first: Finding | None

    @property
    def is_right(self) -> bool:
        """Whether the departure is where the fault began; none, where there is no fault."""
        if self.pair.form is None:
            return self.departs is None
        return self.departs is not None and self.departs.span_id == self.pair.failed.began

    @property
    def is_first(self) -> bool:
        """Whether that is the first suspect, too."""
        return self.first is not None and self.first.span_id == self.pair.failed.began


def main() -> None:
    """Print the score of each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, nargs="+", action="extend", help="of the pairs")
    parser.add_argument("--all", action="store_true", help="every fault in every agent")
    parser.add_argument("--show", action="store_true", help="list every pair")
    arguments = parser.parse_args()
    seeds = arguments.seed or [0]
    judged = [one for seed in seeds for one in _scored(seed, arguments.all, arguments.show)]
    faulty = [one for one in judged if one.pair.form is not None]
    right = sum(one.is_right for one in faulty)
    departing = sum(not one.is_right for one in judged if one.pair.form is None)
    sys.exit(right < _ENOUGH * len(faulty) or departing > 0)


def _scored(seed: int, every: bool, show: bool) -> list[JudgedPair]:
    pairs = [*(all_pairs(seed) if every else ten_pairs(seed)), *healthy_pairs(seed)]
    with tempfile.TemporaryDirectory() as folder:
        judged = [judged_pair(pair, Path(folder)) for pair in pairs]
    _print(f"seed {seed}", judged, show=show)
    return judged


def ten_pairs(seed: int) -> Iterator[Pair]:
    """Two pairs of each label."""
    rng = Random(f"good/{seed}")
    for label in dict.fromkeys(form.label for form in FORMS):
        forms = [form for form in FORMS if form.label == label]
        for form in rng.sample(forms, _EACH_LABEL):
            yield pair_of(rng.choice(list(filter(form.suits, DOMAINS))), form, seed)


def all_pairs(seed: int) -> Iterator[Pair]:
    """One of every fault in every agent that it can befall."""
    for form in FORMS:
        for domain in filter(form.suits, DOMAINS):
            yield pair_of(domain, form, seed)


def healthy_pairs(seed: int) -> Iterator[Pair]:
    """Two runs of one task in every agent, neither with a fault."""
    for domain in DOMAINS:
        yield pair_of(domain, None, seed)


def pair_of(domain: Domain, form: Form | None, seed: int) -> Pair:
    """Two runs of one task; each draws its own ids and latencies."""
    name = f"{seed}/{form.name if form else 'healthy'}/{domain.agent}"
    asked = domain.question(Random(name))
    installs = () if form is None else (form.install,)
    failed = run_once(domain, name, _FAILED_NS, installs=installs, asked=asked)
    good = run_once(domain, f"{name}/good", _GOOD_NS, asked=asked)
    return Pair(domain, form, failed, good)


def judged_pair(pair: Pair, folder: Path) -> JudgedPair:
    """The rules' report on the failed run beside the good one."""
    source = folder / f"{pair.failed.trace_id}.parquet"
    write_spans(decoded((pair.failed, pair.good)), source)
    question = RCA(trace_id=pair.failed.trace_id, good=pair.good.trace_id, outcome="failed")
    report = investigate(source, question, Settings(runs_dir=folder / "runs")).report
    assert report is not None
    departs = next((f for f in report.findings if f.departs_from is not None), None)
    return JudgedPair(pair, departs, next(iter(report.findings), None))


def _print(name: str, judged: Sequence[JudgedPair], *, show: bool) -> None:
    faulty = [one for one in judged if one.pair.form is not None]
    healthy = [one for one in judged if one.pair.form is None]
    print(f"{name}: {len(faulty)} pairs with one fault, {len(healthy)} healthy ones")
    print(f"  first departure at the fault's step  {_share([one.is_right for one in faulty])}")
    print(f"  and the first suspect of the report  {_share([one.is_first for one in faulty])}")
    print(f"  healthy pairs without a departure    {_share([one.is_right for one in healthy])}")
    for one in judged:
        if show or not one.is_right:
            told = one.departs.description if one.departs else "no departure"
            print(f"  {'right' if one.is_right else 'MISS'}  {one.pair.name}: {told}")


def _share(right: Sequence[bool]) -> str:
    return f"{sum(right)} of {len(right)}" + (f" ({sum(right) / len(right):.2f})" if right else "")


if __name__ == "__main__":
    main()
