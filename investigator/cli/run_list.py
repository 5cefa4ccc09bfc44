"""`runs list`, `runs prune`: which runs there are, and how they are cleared away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from investigator.cli.options import Json, RunsDir
from investigator.cli.screen import print_json, say, stdout
from investigator.errors import UsageError
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_table, table
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.runs.run_store import StoredRun

_STATE_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "partial": "yellow",
    "interrupted": "yellow",
    "unreadable": "red",
}
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

EngineOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="NAME", help="Runs of that engine: rca, …", show_default=False
    ),
]
StateOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="Runs in that state: succeeded, partial, failed, interrupted, running, unreadable.",
        show_default=False,
    ),
]
OfTrace: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--trace-id",
        metavar="ID",
        help="Runs about that trace; the beginning of its id will do.",
        show_default=False,
    ),
]


def list_(
    engine: EngineOption = None,
    state: StateOption = None,
    verdict: Annotated[
        str | None,
        typer.Option(
            "--verdict",
            metavar="WORD",
            help="Runs whose report says so: failure, non_compliant, incident, …",
            show_default=False,
        ),
    ] = None,
    trace_id: OfTrace = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Rows at most.")] = 50,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    as_json: Json = False,
) -> None:
    """
    List the runs of a folder, the newest first.

    A run without a record is `running` while a process writes it, else
    `interrupted`: `investigator runs resume` continues it.

    [bold]Examples[/]
      investigator runs list
      investigator runs list --engine rca --verdict failure --limit 10
      investigator runs list --runs-dir nightly --json
    """
    from investigator.runs.run_rows import newest_first, run_row, runs_asked
    from investigator.runs.run_store import list_runs

    stored = list_runs(runs_dir)
    asked = runs_asked(newest_first(stored), engine, state, trace_id)
    found = (run for run in asked if verdict is None or run.verdict == verdict)
    runs = list(islice(found, limit + 1))
    if as_json:
        for run in runs[:limit]:
            print_json(run_row(run))
    else:
        _print_runs(runs[:limit])
    if len(runs) > limit:
        say(f"only the newest {limit:,} are listed; --limit lists more", style="yellow")
    elif not runs:
        none_of = f"none of the {counted(len(stored), 'run')} in {runs_dir} was asked for"
        say(none_of if stored else f"no runs in {runs_dir}")


def prune(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="Runs that began longer ago than that: 12h, 30d, 4w.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", metavar="N", min=0, help="All but the newest N.", show_default=False
        ),
    ] = None,
    engine: EngineOption = None,
    state: StateOption = None,
    trace_id: OfTrace = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete them; else they are named.")] = False,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """
    Delete runs that are not needed any more.

    Names what would go; with `--yes` it goes. A run that a process is writing
    is left alone.

    [bold]Examples[/]
      investigator runs prune --older-than 30d
      investigator runs prune --keep 100 --state succeeded --yes

    [bold]Exit codes[/]
      0 done · 2 nothing says which runs are meant
    """
    from investigator.runs.run_rows import began_at, newest_first, runs_asked
    from investigator.runs.run_store import RUNNING, list_runs, remove_run

    if older_than is None and keep is None:
        raise UsageError("say which runs: --older-than AGE, --keep N, or both")
    until = None if older_than is None else _now() - _age(older_than)
    known = [run for run in newest_first(list_runs(runs_dir)) if run.state != RUNNING]
    asked = list(runs_asked(known, engine, state, trace_id))[keep or 0 :]
    meant = [run for run in asked if until is None or began_at(run) < until]
    for run in meant:
        if yes:
            remove_run(run)
        else:
            stdout().print(run.run_id, soft_wrap=True)
    plural = "" if len(meant) == 1 else "s"
    if yes:
        say(f"{len(meant):,} run{plural} deleted from {runs_dir}")
    else:
        say(f"{len(meant):,} run{plural} would be deleted from {runs_dir}; --yes does so")


def _now() -> datetime:
    return datetime.now(UTC)


def _age(told: str) -> timedelta:
    number, unit = told[:-1], _UNITS.get(told[-1:])
    if unit is None or not number.isascii() or not number.isdigit() or len(number) > 6:
        raise UsageError(
            f"--older-than takes a number of hours, days or weeks like 30d, not '{told}'"
        )
    return int(number) * unit


def _print_runs(runs: list[StoredRun]) -> None:
    if not runs:
        return
    grid = table("run", "state", "verdict", "type", "trace", "started", "error", ids=("trace",))
    for run in runs:
        record = run.record
        grid.add_row(
            cell(run.run_id),
            cell(run.state, _STATE_STYLES.get(run.state, "")),
            cell(run.verdict),
            cell(record.run_type if record else None),
            cell(_about(record.input_ref.trace_ids) if record else None),
            cell(record.started_at[:19] if record else None),
            cell(record.error.code if record and record.error else run.problem),
        )
    print_table(stdout(), grid)


def _about(trace_ids: tuple[str, ...]) -> str:
    if len(trace_ids) > 1:
        return f"{trace_ids[0]} and {len(trace_ids) - 1:,} more"
    return "".join(trace_ids)
