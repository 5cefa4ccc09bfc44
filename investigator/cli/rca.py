"""`rca`: why did this trace fail? One trace, or every trace of a source as one batch."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from investigator.cli.bundles import bundled
from investigator.cli.options import (
    BatchOptions,
    Json,
    Limits,
    Output,
    PlannerOptions,
    RunOptions,
    Source,
    TraceChoice,
)
from investigator.cli.outcomes import Asked


class FailOn(StrEnum):
    """Outcomes that make the command exit with 1."""

    FAILURE = "failure"
    UNDETERMINED = "undetermined"


@bundled
def rca(
    source: Source,
    traces: TraceChoice,
    limits: Limits,
    run: RunOptions,
    planner: PlannerOptions,
    batch: BatchOptions,
    taxonomy: Annotated[
        str,
        typer.Option(
            "--taxonomy", metavar="NAME|PATH", help="`default`, `trail`, or a YAML file of yours."
        ),
    ] = "default",
    output: Output = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 if a report says so; `undetermined` includes `failure`.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
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
    from investigator.cli.investigating import investigate_traces
    from investigator.runs.questions import RCAQuestion

    question = RCAQuestion(trace_id=traces.trace_id or "", taxonomy=taxonomy)
    graver = (FailOn.FAILURE, FailOn.UNDETERMINED) if fail_on is FailOn.UNDETERMINED else (fail_on,)
    asked = Asked(output, tuple(f.value for f in graver if f), as_json)
    raise typer.Exit(
        investigate_traces(source, question, asked, traces, limits, run, planner, batch)
    )
