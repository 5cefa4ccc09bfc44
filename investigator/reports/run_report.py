"""What a renderer is given: one run's report, free of its engine, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from investigator.claims.document import Document
from investigator.claims.rows import ControlRow, FindingRow, ReportRows
from investigator.reports.baseline import Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run's report. `document` and `rows` are None where it has none; `error` says why.

    `run_id` and `status` are None for a report that stands alone, outside of a run. `source` is
    where the traces lie, as whoever asked named it.
    """

    engine: str
    run_id: str | None = None
    status: str | None = None
    error: str | None = None
    subject: str
    source: str | None = None
    dataset_hash: str | None = None
    report_sha256: str | None = None
    document: Document | None = None
    rows: ReportRows | None = None

    @property
    def failing(self) -> tuple[FindingRow | ControlRow, ...]:
        """What makes it fail a build."""
        return () if self.rows is None else tuple(self.rows.failing)

    def new_to(self, baseline: Baseline | None) -> Iterator[FindingRow | ControlRow]:
        """What of that a baseline does not know."""
        for row in self.failing:
            if baseline is None or not baseline.knows(row.signature):
                yield row
