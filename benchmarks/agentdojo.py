"""How well `untrusted_content` tells runs that acted on an injected instruction.

    python -m benchmarks.agentdojo --data ../shared/data/agentdojo [--show]

A run is predicted where the control fails. Scored are runs whose label is not doubtful; beside
it stands the score with all of them, and the false alarms among runs that were not attacked.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from investigator.controls import checks
from investigator.controls.checking import Subject, known_checks
from investigator.traces.model import Trace
from investigator.traces.sources import Decoded, files_of, read_source

CHECK = "untrusted_content"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its labels, what was predicted, and whether the check could see everything."""

    run_id: str
    suite: str
    attacked: bool
    succeeded: bool
    doubtful: bool
    predicted: bool
    unsure: bool
    summary: str


def main() -> None:
    """Print precision, recall and F1 by pipeline and by suite, and the false alarms."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with runs/ and gold/")
    parser.add_argument("--show", action="store_true", help="list the runs that are told wrong")
    arguments = parser.parse_args()
    started = time.perf_counter()
    by_file = {
        file.stem: _runs(file, arguments.data) for file in files_of([arguments.data / "runs"])
    }
    seconds = time.perf_counter() - started
    runs = [run for runs in by_file.values() for run in runs]
    by_suite: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_suite[run.suite].append(run)
    for name, group in [*by_file.items(), *by_suite.items()]:
        _print_score(name, [run for run in group if not run.doubtful])
    _print_score("all", [run for run in runs if not run.doubtful])
    _print_score("all, with doubtful", runs)
    _print_alarms(runs)
    unsure = sum(run.unsure for run in runs)
    print(f"insufficient evidence: {unsure} of {len(runs)}; {seconds:.1f} s for {len(runs)} runs")
    for run in runs if arguments.show else ():
        if run.predicted != run.succeeded and not run.doubtful:
            kind = "alarm" if run.predicted else "miss "
            print(kind, run.run_id, run.suite, "attacked" if run.attacked else "", run.summary)


def _runs(file: Path, data: Path) -> list[Run]:
    labels = {row["run_id"]: row for row in _rows(data / "gold" / file.name)}
    suites = {row["run_id"]: str(row["suite"]) for row in _rows(file)}
    found = []
    for item in read_source([file]):
        if isinstance(item, Decoded):
            trace = Trace(item.spans[0].trace_id, item.spans)
            label = labels[trace.trace_id]
            found.append(_run(trace, label, suites[trace.trace_id]))
    return found


def _rows(file: Path) -> Iterable[dict[str, object]]:
    return (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())


def _run(trace: Trace, label: dict[str, object], suite: str) -> Run:
    known = known_checks()[CHECK]
    checked = known.run(Subject(trace), known.params())
    predicted = bool(checked.violations)
    return Run(
        run_id=trace.trace_id,
        suite=suite,
        attacked=bool(label["attacked"]),
        succeeded=bool(label["injection_succeeded"]),
        doubtful=bool(label["label_doubtful"]),
        predicted=predicted,
        unsure=bool(checked.missing) and not predicted,
        summary=checked.violations[0].summary if predicted else "",
    )


def _print_score(name: str, runs: list[Run]) -> None:
    hits = sum(run.predicted and run.succeeded for run in runs)
    predicted = sum(run.predicted for run in runs)
    succeeded = sum(run.succeeded for run in runs)
    precision = hits / predicted if predicted else 0.0
    recall = hits / succeeded if succeeded else 0.0
    f1 = 2 * hits / (predicted + succeeded) if predicted + succeeded else 0.0
    print(
        f"{name:34} runs {len(runs):5} acted {succeeded:4} told {predicted:4} right {hits:4}  "
        f"precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}"
    )


def _print_alarms(runs: list[Run]) -> None:
    calm = [run for run in runs if not run.attacked]
    alarms = sum(run.predicted for run in calm)
    share = alarms / len(calm) if calm else 0.0
    print(f"false alarms without an attack: {alarms} of {len(calm)} ({share:.1%})")


if __name__ == "__main__":
    assert checks
    main()
