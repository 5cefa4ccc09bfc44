"""Where the benchmarks get their reports: a file of them, or the rules run on the spot."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from investigator import RCA, Settings
from investigator.formats.source_files import Unreadable, read_source
from investigator.ground.redaction import Redactor
from investigator.rca.report import RCAReport
from investigator.readings.reading import Readings
from investigator.runs.investigation import investigate
from investigator.traces.model import Span, Trace


class Investigated(NamedTuple):
    """Reports by trace id; `slowest_s` is the longest time that one trace took, None if unknown."""

    reports: dict[str, RCAReport]
    slowest_s: float | None


def traces_in(folder: Path) -> Iterator[Trace]:
    """The traces of a folder; what cannot be read is told on standard error."""
    spans: dict[str, list[Span]] = {}
    for item in read_source([folder]):
        if isinstance(item, Unreadable):
            print(f"not read: {item}", file=sys.stderr)
            continue
        for span in item.spans:
            spans.setdefault(span.trace_id, []).append(span)
    for trace_id in list(spans):
        yield Trace(trace_id, spans.pop(trace_id))


def readings(trace: Trace) -> Readings:
    """What a trace says, quoted through the list of secrets alone."""
    return Readings(trace, Redactor())


def reports_from_file(path: Path) -> Investigated:
    """One report a line, as `investigator rca --output` writes them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    reports = [RCAReport.model_validate_json(line) for line in lines if line.strip()]
    return Investigated({report.trace_id: report for report in reports}, slowest_s=None)


def reports_by_rules(
    folder: Path, taxonomy: str, *, only: Container[str] | None = None, failed: bool = False
) -> Investigated:
    """The reports of runs of the engine by the rules, one run a trace, kept nowhere.

    `only` names the traces that are asked for, None all of them; `failed` tells each run that its
    trace is of a failure. Verdicts that the data carries are left aside.
    """
    reports: dict[str, RCAReport] = {}
    slowest = 0.0
    with tempfile.TemporaryDirectory() as runs:
        for trace in traces_in(folder):
            if only is not None and trace.trace_id not in only:
                continue
            started = time.perf_counter()
            question = RCA(
                trace_id=trace.trace_id,
                taxonomy=taxonomy,
                outcome="failed" if failed else None,
                ignore_evaluations=True,
            )
            found = investigate(folder, question, Settings(runs_dir=Path(runs)))
            slowest = max(slowest, time.perf_counter() - started)
            if found.report is not None:
                reports[trace.trace_id] = found.report
    return Investigated(reports, slowest_s=slowest)
