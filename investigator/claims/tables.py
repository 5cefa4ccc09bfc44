"""The three tables that hold many reports: their columns, and the rows of a report.

Columns are those of `investigator.claims.rows`, after the ones that say which run a row is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Protocol, TypeAlias

from investigator.claims.rows import ControlRow, FindingRow, ReportRows, TraceVerdict

CellValue: TypeAlias = str | int | float | bool | tuple[str, ...] | None
TableRow: TypeAlias = dict[str, CellValue]

_OF_A_RUN = ("engine", "run_id")
_OF_A_TRACE = (*_OF_A_RUN, "status", "error", "source", "dataset_hash", "report_sha256")


class Tabled(Protocol):
    """A run with its report as rows, None where it has none; its attributes are columns."""

    @property
    def subject(self) -> str: ...
    @property
    def rows(self) -> ReportRows | None: ...


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table: the columns of the run, then those of what it holds."""

    name: str
    of_run: tuple[str, ...]
    of_row: type[TraceVerdict] | type[FindingRow] | type[ControlRow]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, in order."""
        return (*self.of_run, *(field.name for field in fields(self.of_row)))

    def rows(self, reports: Iterable[Tabled]) -> Iterator[TableRow]:
        """The rows of these reports; a run without a report has one in the table of traces."""
        names = [field.name for field in fields(self.of_row)]
        for one in reports:
            run: TableRow = {name: getattr(one, name) for name in self.of_run}
            for row in self._rows_of(one):
                yield {**run, **{name: getattr(row, name) for name in names}}
            if one.rows is None and self.of_row is TraceVerdict:
                yield {**dict.fromkeys(self.columns), **run, "trace_id": one.subject}

    def _rows_of(self, one: Tabled) -> tuple[TraceVerdict | FindingRow | ControlRow, ...]:
        if one.rows is None:
            return ()
        if self.of_row is TraceVerdict:
            return (one.rows.trace,)
        return one.rows.findings if self.of_row is FindingRow else one.rows.controls


TRACE_TABLE = TableSchema("traces", _OF_A_TRACE, TraceVerdict)
FINDING_TABLE = TableSchema("findings", _OF_A_RUN, FindingRow)
CONTROL_TABLE = TableSchema("controls", _OF_A_RUN, ControlRow)
