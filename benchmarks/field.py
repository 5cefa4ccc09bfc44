"""Failures that people reported, with the cause established there, and look-alikes that were none.

    python -m benchmarks.field --data ../shared/data

A case is told right where its label is one of those accepted and its first finding stands at one of
the accepted places; a look-alike where it is called no failure. Verdicts that the data carries are
left aside, but for a case that is about them. A window is told right where it is an incident and
its suspected change names what is to be named; a look-alike is also asked as a window of one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.reports import traces_in
from investigator import RCA, Incident, Settings
from investigator.incident.report import IncidentDossier, IncidentOutcome
from investigator.rca.report import Outcome, RCAReport
from investigator.runs.investigation import investigate

_ABOUT_VERDICTS = "own-evaluation"


class Case(NamedTuple):
    """One case: what is accepted, and what the rules say."""

    name: str
    failed: bool
    labels: frozenset[str]
    places: frozenset[str]
    report: RCAReport

    @property
    def label_is_right(self) -> bool:
        """Whether the label of a failure is one of those accepted."""
        return self.report.primary_label is not None and self.report.primary_label in self.labels

    @property
    def place_is_right(self) -> bool:
        """Whether the first finding stands where the failure is known to have begun."""
        return bool(self.report.findings) and self.report.findings[0].span_id in self.places

    @property
    def is_right(self) -> bool:
        """Whether label and place of a failure are right, or a look-alike is called none."""
        if not self.failed:
            return self.report.outcome is not Outcome.FAILURE
        return self.label_is_right and self.place_is_right


def main() -> None:
    """Print each case, then how many are told right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    given = parser.parse_args()
    cases = list(field_cases(given.data))
    for case in cases:
        first = case.report.findings[0] if case.report.findings else None
        fault = "-" if first is None or first.fault is None else first.fault.value
        print(
            f"{case.name:30} {'failed' if case.failed else 'healthy':8} "
            f"{'right' if case.is_right else 'wrong':6} {case.report.outcome:13} "
            f"{case.report.confidence:.2f}  label {'yes' if case.label_is_right else 'no':4} "
            f"place {'yes' if case.place_is_right else 'no':4} {fault}"
        )
    for name, right, dossier in field_windows(given.data):
        print(
            f"{name:30} window   {'right' if right else 'wrong':6} {dossier.outcome:13} "
            f"{dossier.confidence:.2f}  {dossier.suspected_change.status}"
        )
    print(summary_of(cases))


def field_windows(data: Path) -> Iterator[tuple[str, bool, IncidentDossier]]:
    """The windows, and the healthy runs as windows of one: whether each is told right, and how."""
    for folder in sorted((data / "field").iterdir()):
        if not (folder / "expected.json").is_file():
            continue
        told = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        if told.get("engine") != "incident" and told.get("outcome") != "no_failure":
            continue
        (file,) = folder.glob("trace.*")
        with tempfile.TemporaryDirectory() as runs:
            dossier = investigate(file, Incident(), Settings(runs_dir=Path(runs))).report
        assert dossier is not None
        yield folder.name, _is_told_right(told, dossier), dossier


def _is_told_right(told: dict[str, Any], dossier: IncidentDossier) -> bool:
    if told.get("engine") != "incident":
        return dossier.outcome is not IncidentOutcome.INCIDENT
    change = dossier.suspected_change
    return (
        dossier.outcome.value == told["outcome"]
        and change.status.value in told["change_status"]
        and all(word in change.statement for word in told["change_must_name"])
    )


def summary_of(cases: list[Case]) -> str:
    """The cases in one line."""
    failing = [case for case in cases if case.failed]
    healthy = [case for case in cases if not case.failed]
    clean = sum(case.report.outcome is Outcome.NO_FAILURE for case in failing)
    alarms = sum(case.report.outcome is Outcome.FAILURE for case in healthy)
    return (
        f"field: label and place right in {sum(case.is_right for case in failing)} of "
        f"{len(failing)} failures, {clean} called clean; {alarms} of {len(healthy)} healthy runs "
        "called failing"
    )


def field_cases(data: Path) -> Iterator[Case]:
    """The cases that ask for a root cause."""
    for folder in sorted((data / "field").iterdir()):
        if not (folder / "expected.json").is_file():
            continue
        told = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        if told.get("engine") is None and told.get("outcome") in ("failure", "no_failure"):
            yield _case(folder, told)


def _case(folder: Path, told: dict[str, Any]) -> Case:
    (file,) = folder.glob("trace.*")
    (trace,) = traces_in(file)
    question = RCA(
        trace_id=trace.trace_id, ignore_evaluations=not folder.name.endswith(_ABOUT_VERDICTS)
    )
    with tempfile.TemporaryDirectory() as runs:
        report = investigate(file, question, Settings(runs_dir=Path(runs))).report
    assert report is not None
    return Case(
        name=folder.name,
        failed=told["outcome"] == "failure",
        labels=frozenset(told.get("label") or ()),
        places=frozenset((told.get("begins_at") or {}).values()),
        report=report,
    )


if __name__ == "__main__":
    main()
