"""Options that several commands share, worded once: sources, traces, runs, batches, reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from investigator.cli.limit_options import BUDGET_PANEL
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

RUNS_PANEL = "Runs"
BATCH_PANEL = "With --all"

Sources: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Files, folders or globs, or a live source: phoenix://…, mlflow://…, s3://…",
        show_default=False,
    ),
]
SourceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file, folder or glob, or a live source: phoenix://…, mlflow://…, s3://…",
        show_default=False,
    ),
]
RunId: TypeAlias = Annotated[str, typer.Argument(metavar="RUN_ID", show_default=False)]
RunIds: TypeAlias = Annotated[list[str], typer.Argument(metavar="RUN_ID", show_default=False)]
TraceId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--trace-id",
        metavar="ID",
        help="The trace to look at; the beginning of its id will do.",
        show_default=False,
    ),
]
Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="JSON on stdout, one object a line, for programs.")
]
FilterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="EXPR",
        help="Traces with a span that matches, e.g. \"status_code == 'ERROR'\".",
        show_default=False,
    ),
]
From: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Traces with a span that starts then or later (ISO 8601, UTC without a zone).",
        show_default=False,
    ),
]
To: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME",
        help="Traces with a span that starts before then.",
        show_default=False,
    ),
]


def _writable(path: Path | None) -> Path | None:
    """Refuse before the work, which may cost money, what couldn't be written after it."""
    from investigator.ground.files import require_writable

    if path is not None:
        require_writable(path)
    return path


OutputOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the reports there too, one JSON object a line.",
        show_default=False,
        callback=_writable,
    ),
]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Where reports go besides the terminal, and what of them is known already."""

    output: OutputOption = None
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write the reports as one page that opens offline.",
            show_default=False,
        ),
    ] = None
    reports: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FORMAT=FILE",
            help="Write the reports in a form; may be repeated. `investigator report --help` "
            "lists the forms.",
            show_default=False,
        ),
    ] = None
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Faults and breaches in it are known: `--fail-on` heeds new ones only.",
            show_default=False,
        ),
    ] = None


RunsDir: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--runs-dir", metavar="DIR", help="Where runs are kept.", rich_help_panel=RUNS_PANEL
    ),
]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one run is made and where it is kept."""

    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            help="Scopes at once, in one run.",
            rich_help_panel=BUDGET_PANEL,
        ),
    ] = 8
    best_effort: Annotated[
        bool,
        typer.Option(
            "--best-effort",
            help="Leave the least important scopes out where the limits do not cover all.",
            rich_help_panel=BUDGET_PANEL,
        ),
    ] = False
    run_id: Annotated[
        str | None,
        typer.Option(
            "--run-id",
            metavar="ID",
            help="The run's id; one that is taken is refused.",
            show_default=False,
            rich_help_panel=RUNS_PANEL,
        ),
    ] = None
    runs_dir: RunsDir = DEFAULT_RUNS_DIR
    redact: Annotated[
        list[str] | None,
        typer.Option(
            "--redact",
            metavar="NAME=PATTERN",
            help="Redact what the RE2 pattern finds, as [REDACTED:NAME]; `ip_address` alone "
            "redacts those; may be repeated.",
            show_default=False,
            rich_help_panel=RUNS_PANEL,
        ),
    ] = None
    write_back: Annotated[
        bool,
        typer.Option(
            "--write-back",
            help="Annotate the traces in the Phoenix or MLflow that they were read from.",
            rich_help_panel=RUNS_PANEL,
        ),
    ] = False
    freeze: Annotated[
        bool | None,
        typer.Option(
            "--freeze/--no-freeze",
            help="Keep a copy of what is read, for pages, `show`, `verify` and `replay` when the "
            "source is gone. Unless said, of a live source alone.",
            show_default=False,
            rich_help_panel=RUNS_PANEL,
        ),
    ] = None


def _batch_option(flag: str, help_text: str, metavar: str) -> Any:
    return typer.Option(
        flag, metavar=metavar, help=help_text, show_default=False, rich_help_panel=BATCH_PANEL
    )


BatchMaxCost: TypeAlias = Annotated[
    str | None, _batch_option("--batch-max-cost-usd", "What all runs together may cost.", "USD")
]
BatchMaxTokens: TypeAlias = Annotated[
    str | None, _batch_option("--batch-max-tokens", "The tokens of all runs together.", "N")
]
BatchMaxWallTime: TypeAlias = Annotated[
    str | None,
    _batch_option(
        "--batch-max-wall-time", "Seconds in which runs are started and may last.", "SECONDS"
    ),
]


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a batch is run: one run for every trace."""

    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            help="Processes; one a core unless given.",
            show_default=False,
            rich_help_panel=BATCH_PANEL,
        ),
    ] = None
    batch_max_cost_usd: BatchMaxCost = None
    batch_max_tokens: BatchMaxTokens = None
    batch_max_wall_time: BatchMaxWallTime = None
    go_on: Annotated[
        bool,
        typer.Option(
            "--continue",
            help="Skip traces whose run has finished, go on with runs that were interrupted.",
            rich_help_panel=BATCH_PANEL,
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class TraceChoice:
    """Which traces of the source a command is about."""

    trace_id: TraceId = None
    session: Annotated[
        str | None,
        typer.Option(
            "--session",
            metavar="ID",
            help="All traces of a session (session.id, a conversation's or a thread's id) as one.",
            show_default=False,
        ),
    ] = None
    all_traces: Annotated[bool, typer.Option("--all", help="Every trace, one run each.")] = False
    start: From = None
    end: To = None
    filter_expr: FilterOption = None

    @property
    def narrows(self) -> bool:
        """Whether traces are chosen by their times or their spans."""
        return any(given is not None for given in (self.start, self.end, self.filter_expr))
