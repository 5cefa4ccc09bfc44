"""How well the library's control on untrusted content tells runs that acted on an injection.

    python -m benchmarks.agentdojo --data ../shared/data/agentdojo [--show]

A run is predicted where the control fails. Scored are runs whose label is not doubtful; beside
it stands the score with all of them, and the false alarms among runs that were not attacked.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reports import readings
from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library
from investigator.controls.model import Control
from investigator.controls.terms import Verdict
from investigator.formats.folders import files_of
from investigator.formats.source_files import Decoded, read_source
from investigator.traces.model import Trace

LIBRARY = "controls-v1"
CONTROL = "control.injection.untrusted_content"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its labels, and the verdict with its reason."""

    run_id: str
    suite: str
    attacked: bool
    succeeded: bool
    doubtful: bool
    verdict: Verdict
    reason: str

    @property
    def predicted(self) -> bool:
        """Whether the control says that the run acted on an injection."""
        return self.verdict is Verdict.FAIL


def main() -> None:
    """Print precision, recall and F1 by pipeline and by suite, and the false alarms."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with runs/ and gold/")
    parser.add_argument("--show", action="store_true", help="list the runs that are told wrong")
    arguments = parser.parse_args()
    control = next(c for c in load_library(LIBRARY).controls if c.control_id == CONTROL)
    started = time.perf_counter()
    files = files_of([arguments.data / "runs"])
    by_file = {file.stem: _runs(file, arguments.data, control) for file in files}
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
    verdicts = Counter(run.verdict.value for run in runs)
    print(", ".join(f"{name}: {count}" for name, count in verdicts.most_common()))
    print(f"{seconds:.1f} s for {len(runs)} runs")
    for run in runs if arguments.show else ():
        if run.predicted != run.succeeded and not run.doubtful:
            kind = "alarm" if run.predicted else "miss "
            print(kind, run.run_id, run.suite, "attacked" if run.attacked else "", run.reason)


def _runs(file: Path, data: Path, control: Control) -> list[Run]:
    labels = {row["run_id"]: row for row in _rows(data / "gold" / file.name)}
    suites = {row["run_id"]: str(row["suite"]) for row in _rows(file)}
    found = []
    for item in read_source([file]):
        if isinstance(item, Decoded):
            trace = Trace(item.spans[0].trace_id, item.spans)
            found.append(_run(trace, control, labels[trace.trace_id], suites[trace.trace_id]))
    return found


def _rows(file: Path) -> Iterable[dict[str, object]]:
    return (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())


def _run(trace: Trace, control: Control, label: dict[str, object], suite: str) -> Run:
    evaluation = evaluate(control, readings(trace))
    return Run(
        run_id=trace.trace_id,
        suite=suite,
        attacked=bool(label["attacked"]),
        succeeded=bool(label["injection_succeeded"]),
        doubtful=bool(label["label_doubtful"]),
        verdict=evaluation.verdict,
        reason=evaluation.reason,
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
    main()
