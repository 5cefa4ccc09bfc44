"""A table as CSV (RFC 4180): one row a line, opened by a spreadsheet without being run by it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from investigator.claims.tables import CellValue, TableSchema
from investigator.ground.visible import visible
from investigator.reports.run_report import RunReport

_FORMULA = ("=", "+", "-", "@", "\t")
"""What a spreadsheet takes for the start of a formula."""
_BETWEEN = "; "


def csv_of(table: TableSchema, reports: Sequence[RunReport]) -> str:
    """The table with a line of names; what is not known is empty, lists are joined by `; `."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows(reports):
        writer.writerow([_cell(row[column]) for column in table.columns])
    return file.getvalue()


def _cell(value: CellValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    text = visible(value if isinstance(value, str) else _BETWEEN.join(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
