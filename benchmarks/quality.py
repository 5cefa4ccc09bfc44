"""Every claim about the root-cause analysis by rules, in one table, beside trivial baselines.

    python -m benchmarks.quality --data ../shared/data [--only tau_bench …] [--bins] [--rename 1]
        [--ablate] [--fit]

For each set: how many runs were called clean, failing or left open, how often a clean or a failing
one was rightly called so, and how far stated confidences are from what came true (the expected
calibration error over ten bins, with its n). `--fit` fits the confidence of an acquittal anew on
one half of the tasks and scores it on the other, then prints what all of them together give. Labels
are read here only, and verdicts that the data carries are left aside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from benchmarks.ablation import Subject, ablated, reported
from benchmarks.field import field_cases, summary_of
from benchmarks.fitting import probability, weights_of
from benchmarks.reports import readings, reports_by_rules, traces_in
from benchmarks.scores import BINS, calibration_error
from benchmarks.stability import renamed
from benchmarks.tau_policy import policy_runs, print_policy
from benchmarks.trail import places_line
from demo.agent.manifest import TRACES, Kind, read_manifest
from investigator.rca.acquittal import Acquittal
from investigator.rca.calibration import acquittal_features
from investigator.rca.report import Finding, Outcome, RCAReport
from investigator.rca.taxonomy import load_taxonomy
from investigator.readings.conversation import Source
from investigator.samples import SEEDED
from investigator.signals.detect import detect

SURE = 0.6
"""From here on an acquittal or a failure counts as said."""


class Run(NamedTuple):
    """One run: whether it did its task, what it was asked, and what the report says of it."""

    good: bool
    task: str
    report: RCAReport
    features: tuple[float, ...] | None
    """Of the acquittal's confidence; None where no acquittal was earned."""


Truth = dict[str, bool]


def main() -> None:
    """Print the table, and with `--fit` what the fit gives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    parser.add_argument("--only", nargs="*", choices=sorted(SETS), help="these sets alone")
    parser.add_argument("--bins", action="store_true", help="print each bin of the confidences")
    parser.add_argument("--rename", type=int, metavar="SEED", help="other names of spans and tools")
    parser.add_argument("--ablate", action="store_true", help="each detector left out in turn")
    parser.add_argument("--fit", action="store_true", help="fit the confidence of acquittals anew")
    given = parser.parse_args()
    sets = {name: SETS[name](given.data) for name in given.only or SETS}
    runs = {name: [run for one in found for run in _runs(one)] for name, found in sets.items()}
    print(f"{'set':14} {'runs':>5} {'good':>5}  {'clean':>5} {'right':>5}  "
          f"{'failing':>7} {'right':>5}  {'open':>5}  {'ECE':>5} {'n':>4}")  # fmt: skip
    for name, found in runs.items():
        print(_line(name, found))
        print(_line("  all clean", [_called(run, Outcome.NO_FAILURE) for run in found]))
        if given.bins:
            print(*_reliability(found), sep="\n")
    if "field" in runs:
        print(summary_of(list(field_cases(given.data))))
    for name in PLACED:
        if name in runs:
            _print_places(name, PLACED[name](given.data))
    if not given.only:
        print(places_line(given.data / "trail" / "gaia"))
    if "tau_bench" in runs:
        print_policy(policy_runs(given.data))
    for name, labelled in sets.items() if given.rename is not None else ():
        print(f"{name}, other names: {_steadiness(labelled, given.rename)}")
    for name, labelled in sets.items() if given.ablate else ():
        _print_ablation(name, labelled, _places_of(name, given.data))
    if given.fit:
        _print_fit([run for name in FITTED if name in runs for run in runs[name]], runs)


def _line(name: str, runs: Sequence[Run]) -> str:
    clean = [run for run in runs if run.report.outcome is Outcome.NO_FAILURE]
    failing = [run for run in runs if run.report.outcome is Outcome.FAILURE]
    stated = _stated(runs)
    left = len(runs) - len(clean) - len(failing)
    return (
        f"{name:14} {len(runs):5} {sum(run.good for run in runs):5}  "
        f"{len(clean):5} {sum(run.good for run in clean):5}  "
        f"{len(failing):7} {sum(not run.good for run in failing):5}  {left:5}  "
        f"{calibration_error(stated):5.3f} {len(stated):4}"
    )


def _stated(runs: Sequence[Run]) -> list[tuple[float, bool]]:
    """The confidence of each outcome, and whether it was right."""
    clean = [run for run in runs if run.report.outcome is Outcome.NO_FAILURE]
    failing = [run for run in runs if run.report.outcome is Outcome.FAILURE]
    return [
        *((run.report.confidence, run.good) for run in clean),
        *((run.report.confidence, not run.good) for run in failing),
    ]


def _reliability(runs: Sequence[Run]) -> Iterator[str]:
    """How often outcomes of about one confidence were right."""
    stated = _stated(runs)
    for low in range(BINS):
        held = [(c, right) for c, right in stated if min(int(c * BINS), BINS - 1) == low]
        if held:
            mean = sum(c for c, _ in held) / len(held)
            right = sum(right for _, right in held)
            yield f"    stated {mean:.2f}: right {right} of {len(held)} ({right / len(held):.2f})"


def _called(run: Run, outcome: Outcome) -> Run:
    """The baseline that says the same of every run, as sure as rules were of one without a mark."""
    said = run.report.model_copy(update={"outcome": outcome, "confidence": 0.7})
    return run._replace(report=said)


class Labelled(NamedTuple):
    """Traces of which it is known whether each did its task; `task` groups those of one task."""

    source: Path
    truth: Truth
    task: Callable[[str], str] | None = None


def _tau_bench(data: Path) -> list[Labelled]:
    labels = json.loads((data / "tau_bench" / "gold.json").read_text(encoding="utf-8"))
    truth = {label["run_id"]: label["reward"] == 1 for label in labels}
    source = data / "tau_bench" / "runs.json"
    return [Labelled(source, truth, lambda key: key.rsplit("-", 1)[0])]


def _agentdojo(data: Path) -> list[Labelled]:
    folder = data / "agentdojo"
    lines = (
        json.loads(line)
        for path in sorted((folder / "gold").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    truth = {one["run_id"]: one["utility"] for one in lines if not one["attacked"]}
    return [Labelled(folder / "runs", truth)]


def _who_and_when(data: Path) -> list[Labelled]:
    folder = data / "who_and_when" / "algorithm_generated"
    truth = {path.stem: False for path in sorted((folder / "gold").glob("*.json"))}
    return [Labelled(folder / "logs", truth)]


def _field(data: Path) -> list[Labelled]:
    found = []
    for folder in sorted((data / "field").iterdir()):
        if not (folder / "expected.json").is_file():
            continue
        told = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        if told.get("engine") is None and told.get("outcome") in ("failure", "no_failure"):
            (file,) = folder.glob("trace.*")
            good = told["outcome"] == "no_failure"
            truth = {trace.trace_id: good for trace in traces_in(file)}
            found.append(Labelled(file, truth))
    return found


def _demo_agent(data: Path) -> list[Labelled]:  # noqa: ARG001
    known = read_manifest(SEEDED).traces
    truth = {one.trace_id: one.kind is not Kind.FAULTY for one in known}
    return [Labelled(SEEDED / TRACES, truth)]


SETS: dict[str, Callable[[Path], list[Labelled]]] = {
    "field": _field,
    "who_and_when": _who_and_when,
    "tau_bench": _tau_bench,
    "agentdojo": _agentdojo,
    "demo_agent": _demo_agent,
}
FITTED = ("tau_bench", "agentdojo")
"""The sets whose runs are of both kinds, and were not made by this project."""


def _runs(labelled: Labelled) -> Iterator[Run]:
    source, truth, task = labelled
    reports = reports_by_rules(source, "default", only=frozenset(truth)).reports
    for trace in traces_in(source):
        if trace.trace_id not in truth or trace.trace_id not in reports:
            continue
        subject = readings(trace)
        acquittal = Acquittal(subject, detect(subject))
        asked = next(iter(subject.conversation.said_by(Source.USER)), None)
        yield Run(
            truth[trace.trace_id],
            task(trace.trace_id) if task else (asked.text if asked else trace.trace_id),
            reports[trace.trace_id],
            acquittal_features(acquittal) if acquittal.earned else None,
        )


class Placed(NamedTuple):
    """A failure of which it is known which step of which agent began it."""

    task: str
    agent: str | None
    spans: frozenset[str]
    report: RCAReport

    def hits(self, finding: Finding) -> bool:
        """Whether a finding names the step."""
        return finding.span_id in self.spans


def _placed_who_and_when(data: Path) -> list[Placed]:
    folder = data / "who_and_when" / "algorithm_generated"
    reports = reports_by_rules(folder / "logs", "default", failed=True).reports
    found = []
    for path in sorted((folder / "gold").glob("*.json")):
        label = json.loads(path.read_text(encoding="utf-8"))
        place = frozenset({f"step-{label['mistake_step']}"})
        found.append(Placed(path.stem, label["mistake_agent"], place, reports[path.stem]))
    return found


PLACED: dict[str, Callable[[Path], list[Placed]]] = {"who_and_when": _placed_who_and_when}
"""Sets of failures with their places; each run is told that it failed."""


def _print_places(name: str, placed: Sequence[Placed]) -> None:
    """Both halves, then all: agent, step, the step among the first three, acquittals."""
    for which, own in (
        ("half 0", [one for one in placed if _half_of(one.task) == 0]),
        ("half 1", [one for one in placed if _half_of(one.task) == 1]),
        ("all", placed),
    ):
        firsts = [(one, one.report.findings[0]) for one in own if one.report.findings]
        agents = sum(first.agent == one.agent for one, first in firsts)
        steps = sum(one.hits(first) for one, first in firsts)
        three = sum(any(map(one.hits, one.report.findings[:3])) for one in own)
        clean = sum(one.report.outcome is Outcome.NO_FAILURE for one in own)
        print(f"{name}, told that it failed, {which}: agent {agents / len(own):.1%}, step "
              f"{steps / len(own):.1%}, among the first three {three / len(own):.1%}, "
              f"called clean {clean} of {len(own)}")  # fmt: skip
    stated = [
        (finding.confidence, one.hits(finding) and finding.agent == one.agent)
        for one in placed
        for finding in one.report.findings
    ]
    print(f"{name}: ECE of findings {calibration_error(stated):.3f} (n = {len(stated)})")


def _steadiness(found: Sequence[Labelled], seed: int) -> str:
    """How many reports say the same, and of these that name a place, the same one."""
    taxonomy, same, placed, there, count = load_taxonomy("default"), 0, 0, 0, 0
    for trace in (trace for one in found for trace in traces_in(one.source)):
        if not any(trace.trace_id in one.truth for one in found):
            continue
        other = renamed(trace, seed)
        mine = reported(readings(trace), taxonomy)
        its = reported(readings(other.trace), taxonomy)
        count += 1
        same += mine.outcome is its.outcome
        if mine.findings and its.findings:
            placed += 1
            there += mine.findings[0].span_id == other.ids[its.findings[0].span_id]
    return f"the same outcome in {same} of {count}, the same first place in {there} of {placed}"


def _places_of(name: str, data: Path) -> dict[str, frozenset[str]]:
    """Where the failures of a set are known to have begun."""
    return {one.task: one.spans for one in PLACED[name](data)} if name in PLACED else {}


def _print_ablation(
    name: str, found: Sequence[Labelled], places: Mapping[str, frozenset[str]]
) -> None:
    subjects = [
        Subject.of(
            readings(trace),
            good=one.truth[trace.trace_id],
            spans=places.get(trace.trace_id, frozenset()),
        )
        for one in found
        for trace in traces_in(one.source)
        if trace.trace_id in one.truth
    ]
    for detector, change in ablated(subjects, load_taxonomy("default")):
        print(f"{name}, without {detector}: {change or 'nothing changes'}")


def _print_fit(pool: Sequence[Run], runs: dict[str, list[Run]]) -> None:
    earned = [run for run in pool if run.features is not None]
    halves = [fitted([run for run in earned if _half(run) != half]) for half in (0, 1)]
    for name in (name for name in FITTED if name in runs):
        own = [run for run in runs[name] if run.features is not None]
        stated = [(probability(halves[_half(run)], run.features or ()), run) for run in own]
        for half in (0, 1):
            sure = [r for p, r in stated if p >= SURE and _half(r) == half]
            print(f"{name}, half {half}: {len(sure)} clean at {SURE} or more, "
                  f"{sum(run.good for run in sure)} of them right")  # fmt: skip
        likely = [(p, run.good) for p, run in stated if p >= 0.5]
        shares = [_share_failed(_failing(pool, half=1 - half)) for half in (0, 1)]
        failures = [(shares[_half(run)], not run.good) for run in _failing(runs[name])]
        for what, found in (("acquittals", likely), ("failures", failures)):
            print(f"{name}: ECE of {what}, each half judged by the other's fit "
                  f"{calibration_error(found):.3f} (n = {len(found)})")  # fmt: skip
        both = [*likely, *failures]
        print(f"{name}: ECE of outcomes, cross-fitted {calibration_error(both):.3f} "
              f"(n = {len(both)})")  # fmt: skip
    print(f"acquittals, fitted on all {len(earned)}: {_told(fitted(earned))}")
    failing = _failing(pool)
    print(f"failures: {_share_failed(failing):.2f} of {len(failing)} were")


def _failing(runs: Sequence[Run], *, half: int | None = None) -> list[Run]:
    """The runs that are called failing, of one half or of both."""
    called = [run for run in runs if run.report.outcome is Outcome.FAILURE]
    return [run for run in called if half is None or _half(run) == half]


def _share_failed(runs: Sequence[Run]) -> float:
    return sum(not run.good for run in runs) / len(runs) if runs else 0.0


def _told(weights: Sequence[float]) -> str:
    return ", ".join(f"{weight:.3f}" for weight in weights)


def _half(run: Run) -> int:
    return _half_of(run.task)


def _half_of(task: str) -> int:
    return sha256(task.encode()).digest()[0] % 2


def fitted(runs: Sequence[Run]) -> list[float]:
    """Weights of a logistic regression on the features of acquittals."""
    return weights_of([(run.features or (), run.good) for run in runs])


if __name__ == "__main__":
    main()
