"""`controls`: the libraries there are, what a control asks, and whether a file of one's own holds.

A library is shown under what is configured here, so that "not configured" is what a run would say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from investigator.cli.draft_command import NewFile, draft_policy, write_new
from investigator.cli.exits import Exit
from investigator.cli.options import Json
from investigator.cli.planner_options import ConfigFile
from investigator.cli.screen import print_json, say, stdout
from investigator.errors import UsageError
from investigator.ground.wording import counted
from investigator.reports.screen_pieces import cell, print_wrapped, table

if TYPE_CHECKING:
    from investigator.controls.model import Control, ControlLibrary
    from investigator.ground.canonical_json import JsonValue

controls_app = typer.Typer(
    name="controls",
    help="List, show, check and export control libraries.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _library(name: str, config: Path | None) -> ControlLibrary:
    """A library under what is configured."""
    from investigator.controls.library import load_library
    from investigator.runs.config import load_config

    return load_library(name, load_config(config).controls)


@controls_app.command("list")
def list_libraries(
    library: Annotated[str | None, typer.Argument(metavar="[LIBRARY]", show_default=False)] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """
    List the libraries that come with the package, or the controls of one.

    LIBRARY is a built-in one, or a YAML or JSON file.

    [bold]Examples[/]
      investigator controls list
      investigator controls list controls-v1
      investigator controls list policy.yaml --json
    """
    from investigator.controls.library import BUILT_IN_LIBRARIES

    if library is not None:
        _list_controls(_library(library, config), as_json=as_json)
        return
    known = {name: _library(name, config) for name in BUILT_IN_LIBRARIES}
    if as_json:
        for name, one in known.items():
            print_json({"library": name, **_about(one)})
        return
    grid = table(
        "library",
        "controls",
        "by code",
        "by a model",
        "description",
        right=("controls", "by code", "by a model"),
    )
    for name, one in known.items():
        by_code, by_model = _judges(one)
        grid.add_row(
            name, str(len(one.controls)), str(by_code), str(by_model), cell(one.description)
        )
    stdout().print(grid)


def _about(library: ControlLibrary) -> dict[str, JsonValue]:
    by_code, by_model = _judges(library)
    return {
        "version": library.version,
        "description": library.description,
        "controls": len(library.controls),
        "by_code": by_code,
        "by_model": by_model,
        "not_configured": list(library.not_configured),
        "content_hash": library.content_hash,
    }


def _judges(library: ControlLibrary) -> tuple[int, int]:
    """How many controls code judges, and of how many a model is asked something."""
    checks = [control.check for control in library.controls]
    return (
        sum(check.code is not None for check in checks),
        sum(check.model is not None for check in checks),
    )


def _list_controls(library: ControlLibrary, *, as_json: bool) -> None:
    if as_json:
        for control in library.ordered:
            print_json(
                {
                    "control_id": control.control_id,
                    "severity": control.severity.value,
                    "title": control.title,
                    "judged_by": list(_judged_by(control)),
                    "not_configured": list(control.not_configured),
                }
            )
        return
    grid = table("control", "severity", "title")
    for control in library.ordered:
        grid.add_row(control.control_id, control.severity.value, cell(control.title))
    stdout().print(grid)
    _tell_not_configured(library)


def _judged_by(control: Control) -> Iterator[str]:
    if control.check.code is not None:
        yield "code"
    if control.check.model is not None:
        yield "model"


def _tell_not_configured(library: ControlLibrary) -> None:
    if library.not_configured:
        say(
            f"not configured ([controls] in investigator.toml): {', '.join(library.not_configured)}"
        )


@controls_app.command("show")
def show_controls(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", show_default=False)],
    library: Annotated[
        str | None,
        typer.Option(
            "--controls",
            metavar="VERSION|FILE",
            help="The library whose controls are meant; any built-in one unless given.",
            show_default=False,
        ),
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """
    Show a library, or single controls: when one applies, what it looks at, what
    it is configured with and which standards ask for it.

    NAME is a library (built-in, or a file) or the id of a control.

    [bold]Examples[/]
      investigator controls show controls-v1
      investigator controls show control.secrets.prompts
      investigator controls show ours.refunds --controls policy.yaml --json
    """
    for place, name in enumerate(names):
        found = _named(name, library, config)
        if as_json:
            print_json(found.model_dump(mode="json", by_alias=True))
            continue
        if place:
            stdout().print()
        _print_facts(found)


def _named(name: str, library: str | None, config: Path | None) -> ControlLibrary | Control:
    """A library, or a control of the one that is named or of a built-in one."""
    from investigator.controls.extending import no_control
    from investigator.controls.library import BUILT_IN_LIBRARIES

    if library is not None:
        within = _library(library, config)
        control = within.get(name)
        if control is None:
            raise UsageError(no_control(within, name))
        return control
    if name in BUILT_IN_LIBRARIES or Path(name).exists():
        return _library(name, config)
    known = [_library(one, config) for one in BUILT_IN_LIBRARIES]
    found = next((one for lib in known if (one := lib.get(name)) is not None), None)
    if found is not None:
        return found
    ids = [*BUILT_IN_LIBRARIES, *(c.control_id for lib in known for c in lib.controls)]
    near = get_close_matches(name, ids, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(
        f"no control and no library '{name}'{meant} (`investigator controls list` lists the "
        "built-in libraries; --controls FILE shows a control of your own)"
    )


def _print_facts(found: ControlLibrary | Control) -> None:
    from investigator.controls.model import ControlLibrary

    if isinstance(found, ControlLibrary):
        _print_titled(found.version, _library_facts(found))
        _list_controls(found, as_json=False)
    else:
        _print_titled(found.control_id, _control_facts(found))


def _print_titled(title: str, facts: Iterator[tuple[str, str]]) -> None:
    stdout().print(Text(title, style="bold"))
    for name, text in facts:
        print_wrapped(stdout(), 2, Text.assemble((f"{name}  ", "bold"), text))


def _library_facts(library: ControlLibrary) -> Iterator[tuple[str, str]]:
    yield "about", library.description
    by_code, by_model = _judges(library)
    yield "controls", f"{len(library.controls)}: {by_code} by code, {by_model} by a model"
    for name, value in library.parameters.model_dump(exclude_none=True).items():
        yield name, _value(value)


def _control_facts(control: Control) -> Iterator[tuple[str, str]]:
    told = control.model_dump(mode="json", by_alias=True)
    yield "title", control.title
    yield "severity", control.severity.value
    yield "asks", " ".join(control.description.split())
    yield "applies", _value(told["applies_when"])
    yield "needs", ", ".join(told["required_evidence"]) or "–"
    code, model = control.check.code, control.check.model
    if code is not None:
        yield "check", code.name
        for name, value in code.given.items():
            yield f"  {name}", _value(value)
    if model is not None:
        yield "question", " ".join(model.question.split())
    if control.not_configured:
        yield "not configured", ", ".join(control.not_configured)
    yield "to do", " ".join(control.remediation_template.split())
    if control.source is not None:
        yield "from", f"{control.source}"
    for reference in control.references:
        confirm = " (to be confirmed)" if reference.confirm else ""
        title = f", {reference.title}" if reference.title else ""
        yield (
            "asked for by",
            f"{reference.standard} {reference.edition}, {reference.section}{title}{confirm}",
        )


def _value(value: Any) -> str:
    """A value of a library in one line, as YAML may be written."""
    import yaml

    text = yaml.safe_dump(
        value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False
    )
    return str(text).removesuffix("\n").removesuffix("\n...").strip()


@controls_app.command("export")
def export_library(
    library: Annotated[str, typer.Argument(metavar="LIBRARY", show_default=False)],
    output: NewFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON instead of YAML.")] = False,
) -> None:
    """
    Write a library in full, to be changed or kept.

    What it extends is part of it; what is configured beside it is not. The file
    is a library that `check` accepts and `--controls` takes.

    [bold]Examples[/]
      investigator controls export controls-v1 -o ours.yaml
      investigator controls export ours.yaml --json
    """
    from investigator.controls.library import load_library
    from investigator.controls.library_writing import as_json_text, as_yaml

    found = load_library(library)
    text = as_json_text(found) if as_json else as_yaml(found)
    if output is None:
        typer.echo(text, nl=False)
        return
    write_new(output, text)
    say(f"{counted(len(found.controls), 'control')} written to {output}")


@controls_app.command("check")
def check_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", show_default=False)],
    as_json: Json = False,
) -> None:
    """
    Check whether files are control libraries.

    All that is wrong is told, a line each, as FILE:LINE: what, with the name
    that was meant; then the command exits with 2.

    [bold]Examples[/]
      investigator controls check policy.yaml
      investigator controls check policies/*.yaml --json
    """
    refused = [name for name in files if not _is_library(name, as_json=as_json)]
    raise typer.Exit(Exit.USAGE if refused else Exit.SUCCEEDED)


def _is_library(name: str, *, as_json: bool) -> bool:
    """Whether the file is a library, which is told."""
    from investigator.controls.library import load_library
    from investigator.controls.library_text import LibraryProblem, LibraryRefused

    try:
        found = load_library(name)
    except LibraryRefused as error:
        _tell_problems(error.where, error.problems, as_json=as_json)
        return False
    except UsageError as error:
        _tell_problems(name, [LibraryProblem(None, str(error))], as_json=as_json)
        return False
    if as_json:
        print_json({"file": name, "ok": True, **_about(found)})
        return True
    by_code, by_model = _judges(found)
    stdout().print(
        f"{name}: {found.version}, {counted(len(found.controls), 'control')} ({by_code} by code, "
        f"{by_model} by a model)"
    )
    if found.not_configured:
        print_wrapped(stdout(), 2, Text(f"not configured: {', '.join(found.not_configured)}"))
    return True


def _tell_problems(where: str, problems: Sequence[Any], *, as_json: bool) -> None:
    for problem in problems:
        if as_json:
            told: dict[str, JsonValue] = {"file": where, "ok": False, "line": problem.line}
            print_json({**told, "problem": problem.message})
            continue
        place = where if problem.line is None else f"{where}:{problem.line}"
        stdout().print(f"{place}: {problem.message}", soft_wrap=True)


controls_app.command("draft")(draft_policy)
