"""A file of outcomes says of many runs how they ended: CSV with a header, or JSON lines.

Its columns are `trace_id,outcome,symptom,expected`, of which the first is needed and the others
may be left out or empty. A row that cannot be understood is refused with its line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from investigator.errors import UsageError
from investigator.ground.wording import counted
from investigator.runtime.told import ToldOutcome
from investigator.store.api import InspectionAPI

_COLUMNS = tuple(ToldOutcome.model_fields)
_NAMED = 5


def read_outcomes(path: Path) -> tuple[ToldOutcome, ...]:
    """The rows of a file of outcomes, in its order.

    Raises:
        UsageError: it cannot be read, or a row is bad: not understood, of no trace, of a trace
            that an earlier row tells of, or without anything told.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the file of outcomes {path} cannot be read: {error}") from error
    rows = _json_rows(text) if text.lstrip().startswith("{") else _csv_rows(text)
    found: dict[str, tuple[int, ToldOutcome]] = {}
    line = 1
    try:
        for line, row in rows:
            told = _told(row)
            if told.trace_id in found:
                earlier = found[told.trace_id][0]
                raise ValueError(f"trace '{told.trace_id}' is told of in line {earlier} already")
            found[told.trace_id] = (line, told)
    except _BadRow as error:
        raise UsageError(f"{path}, line {error.line}: {error}") from None
    except ValueError as error:
        raise UsageError(f"{path}, line {line}: {error}") from None
    return tuple(told for _, told in found.values())


def require_known(told: Iterable[ToldOutcome], api: InspectionAPI, where: str) -> None:
    """Raise `UsageError` where an outcome is told of a trace that the source does not hold."""
    known = {row.trace_id for row in api.list_traces()}
    lost = [one.trace_id for one in told if one.trace_id not in known]
    if lost:
        more = f" and {len(lost) - _NAMED:,} more" if len(lost) > _NAMED else ""
        named = ", ".join(f"'{trace_id}'" for trace_id in lost[:_NAMED])
        raise UsageError(
            f"{where} tells of traces that are not in the source: {named}{more} "
            f"({counted(len(known), 'trace')}; `investigator traces` lists them)"
        )


class _BadRow(ValueError):
    """A row that a reader of rows cannot read."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


def _told(row: dict[str, Any]) -> ToldOutcome:
    given = {
        name: value.strip() or None if isinstance(value, str) else value
        for name, value in row.items()
    }
    if not given.get("trace_id"):
        raise ValueError("a row has to name its trace_id")
    try:
        told = ToldOutcome.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise ValueError(_unknown([place])) from None
        why = first["msg"][0].lower() + first["msg"][1:]
        raise ValueError(f"{place}: {why}, not {first['input']!r}") from None
    if not told.says_something:
        raise ValueError(f"nothing is told of trace '{told.trace_id}'")
    return told


def _unknown(names: Sequence[str]) -> str:
    return f"no column '{names[0]}'; there are: {', '.join(_COLUMNS)}"


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, told in enumerate(text.split("\n"), 1):
        if not told.strip():
            continue
        try:
            row = json.loads(told)
        except (ValueError, RecursionError) as error:
            raise _BadRow(line, f"not JSON: {error}") from None
        if not isinstance(row, dict):
            raise _BadRow(line, f"not a JSON object: {told.strip()[:60]}")
        yield line, row


def _csv_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    names: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _BadRow(line, f"not CSV: {error}") from None
        if cells is None:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = _header(cells, line)
        elif len(cells) != len(names):
            raise _BadRow(
                line, f"{counted(len(cells), 'cell')} under {counted(len(names), 'column')}"
            )
        else:
            yield line, dict(zip(names, cells, strict=True))
    if names is None:
        raise _BadRow(1, f"no header; it names the columns: {','.join(_COLUMNS)}")


def _header(cells: Sequence[str], line: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    unknown = [name for name in names if name not in _COLUMNS]
    if unknown:
        raise _BadRow(line, _unknown(unknown))
    if len(set(names)) < len(names):
        raise _BadRow(line, "a column stands twice in the header")
    if "trace_id" not in names:
        raise _BadRow(line, f"no column trace_id; the header names: {','.join(names)}")
    return names
