"""How often a run that did its task, unattacked, shows an open signal all the same.

    python -m benchmarks.false_alarms --data ../shared/data/agentdojo

Beside it the same for unattacked runs that failed their task, which a useful detector tells apart.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from benchmarks.reports import readings, traces_in
from investigator.claims.confidence import SUPPORTED
from investigator.signals.detect import detect
from investigator.signals.model import Signal


def main() -> None:
    """Print the share of runs with a supported open signal, useful and not, and which."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with runs/ and gold/")
    data: Path = parser.parse_args().data
    useful = _useful(data / "gold")
    runs: Counter[bool] = Counter()
    alarmed: Counter[bool] = Counter()
    kinds: Counter[str] = Counter()
    for trace in traces_in(data / "runs"):
        if trace.trace_id in useful:
            found = _supported(detect(readings(trace)))
            runs[useful[trace.trace_id]] += 1
            alarmed[useful[trace.trace_id]] += bool(found)
            if useful[trace.trace_id]:
                kinds.update({f"{s.detector}/{s.fault.value}" for s in found})
    _print_line("task done", runs[True], alarmed[True])
    _print_line("task failed", runs[False], alarmed[False])
    print("false alarms by kind:", dict(kinds.most_common()))


def _supported(signals: tuple[Signal, ...]) -> list[Signal]:
    return [signal for signal in signals if signal.open and signal.strength >= SUPPORTED]


def _useful(folder: Path) -> dict[str, bool]:
    """Whether each unattacked run did its task, by run id."""
    labels = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return {label["run_id"]: label["utility"] for label in labels if not label["attacked"]}


def _print_line(name: str, runs: int, alarmed: int) -> None:
    share = alarmed / runs if runs else 0.0
    print(f"{name:12} {alarmed} of {runs} runs with an open signal ({share:.1%})")


if __name__ == "__main__":
    main()
