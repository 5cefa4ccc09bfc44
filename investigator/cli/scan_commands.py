"""`scan`: every trace of a source, asked RCA and the controls by rules, into tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from typer.core import TyperGroup

from investigator.cli.bundles import bundled
from investigator.cli.exits import Exit, gravest
from investigator.cli.issue_commands import ISSUES_DIR, IssuesDir
from investigator.cli.limit_options import LimitOptions, changed_budget
from investigator.cli.options import (
    BatchMaxCost,
    BatchMaxTokens,
    BatchMaxWallTime,
    FilterOption,
    From,
    Json,
    Sources,
    To,
)
from investigator.cli.planner_options import PlannerOptions
from investigator.cli.screen import print_json, say, stderr, stdout
from investigator.cli.source_reading import (
    counted_spans,
    name_clashes,
    name_unreadable,
    window_ns,
)
from investigator.errors import UsageError
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_table, table

if TYPE_CHECKING:
    from investigator.fleet.plan import Investigated, ScanPlan
    from investigator.fleet.scan import Fleet, Progress, ScanSummary
    from investigator.fleet.webhook import Notice
    from investigator.inspection.engine import TraceQuestion
    from investigator.runs.config import Config
    from investigator.runs.dispatch import TaskExecutor
    from investigator.runs.settings import Settings
    from investigator.runtime.budget import Budget

_ASKING = ("regressed", "new")
"""States of issues that ask for somebody, the most severe first."""

_RUN = "run"
"""The command that is meant where the first word is none: `scan SOURCE`."""


class _ScanCommands(TyperGroup):
    """Its commands, and scanning itself where a source comes first."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


scan_app = typer.Typer(
    name="scan",
    cls=_ScanCommands,
    help="Screen every trace of a source by rules, into tables; `scan SOURCE -o DIR` begins.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

ResultsArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="The folder of a scan.", show_default=False)
]
ResultsOption: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="RESULTS",
        help="The folder of the scan: new, or that of the same scan, which goes on.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class AskedOptions:
    """What every trace is asked."""

    only: Annotated[
        list[str] | None,
        typer.Option(
            "--ask",
            metavar="ENGINE",
            help="`rca` or `compliance`; both unless given. May be repeated.",
            show_default=False,
        ),
    ] = None
    taxonomy: Annotated[
        str,
        typer.Option("--taxonomy", metavar="NAME|PATH", help="The taxonomy of RCA."),
    ] = "default"
    controls: Annotated[
        str,
        typer.Option("--controls", metavar="VERSION|FILE", help="The controls of compliance."),
    ] = "controls-v1"
    ignore_evaluations: Annotated[
        bool,
        typer.Option(
            "--ignore-evaluations", help="Leave verdicts that the data itself carries out."
        ),
    ] = False
    redact: Annotated[
        list[str] | None,
        typer.Option(
            "--redact",
            metavar="NAME=PATTERN",
            help="Redact what the RE2 pattern finds, as [REDACTED:NAME]; may be repeated.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class ChosenOptions:
    """Which traces are scanned."""

    project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="NAME", help="Traces of that project.", show_default=False
        ),
    ] = None
    start: From = None
    end: To = None
    filter_expr: FilterOption = None


@dataclass(frozen=True, slots=True)
class OpeningOptions:
    """Which traces get a full run besides, with a journal."""

    investigate: Annotated[
        str,
        typer.Option(
            "--investigate",
            metavar="flagged|sample:N|all",
            help="Open full runs: for what would fail a build, for N traces by the hash of their "
            "ids, or for all. By rules, or by a model (--planner).",
        ),
    ] = "none"


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """On what the shards are made, and what their runs may use."""

    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            help="Processes; one a core unless given. 1 works in this process.",
            show_default=False,
        ),
    ] = None
    batch_max_cost_usd: BatchMaxCost = None
    batch_max_tokens: BatchMaxTokens = None
    batch_max_wall_time: BatchMaxWallTime = None

    @property
    def together(self) -> Budget:
        """What all runs may use, and the time that the scan has."""
        from investigator.runtime.budget import Budget

        limits = LimitOptions(
            max_cost_usd=self.batch_max_cost_usd,
            max_tokens=self.batch_max_tokens,
            max_wall_time=self.batch_max_wall_time,
        )
        return changed_budget(Budget(), limits)


class RecurringState(StrEnum):
    """States of issues that can fail a command, the most severe first."""

    REGRESSED = "regressed"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class RecurringOptions:
    """What becomes of what recurs."""

    issues: IssuesDir = ISSUES_DIR
    fail_on: Annotated[
        RecurringState | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 if an issue is so; `new` includes `regressed`. Muted ones are not "
            "heeded.",
            show_default=False,
        ),
    ] = None
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            help="Send new and regressed issues there, as JSON; nothing is sent without it.",
            show_default=False,
        ),
    ] = None
    webhook_template: Annotated[
        Path | None,
        typer.Option(
            "--webhook-template",
            metavar="FILE",
            help="A Jinja template of what is sent, with `issues`, `scan` and `text`.",
            show_default=False,
        ),
    ] = None


@scan_app.command(_RUN)
@bundled
def scan_command(
    sources: Sources,
    output: ResultsOption,
    chosen: ChosenOptions,
    asked: AskedOptions,
    opening: OpeningOptions,
    limits: LimitOptions,
    planner: PlannerOptions,
    fleet: FleetOptions,
    recurring: RecurringOptions,
    as_json: Json = False,
) -> None:
    """
    Ask RCA and the controls of every trace by rules; `scan SOURCE` is `scan run SOURCE`.

    Results are Parquet: shards/*/traces.parquet (a row a report), findings.parquet,
    controls.parquet, for DuckDB, pandas, Polars. The verdicts are those of single
    runs. A scan that was interrupted or killed goes on with the same command.
    With --investigate full runs are opened, which `investigator runs list | show |
    verify | replay --runs-dir RESULTS` read.

    [bold]Examples[/]
      investigator scan run traces.parquet -o results
      investigator scan run phoenix://127.0.0.1:6006/shop --from 2026-03-01 -o results
      investigator scan run traces.parquet -o results --investigate flagged
      duckdb -c "from 'results/shards/*/findings.parquet' limit 5"

    [bold]Exit codes[/]
      0 all judged · 1 the --fail-on threshold was crossed · 2 usage, or nothing readable
      3 some trace or file could not be judged or read, or the webhook failed
      130 interrupted, the same command goes on
    """
    from investigator.fleet.scan import run_scan

    together = fleet.together  # what is wrong is told before the source is read
    notice = _notice(recurring)
    planned = _planned(sources, output, chosen, asked, opening, limits, planner)
    with _shards_watched() as tell:
        try:
            summary = run_scan(output, _fleet(fleet, together, planned.plan), tell=tell)
        except KeyboardInterrupt:
            say(f"interrupted; the same command goes on with the scan in {output}")
            raise typer.Exit(Exit.INTERRUPTED) from None
    if summary is None:
        say(f"the time is over; the same command goes on with the scan in {output}")
        raise typer.Exit(Exit.PARTIAL)
    _tell(summary, output, as_json=as_json)
    partial = bool(summary.unjudged or planned.unreadable)
    ended = _follow_issues(summary, output, recurring, notice)
    raise typer.Exit(gravest([ended, Exit.PARTIAL if partial else Exit.SUCCEEDED]))


def _notice(recurring: RecurringOptions) -> Notice | None:
    """Where news of issues goes; None: nowhere.

    Raises:
        UsageError: no address, or a template that cannot be read.
    """
    if recurring.webhook is None:
        if recurring.webhook_template is not None:
            raise UsageError("--webhook-template says what is sent, and --webhook where to: add it")
        return None
    from investigator.fleet.webhook import notice_to

    return notice_to(recurring.webhook, recurring.webhook_template)


def _follow_issues(
    summary: ScanSummary, results: Path, recurring: RecurringOptions, notice: Notice | None
) -> Exit:
    """Tell the issues of the scan, say what is new, and what that means for the exit code."""
    from investigator.fleet.issues import read_issues, update_issues

    is_known = summary.scan in read_issues(recurring.issues).scans
    known = update_issues(recurring.issues, summary.scan, results)
    told = [one for one in known.ordered if not one.muted and one.state.value in _ASKING]
    for one in told:
        say(f"{one.state.value} issue {one.id}: {one.title} ({one.rate:.1%})", style="red")
    say(f"{counted(len(known.issues), 'issue')} in {recurring.issues}")
    ended = Exit.SUCCEEDED
    if notice is not None and told and not is_known:
        problem = notice.send(summary.scan, told)
        if problem is not None:
            say(problem, style="yellow")
            ended = Exit.PARTIAL
    heeded = _ASKING[: _ASKING.index(recurring.fail_on.value) + 1] if recurring.fail_on else ()
    crossed = any(one.state.value in heeded for one in told)
    return gravest([ended, Exit.THRESHOLD if crossed else Exit.SUCCEEDED])


@scan_app.command("plan")
@bundled
def plan_command(
    sources: Sources,
    output: ResultsOption,
    chosen: ChosenOptions,
    asked: AskedOptions,
    opening: OpeningOptions,
    limits: LimitOptions,
    planner: PlannerOptions,
    as_json: Json = False,
) -> None:
    """
    Cut a scan into shards without making any, for a scheduler of your own.

    Each number from 0 up is a task: `investigator scan shard RESULTS NUMBER`, on any
    machine that sees RESULTS and the traces. `scan merge` ends it.

    [bold]Examples[/]
      investigator scan plan traces.parquet -o results
      for k in $(seq 0 15); do investigator scan shard results $k; done
      investigator scan merge results

    [bold]Exit codes[/]
      0 planned · 2 usage, or nothing readable
    """
    plan = _planned(sources, output, chosen, asked, opening, limits, planner).plan
    if as_json:
        print_json({"scan": plan.name, "shards": len(plan.shards), "traces": plan.traces})
    else:
        of = counted(plan.traces, "trace")
        stdout().print(f"{counted(len(plan.shards), 'shard')} of {of} planned in {output}")


@scan_app.command("shard")
def shard_command(
    results: ResultsArgument,
    numbers: Annotated[
        list[int], typer.Argument(metavar="NUMBER", help="From 0 up.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """
    Make shards of a planned scan; one that is there is left as it is.

    [bold]Examples[/]
      investigator scan shard results 0
      investigator scan shard results 4 5 6 7

    [bold]Exit codes[/]
      0 made, or there · 2 no such scan or shard · 130 interrupted, nothing is half there
    """
    from investigator.fleet.plan import read_plan
    from investigator.fleet.shard import ShardTask, make_shard

    plan = read_plan(results)
    for number in numbers:
        if not 0 <= number < len(plan.shards):
            raise UsageError(
                f"no shard {number} in '{results}': they are numbered 0 to {len(plan.shards) - 1}"
            )
    for number in numbers:
        made = make_shard(ShardTask(str(results.absolute()), plan.name, number)).manifest
        if as_json:
            print_json({"shard": number, "traces": made.traces, "rows": dict(made.rows)})
        else:
            say(f"shard {number}: {counted(made.traces, 'trace')}")


@scan_app.command("merge")
def merge_command(results: ResultsArgument, as_json: Json = False) -> None:
    """
    Sum up a scan whose shards are all there.

    [bold]Examples[/]
      investigator scan merge results

    [bold]Exit codes[/]
      0 merged · 2 no such scan, or a shard is not there yet
    """
    from investigator.fleet.scan import merge

    _tell(merge(results), results, as_json=as_json)


@scan_app.command("show")
def show_command(results: ResultsArgument, as_json: Json = False) -> None:
    """
    Say what a scan came to, or how far it is.

    [bold]Examples[/]
      investigator scan show results
      investigator scan show results --json

    [bold]Exit codes[/]
      0 shown · 2 no such scan
    """
    from investigator.fleet.plan import read_plan
    from investigator.fleet.scan import missing_shards, read_summary

    plan = read_plan(results)
    summary = read_summary(results)
    if summary is not None:
        _tell(summary, results, as_json=as_json)
        return
    done = len(plan.shards) - len(missing_shards(results, plan))
    if as_json:
        print_json({"scan": plan.name, "shards": len(plan.shards), "done": done, "ended": False})
    else:
        of = counted(len(plan.shards), "shard")
        stdout().print(f"{done:,} of {of} made; the same `scan` command goes on")


@dataclass(frozen=True, slots=True)
class _Planned:
    plan: ScanPlan
    unreadable: bool


def _planned(
    sources: list[str],
    output: Path,
    chosen: ChosenOptions,
    asked: AskedOptions,
    opening: OpeningOptions,
    limits: LimitOptions,
    planner: PlannerOptions,
) -> _Planned:
    """The plan of the scan that is asked for, in its folder."""
    from investigator.fleet.plan import Investigated, keep_plan, plan_of
    from investigator.fleet.scan_source import open_for_scan
    from investigator.runs.config import load_config
    from investigator.store.filter_parser import parse_filter
    from investigator.store.trace_selection import TraceSelection

    window = window_ns(chosen.start, chosen.end)
    if chosen.filter_expr is not None:
        parse_filter(chosen.filter_expr)  # a wrong one is told before the source is read
    selection = TraceSelection(chosen.project, *window, chosen.filter_expr)
    investigated = Investigated.told(opening.investigate)
    config = load_config(planner.config)
    settings = _settings(asked, planner, config, investigated)
    questions = [config.added_to(question) for question in _questions(asked)]
    for question in questions:
        question.materials()
    budgets = [changed_budget(config.budget_for(one.engine), limits) for one in questions]
    with counted_spans() as on_span_count:
        opened = open_for_scan(sources, output, selection, on_span_count=on_span_count)
    name_unreadable(opened.unreadable)
    name_clashes(opened.clashes)
    plan = plan_of(opened, questions, settings, selection, investigated, budgets)
    return _Planned(keep_plan(plan, output), bool(opened.unreadable))


def _settings(
    asked: AskedOptions, planner: PlannerOptions, config: Config, investigated: Investigated
) -> Settings:
    """What is redacted, and who decides in the runs that are opened.

    Raises:
        UsageError: a model is named, and no run is opened that could ask it.
    """
    from investigator.cli.planning import planner_chosen
    from investigator.ground.own_patterns import pattern_told
    from investigator.runs.planners import RULES, ready
    from investigator.runs.settings import Settings

    own = dict(map(pattern_told, asked.redact or ()))
    choice = RULES
    if investigated.which != "none":
        choice = ready(planner_chosen(planner, config))
    elif planner.planner not in (None, "rules"):
        raise UsageError(
            f"--planner {planner.planner} is about runs, and a screening asks no model: say which "
            "traces get a run with --investigate flagged, sample:N or all"
        )
    return Settings(redact={**config.redaction.redact, **own}, planner=choice)


def _questions(asked: AskedOptions) -> list[TraceQuestion[Any]]:
    """RCA and the controls, or what was asked for of them."""
    from investigator.compliance.question import Compliance
    from investigator.rca.question import RCA

    ignored = asked.ignore_evaluations
    known: dict[str, TraceQuestion[Any]] = {
        "rca": RCA(taxonomy=asked.taxonomy, ignore_evaluations=ignored),
        "compliance": Compliance(controls=asked.controls, ignore_evaluations=ignored),
    }
    for name in asked.only or ():
        if name not in known:
            raise UsageError(f"--ask takes {' or '.join(known)}, not '{name}'")
    return [question for name, question in known.items() if name in (asked.only or known)]


def _fleet(options: FleetOptions, together: Budget, plan: ScanPlan) -> Fleet:
    """Processes of this machine, or this one."""
    from investigator.fleet.scan import Fleet
    from investigator.runs.batch import processes
    from investigator.runs.dispatch import InProcess
    from investigator.runs.workers import Workers

    count = processes(options.jobs, len(plan.shards))
    executor: TaskExecutor = InProcess() if count == 1 else Workers(count)
    return Fleet(executor, together.limits, together.wall_time_s)


@contextmanager
def _shards_watched() -> Iterator[Callable[[Progress], None]]:
    """A bar of the traces that have been judged; nothing where nobody watches."""
    console = stderr()
    columns = (TextColumn("scanning"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("scanning", total=None)
        yield lambda at: bar.update(task, completed=at.shards, total=at.of)


def _tell(summary: ScanSummary, results: Path, *, as_json: bool) -> None:
    """What a scan came to: verdicts by question, and what could not be judged."""
    if as_json:
        print_json(summary.model_dump(mode="json"))
        return
    grid = table("question", "verdict", "traces", "share", right=("traces", "share"))
    for engine, counts in summary.verdicts.items():
        for verdict, count in sorted(counts.items(), key=lambda item: -item[1]):
            share = f"{count / summary.traces:.1%}"
            grid.add_row(cell(engine), cell(verdict), cell(f"{count:,}"), cell(share))
    print_table(stdout(), grid)
    rows = ", ".join(f"{count:,} {name}" for name, count in summary.rows.items())
    say(f"{counted(summary.traces, 'trace')} in {counted(summary.shards, 'shard')}: rows {rows}")
    if summary.runs:
        tokens = counted(summary.used.tokens, "token")
        cost = f"{summary.used.cost / 1e6:g} USD" if summary.cost_known else "cost unknown"
        say(f"{counted(summary.runs, 'run')} opened: {tokens}, {cost}")
    if summary.unjudged:
        say(
            f"{counted(summary.unjudged, 'report')} could not be made: their rows say why", "yellow"
        )
    say(f"results in {results}, head {summary.head[:12]}…")
