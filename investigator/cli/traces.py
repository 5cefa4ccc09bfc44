"""`traces`: what is in a source, one row a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from investigator.cli.exits import Exit
from investigator.cli.options import FilterOption, From, Json, SourceArgument, To
from investigator.cli.screen import print_json, say, stdout
from investigator.cli.source_reading import left_unread, open_with_progress, window_ns
from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_table, table

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor
    from investigator.store.api import TraceSummary


def traces(
    source: SourceArgument,
    filter_expr: FilterOption = None,
    start: From = None,
    end: To = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Rows at most.")] = 50,
    as_json: Json = False,
) -> None:
    """
    List the traces of a source.

    [bold]Examples[/]
      investigator traces exports/
      investigator traces traces.parquet --filter "status_code == 'ERROR'"
      investigator traces traces.parquet --from 2026-03-01 --to 2026-03-02
      investigator traces traces.parquet --json --limit 1000000

    [bold]Exit codes[/]
      0 all read · 2 usage, or nothing readable · 3 some files unreadable
    """
    from investigator.ground.redaction import Redactor

    start_ns, end_ns = window_ns(start, end)
    opened = open_with_progress(source)
    listed = opened.api.list_traces(
        start_ns=start_ns, end_ns=end_ns, filter_expr=filter_expr, limit=limit + 1
    )
    redactor = Redactor()
    rows = [_without_secrets(row, redactor) for row in listed]
    if as_json:
        for row in rows[:limit]:
            print_json(_row(row))
    else:
        _print_table(rows[:limit])
    if len(rows) > limit:
        say(f"only the first {limit:,} are listed; --limit lists more", style="yellow")
    elif not rows:
        say(
            f"none of the {counted(opened.api.count_traces(), 'trace')} of '{source}' was asked for"
        )
    raise typer.Exit(Exit.PARTIAL if left_unread(opened) else Exit.SUCCEEDED)


def _without_secrets(row: TraceSummary, redactor: Redactor) -> TraceSummary:
    """The row with its names as they may be shown: names of spans may be any text."""

    def shown(name: str | None) -> str | None:
        return None if name is None else redactor.redact(name).text

    return replace(row, project_name=shown(row.project_name), root_name=shown(row.root_name))


def _row(row: TraceSummary) -> dict[str, JsonValue]:
    from investigator.traces.model import iso_time

    return {
        "trace_id": row.trace_id,
        "project_name": row.project_name,
        "root_name": row.root_name,
        "start_time": iso_time(row.start_ns),
        "end_time": iso_time(row.end_ns),
        "span_count": row.span_count,
        "error_count": row.error_count,
    }


def _print_table(rows: Sequence[TraceSummary]) -> None:
    from investigator.traces.model import iso_time

    grid = table("trace", "project", "root", "start", "spans", "errors", right=("spans", "errors"))
    for row in rows:
        start = iso_time(row.start_ns)
        grid.add_row(
            cell(row.trace_id),
            cell(row.project_name),
            cell(row.root_name),
            cell(start[:19] if start else None),
            cell(f"{row.span_count:,}"),
            cell(f"{row.error_count:,}", "red" if row.error_count else ""),
        )
    print_table(stdout(), grid)
