"""The result tables of a scan: those of reports, with the facts by which they are cut.

A row says nothing of when, where or by whom it was made: it is the same from every executor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from investigator.claims.rows import ReportRows
from investigator.claims.tables import CONTROL_TABLE, FINDING_TABLE, TRACE_TABLE, TableSchema
from investigator.fleet.trace_facts import RunFacts
from investigator.traces.databases import scratch, sql_literal

_MEMORY_MB = 256
_MOST_MEMORY_MB = 1_024
_INSERTED_ROWS = 8_192
_SQL = {"str": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceResult:
    """What one question came to on one trace. `rows` are None where there is no report.

    `run_id` is None for a screening; `error` says why there is no report, or why it is not whole.
    """

    engine: str
    subject: str
    run_id: str | None = None
    status: str
    error: str | None = None
    source: str
    dataset_hash: str | None
    report_sha256: str | None = None
    rows: ReportRows | None
    facts: RunFacts

    @property
    def flagged(self) -> bool:
        """Whether it has no report, or one that would fail a build."""
        return self.rows is None or any(self.rows.failing)


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A table of a scan: its name, what a report has in it, and which facts stand beside that."""

    schema: TableSchema
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of its file, too."""
        return self.schema.name

    @property
    def columns(self) -> dict[str, str]:
        """The SQL type of each column, in order."""
        own = dict.fromkeys(self.schema.of_run, "VARCHAR")
        of_row, of_facts = get_type_hints(self.schema.of_row), get_type_hints(RunFacts)
        own |= {field.name: _sql(of_row[field.name]) for field in fields(self.schema.of_row)}
        return own | {name: _sql(of_facts[name]) for name in self.facts}

    def values(self, results: Iterable[TraceResult]) -> Iterable[tuple[Any, ...]]:
        """The rows, each as its values."""
        for result in results:
            facts = tuple(getattr(result.facts, name) for name in self.facts)
            for row in self.schema.rows([result]):
                yield (*row.values(), *facts)


RESULT_TABLES = (
    ResultTable(TRACE_TABLE, tuple(field.name for field in fields(RunFacts))),
    ResultTable(FINDING_TABLE, ("start_ns", "release")),
    ResultTable(CONTROL_TABLE, ("start_ns", "release")),
)


def file_of(table: ResultTable) -> str:
    """The name of its file in a shard."""
    return f"{table.name}.parquet"


def write_tables(results: Sequence[TraceResult], folder: Path) -> dict[str, int]:
    """Write every table into a folder; how many rows each has."""
    counts = {}
    with scratch(folder, memory_mb=_MEMORY_MB, most_mb=_MOST_MEMORY_MB) as con:
        con.execute("set global threads = 1")  # so that the same rows are the same bytes
        for table in RESULT_TABLES:
            columns = table.columns
            con.execute(
                f"create table {table.name}("
                f"{', '.join(f'{name} {type_}' for name, type_ in columns.items())})"
            )
            unnested = ", ".join(
                f"unnest(${place}::{type_}[])" for place, type_ in enumerate(columns.values(), 1)
            )
            insert = f"insert into {table.name} select {unnested}"
            rows = list(table.values(results))
            for begin in range(0, len(rows), _INSERTED_ROWS):
                batch = rows[begin : begin + _INSERTED_ROWS]
                con.execute(insert, [list(column) for column in zip(*batch, strict=True)])
            path = sql_literal(str((folder / file_of(table)).absolute()))
            con.execute(f"copy {table.name} to {path} (format parquet, compression zstd)")
            counts[table.name] = len(rows)
    return counts


def _sql(hint: Any) -> str:
    """The SQL type of a field: its own, or that of a field that may be None."""
    text = getattr(hint, "__name__", None) or str(hint)
    plain = str(hint).removesuffix(" | None")
    if plain.startswith("tuple[str"):
        return "VARCHAR[]"
    return _SQL[text if text in _SQL else plain]
