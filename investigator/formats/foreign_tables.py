"""A table of text (CSV, or a spreadsheet's) is refused by what its columns are, never half-read.

A table has one text for each field: whether a number was one, what was nested and what was missing
is gone. So it isn't read; what exported it writes JSON or Parquet as well, and the message says
how.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

_TABLE_SUFFIXES = frozenset({".csv", ".tsv"})

_DELIMITERS = ",;\t|"
_HEAD_BYTES = 2**16
_SHOWN = 6
_ROWS = 2
"""A line of text with a comma in it is no table; two lines with as many fields are."""
_SHEET_MEMBERS = ("xl/workbook.xml", "content.xml")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_NO_LETTER = re.compile(r"[^a-z0-9.]")

_JSON = "export JSON"

_EXPORTS: tuple[tuple[str, str, tuple[frozenset[str], ...]], ...] = (
    (
        "Phoenix",
        "write the data frame with `to_parquet`, or read the server itself "
        "(`phoenix://HOST:PORT/PROJECT`)",
        (frozenset({"context.spanid"}), frozenset({"context.traceid"})),
    ),
    (
        "ClickHouse's `otel_traces`",
        "export Parquet or `FORMAT JSONEachRow`",
        (frozenset({"traceid", "spanid", "spanname", "resourceattributes"}),),
    ),
    (
        "LangSmith",
        f"{_JSON} (`run.json()` a line), or use its bulk export to Parquet",
        (frozenset({"runtype"}), frozenset({"dottedorder"})),
    ),
    (
        "Braintrust",
        _JSON,
        (
            frozenset({"rootspanid", "spanattributes"}),
            frozenset({"rootspanid", "spanparents"}),
            frozenset({"rootspanid", "expected"}),
        ),
    ),
    ("Weave", f"{_JSON} lines", (frozenset({"opname", "traceid"}), frozenset({"weave.callid"}))),
    ("Logfire", f"{_JSON}, or Parquet", (frozenset({"spanname", "starttimestamp", "traceid"}),)),
    (
        "Opik",
        _JSON,
        (
            frozenset({"feedbackscores", "totalestimatedcost"}),
            frozenset({"projectid", "feedbackscores"}),
            frozenset({"parentspanid", "totalestimatedcost"}),
        ),
    ),
    (
        "MLflow",
        f"{_JSON} (`mlflow.search_traces().to_json(…, orient='records')`)",
        (
            frozenset({"tracemetadata"}),
            frozenset({"requestmetadata", "spans"}),
            frozenset({"executionduration", "request", "response"}),
            frozenset({"executiontimems", "request", "response"}),
        ),
    ),
    ("Honeycomb", f"{_JSON} in OpenTelemetry's terms", (frozenset({"trace.traceid"}),)),
    (
        "Langfuse",
        f"{_JSON}, or use its blob export",
        (
            frozenset({"traceid", "parentobservationid"}),
            frozenset({"traceid", "observationid"}),
            frozenset({"traceid", "tracename"}),
            frozenset({"tracetags"}),
            frozenset({"timetofirsttoken"}),
            frozenset({"id", "timestamp", "bookmarked"}),
            frozenset({"id", "timestamp", "sessionid", "userid"}),
            frozenset({"timestamp", "name", "sessionid", "userid", "input", "output"}),
        ),
    ),
    (
        "spans",
        f"{_JSON}: one object for each span, with its ids, its parent and its attributes",
        (frozenset({"traceid", "spanid"}),),
    ),
    (
        "messages",
        f"{_JSON} lines: one object for each message, with the conversation that it is of",
        (
            frozenset({"role", "content"}),
            frozenset({"role", "message"}),
            frozenset({"role", "text"}),
        ),
    ),
)
"""Whose table it is, how to get the same in a form that is read, and columns that it alone has.

Columns are compared without case and separators, because one system spells them `traceId`,
`trace_id` and `Trace ID` on its pages, in its database and in its client. The general ones are
last.
"""


def export_in(head: bytes) -> str | None:
    """Whose table the first bytes of a file begin, and the way out; None where it is nobody's."""
    rows = _rows(head)
    return _export_of(rows[0]) if rows else None


def table_in(head: bytes) -> str | None:
    """What to say of a file whose first bytes begin a table; None where they begin none."""
    rows = _rows(head)
    if not rows:
        return None
    columns = rows[0]
    named = _export_of(columns)
    if named is not None or len(rows) < _ROWS:
        return named
    shown = ", ".join(f"'{column[:40]}'" for column in columns[:_SHOWN])
    more = ", …" if len(columns) > _SHOWN else ""
    return (
        f"a CSV table with the columns {shown}{more}: export JSON, one object a line, "
        "from where its rows come from"
    )


def _export_of(columns: list[str]) -> str | None:
    plain = {_NO_LETTER.sub("", column.lower()) for column in columns}
    for system, way_out, marks in _EXPORTS:
        if any(mark <= plain for mark in marks):
            return f"a CSV export of {system}: {way_out}"
    return None


def is_spreadsheet(members: list[str]) -> bool:
    """Whether the members of a zip archive are those of a workbook (Excel, LibreOffice)."""
    return any(member in members for member in _SHEET_MEMBERS)


SPREADSHEET = f"a spreadsheet: {_JSON} from the system that its rows come from"


def may_hold_an_export(name: str) -> bool:
    """Whether a file of a folder or an archive is called as tables are."""
    return Path(name).suffix.lower() in _TABLE_SUFFIXES


def holds_an_export(path: Path) -> bool:
    """Whether a file of a folder is a table of traces: such a one is named, others are not."""
    try:
        if not may_hold_an_export(path.name) or not path.is_file():
            return False
        with path.open("rb") as file:
            return export_in(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


def _rows(head: bytes) -> list[list[str]]:
    """The rows of a table, first its columns; none where the bytes begin something else.

    The last row may be cut off where the bytes end, so it does not speak against a table.
    """
    encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
    lines = head.decode(encoding, "ignore").lstrip("\r\n").splitlines(keepends=True)
    if not lines:
        return []
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=lines[0].count))
    rows, start = list[list[str]](), 0
    try:
        for row in reader:
            if lines[start].lstrip().startswith(("{", "[")):  # JSON; a field's would be quoted
                return []
            rows += [row] if row else []
            start = reader.line_num
    except csv.Error:
        return []
    columns = [column.strip() for column in rows[0]] if rows else []
    whole = all(len(row) == len(columns) for row in rows[1:-1])
    # An index without a name is how data frames begin.
    named = len(columns) > 1 and all(columns[1:])
    return [columns, *rows[1:]] if whole and named else []
