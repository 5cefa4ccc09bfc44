"""`investigator`: one command a question, each explained by its `--help`.

Commands import what they need when they run, so that help and usage errors are instant.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from typer._click.exceptions import NoArgsIsHelpError
from typer._click.exceptions import UsageError as ParserError

from investigator.cli.annotate import agreement, annotate
from investigator.cli.commands import CONTEXT, Commands, tell_broken_plugins
from investigator.cli.completion import completion, take_charge_of_completion
from investigator.cli.control_commands import controls_app as controls
from investigator.cli.demo import demo
from investigator.cli.exits import Exit, exit_of
from investigator.cli.ingest import ingest
from investigator.cli.issue_commands import issues_app as issues
from investigator.cli.mcp_command import serve_mcp
from investigator.cli.reporting import baseline_app, report
from investigator.cli.run_steps import print_steps
from investigator.cli.runs import runs_app as runs
from investigator.cli.scan_commands import scan_app as scan
from investigator.cli.screen import print_error, say
from investigator.cli.show import show_evidence
from investigator.cli.streams import outlive_readers
from investigator.cli.traces import traces
from investigator.cli.usage import usage_in_words
from investigator.errors import InvestigatorError, UsageError
from investigator.ground.defects import is_defect, told


class _Escaped(Exception):
    """Carries an error past typer, which would make exit code 1 of it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _past_typer() -> Iterator[None]:
    """Keep typer from what `main` handles: it takes EOFError and EPIPE for its own business."""
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted")
        raise
    except (EOFError, BrokenPipeError) as error:
        raise _Escaped(error) from error
    except ParserError as error:
        if isinstance(error, NoArgsIsHelpError):
            raise
        raise _Escaped(UsageError(usage_in_words(error))) from error


class _Commands(Commands):
    def make_context(self, *args: Any, **more: Any) -> Any:
        with _past_typer():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        with _past_typer():
            return super().invoke(ctx)


app = typer.Typer(
    name="investigator",
    cls=_Commands,
    help="""
    Find out why runs of LLM agents failed, every claim checked against a span.

    [bold]First steps[/]
      investigator demo                  sample traces, no key needed
      investigator traces exports/       what is in these files?
      investigator rca exports/ --all    one report a trace

    SOURCE is a file, a folder or a glob: Phoenix span exports (Parquet),
    OTLP JSON, nested OpenTelemetry JSON, chat transcripts (JSON, JSONL),
    the file that `ingest` wrote; or a live source: phoenix://HOST:PORT/PROJECT,
    mlflow://HOST:PORT/EXPERIMENT, s3://, gs:// or az://BUCKET/PREFIX.
    """,
    epilog="Exit codes: 0 succeeded · 1 the --fail-on threshold was crossed · 2 usage, or nothing "
    "readable · 3 partial, or some files unreadable · 4 failed · 5 a defect of the Investigator · "
    "130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings=CONTEXT,
)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """The entry point: every way out of a command is an exit code, and a line on stderr at most."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an interrupt, as Ctrl-C is
    outlive_readers()
    take_charge_of_completion()
    code = _flushed(_exit_code(argv))
    _tell_failed_plugins()
    if code == Exit.INTERRUPTED:
        # One that came inside an `exec`, which makes dataclasses, leaves `python -m` a note to die
        # of SIGINT at its end, whoever caught it since; the next `exec` clears the note.
        exec("")
    sys.exit(code)


def _exit_code(argv: Sequence[str] | None) -> int:
    try:
        app(None if argv is None else list(argv), prog_name="investigator")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.SUCCEEDED
    except KeyboardInterrupt:
        say("interrupted")
        return Exit.INTERRUPTED
    except Exception as raised:  # noqa: BLE001 (a boundary: the process)
        return _told(raised.error if isinstance(raised, _Escaped) else raised)
    return Exit.SUCCEEDED


def _tell_failed_plugins() -> None:
    """Name the plug-ins that failed when the command used them, and were passed over."""
    from investigator.ground.plugins import failed_plugins

    for broken in failed_plugins():
        say(str(broken), style="yellow")


def _told(error: Exception) -> Exit:
    """Say what ended the command: a defect, the caller's mistake, or what the machine refused."""
    if is_defect(error):
        print_error(told(error))
        return Exit.DEFECT
    print_error(str(error))
    return exit_of(error) if isinstance(error, InvestigatorError) else Exit.FAILED


def _flushed(code: int) -> int:
    """The exit code, once what was printed is out; where it cannot be, that is a failure."""
    try:
        sys.stdout.flush()
    except OSError as full:
        if code != Exit.FAILED:
            print_error(f"stdout: {full.strerror}")
        sys.stdout = None  # else Python tries once more at its end, and complains with 120
        return max(code, Exit.FAILED)
    return code


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("phoenix-rlm-investigator"))
        raise typer.Exit


def _leave_out_plugins(asked: bool) -> None:
    """Also in the worker processes of a batch, which inherit the environment."""
    if asked:
        from investigator.ground.plugins import SWITCH

        os.environ[SWITCH] = "1"


@app.callback()
def investigator(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
    _no_plugins: Annotated[
        bool,
        typer.Option(
            "--no-plugins",
            help="Leave out every plug-in that is installed.",
            callback=_leave_out_plugins,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Options that come before the command."""
    tell_broken_plugins()


app.command()(demo)
app.command()(ingest)
app.command()(traces)
app.command("steps")(print_steps)
app.command("show")(show_evidence)
app.command()(annotate)
app.command()(agreement)
app.add_typer(scan)
app.add_typer(issues)
app.command()(report)
app.command("mcp")(serve_mcp)
app.command()(completion)
app.add_typer(baseline_app)
app.add_typer(controls)
app.add_typer(runs)
