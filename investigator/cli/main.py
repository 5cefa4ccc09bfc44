"""`investigator`: one command a question, each explained by its `--help`.

Commands import what they need when they run, so that help and usage errors are instant.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from investigator.cli.annotate import agreement, annotate
from investigator.cli.compliance import compliance
from investigator.cli.demo import demo
from investigator.cli.exits import Exit, exit_of
from investigator.cli.incident import incident
from investigator.cli.ingest import ingest
from investigator.cli.rca import rca
from investigator.cli.runs import app as runs
from investigator.cli.screen import print_error
from investigator.cli.traces import traces
from investigator.errors import InvestigatorError

app = typer.Typer(
    name="investigator",
    help="""
    Find out why runs of LLM agents failed, every claim checked against a span.

    [bold]First steps[/]
      investigator demo                  sample traces, no key needed
      investigator traces exports/       what is in these files?
      investigator rca exports/ --all    one report a trace

    SOURCE is a file, a folder or a glob: Phoenix span exports (Parquet),
    OTLP JSON, nested OpenTelemetry JSON, chat transcripts (JSON, JSONL),
    the file that `ingest` wrote; or a live Phoenix, phoenix://HOST:PORT/PROJECT.
    """,
    epilog="Exit codes: 0 succeeded · 1 the --fail-on threshold was crossed · 2 usage, or nothing "
    "readable · 3 partial, or some files unreadable · 4 failed · 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The entry point: errors of the Investigator become a message and an exit code."""
    signal.signal(signal.SIGTERM, _end_like_ctrl_c)
    try:
        app(None if argv is None else list(argv), prog_name="investigator")
        sys.exit(Exit.SUCCEEDED)
    except InvestigatorError as error:
        print_error(str(error))
        sys.exit(exit_of(error))
    except OSError as error:
        print_error(str(error))
        sys.exit(Exit.FAILED)


def _end_like_ctrl_c(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM, which a terminal does not send to the workers too, ends them and us like Ctrl-C."""
    for worker in multiprocessing.active_children():
        if worker.pid is not None:
            os.kill(worker.pid, signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("phoenix-rlm-investigator"))
        raise typer.Exit


@app.callback()
def investigator(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options that come before the command."""


app.command()(demo)
app.command()(ingest)
app.command()(traces)
app.command()(rca)
app.command()(compliance)
app.command()(incident)
app.command()(annotate)
app.command()(agreement)
app.add_typer(runs)
