"""`show`: the evidence itself, whole, beside what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from investigator.cli.options import Json, RunsDir, TraceId
from investigator.cli.screen import print_json, stdout
from investigator.cli.source_reading import open_with_progress
from investigator.errors import UsageError
from investigator.ground.visible import one_visible_line, visible
from investigator.reports.screen_pieces import print_wrapped
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.runs.shown_evidence import ShownEvidence


ShownTarget = Annotated[
    str,
    typer.Argument(
        metavar="REF|SPAN|STEP",
        help="A reference as reports name it, a span's id or its beginning, a step's number.",
        show_default=False,
    ),
]
ShownSource = Annotated[
    str | None,
    typer.Argument(
        metavar="[SOURCE]", help="Where the trace lies, unless --run says so.", show_default=False
    ),
]
ShownRun = Annotated[
    str | None,
    typer.Option(
        "--run", metavar="RUN_ID", help="The run whose traces are meant.", show_default=False
    ),
]


def show_evidence(
    target: ShownTarget,
    source: ShownSource = None,
    run_id: ShownRun = None,
    trace_id: TraceId = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    as_json: Json = False,
) -> None:
    """
    Show what a reference, a span or a step says.

    Whole, and redacted. The trace may be left out where there is one.

    [bold]Examples[/]
      investigator show span:04c1a2f9efedd76c --run nightly-1
      investigator show 12 chat.json
      investigator show 04c1a2f9 exports/ --trace-id 617fdb16

    [bold]Exit codes[/]
      0 shown · 2 nothing of that name, no such run, or nothing readable
    """
    from investigator.runs.trace_evidence import shown_in_run, shown_in_source

    if (run_id is None) == (source is None):
        raise UsageError(
            "say where the trace is: a SOURCE, or --run RUN_ID for the traces of a run"
            + ("" if run_id is None else ", not both")
        )
    if run_id is not None:
        shown = shown_in_run(target, run_id, runs_dir, trace_id)
    else:
        shown = shown_in_source(target, open_with_progress(source or ""), trace_id)
    if as_json:
        print_json(shown.to_json())
        return
    console = stdout()
    with _paged(console, shown):
        _print(console, shown)


def _print(console: Console, shown: ShownEvidence) -> None:
    title = Text(one_visible_line(shown.title), "bold")
    title.append(f"  trace {one_visible_line(shown.trace_id)}", "dim")
    console.print(title)
    width = max((len(name) for name, _ in shown.facts), default=0)
    for name, text in shown.facts:
        line = Text.assemble((f"{name:<{width}}  ", "dim"), one_visible_line(text))
        print_wrapped(console, 2, line)
    for passage in shown.passages:
        console.print()
        console.print(
            Text(one_visible_line(passage.title), "bold red" if passage.failed else "bold")
        )
        for text in visible(passage.text).splitlines() or [""]:
            print_wrapped(console, 2, Text(text))


@contextmanager
def _paged(console: Console, shown: ShownEvidence) -> Iterator[None]:
    """Through a pager, on a terminal that does not hold it."""
    lines = len(shown.facts) + sum(p.text.count("\n") + 3 for p in shown.passages)
    lines += sum(len(p.text) // console.width for p in shown.passages)
    if not console.is_terminal or lines < console.height:
        yield
        return
    with console.pager(styles=True):
        yield
