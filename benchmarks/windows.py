"""Are level shifts found in made-up windows, are they blamed on the right change, and how often on
nothing; and how fast is a large window?

    python -m benchmarks.windows [--first 5000] [--windows 200] [--jobs 2] [--show]
    python -m benchmarks.windows --speed 10000

For each seed a window with a shift and one without are made (`benchmarks.made_windows`), written in
turn as OpenInference and as OTLP, and investigated by rules. A shift is found where the outcome is
an incident, its change named where the first suspected change is of its kind and agent; a false
alarm is an incident in a window without a shift. With `--speed` one canonical file of so many
traces is made and investigated in a process of its own, of which time and peak memory are printed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from benchmarks.made_windows import (
    Truth,
    made_window,
    write_openinference,
    write_otlp,
)
from investigator import Incident, Settings, investigate
from investigator.formats.source_files import Decoded, read_source
from investigator.incident.report import IncidentDossier, IncidentOutcome
from investigator.traces.model import Span
from investigator.traces.parquet import write_spans

_SHOWN = 12
_PART = 500
_LARGE = 3
"""The seed of the large window."""


class Told(NamedTuple):
    """One window: the truth, and what the dossier says."""

    truth: Truth
    outcome: IncidentOutcome
    changes: tuple[tuple[str, str], ...]
    summary: str

    @property
    def is_incident(self) -> bool:
        """Whether something is told to have happened."""
        return self.outcome is IncidentOutcome.INCIDENT

    @property
    def names_the_cause(self) -> bool:
        """Whether the first suspected change is the one that is to blame."""
        cause = self.truth.cause
        if cause is None or not self.changes or not self.is_incident:
            return False
        kind, subject = self.changes[0]
        return kind == cause.kind.value and (cause.agent is None or _is_of(subject, cause.agent))


def _is_of(subject: str, agent: str) -> bool:
    """Whether a change is of that agent, where it says of which."""
    return "_agent" not in subject or agent in subject


def main() -> None:
    """Print the three figures and a table by measure, or the speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--first", type=int, default=5_000, help="the first seed")
    parser.add_argument("--windows", type=int, default=200, help="how many of either sort")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--show", action="store_true", help="list the windows that are told wrong")
    parser.add_argument("--speed", type=int, metavar="TRACES", help="time one large window instead")
    given = parser.parse_args()
    if given.speed:
        print_speed(given.speed)
        return
    seeds = range(given.first, given.first + given.windows)
    with ProcessPoolExecutor(given.jobs) as pool:
        shifted = list(pool.map(told_of, seeds, repeat(True), chunksize=4))
        quiet = list(pool.map(told_of, seeds, repeat(False), chunksize=4))
    _print_table(shifted)
    print(summary_of(shifted, quiet))
    if given.show:
        _print_wrong(shifted, quiet)


def told_of(seed: int, shifted: bool) -> Told:
    """What is told of the window of a seed."""
    window = made_window(seed, shifted=shifted)
    with tempfile.TemporaryDirectory() as folder:
        write = write_otlp if seed % 2 else write_openinference
        source = write(window, Path(folder) / "window.json")
        dossier = investigate(source, Incident(), Settings(runs_dir=Path(folder) / "runs")).report
    assert isinstance(dossier, IncidentDossier)
    changes = dossier.suspected_change.changes
    return Told(
        window.truth,
        dossier.outcome,
        tuple((change.kind, change.subject) for change in changes),
        dossier.incident_summary,
    )


def summary_of(shifted: list[Told], quiet: list[Told]) -> str:
    """The three figures in one line."""
    found = sum(one.is_incident for one in shifted)
    named = sum(one.names_the_cause for one in shifted)
    false = sum(one.is_incident for one in quiet)
    return (
        f"windows: {found} of {len(shifted)} shifts found ({_part(found, len(shifted))}), the "
        f"right change named in {named} ({_part(named, len(shifted))}); {false} of {len(quiet)} "
        f"without a shift called an incident ({_part(false, len(quiet))})"
    )


def _part(count: int, of: int) -> str:
    return f"{count / max(1, of):.1%}"


def _print_table(shifted: list[Told]) -> None:
    groups: defaultdict[str, list[Told]] = defaultdict(list)
    for one in shifted:
        groups[f"{one.truth.measure}"].append(one)
        groups["in a slice" if one.truth.slice else "in all that have the change"].append(one)
        groups[f"{len(one.truth.changes)} changes"].append(one)
    for name, members in sorted(groups.items()):
        found = sum(one.is_incident for one in members)
        named = sum(one.names_the_cause for one in members)
        print(f"  {name:28} {len(members):4} windows, {found:4} found, {named:4} named")


def _print_wrong(shifted: list[Told], quiet: list[Told]) -> None:
    wrong = [one for one in shifted if not one.names_the_cause]
    for one in (*wrong, *(one for one in quiet if one.is_incident)):
        truth = one.truth
        what = truth.measure.value if truth.measure is not None else "no shift"
        runs = f"{truth.runs} runs, {truth.affected} affected"
        print(f"seed {truth.seed}, {runs}: {what}, {truth.words}")
        print(f"    cause {truth.cause}, slice {truth.slice}, changes {truth.changes}")
        print(f"    told: {one.outcome.value}, {one.changes[:3]}, {one.summary[:240]}")


def print_speed(traces: int) -> None:
    """Make a canonical file of so many traces and investigate it in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "window.parquet"
        spans = write_spans(_spans(traces, Path(folder)), source).spans
        began = time.perf_counter()
        command = [sys.executable, "-m", "investigator", "incident", str(source)]
        done = subprocess.run(
            [*command, "--runs-dir", f"{folder}/runs"], check=False, capture_output=True, text=True
        )
        took = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak, cpu = used.ru_maxrss / 1024, used.ru_utime + used.ru_stime
    print("\n".join(done.stdout.splitlines()[:_SHOWN]), done.stderr[-500:])
    print(
        f"windows: {traces:,} traces ({spans:,} spans) in {took:.1f} s "
        f"({cpu:.1f} s of CPU), {traces / took:.0f} traces/s, peak memory {peak:.0f} MB"
    )


def _spans(traces: int, folder: Path) -> Iterator[Span]:
    """The spans of a large window, read from parts of it as they would come."""
    window = made_window(_LARGE, shifted=True, runs=traces)
    for begin in range(0, traces, _PART):
        part = window._replace(runs=window.runs[begin : begin + _PART])
        path = write_openinference(part, folder / "part.json")
        for item in read_source([path]):
            if isinstance(item, Decoded):
                yield from item.spans


if __name__ == "__main__":
    main()
