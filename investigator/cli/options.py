"""Options that several commands share, worded once.

The budget options leave a limit as it is when they are not given; `none` lifts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from investigator.errors import UsageError
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.runtime.budget import Budget

BUDGET_PANEL = "Budget (a number, or `none` for no limit)"
RUNS_PANEL = "Runs"
BATCH_PANEL = "With --all"
KNOWN_PANEL = "What is known of how the run ended"
PLANNER_PANEL = "Who decides (also in investigator.toml)"

Sources: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Files, folders or globs, or phoenix://HOST:PORT/PROJECT.",
        show_default=False,
    ),
]
SourceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file, folder or glob, or phoenix://HOST:PORT/PROJECT.",
        show_default=False,
    ),
]
RunId: TypeAlias = Annotated[str, typer.Argument(metavar="RUN_ID", show_default=False)]
RunIds: TypeAlias = Annotated[list[str], typer.Argument(metavar="RUN_ID", show_default=False)]
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


def _limit_option(flag: str, help_text: str, metavar: str = "N") -> Any:
    return typer.Option(
        flag,
        metavar=metavar,
        help=help_text,
        show_default=False,
        rich_help_panel=BUDGET_PANEL,
    )


MaxIterations: TypeAlias = Annotated[
    str | None, _limit_option("--max-iterations", "Planner turns, all scopes together.")
]
MaxToolCalls: TypeAlias = Annotated[
    str | None, _limit_option("--max-tool-calls", "Reads of the trace by a planner.")
]
MaxSubcalls: TypeAlias = Annotated[
    str | None, _limit_option("--max-subcalls", "Child scopes that may be opened.")
]
MaxTokens: TypeAlias = Annotated[
    str | None, _limit_option("--max-tokens", "Model tokens, in and out.")
]
MaxCost: TypeAlias = Annotated[
    str | None, _limit_option("--max-cost-usd", "Model cost in US dollars.", "USD")
]
MaxWallTime: TypeAlias = Annotated[
    str | None, _limit_option("--max-wall-time", "Seconds from start to report.", "SECONDS")
]
MaxDepth: TypeAlias = Annotated[
    str | None, _limit_option("--max-depth", "Levels of child scopes, 0 to 3.", "0-3")
]


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """Limits as they stand on the command line, as text; None: not given."""

    max_iterations: MaxIterations = None
    max_tool_calls: MaxToolCalls = None
    max_subcalls: MaxSubcalls = None
    max_tokens: MaxTokens = None
    max_cost_usd: MaxCost = None
    max_wall_time: MaxWallTime = None
    max_depth: MaxDepth = None

    @property
    def given(self) -> dict[str, str]:
        """What was given, by field of `Budget`."""
        texts = {
            "iterations": self.max_iterations,
            "tool_calls": self.max_tool_calls,
            "subcalls": self.max_subcalls,
            "tokens": self.max_tokens,
            "cost_usd": self.max_cost_usd,
            "wall_time_s": self.max_wall_time,
            "depth": self.max_depth,
        }
        return {name: text for name, text in texts.items() if text is not None}


def changed_budget(budget: Budget, limits: LimitOptions) -> Budget:
    """The budget with the limits that were given.

    Raises:
        UsageError: a text is no number from 0 up and not `none`.
    """
    changes = {name: _amount(name, text) for name, text in limits.given.items()}
    depth = changes.get("depth", 0)
    if depth is None or depth > 3:
        raise UsageError("--max-depth takes 0, 1, 2 or 3")
    return type(budget).model_validate(budget.model_dump() | changes)


_FRACTIONS = {"cost_usd", "wall_time_s"}


def _amount(name: str, text: str) -> int | float | None:
    """The value of a limit; None for `none`."""
    if text == "none":
        return None
    number = float if name in _FRACTIONS else int
    try:
        value = number(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        flag = "--max-" + name.removesuffix("_s").replace("_", "-")
        raise UsageError(f"{flag} takes a number from 0 up or `none`, not {text!r}")
    return value


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
            help="Annotate the traces in the Phoenix that they were read from.",
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


ModelNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME",
        envvar="INVESTIGATOR_MODEL",
        help="The model, as its endpoint names it; several, from strong to cheap: the "
        "strongest that can be afforded is asked.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
ModelProvider: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        envvar="INVESTIGATOR_PROVIDER",
        help="Whose API it speaks: `openai` (any compatible endpoint), `anthropic`, `google`, "
        "or a plug-in's.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
BaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        envvar="INVESTIGATOR_BASE_URL",
        help="An OpenAI-compatible endpoint, such as http://127.0.0.1:8080/v1.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
ApiKeyEnv: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--api-key-env",
        metavar="NAME",
        envvar="INVESTIGATOR_API_KEY_ENV",
        help="The environment variable that holds the key.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A config file other than ./investigator.toml.",
        show_default=False,
        rich_help_panel=PLANNER_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class PlannerOptions:
    """Who decides, as it stands on the command line; None: as the config file says."""

    planner: Annotated[
        str | None,
        typer.Option(
            "--planner",
            metavar="rules|model|hybrid",
            envvar="INVESTIGATOR_PLANNER",
            help="Rules, a model, or rules that open scopes in which the model decides.",
            show_default=False,
            rich_help_panel=PLANNER_PANEL,
        ),
    ] = None
    model: ModelNames = None
    provider: ModelProvider = None
    base_url: BaseUrl = None
    api_key_env: ApiKeyEnv = None
    config: ConfigFile = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Which model is asked, as it stands on the command line; None: as the config file says."""

    model: ModelNames = None
    provider: ModelProvider = None
    base_url: BaseUrl = None
    api_key_env: ApiKeyEnv = None
    config: ConfigFile = None

    @property
    def decides(self) -> PlannerOptions:
        """The same of a run in which that model decides."""
        return PlannerOptions(
            "model", self.model, self.provider, self.base_url, self.api_key_env, self.config
        )


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
    batch_max_cost_usd: Annotated[
        str | None,
        typer.Option(
            "--batch-max-cost-usd",
            metavar="USD",
            help="What all runs together may cost.",
            show_default=False,
            rich_help_panel=BATCH_PANEL,
        ),
    ] = None
    batch_max_tokens: Annotated[
        str | None,
        typer.Option(
            "--batch-max-tokens",
            metavar="N",
            help="The tokens of all runs together.",
            show_default=False,
            rich_help_panel=BATCH_PANEL,
        ),
    ] = None
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

    trace_id: Annotated[
        str | None,
        typer.Option(
            "--trace-id",
            metavar="ID",
            help="The trace to look at; the beginning of its id will do.",
            show_default=False,
        ),
    ] = None
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


def _known_option(flag: str, help_text: str, metavar: str | None = None) -> Any:
    return typer.Option(
        flag, metavar=metavar, help=help_text, show_default=False, rich_help_panel=KNOWN_PANEL
    )


OutcomesFile: TypeAlias = Annotated[
    Path | None,
    _known_option(
        "--outcomes",
        "How many runs ended: CSV or JSON lines of trace_id, outcome (passed, failed), symptom, "
        "expected.",
        "FILE",
    ),
]
IgnoreEvaluations: TypeAlias = Annotated[
    bool,
    _known_option(
        "--ignore-evaluations", "Leave verdicts that the data itself carries out of account."
    ),
]


@dataclass(frozen=True, slots=True)
class KnownOfOne:
    """What the caller knows of how a run ended, or of how many did."""

    failed: Annotated[bool, _known_option("--failed", "The run failed.")] = False
    passed: Annotated[bool, _known_option("--passed", "The run did what it was to do.")] = False
    symptom: Annotated[
        str | None,
        _known_option("--symptom", "What is wrong with it, so it failed.", "TEXT"),
    ] = None
    expected: Annotated[
        str | None, _known_option("--expected", "What would have been right.", "TEXT")
    ] = None
    outcomes: OutcomesFile = None
    ignore_evaluations: IgnoreEvaluations = False


@dataclass(frozen=True, slots=True)
class KnownOfMany:
    """What the caller knows of how the runs of a window ended."""

    outcomes: OutcomesFile = None
    ignore_evaluations: IgnoreEvaluations = False
