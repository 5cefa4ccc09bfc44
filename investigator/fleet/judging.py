"""What rules say of one trace: each question in turn, over readings that are made once.

A trace that cannot be judged is a row that says so, and no harm to the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from investigator.claims.report import Report
from investigator.fleet.result_rows import TraceResult
from investigator.fleet.trace_facts import NO_FACTS, facts_in
from investigator.ground.defects import told
from investigator.ground.redaction import Redactor
from investigator.inspection.engine import Materials, TraceQuestion
from investigator.readings.reading import Readings
from investigator.runs.engines import engine_named
from investigator.runtime.budget import Budget
from investigator.runtime.status import ErrorCode, RunStatus
from investigator.traces.model import Trace


@dataclass(frozen=True, slots=True)
class AskedOfAll:
    """A question of every trace, with what its answer depends on besides.

    `budget` are the limits of a full run of it; None: the engine's own.
    """

    question: TraceQuestion[Any]
    materials: Materials
    budget: Budget | None = None


class Judge:
    """Asks the questions of a scan; `source` names where the traces come from, in the rows."""

    def __init__(self, asked: Sequence[AskedOfAll], source: str, redact: Mapping[str, str]) -> None:
        self._asked = tuple(asked)
        self._source = source
        self._redact = dict(redact)

    def results(self, trace: Trace) -> Iterator[tuple[AskedOfAll, TraceResult]]:
        """Each question, and what it came to on the trace."""
        redactor = Redactor(self._redact)
        redactor.keep((trace.trace_id, *(span.span_id for span in trace.spans)))
        readings = Readings(trace, redactor)
        for asked in self._asked:
            try:
                yield asked, self._result(asked, readings)
            except Exception as error:  # noqa: BLE001 (a boundary: one trace of a scan)
                code = ErrorCode.UNEXPECTED_RUNTIME_ERROR
                yield asked, self.unjudged(trace.trace_id, asked, f"{code}: {told(error)}")

    def unread(self, trace_id: str, reason: str) -> Iterator[TraceResult]:
        """The rows of a trace that cannot be read."""
        for asked in self._asked:
            yield self.unjudged(trace_id, asked, f"{ErrorCode.SOURCE_UNAVAILABLE}: {reason}")

    def unjudged(self, trace_id: str, asked: AskedOfAll, error: str) -> TraceResult:
        """A row without a report."""
        return TraceResult(
            engine=asked.question.engine,
            subject=trace_id,
            status=RunStatus.FAILED.value,
            error=error,
            source=self._source,
            dataset_hash=None,
            rows=None,
            facts=NO_FACTS,
        )

    def _result(self, asked: AskedOfAll, readings: Readings) -> TraceResult:
        question = asked.question.about(readings.trace.trace_id)
        result = question.screen(self._heard(question, readings), asked.materials)
        ended, report = result.ended, result.report
        engine = engine_named(question.engine)
        return TraceResult(
            engine=engine.name,
            subject=readings.trace.trace_id,
            status=ended.status.value,
            error=None if ended.error is None else f"{ended.error.code}: {ended.error.message}",
            source=self._source,
            dataset_hash=readings.trace.content_hash,
            report_sha256=ended.artifact_sha256,
            rows=engine.rows_of(report) if isinstance(report, Report) else None,
            facts=readings.kept(facts_in),
        )

    def _heard(self, question: TraceQuestion[Any], readings: Readings) -> Readings:
        """The readings that the questions share, unless one leaves verdicts out of account."""
        if question.ignore_evaluations and readings.trace.evaluations:
            return question.readings_of(readings.trace, readings.quote.redactor)
        return readings
