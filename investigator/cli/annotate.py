"""`annotate` and `agreement`: reports written back, and what people said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from investigator.cli.exits import Exit
from investigator.cli.options import Json, RunId, RunsDir
from investigator.cli.screen import print_json, say, stdout
from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_table, table
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.runs.human_feedback import Judgement
    from investigator.runtime.record import RunRecord


def annotate(
    run_id: RunId,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="phoenix://… or mlflow://… with the same traces, where the run read files.",
            show_default=False,
        ),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Delete the run's annotations.")] = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    as_json: Json = False,
) -> None:
    """
    Write a run's report to Phoenix or MLflow, as annotations of its traces.

    The verdict stands at the root span and at the trace, what shows it at the
    spans that the report cites. Writing again replaces what stands there.

    [bold]Examples[/]
      investigator annotate trip
      investigator annotate trip --to phoenix://127.0.0.1:6006/trip-planner
      investigator annotate trip --undo

    [bold]Exit codes[/]
      0 written, or undone · 2 usage, or the source cannot be read · 3 not all was written
    """
    from investigator.runs.run_store import annotate_run, undo_annotations

    if undo and to is not None:
        raise UsageError("--undo deletes where the run was written to: leave --to out")
    if undo:
        record = undo_annotations(run_id, runs_dir).record
    else:
        record = annotate_run(run_id, runs_dir, to=to).record
    raise typer.Exit(show_write_back(record, as_json=as_json))


def show_write_back(record: RunRecord, *, as_json: bool) -> Exit:
    """What stands at the source now."""
    written = record.writeback_ref
    failed = written.status == "partial"
    message = record.error.message if failed and record.error is not None else None
    count = counted(len(written.annotation_ids), "annotation")
    if as_json:
        print_json({"run_id": record.run_id, **written.model_dump(mode="json"), "error": message})
    elif failed:
        say(f"run {record.run_id}: {count} written: {message}")
    elif written.status == "undone":
        say(f"run {record.run_id}: its annotations in {written.address} are deleted")
    else:
        say(f"run {record.run_id}: {count} in {written.address}")
    return Exit.PARTIAL if failed else Exit.SUCCEEDED


def agreement(
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="RUN_ID", show_default=False)
    ] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    as_json: Json = False,
) -> None:
    """
    Show where people and the investigator differ.

    A person answers an annotation of a run in Phoenix or MLflow by one of the
    same name at the same span or trace. All runs that were written back are looked at,
    or those that are named.

    [bold]Examples[/]
      investigator agreement
      investigator agreement trip --json
    """
    from investigator.runs.human_feedback import judgements

    found = list(judgements(run_ids or (), runs_dir))
    if as_json:
        for judgement in found:
            print_json(_row(judgement))
        return
    if found:
        _print(found)
    agreed = sum(judgement.agree for judgement in found)
    say(f"people answered {counted(len(found), 'annotation')} and agree with {agreed}")


def _row(judgement: Judgement) -> dict[str, JsonValue]:
    return {
        "run_id": judgement.run_id,
        "name": judgement.name,
        judgement.target: judgement.target_id,
        "investigator": judgement.investigator,
        "human": judgement.human,
        "agree": judgement.agree,
        "note": judgement.note,
    }


def _print(found: Sequence[Judgement]) -> None:
    grid = table(
        "run", "annotation", "span or trace", "investigator", "person", ids=("span or trace",)
    )
    for one in sorted(found, key=lambda judgement: judgement.agree):
        grid.add_row(
            cell(one.run_id),
            cell(one.name),
            cell(one.target_id),
            cell(one.investigator),
            cell(one.human, "" if one.agree else "red"),
        )
    print_table(stdout(), grid)
