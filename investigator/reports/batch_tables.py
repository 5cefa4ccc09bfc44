"""A batch as a program meets it: runs as they end, then a table of them all.

The tables are those of `investigator.claims.tables`: `traces` (a row a run), `findings` and
`controls`. pandas and pyarrow are asked for when one is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, get_type_hints

from investigator.claims.tables import (
    CONTROL_TABLE,
    FINDING_TABLE,
    TRACE_TABLE,
    CellValue,
    TableSchema,
)
from investigator.errors import UsageError
from investigator.ground.notebook_html import html_by
from investigator.reports.stored_reports import reported_outcome
from investigator.runs.batch import (
    BatchLimits,
    BatchOutcome,
    processes,
    run_request,
    run_requests,
)
from investigator.runs.settings import Request

TABLES = {table.name: table for table in (TRACE_TABLE, FINDING_TABLE, CONTROL_TABLE)}


class Batch(Iterator[tuple[int, BatchOutcome]]):
    """The runs of a batch: (position of the request, outcome) as they end, each once.

    Whatever asks for all of them makes those that are left.
    """

    def __init__(self, ended: Iterator[tuple[int, BatchOutcome]]) -> None:
        self._ended = ended
        self._outcomes: dict[int, BatchOutcome] = {}

    def __next__(self) -> tuple[int, BatchOutcome]:
        place, outcome = next(self._ended)
        self._outcomes[place] = outcome
        return place, outcome

    @property
    def outcomes(self) -> list[BatchOutcome]:
        """All of them, in the order of the requests."""
        for _ in self:
            pass
        return [self._outcomes[place] for place in sorted(self._outcomes)]

    def to_pandas(self, table: str = "traces") -> Any:
        """A table of all runs (`traces`, `findings` or `controls`) as a pandas data frame.

        Raises:
            UsageError: there is no such table, or pandas is not installed.
        """
        schema = _table_named(table)
        pandas = _installed("pandas", "pandas")
        kinds, columns = _kinds(schema), self._columns(schema)
        made = {
            name: pandas.Series(cells, dtype=_PANDAS.get(kinds[name], "object"))
            for name, cells in columns.items()
        }
        return pandas.DataFrame(made, columns=list(schema.columns))

    def to_arrow(self, table: str = "traces") -> Any:
        """The same as a pyarrow table, whose types are the same whatever the rows.

        Raises:
            UsageError: there is no such table, or pyarrow is not installed.
        """
        schema = _table_named(table)
        arrow = _installed("pyarrow", "pandas")
        types = {
            "str": arrow.string(),
            "int": arrow.int64(),
            "float": arrow.float64(),
            "bool": arrow.bool_(),
            "tuple": arrow.list_(arrow.string()),
        }
        fields = [(name, types[kind]) for name, kind in _kinds(schema).items()]
        return arrow.table(self._columns(schema), schema=arrow.schema(fields))

    def _columns(self, schema: TableSchema) -> dict[str, list[CellValue | list[str]]]:
        rows = list(schema.rows(map(reported_outcome, self.outcomes)))
        return {name: [_cell(row[name]) for row in rows] for name in schema.columns}

    def _repr_html_(self) -> str:
        """The batch in a notebook, under the name by which notebooks ask."""
        return html_by("outcomes_html", self.outcomes)


def run_batch(
    requests: Sequence[Request[Any]],
    *,
    jobs: int | None = None,
    limits: BatchLimits = BatchLimits(),
) -> Batch:
    """Make the runs side by side in processes.

    `jobs` None: a process a core. An interrupt ends the runs that have begun and starts no
    other. A program that calls this has to be importable (`if __name__ == "__main__":`); a
    notebook is.

    Raises:
        InvestigatorError: a worker process died.
        KeyboardInterrupt: it was interrupted; what had ended was given out.
    """
    count = processes(jobs, len(requests))
    return Batch(
        run_requests(
            requests,
            jobs=count,
            limits=limits.amounts,
            seconds=limits.max_wall_time_s,
            run=run_request,
        )
    )


_PANDAS = {"int": "Int64", "float": "Float64", "bool": "boolean"}
"""Types in which a number that is not there stays one that is not there."""


def _table_named(name: str) -> TableSchema:
    found = TABLES.get(name)
    if found is None:
        raise UsageError(f"no table '{name}'; there are: {', '.join(TABLES)}")
    return found


def _installed(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise UsageError(
            f"{module} is not installed: pip install 'phoenix-rlm-investigator[{extra}]'"
        ) from None


def _kinds(schema: TableSchema) -> dict[str, str]:
    """The kind of value of each column; those that say which run a row is of are texts."""
    hints = get_type_hints(schema.of_row)
    return {name: _kind(hints[name]) if name in hints else "str" for name in schema.columns}


def _kind(hint: Any) -> str:
    named = str(hint)
    return next((kind for kind in ("tuple", "bool", "int", "float") if kind in named), "str")


def _cell(value: CellValue) -> CellValue | list[str]:
    return list(value) if isinstance(value, tuple) else value
