"""`runs`: what was run, whether it is what it says, and how to go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from investigator.cli.bundles import bundled
from investigator.cli.exits import Exit, gravest
from investigator.cli.limit_options import LimitOptions, changed_budget
from investigator.cli.options import Json, RunId, RunIds, RunsDir
from investigator.cli.outcomes import OutcomeOptions, show_one
from investigator.cli.progress import progress_of_run
from investigator.cli.run_list import list_, prune
from investigator.cli.screen import print_json, say, stdout
from investigator.errors import UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.visible import one_visible_line, visible
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_table, table
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.runs.verification import Verification
    from investigator.runtime.budget import Budget
    from investigator.runtime.record import RunRecord, SubcallRecord

runs_app = typer.Typer(
    name="runs",
    help="List, show, compare, check, resume, replay, export and clear away runs.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


runs_app.command("list")(list_)


@runs_app.command()
def show(run_id: RunId, runs_dir: RunsDir = DEFAULT_RUNS_DIR, as_json: Json = False) -> None:
    """
    Show what a run was asked, what it used and what came out.

    [bold]Examples[/]
      investigator runs show nightly-1
      investigator runs show nightly-1 --json
    """
    from investigator.runs.run_store import read_record

    record = read_record(run_id, runs_dir)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    grid = table("", "")
    grid.show_header = False
    for name, text in _facts(record):
        grid.add_row(cell(name, "bold"), cell(text))
    print_table(stdout(), grid)
    _print_scopes(record.runtime_ref.subcall_metadata)


def _facts(record: RunRecord) -> list[tuple[str, str | None]]:
    runtime, usage = record.runtime_ref, record.runtime_ref.usage
    limits = runtime.budget.model_dump(exclude_none=True)
    return [
        ("run", f"{record.run_id} ({record.run_type})"),
        ("status", record.status.value),
        ("error", f"{record.error.code}: {record.error.message}" if record.error else None),
        ("session", record.input_ref.session_id),
        ("trace", ", ".join(record.input_ref.trace_ids)),
        ("source", record.dataset_ref.dataset_id),
        ("planner", " ".join(filter(None, (runtime.planner, runtime.model_name)))),
        ("started", record.started_at),
        ("completed", record.completed_at),
        ("limits", ", ".join(f"{name} {value:g}" for name, value in limits.items())),
        ("used", _used(record)),
        (
            "lost",
            f"{counted(len(usage.lost), 'hold')} of a process that died" if usage.lost else None,
        ),
        (
            "journal",
            f"{record.journal_ref.events} events, head {record.journal_ref.head_hash[:12]}…",
        ),
        ("report", record.output_ref.artifact_path),
    ]


def _used(record: RunRecord) -> str:
    usage = record.runtime_ref.usage
    cost = "unknown" if usage.cost_usd is None else f"{usage.cost_usd:g} USD"
    cached = f" ({usage.tokens_cached:,} of them cached)" if usage.tokens_cached else ""
    return (
        f"{counted(usage.iterations, 'turn')}, {counted(usage.tool_calls, 'tool call')}, "
        f"{counted(usage.subcalls, 'subcall')}, depth {usage.depth_reached}, "
        f"{counted(usage.tokens_in + usage.tokens_out, 'token')}{cached}, {cost}"
    )


def _print_scopes(scopes: tuple[SubcallRecord, ...]) -> None:
    if not scopes:
        return
    grid = table(
        "scope", "status", "turns", "tool calls", "objective", right=("turns", "tool calls")
    )
    for scope in scopes:
        grid.add_row(
            cell(scope.call_id),
            cell(scope.status.value if scope.status else None),
            cell(str(scope.usage.iterations)),
            cell(str(scope.usage.tool_calls)),
            cell(one_visible_line(scope.objective, 80)),
        )
    stdout().print()
    print_table(stdout(), grid)


@runs_app.command()
def compare(
    before: RunId, after: RunId, runs_dir: RunsDir = DEFAULT_RUNS_DIR, as_json: Json = False
) -> None:
    """
    Say in what two runs differ.

    Verdict, findings, controls, and what was used: of two models on one trace,
    or of one trace before and after a change. Findings are known again by
    their signatures.

    [bold]Examples[/]
      investigator runs compare nightly-1 nightly-2
      investigator runs compare rules-1 model-1 --json

    [bold]Exit codes[/]
      0 compared · 2 no such run
    """
    from investigator.reports.comparing import report_differences
    from investigator.reports.stored_reports import reported_in
    from investigator.runs.run_store import read_record

    found = list(report_differences(*reported_in([before, after], runs_dir)))
    used = [_used(read_record(run_id, runs_dir)) for run_id in (before, after)]
    if as_json:
        rows: list[JsonValue] = [
            {"what": d.what, "before": d.before, "after": d.after} for d in found
        ]
        print_json({"runs": [before, after], "differences": rows, "used": [*used]})
        return
    grid = table("", before, after, ids=(before, after))
    for one in found:
        grid.add_row(cell(one.what, "bold"), cell(one.before), cell(one.after))
    grid.add_row(cell("used"), *map(cell, used))
    print_table(stdout(), grid)
    if not found:
        say("the reports say the same")


@runs_app.command()
def verify(
    run_ids: RunIds,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="Where the traces of the run lie now, if they moved.",
            show_default=False,
        ),
    ] = None,
    expect_head: Annotated[
        str | None,
        typer.Option(
            "--expect-head",
            metavar="SHA256",
            help="The head of the journal, as it was printed when the run was known to be good.",
            show_default=False,
        ),
    ] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    as_json: Json = False,
) -> None:
    """
    Check that what a run left is consistent, and print the head of its journal.

    The hash chain of the journal, the ledger (nothing overspent), the record
    against the journal, the report against its hash, its trace, and what comes
    out when the run is made again from its journal. The report of a run that
    another version made, or whose source is gone, cannot be made again.

    Whoever may write the folder can write all of it anew. That it is what was
    written then is known by who kept its head: --expect-head.

    [bold]Examples[/]
      investigator runs verify nightly-1
      investigator runs verify nightly-1 --source archive/traces.parquet
      investigator runs verify nightly-1 nightly-2 --json

    [bold]Exit codes[/]
      0 nothing wrong · 2 no such run · 3 something cannot be checked · 4 something is wrong
    """
    from investigator.runs.verification import verify_run

    if expect_head is not None and len(run_ids) > 1:
        raise UsageError("--expect-head is the head of one run: name that run alone")
    exits = []
    for run_id in run_ids:
        found = verify_run(run_id, runs_dir, source=source, expect_head=expect_head)
        exits.append(_show_verification(run_id, found, as_json=as_json))
    raise typer.Exit(gravest(exits))


def _show_verification(run_id: str, found: Verification, *, as_json: bool) -> Exit:
    problems, unchecked = list(found.problems), list(found.unchecked)
    checked = not problems and not unchecked
    head = None if found.head is None else found.head.chain
    if as_json:
        print_json(
            {
                "run_id": run_id,
                "consistent": checked,
                "problems": [*problems],
                "unchecked": [*unchecked],
                "head": head,
            }
        )
    else:
        in_part = "consistent: journal, ledger and record" if unchecked else "is not consistent"
        verdict = "consistent: journal, ledger, record, report and evidence" if checked else in_part
        stdout().print(f"run {run_id} {verdict}", soft_wrap=True)
        for problem in problems:
            stdout().print(Text(f"- {visible(problem)}", style="red"), soft_wrap=True)
        for reason in unchecked:
            stdout().print(Text(f"- {visible(reason)}", style="yellow"), soft_wrap=True)
        if head is not None:
            stdout().print(Text(f"head {head}", style="dim"), soft_wrap=True)
    if problems:
        return Exit.FAILED
    return Exit.PARTIAL if unchecked else Exit.SUCCEEDED


@runs_app.command("resume")
@bundled
def resume_command(
    run_id: RunId,
    limits: LimitOptions,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    as_json: Json = False,
) -> None:
    """
    Go on with a run that was interrupted or cut off.

    No finished call is made again. A limit that is given replaces the run's
    own; a run that succeeded is left as it is.

    [bold]Examples[/]
      investigator runs resume nightly-1
      investigator runs resume nightly-1 --max-iterations 80

    [bold]Exit codes[/]
      0 succeeded · 2 usage · 3 partial · 4 failed · 5 a defect · 130 interrupted
    """
    from investigator.runs.batch import outcome_of
    from investigator.runs.run_store import resume_run

    budget = _raised(runs_dir / run_id, limits)
    with progress_of_run(runs_dir / run_id):
        result = resume_run(run_id, runs_dir, budget=budget)
    raise typer.Exit(show_one(outcome_of(result), OutcomeOptions(as_json=as_json)))


def _raised(run_dir: Path, limits: LimitOptions) -> Budget | None:
    """The run's own budget with the limits that were given; None where none was."""
    from investigator.runtime.journal import FILE, read_entries
    from investigator.runtime.runner import budget_of

    if not limits.given or not (run_dir / FILE).is_file():
        return None
    return changed_budget(budget_of(read_entries(run_dir)), limits)


@runs_app.command("replay")
def replay_command(
    run_id: RunId, runs_dir: RunsDir = DEFAULT_RUNS_DIR, as_json: Json = False
) -> None:
    """
    Run a finished run again on what it recorded, offline, and compare.

    Nothing is written. The first event that differs is named.

    [bold]Examples[/]
      investigator runs replay nightly-1
      investigator runs replay nightly-1 --json

    [bold]Exit codes[/]
      0 the same, byte for byte · 2 no such run · 4 it differs
    """
    from investigator.runs.run_store import replay_run

    result = replay_run(run_id, runs_dir)
    if as_json:
        print_json(
            {"run_id": run_id, "identical": result.identical, "difference": result.difference}
        )
    elif result.identical:
        stdout().print(f"run {run_id} replayed: every step and the report are the same")
    else:
        stdout().print(Text(visible(result.difference or ""), style="red"))
    raise typer.Exit(Exit.SUCCEEDED if result.identical else Exit.FAILED)


@runs_app.command()
def export(
    run_id: RunId,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the spans there; stdout unless given or sent.",
            show_default=False,
        ),
    ] = None,
    send_to: Annotated[
        str | None,
        typer.Option(
            "--send",
            metavar="URL",
            help="Send the spans to an OTLP/HTTP endpoint, such as "
            "http://127.0.0.1:6006/v1/traces.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        str, typer.Option("--project", metavar="NAME", help="The Phoenix project they belong to.")
    ] = "investigator",
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """
    Export what a run asked of its planners and tools, as spans of one trace.

    OTLP JSON in OpenInference terms: scopes are agents, with a model's turns
    (prompt, reply, tokens, cost) and tool calls below them. So a run can be
    looked at in Phoenix, or be investigated itself. Prompts are made again
    from the run's source; no model is asked.

    [bold]Examples[/]
      investigator runs export nightly-1 -o nightly-1.json
      investigator traces nightly-1.json
      investigator runs export nightly-1 --send http://127.0.0.1:6006/v1/traces

    [bold]Exit codes[/]
      0 exported · 2 no such run, or the endpoint does not take it
    """
    from investigator.ground.files import write_target
    from investigator.runs.export.export import export_run
    from investigator.runs.export.sending import send

    made = export_run(run_id, runs_dir, project=project)
    if made.without_prompts:
        say(made.without_prompts, "yellow")
    if output is not None:
        write_target(output, made.text.encode())
        say(f"{counted(len(made.spans), 'span')} written to {output}")
    if send_to is not None:
        say(f"{send(made, send_to)} spans sent to {send_to}")
    if output is None and send_to is None:
        typer.echo(made.text, nl=False)


runs_app.command()(prune)
