"""A test of an agent fails where its trace does, with the report as the message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from investigator.compliance.question import Compliance
from investigator.errors import InvestigatorError
from investigator.inspection.engine import TraceQuestion
from investigator.rca.question import RCA
from investigator.reports.baseline import read_baseline
from investigator.reports.renderers import PLAIN, RENDERERS
from investigator.reports.run_report import RunReport
from investigator.reports.stored_reports import reported_run
from investigator.runs.investigation import investigate
from investigator.runs.settings import Settings
from investigator.runs.sources import TraceSource, open_source
from investigator.store.open import OpenedSource


def assert_no_failure(
    traces: TraceSource,
    *,
    trace_id: str | None = None,
    controls: str | Path | None = None,
    baseline: str | Path | None = None,
) -> None:
    """Fail a test where a trace failed or, with `controls`, breaks one; else return.

    `traces` are a source (every trace of it, unless `trace_id` names one), a trace, or its spans.
    What a `baseline` knows fails no test, nor does what could not be determined. The runs are
    forgotten.

    Raises:
        AssertionError: there is something new; the message is the report.
        InvestigatorError: the traces cannot be read, or a run failed.
    """
    known = None if baseline is None else read_baseline(Path(baseline))
    with TemporaryDirectory(prefix="investigator-") as scratch:
        folder = Path(scratch)
        settings = Settings(runs_dir=folder / "runs", cache_dir=folder / "cache")
        opened = open_source(traces, cache_dir=settings.cache)
        try:
            named = [row.trace_id for row in opened.api.list_traces()]
            asked = _questions(named if trace_id is None else [trace_id], controls)
            reports = [_reported(opened, question, settings) for question in asked]
        finally:
            opened.api.close()
    new = [one for one in reports if any(one.new_to(known))]
    if new:
        raise AssertionError("\n" + RENDERERS["text"].render(new, PLAIN).rstrip())


def _questions(
    trace_ids: Sequence[str], controls: str | Path | None
) -> Iterator[TraceQuestion[Any]]:
    for trace_id in trace_ids:
        yield RCA(trace_id=trace_id)
        if controls is not None:
            yield Compliance(trace_id=trace_id, controls=controls)


def _reported(opened: OpenedSource, question: TraceQuestion[Any], settings: Settings) -> RunReport:
    result = investigate(opened, question, settings)
    if result.report is None:
        why = "no report" if result.error is None else result.error.message
        raise InvestigatorError(f"the run on trace '{question.trace_id}' failed: {why}")
    return reported_run(result.record, result.report)
