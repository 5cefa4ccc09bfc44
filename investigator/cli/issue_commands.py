"""`issues`: what recurs from scan to scan, and how it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from investigator.cli.options import Json
from investigator.cli.screen import print_json, say, stdout
from investigator.errors import UsageError
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_table, table

if TYPE_CHECKING:
    from investigator.fleet.issues import Issue

ISSUES_HELP = "The folder of issues, kept from scan to scan."
IssuesDir: TypeAlias = Annotated[Path, typer.Option("--issues", metavar="DIR", help=ISSUES_HELP)]
ISSUES_DIR = Path("artifacts/investigator_issues")
IssueId: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="ID", help="Its id, or the beginning of it.", show_default=False),
]
_STYLES = {"regressed": "bold red", "new": "red", "ongoing": "yellow", "resolved": "green"}
_STATES = (*_STYLES, "muted")

issues_app = typer.Typer(
    name="issues",
    help="List, show and mute what recurs from scan to scan.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@issues_app.command("list")
def list_issues(
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="new, ongoing, regressed, resolved or muted; may be repeated.",
            show_default=False,
        ),
    ] = None,
    issues: IssuesDir = ISSUES_DIR,
    as_json: Json = False,
) -> None:
    """
    List the issues, those that ask for somebody first.

    [bold]Examples[/]
      investigator issues list
      investigator issues list --state new --state regressed --json

    [bold]Exit codes[/]
      0 listed · 2 no such state
    """
    from investigator.fleet.issues import read_issues

    for name in state or ():
        if name not in _STATES:
            raise UsageError(f"no state '{name}'; there are: {', '.join(_STATES)}")
    known = read_issues(issues).ordered
    found = [one for one in known if state is None or one.shown_state in state]
    if as_json:
        for one in found:
            print_json(one.model_dump(mode="json"))
        return
    if not found:
        none_of = f"none of the {counted(len(known), 'issue')} in {issues} was asked for"
        say(none_of if known else f"no issues in {issues}")
        return
    grid = table("id", "state", "rate", "traces", "issue", "what", right=("rate", "traces"))
    for one in found:
        grid.add_row(
            cell(one.id),
            cell(one.shown_state, _STYLES.get(one.shown_state, "dim")),
            cell(f"{one.rate:.1%}"),
            cell(f"{one.count:,}"),
            cell(one.lasting),
            cell(one.title),
        )
    print_table(stdout(), grid)


@issues_app.command("show")
def show_issue(issue_id: IssueId, issues: IssuesDir = ISSUES_DIR, as_json: Json = False) -> None:
    """
    Show an issue: what each scan showed of it, and its rate in each release.

    [bold]Examples[/]
      investigator issues show 3f9a

    [bold]Exit codes[/]
      0 shown · 2 no such issue
    """
    from investigator.fleet.issues import issue_named, read_issues

    one = issue_named(read_issues(issues), issue_id, issues)
    if as_json:
        print_json(one.model_dump(mode="json"))
        return
    grid = table("", "")
    grid.show_header = False
    for name, text in _facts(one):
        grid.add_row(cell(name, "bold"), cell(text))
    print_table(stdout(), grid)
    seen = table("scan", "traces", "with it", "rate", "by release", right=("traces", "with it"))
    for sighting in one.history:
        rates = ", ".join(
            f"{of.release or 'none'} {of.count:,}/{of.traces:,}" for of in sighting.releases
        )
        row = (sighting.scan[:12], f"{sighting.traces:,}", f"{sighting.count:,}")
        seen.add_row(*map(cell, row), cell(f"{sighting.rate:.1%}"), cell(rates))
    stdout().print()
    print_table(stdout(), seen)


def _facts(one: Issue) -> list[tuple[str, str | None]]:
    from investigator.traces.model import iso_time

    return [
        ("issue", one.id),
        ("state", one.shown_state),
        ("what", one.title),
        ("kind", one.lasting),
        ("text", one.template),
        ("first seen", iso_time(one.first_seen_ns)),
        ("last seen", iso_time(one.last_seen_ns)),
        ("traces", f"{one.count:,}"),
        ("such as", ", ".join(one.representatives)),
    ]


@issues_app.command("mute")
def mute_command(
    issue_id: IssueId,
    undo: Annotated[bool, typer.Option("--undo", help="Hear of it again.")] = False,
    issues: IssuesDir = ISSUES_DIR,
) -> None:
    """
    Mute an issue: it is followed, and fails nothing.

    [bold]Examples[/]
      investigator issues mute 3f9a
      investigator issues mute 3f9a --undo

    [bold]Exit codes[/]
      0 done · 2 no such issue
    """
    from investigator.fleet.issues import mute_issue

    changed = mute_issue(issues, issue_id, muted=not undo)
    say(f"issue {changed.id} is {changed.shown_state}: {changed.title}")
