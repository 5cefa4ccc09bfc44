"""`ingest`: whatever the traces came as, one canonical Parquet file that later commands read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from investigator.cli.exits import Exit
from investigator.cli.options import Json, Sources
from investigator.cli.reading import counted_spans, name_unreadable
from investigator.cli.screen import print_json, say
from investigator.errors import UsageError


def ingest(
    sources: Sources,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The Parquet file to write.")
    ] = Path("traces.parquet"),
    as_json: Json = False,
) -> None:
    """
    Turn traces of any known format into one Parquet file.

    Formats are told apart by looking at the files. A file (or line) that
    cannot be read is named and counted, and the others go on.

    [bold]Examples[/]
      investigator ingest exports/ -o traces.parquet
      investigator ingest 'logs/*.jsonl' spans.parquet -o all.parquet

    [bold]Exit codes[/]
      0 all read · 2 nothing readable, no file written · 3 some unreadable
    """
    from investigator import sources as opening

    try:
        with counted_spans() as on_span_count:
            made = opening.ingest(sources, output, on_span_count=on_span_count)
    except OSError as error:
        raise UsageError(f"cannot write '{output}': {error.strerror or error}") from error
    name_unreadable(made.unreadable)
    written = made.written
    say(f"{written.traces:,} traces with {written.spans:,} spans written to {output}")
    if as_json:
        print_json(
            {
                "output": str(output),
                "traces": written.traces,
                "spans": written.spans,
                "unreadable": [str(problem) for problem in made.unreadable],
            }
        )
    raise typer.Exit(Exit.PARTIAL if made.unreadable else Exit.SUCCEEDED)
