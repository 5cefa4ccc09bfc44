"""`report` and `baseline`: reports in other forms, and what of them is known already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from investigator.cli.options import ReportOptions, RunsDir
from investigator.cli.screen import say, stdout
from investigator.errors import UsageError
from investigator.ground.files import require_writable, write_target
from investigator.ground.near_names import did_you_mean
from investigator.ground.wording import counted
from investigator.runs.runs_dir import DEFAULT_RUNS_DIR

if TYPE_CHECKING:
    from investigator.reports.baseline import Baseline
    from investigator.reports.run_report import RunReport
    from investigator.runs.batch import BatchOutcome

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The file to which each command of a build's step adds what it has to say."""

ReportNames = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN_ID|REPORTS.jsonl...",
        help="Runs by their ids, or files that `--all --output` wrote.",
        show_default=False,
    ),
]
baseline_app = typer.Typer(
    name="baseline",
    help="Keep the faults that are known, so that only new ones fail a build.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@dataclass(frozen=True, slots=True)
class Reporting:
    """The files that a command writes its reports to, each in its form, and the baseline."""

    files: tuple[tuple[str, Path], ...] = ()
    baseline: Baseline | None = None
    runs_dir: Path = DEFAULT_RUNS_DIR

    @classmethod
    def of(cls, options: ReportOptions, runs_dir: Path) -> Reporting:
        """Checked before anything is run.

        Raises:
            UsageError: a form that there is not, or a baseline that cannot be read.
            CannotWrite: a file can't be written; the message says why.
        """
        named = tuple(map(_form_and_file, options.reports or ()))
        files = named if options.html is None else (("html", options.html), *named)
        for _, path in files:
            require_writable(path)
        if options.baseline is None:
            return cls(files, runs_dir=runs_dir)
        from investigator.reports.baseline import read_baseline

        return cls(files, read_baseline(options.baseline), runs_dir)

    def write(self, outcomes: Sequence[BatchOutcome]) -> None:
        """Write the reports in every form that was asked for, and say what is new."""
        if not self.files and self.baseline is None:
            return
        from investigator.reports.stored_reports import reported_outcome

        reports = tuple(map(reported_outcome, outcomes))
        for form, path in self.files:
            write_report(path, form, reports, self.baseline, self.runs_dir)
        if self.baseline is not None:
            new = sum(len(list(one.new_to(self.baseline))) for one in reports)
            known = sum(len(one.failing) for one in reports) - new
            say(f"against the baseline: {new:,} new, {known:,} known")

    def is_new(self, outcome: BatchOutcome) -> bool:
        """Whether a report that crosses the threshold says anything that is not known."""
        if self.baseline is None:
            return True
        from investigator.reports.stored_reports import reported_outcome

        reported = reported_outcome(outcome)
        return not reported.failing or any(reported.new_to(self.baseline))


NO_REPORTING = Reporting()


def write_report(
    path: Path,
    form: str,
    reports: Sequence[RunReport],
    baseline: Baseline | None,
    runs_dir: Path,
) -> None:
    """Write reports in a form; to the summary of a build's step they are added."""
    text = rendered(form, reports, baseline, runs_dir)
    if os.environ.get(STEP_SUMMARY) == str(path):
        with path.open("a", encoding="utf-8") as summary:
            summary.write(text)
    else:
        write_target(path, text.encode("utf-8", "replace"))


def rendered(
    form: str, reports: Sequence[RunReport], baseline: Baseline | None, runs_dir: Path
) -> str:
    """The reports in a form.

    Raises:
        UsageError: there is no such form.
    """
    from investigator.reports.renderers import RENDERERS, Rendering

    require_form(form)
    return RENDERERS[form].render(reports, Rendering(baseline, runs_dir))


def require_form(form: str) -> None:
    """Raise `UsageError` where there is no such form."""
    from investigator.reports.renderers import RENDERERS

    if form not in RENDERERS:
        meant = did_you_mean(form, RENDERERS)
        raise UsageError(f"no report format '{form}'{meant}; there are: {', '.join(RENDERERS)}")


def _form_and_file(told: str) -> tuple[str, Path]:
    form, sign, file = told.partition("=")
    if not sign or not form or not file:
        raise UsageError(f"--report '{told}': it is FORMAT=FILE, such as sarif=investigator.sarif")
    require_form(form)
    return form, Path(file)


def report(
    names: ReportNames,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="html, markdown, junit, sarif, csv (a row a trace), csv-findings, csv-controls, "
            "text.",
        ),
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write it there; stdout unless given.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Faults and breaches in it are marked as known.",
            show_default=False,
        ),
    ] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """
    Write the reports of runs in another form.

    For people: html, markdown, text. For build servers: junit, sarif. For tables:
    csv, csv-findings, csv-controls.

    [bold]Examples[/]
      investigator report nightly-1 --format html -o nightly-1.html
      investigator report nightly-1 --format markdown
      investigator report reports.jsonl --format sarif -o investigator.sarif
      investigator report reports.jsonl -f csv-findings | cut -d, -f1-5

    [bold]Exit codes[/]
      0 written · 2 no such run, file or form
    """
    from investigator.reports.stored_reports import reported_in

    require_form(form)
    known = _read(baseline)
    reports = reported_in(names, runs_dir)
    if output is not None:
        write_report(output, form, reports, known, runs_dir)
        say(f"{counted(len(reports), 'report')} written to {output}")
    else:
        stdout().file.write(rendered(form, reports, known, runs_dir))


def _read(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    from investigator.reports.baseline import read_baseline

    return read_baseline(path)


@baseline_app.command("update")
def update(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The baseline.")],
    names: ReportNames,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
) -> None:
    """
    Make the faults and breaches of these reports the known ones.

    What the file knew and these reports do not show is dropped.

    [bold]Examples[/]
      investigator rca traces/ --all --output reports.jsonl
      investigator baseline update investigator-baseline.json reports.jsonl
      investigator rca traces/ --all --baseline investigator-baseline.json

    [bold]Exit codes[/]
      0 written · 2 no such run or file
    """
    from investigator.reports.baseline import baseline_of, read_baseline, write_baseline
    from investigator.reports.stored_reports import reported_in

    reports = reported_in(names, runs_dir)
    before = read_baseline(file) if file.exists() else None
    made = baseline_of(row for one in reports for row in one.failing)
    write_baseline(file, made)
    added = sum(before is None or not before.knows(one.signature) for one in made.known)
    gone = 0 if before is None else sum(not made.knows(one.signature) for one in before.known)
    say(f"{len(made.known):,} known in {file}: {added:,} added, {gone:,} dropped")
