"""`compliance`: which controls does this trace break? One trace, or every trace as one batch."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

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
    """Verdicts that make the command exit with 1."""

    NON_COMPLIANT = "non_compliant"
    NEEDS_REVIEW = "needs_review"


Controls: TypeAlias = Annotated[
    str,
    typer.Option(
        "--controls",
        metavar="VERSION|FILE",
        help="`controls-v1`, another built-in library, or a YAML file of yours.",
    ),
]
ControlIds: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--control",
        metavar="ID",
        help="Only this control; may be given more than once.",
        show_default=False,
    ),
]
Threshold: TypeAlias = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if a report says so; `needs_review` includes `non_compliant`.",
        show_default=False,
    ),
]


@bundled
def compliance(
    source: Source,
    traces: TraceChoice,
    limits: Limits,
    run: RunOptions,
    planner: PlannerOptions,
    batch: BatchOptions,
    controls: Controls = "controls-v1",
    control: ControlIds = None,
    output: Output = None,
    fail_on: Threshold = None,
    as_json: Json = False,
) -> None:
    """
    Check a trace against a library of controls.

    One verdict a control: pass, fail, not_applicable or insufficient_evidence;
    a fail cites the spans that show it.

    [bold]Examples[/]
      investigator compliance traces.parquet --trace-id 617fdb16cf685c23
      investigator compliance exports/ --all --output reports.jsonl
      investigator compliance exports/ --all --controls airline-example
      investigator compliance run.json --control control.secrets.prompts --json
    """
    from investigator.cli.investigating import investigate_traces
    from investigator.runs.questions import ComplianceQuestion

    question = ComplianceQuestion(
        trace_id=traces.trace_id or "", controls=controls, control_ids=tuple(control or ())
    )
    both = (FailOn.NON_COMPLIANT, FailOn.NEEDS_REVIEW)
    graver = both if fail_on is FailOn.NEEDS_REVIEW else (fail_on,)
    asked = Asked(output, tuple(f.value for f in graver if f), as_json)
    raise typer.Exit(
        investigate_traces(source, question, asked, traces, limits, run, planner, batch)
    )
