"""`rca`: why did this trace fail? One trace, or every trace of a source as one batch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from investigator.cli.options import (
    BUDGET_PANEL,
    DEFAULT_RUNS_DIR,
    RUNS_PANEL,
    Filter,
    Given,
    Json,
    MaxCost,
    MaxDepth,
    MaxIterations,
    MaxSubcalls,
    MaxTokens,
    MaxToolCalls,
    MaxWallTime,
    RunsDir,
    Source,
    changed_budget,
)
from investigator.cli.outcomes import Asked, FailOn
from investigator.errors import UsageError

BATCH_PANEL = "With --all"


Concurrency: TypeAlias = Annotated[
    int,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        help="Child scopes at once, in one run.",
        rich_help_panel=BUDGET_PANEL,
    ),
]
NewRunId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--run-id",
        metavar="ID",
        help="The run's id; one that is taken is refused.",
        show_default=False,
        rich_help_panel=RUNS_PANEL,
    ),
]
Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes; one a core unless given.",
        show_default=False,
        rich_help_panel=BATCH_PANEL,
    ),
]
BatchCost: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--batch-max-cost-usd",
        metavar="USD",
        help="What all runs together may cost.",
        show_default=False,
        rich_help_panel=BATCH_PANEL,
    ),
]
BatchTokens: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--batch-max-tokens",
        metavar="N",
        help="The tokens of all runs together.",
        show_default=False,
        rich_help_panel=BATCH_PANEL,
    ),
]
Continue: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--continue",
        help="Skip traces whose run has finished, go on with runs that were interrupted.",
        rich_help_panel=BATCH_PANEL,
    ),
]


TraceId: TypeAlias = Annotated[
    str | None,
    typer.Option("--trace-id", metavar="ID", help="The trace to look at.", show_default=False),
]
All: TypeAlias = Annotated[bool, typer.Option("--all", help="Every trace, one run each.")]
TaxonomyName: TypeAlias = Annotated[
    str,
    typer.Option(
        "--taxonomy", metavar="NAME|PATH", help="`default`, `trail`, or a YAML file of yours."
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the reports there too, one JSON object a line.",
        show_default=False,
    ),
]
Threshold: TypeAlias = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if a report says so; `undetermined` includes `failure`.",
        show_default=False,
    ),
]


def rca(
    source: Source,
    trace_id: TraceId = None,
    all_traces: All = False,
    filter_expr: Filter = None,
    taxonomy: TaxonomyName = "default",
    output: Output = None,
    fail_on: Threshold = None,
    as_json: Json = False,
    max_iterations: MaxIterations = None,
    max_tool_calls: MaxToolCalls = None,
    max_subcalls: MaxSubcalls = None,
    max_tokens: MaxTokens = None,
    max_cost_usd: MaxCost = None,
    max_wall_time: MaxWallTime = None,
    max_depth: MaxDepth = None,
    concurrency: Concurrency = 8,
    run_id: NewRunId = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    jobs: Jobs = None,
    batch_max_cost_usd: BatchCost = None,
    batch_max_tokens: BatchTokens = None,
    go_on: Continue = False,
) -> None:
    """
    Find the root cause of a failed trace.

    Each run keeps to its budget; `investigator runs` shows and checks it.

    [bold]Examples[/]
      investigator rca traces.parquet --trace-id 617fdb16cf685c23
      investigator rca exports/ --all --continue --output reports.jsonl
      investigator rca exports/ --all --filter "status_code == 'ERROR'"
      investigator rca run.json --taxonomy trail --json --fail-on failure
    """
    from investigator.batch import Task
    from investigator.cli.investigating import BatchOptions, investigate_all, investigate_one
    from investigator.runtime.budget import DEFAULT_BUDGETS, Budget

    _check(trace_id, run_id, all_traces=all_traces, go_on=go_on)
    limits = Given(
        max_iterations,
        max_tool_calls,
        max_subcalls,
        max_tokens,
        max_cost_usd,
        max_wall_time,
        max_depth,
    )
    budget = changed_budget(DEFAULT_BUDGETS["rca"], limits)
    task = Task((source,), trace_id or "", taxonomy, budget, concurrency, runs_dir, run_id)
    asked = Asked(filter_expr, output, fail_on, as_json)
    if not all_traces:
        raise typer.Exit(investigate_one(task, asked))
    together = Given(tokens=batch_max_tokens, cost_usd=batch_max_cost_usd)
    batch = BatchOptions(jobs, changed_budget(Budget(), together).limits, go_on)
    raise typer.Exit(investigate_all(task, asked, batch))


def _check(trace_id: str | None, run_id: str | None, *, all_traces: bool, go_on: bool) -> None:
    """Refuse options that contradict each other."""
    if all_traces and trace_id is not None:
        raise UsageError("--trace-id names one trace and --all takes every one: leave one out")
    if all_traces and run_id is not None:
        raise UsageError("--run-id names one run; with --all every run gets an id of its own")
    if run_id is not None:
        from investigator.investigation import require_run_id

        require_run_id(run_id)
    if go_on and not all_traces:
        raise UsageError("--continue goes on with a batch: it needs --all")
