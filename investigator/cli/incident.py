"""`incident`: what happened in this window of traces, and what changed?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from investigator.cli.bundles import bundled
from investigator.cli.options import (
    Filter,
    From,
    Json,
    Limits,
    Output,
    PlannerOptions,
    RunOptions,
    Source,
    To,
)
from investigator.cli.outcomes import Asked
from investigator.errors import UsageError


@dataclass(frozen=True, slots=True)
class WindowChoice:
    """Which traces of the source the dossier is about."""

    start: From = None
    end: To = None
    project: Annotated[
        str | None,
        typer.Option(
            "--project", metavar="NAME", help="Traces of this project.", show_default=False
        ),
    ] = None
    filter_expr: Filter = None
    trace_id: Annotated[
        list[str] | None,
        typer.Option(
            "--trace-id",
            metavar="ID",
            help="This trace, whatever its time; may be given more than once.",
            show_default=False,
        ),
    ] = None

    def check(self) -> None:
        """Refuse traces that are named and chosen by time at once."""
        chosen = (self.start, self.end, self.project, self.filter_expr)
        if self.trace_id and any(given is not None for given in chosen):
            raise UsageError(
                "--trace-id names the traces: leave --from, --to, --project and --filter out"
            )


class FailOn(StrEnum):
    """Outcomes that make the command exit with 1."""

    INCIDENT = "incident"
    UNDETERMINED = "undetermined"


Snapshots: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--snapshots",
        metavar="DIR",
        help="Config snapshots: a folder of text files for each deployed state.",
        show_default=False,
    ),
]
Threshold: TypeAlias = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 if the dossier says so; `undetermined` includes `incident`.",
        show_default=False,
    ),
]


@bundled
def incident(
    source: Source,
    window: WindowChoice,
    limits: Limits,
    run: RunOptions,
    planner: PlannerOptions,
    snapshots: Snapshots = None,
    output: Output = None,
    fail_on: Threshold = None,
    as_json: Json = False,
) -> None:
    """
    Say what happened in a window of traces, and what changed.

    A dossier: representative traces, a timeline, the suspected change, ranked
    hypotheses and what to do. "No incident" and "nothing changed" are answers.

    [bold]Examples[/]
      investigator incident traces.parquet --from 2026-03-01 --to 2026-03-02
      investigator incident exports/ --snapshots snapshots/ --json
      investigator incident exports/ --project checkout --fail-on incident
      investigator incident exports/ --trace-id 617fdb16 --trace-id 6ea20bab
    """
    from investigator.cli.investigating import investigate_window
    from investigator.runs.questions import IncidentQuestion

    window.check()
    question = IncidentQuestion(
        start=window.start,
        end=window.end,
        project_name=window.project,
        filter_expr=window.filter_expr,
        trace_ids=tuple(dict.fromkeys(window.trace_id or ())),
        snapshots=snapshots,
    )
    both = (FailOn.INCIDENT, FailOn.UNDETERMINED)
    graver = both if fail_on is FailOn.UNDETERMINED else (fail_on,)
    asked = Asked(output, tuple(f.value for f in graver if f), as_json)
    raise typer.Exit(investigate_window(source, question, asked, limits, run, planner))
