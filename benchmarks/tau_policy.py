"""A root-cause analysis under a policy: tau-bench's airline runs, each judged with the library.

    python -m benchmarks.tau_policy --data ../shared/data [--half even]

Runs are told nothing; rewards are read here only. Halves are by task: the checks of the library
were written from the policy while only runs of even tasks were looked at, and what is fitted on
one half judges the other. Printed for each half: how many were acquitted and called failing at
0.6 or more, and how many of them rightly; then each control's breaches beside the reward.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.fitting import probability, weights_of
from benchmarks.reports import readings, traces_in
from investigator import RCA, Settings
from investigator.controls.library import load_library
from investigator.rca.case import RCACase
from investigator.rca.policy_calibration import breach_features, policy_features
from investigator.rca.report import Outcome, RCAReport
from investigator.rca.taxonomy import load_taxonomy
from investigator.runs.investigation import investigate

LIBRARY = "airline-example"
SURE = 0.6
"""From here on an acquittal or a failure counts as said."""


class PolicyRun(NamedTuple):
    """One run: whether it did its task, and what the report says of it under the policy.

    `acquitted_on` and `failed_on` are what the confidence of an acquittal (None where none was
    earned) and of a failure depend on.
    """

    run_id: str
    good: bool
    report: RCAReport
    acquitted_on: tuple[float, ...] | None
    failed_on: tuple[float, ...]
    broken: tuple[str, ...]

    def features(self, *, failed: bool) -> tuple[float, ...] | None:
        """What the confidence of a failure, or of an acquittal, depends on; None without one."""
        if not failed:
            return self.acquitted_on
        return self.failed_on if self.report.outcome is Outcome.FAILURE else None

    @property
    def task(self) -> int:
        """The number of its task, of which each has several runs."""
        return int(self.run_id.split("-")[1])

    @property
    def half(self) -> int:
        """The parity of its task."""
        return self.task % 2


def policy_runs(data: Path, *, half: int | None = None) -> list[PolicyRun]:
    """Every run of the airline, or of one half of its tasks, with its report by rules."""
    folder = data / "tau_bench"
    labels = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
    truth = {label["run_id"]: label["reward"] == 1 for label in labels}
    return [one for one in _judged(folder / "runs.json", truth) if half in (None, one.half)]


def _judged(path: Path, truth: dict[str, bool]) -> Iterator[PolicyRun]:
    library, taxonomy = load_library(LIBRARY), load_taxonomy("default")
    with tempfile.TemporaryDirectory() as runs:
        for trace in traces_in(path):
            question = RCA(trace_id=trace.trace_id, controls=LIBRARY, ignore_evaluations=True)
            report = investigate(path, question, Settings(runs_dir=Path(runs))).report
            if report is None:
                continue
            case = RCACase.narrowed(readings(trace), taxonomy, library)
            acquittal, policy = case.acquittal, case.policy
            assert policy is not None
            yield PolicyRun(
                trace.trace_id,
                truth[trace.trace_id],
                report,
                policy_features(acquittal) if acquittal.earned else None,
                breach_features(policy),
                tuple(control.control_id for control in policy.broken),
            )


def print_policy(runs: Sequence[PolicyRun]) -> None:
    """Acquittals and failures at 0.6 or more, each half judged by what the other gave.

    Of one half alone, each of its own halves.
    """
    step = 1 if len({run.half for run in runs}) > 1 else 2
    sure: list[tuple[PolicyRun, bool]] = []
    for fold in (0, 1):
        own = [run for run in runs if run.task // step % 2 == fold]
        others = [run for run in runs if run.task // step % 2 != fold]
        said = [*_sure(own, others, failed=False), *_sure(own, others, failed=True)]
        _print_said(f"half {fold}", said, len(own))
        sure += said
    _print_said("all, cross-fitted", sure, len(runs))
    as_is = [
        (run, run.report.outcome is Outcome.FAILURE)
        for run in runs
        if run.report.outcome is not Outcome.UNDETERMINED and run.report.confidence >= SURE
    ]
    _print_said("as reports say", as_is, len(runs))
    for failed, name in ((False, "acquittals"), (True, "failures")):
        rows = list(_rows(runs, failed=failed))
        told = ", ".join(f"{weight:.3f}" for weight in weights_of(rows))
        print(f"tau-bench with its library: {name} fitted on all {len(rows)}: {told}")


def _sure(
    own: Sequence[PolicyRun], others: Sequence[PolicyRun], *, failed: bool
) -> list[tuple[PolicyRun, bool]]:
    """The runs of which one half says so by what the other gave."""
    weights = weights_of(list(_rows(others, failed=failed)))
    return [
        (run, failed)
        for run in own
        if (features := run.features(failed=failed)) is not None
        and probability(weights, features) >= SURE
    ]


def _rows(runs: Sequence[PolicyRun], *, failed: bool) -> Iterator[tuple[tuple[float, ...], bool]]:
    for run in runs:
        features = run.features(failed=failed)
        if features is not None:
            yield features, run.good is not failed


def _print_said(name: str, said: Sequence[tuple[PolicyRun, bool]], count: int) -> None:
    clean = _share([run.good for run, failed in said if not failed])
    failing = _share([not run.good for run, failed in said if failed])
    print(
        f"tau-bench with its library, {name}: {count} runs; acquitted at {SURE} {clean}; "
        f"failing at {SURE} {failing}"
    )


def _share(told: Sequence[bool]) -> str:
    return f"{len(told)}, right {sum(told)}" + (f" ({sum(told) / len(told):.0%})" if told else "")


def main() -> None:
    """Print the figures, and the breaches of each control beside the reward."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    parser.add_argument("--half", choices=("even", "odd"), help="runs of these tasks alone")
    given = parser.parse_args()
    half = None if given.half is None else ("even", "odd").index(given.half)
    runs = policy_runs(given.data, half=half)
    print_policy(runs)
    for name, count in sorted(Counter(c for run in runs for c in run.broken).items()):
        bad = sum(name in run.broken and not run.good for run in runs)
        print(f"{name:40} broken {count:3}, reward 0 {bad:3}")


if __name__ == "__main__":
    main()
