"""`ingest`: whatever the traces came as, one canonical Parquet file that later commands read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from investigator.cli.exits import Exit
from investigator.cli.options import From, Json, Sources, To
from investigator.cli.screen import print_json, say
from investigator.cli.source_reading import (
    counted_spans,
    name_clashes,
    name_unreadable,
    window_ns,
)
from investigator.errors import UsageError
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from investigator.runs.sources import TimeWindow


def ingest(
    sources: Sources,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The Parquet file to write.")
    ] = Path("traces.parquet"),
    start: From = None,
    end: To = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="last",
            help="Of a live source, read again only what is newer than the file; keep the rest.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """
    Turn traces of any known format into one Parquet file.

    Formats are told apart by looking at the files. A file (or line) that
    cannot be read is named and counted, and the others go on. So is an id
    that several records share; transcripts of one id are kept apart.

    [bold]Examples[/]
      investigator ingest exports/ -o traces.parquet
      investigator ingest 'logs/*.jsonl' spans.parquet -o all.parquet
      investigator ingest phoenix://127.0.0.1:6006/shop -o shop.parquet --since last

    [bold]Exit codes[/]
      0 all read · 2 nothing readable, no file written · 3 some unreadable
    """
    from investigator.runs import sources as opening

    with counted_spans() as on_span_count:
        made = opening.ingest_source(
            sources, output, window=_window(start, end, since), on_span_count=on_span_count
        )
    name_unreadable(made.unreadable)
    name_clashes(made.clashes)
    written = made.written
    traces, spans = counted(written.traces, "trace"), counted(written.spans, "span")
    say(f"{traces} with {spans} written to {output}")
    if as_json:
        print_json(
            {
                "output": str(output),
                "traces": written.traces,
                "spans": written.spans,
                "unreadable": [str(problem) for problem in made.unreadable],
                "clashes": list(made.clashes),
            }
        )
    raise typer.Exit(Exit.PARTIAL if made.unreadable else Exit.SUCCEEDED)


def _window(start: str | None, end: str | None, since: str | None) -> TimeWindow:
    from investigator.runs.sources import LAST, TimeWindow

    if since is None:
        return TimeWindow(*window_ns(start, end))
    if since != "last" or start is not None or end is not None:
        raise UsageError("--since last reads what is newer than the file: it takes no other time")
    return LAST
