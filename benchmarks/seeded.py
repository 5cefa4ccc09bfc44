"""Score the rules on traces of the demo agent, whose faults are known.

    python -m benchmarks.seeded [--seed N …] [--show]

Without `--seed` the set that comes with the package is scored, else sets generated on the spot.
Printed are, for each set, the share of failures with the right label and with the span where the
fault began as the root cause, the healthy and recovered runs that were called a failure, and for
each window whether the change was found (asserted, of the right kind) or, in a quiet one, none
asserted. The truth is read here only.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.agent.manifest import (
    TRACES,
    Kind,
    SeededIncident,
    SeededTrace,
    read_manifest,
)
from investigator import RCA, Incident, Settings
from investigator.incident.report import IncidentDossier, SuspicionStatus
from investigator.rca.report import Outcome, RCAReport
from investigator.runs.investigation import investigate
from investigator.samples import SEEDED


@dataclass(frozen=True, slots=True)
class Judged:
    """One trace: the truth and what the report says."""

    truth: SeededTrace
    report: RCAReport

    @property
    def failed(self) -> bool:
        """Whether the report calls the run a failure."""
        return self.report.outcome is Outcome.FAILURE

    @property
    def label_is_right(self) -> bool:
        """Whether a failure has its label, and any other run none."""
        told = self.report.primary_label if self.failed else None
        return told == self.truth.label

    @property
    def origin_is_right(self) -> bool:
        """Whether the root cause is where the fault began."""
        return self.failed and self.report.findings[0].span_id == self.truth.origin_span_id


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """One window: the truth and the dossier."""

    truth: SeededIncident
    dossier: IncidentDossier

    @property
    def asserted(self) -> tuple[str, ...]:
        """The kinds of the changes that are asserted."""
        suspected = self.dossier.suspected_change
        if suspected.status is not SuspicionStatus.ASSERTED:
            return ()
        return tuple(dict.fromkeys(change.kind for change in suspected.changes))

    @property
    def is_right(self) -> bool:
        """Whether the change is asserted; none, where there is none to blame."""
        if self.truth.change is None:
            return not self.asserted
        return self.truth.change in self.asserted


def main() -> None:
    """Print the scores of the shipped set, or of the seeds that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--seed", type=int, nargs="+", action="extend", help="generate these sets and score them"
    )
    parser.add_argument("--show", action="store_true", help="list the traces that are told wrong")
    arguments = parser.parse_args()
    if not arguments.seed:
        _score(SEEDED, "shipped set", show=arguments.show)
        return
    from demo.agent.generate import generate, write

    for seed in arguments.seed:
        with tempfile.TemporaryDirectory() as folder:
            write(generate(seed), Path(folder))
            _score(Path(folder), f"seed {seed}", show=arguments.show)


def _score(folder: Path, name: str, *, show: bool) -> None:
    manifest = read_manifest(folder)
    with tempfile.TemporaryDirectory() as runs:
        judged = judged_traces(folder, manifest.traces, Path(runs))
        windows = judged_windows(folder, manifest.incidents, Path(runs))
    _print_summary(name, judged)
    _print_table(judged)
    _print_windows(windows)
    if show:
        _print_wrong(judged)


def judged_traces(folder: Path, truths: Sequence[SeededTrace], runs: Path) -> list[Judged]:
    """The rules' report on every trace."""
    judged = []
    for truth in truths:
        found = investigate(folder / TRACES, RCA(trace_id=truth.trace_id), Settings(runs_dir=runs))
        assert found.report is not None
        judged.append(Judged(truth, found.report))
    return judged


def judged_windows(
    folder: Path, truths: Sequence[SeededIncident], runs: Path
) -> list[JudgedWindow]:
    """The rules' dossier on every window."""
    judged = []
    for truth in truths:
        place = folder / truth.folder
        found = investigate(
            place / TRACES, Incident(snapshots=place / "snapshots"), Settings(runs_dir=runs)
        )
        assert found.report is not None
        judged.append(JudgedWindow(truth, found.report))
    return judged


def _print_summary(name: str, judged: Sequence[Judged]) -> None:
    faulty = [one for one in judged if one.truth.kind is Kind.FAULTY]
    print(f"{name}: {len(judged)} traces")
    print(f"  label right    {_share([one.label_is_right for one in faulty])}")
    print(f"  origin right   {_share([one.origin_is_right for one in faulty])}")
    for kind in (Kind.HEALTHY, Kind.RECOVERED):
        runs = [one for one in judged if one.truth.kind is kind]
        called = sum(one.failed for one in runs)
        unsure = sum(one.report.outcome is Outcome.UNDETERMINED for one in runs)
        print(f"  {kind.value:10} {called} of {len(runs)} called a failure, {unsure} undetermined")


def _share(right: Sequence[bool]) -> str:
    return f"{sum(right)} of {len(right)} ({sum(right) / len(right):.3f})"


def _print_table(judged: Sequence[Judged]) -> None:
    by_form: Mapping[tuple[str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        if one.truth.label is not None and one.truth.form is not None:
            by_form[one.truth.label, one.truth.form].append(one)
    print(f"  {'label':28} {'form':20} runs label origin")
    for (label, form), runs in sorted(by_form.items()):
        labels = sum(one.label_is_right for one in runs)
        origins = sum(one.origin_is_right for one in runs)
        print(f"  {label:28} {form:20} {len(runs):4} {labels:5} {origins:6}")


def _print_windows(windows: Sequence[JudgedWindow]) -> None:
    for one in windows:
        verdict = "right" if one.is_right else "WRONG"
        asserted = ", ".join(one.asserted) or "none"
        print(
            f"  {one.truth.name:20} changed {one.truth.change or 'nothing':11} "
            f"{one.truth.failing:3} of {one.truth.traces} fail, asserted {asserted}: {verdict}"
        )


def _print_wrong(judged: Sequence[Judged]) -> None:
    for one in judged:
        faulty = one.truth.kind is Kind.FAULTY
        if one.label_is_right and (one.origin_is_right or not faulty):
            continue
        truth, report = one.truth, one.report
        told = report.primary_label or report.outcome.value
        found = report.findings[0] if report.findings else None
        print(
            f"  {truth.trace_id} {truth.agent} {truth.kind.value} {truth.form}: "
            f"{truth.label} at {truth.origin_span_id}, told {told}"
            + (f" at {found.span_id} ({found.confidence}): {found.description}" if found else "")
        )


if __name__ == "__main__":
    main()
