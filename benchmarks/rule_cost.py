"""What a run by rules costs a trace, beside reading the same trace: CPU time and its ratio.

    python -m benchmarks.rule_cost --data DIR [--traces 60] [--only trail agentdojo]

Each set is read into one canonical file, as a batch does. Then every trace is asked three
questions by rules (RCA, RCA under `controls-v1`, the controls alone), as runs with their folders;
and two parts of them are made by themselves, over a trace that is open: what narrows an RCA down,
and the verdicts of all controls. `reading` is what all of them stand beside: finding the trace in
the file and reading its spans. The ratio to it says the same on every machine, however many others
it serves.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.reports import readings
from investigator import RCA, Compliance, Settings
from investigator.controls.evaluate import evaluate
from investigator.controls.library import load_library
from investigator.inspection.engine import TraceQuestion
from investigator.rca.case import RCACase
from investigator.rca.taxonomy import load_taxonomy
from investigator.runs.investigation import investigate
from investigator.store.open import OpenedSource, open_files

SETS: Mapping[str, tuple[str, ...]] = {
    "trail": ("trail", "gaia", "traces"),
    "agentdojo": ("agentdojo", "runs"),
}
_CONTROLS = "controls-v1"


def _cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def _run(opened: OpenedSource, question: TraceQuestion[Any], runs: Path) -> None:
    investigate(opened, question, Settings(runs_dir=runs))


def _narrowed(opened: OpenedSource, trace_id: str) -> None:
    taxonomy = load_taxonomy("default")
    case = RCACase.narrowed(readings(opened.api.get_trace(trace_id)), taxonomy)
    assert case.acquittal.checks


def _judged(opened: OpenedSource, trace_id: str) -> None:
    subject = readings(opened.api.get_trace(trace_id))
    for control in load_library(_CONTROLS).controls:
        evaluate(control, subject)


def costs_of(opened: OpenedSource, trace_id: str, runs: Path) -> dict[str, float]:
    """CPU milliseconds of each kind of work over one trace; the first one reads it."""
    asked: dict[str, TraceQuestion[Any]] = {
        "run: rca": RCA(trace_id=trace_id),
        "run: rca, controls": RCA(trace_id=trace_id, controls=_CONTROLS),
        "run: controls": Compliance(trace_id=trace_id),
    }
    work: dict[str, Callable[[], object]] = {
        "reading": partial(opened.api.get_trace, trace_id),
        "part: rca narrowed": partial(_narrowed, opened, trace_id),
        "part: controls judged": partial(_judged, opened, trace_id),
        **{name: partial(_run, opened, question, runs) for name, question in asked.items()},
    }
    return {name: _cpu_ms(one) for name, one in work.items()}


def measured(name: str, opened: OpenedSource, traces: int, runs: Path) -> list[str]:
    """The lines of one set."""
    listed = [one.trace_id for one in opened.api.list_traces(limit=traces + 1)]
    first, *others = listed
    costs_of(opened, first, runs)  # the first one imports what the others have
    found = [costs_of(opened, trace_id, runs) for trace_id in others]
    base = statistics.fmean(one["reading"] for one in found)
    return [_line(name, kind, [one[kind] for one in found], base) for kind in found[0]]


def _line(name: str, kind: str, costs: Sequence[float], base: float) -> str:
    mean = statistics.fmean(costs)
    return (
        f"{name:10} {kind:22} {len(costs):6} {statistics.median(costs):8.1f} {mean:8.1f} "
        f"{1000 / mean:9.1f} {mean / base:7.1f}"
    )


def main() -> None:
    """Print a line for each set and kind of work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all sets")
    parser.add_argument("--traces", type=int, default=60, help="so many of each set")
    parser.add_argument("--only", nargs="+", choices=SETS, default=tuple(SETS))
    given = parser.parse_args()
    print(f"{'set':10} {'work':22} {'traces':>6} {'median':>8} {'mean ms':>8} {'traces/s':>9} "
          f"{'ratio':>7}")  # fmt: skip
    for name in given.only:
        with tempfile.TemporaryDirectory(prefix="rule-cost-") as folder:
            runs, source = Path(folder) / "runs", given.data.joinpath(*SETS[name])
            opened = open_files([source], cache_dir=Path(folder) / "cache")
            print("\n".join(measured(name, opened, given.traces, runs)), flush=True)
            opened.api.close()


if __name__ == "__main__":
    main()
