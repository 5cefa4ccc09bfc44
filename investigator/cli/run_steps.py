"""`steps`: a run as numbered steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.text import Text

from investigator.cli.exits import Exit
from investigator.cli.options import Json, SourceArgument, TraceId
from investigator.cli.screen import print_json, stdout
from investigator.cli.source_reading import open_with_progress
from investigator.errors import TraceNotFound, UsageError
from investigator.ground.canonical_json import JsonValue
from investigator.ground.visible import one_visible_line

if TYPE_CHECKING:
    from investigator.ground.redaction import Redactor
    from investigator.readings.steps import Step, StepCall

_SAID = 160
_ARGUMENTS = 80
_RESULT = 120


def print_steps(
    source: SourceArgument,
    trace_id: TraceId = None,
    as_json: Json = False,
) -> None:
    """
    Print a run as numbered steps.

    Who said or did what, each thing once: repeated history is left out, and
    a call stands with its result. Steps that failed are marked with ✗.

    [bold]Examples[/]
      investigator steps traces.parquet --trace-id 617fdb16cf685c23
      investigator steps chat.json --json

    [bold]Exit codes[/]
      0 all read · 2 usage, or nothing readable · 3 some files unreadable
    """
    from investigator.ground.redaction import Redactor
    from investigator.runs.step_reading import steps_in_source

    opened = open_with_progress(source)
    redactor, console = Redactor(), stdout()
    try:
        made = steps_in_source(opened, trace_id)
    except TraceNotFound as error:
        raise UsageError(str(error)) from error
    for step in made:
        if as_json:
            print_json(_without_secrets(step.to_json(), redactor))
        else:
            console.print(_line(step, redactor), soft_wrap=True)
    raise typer.Exit(Exit.PARTIAL if opened.unreadable else Exit.SUCCEEDED)


def _without_secrets(value: JsonValue, redactor: Redactor) -> JsonValue:
    """The value with every text in it redacted."""
    if isinstance(value, str):
        return redactor.redact(value).text
    if isinstance(value, dict):
        return {key: _without_secrets(inner, redactor) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner, redactor) for inner in value]
    return value


def _line(step: Step, redactor: Redactor) -> Text:
    def shown(text: str, limit: int) -> str:
        return one_visible_line(redactor.redact(text).text, limit)

    failed = step.call is not None and step.call.is_error
    who = shown(step.agent or step.kind.value.lower(), 40)
    line = Text(f"{'✗' if failed else ' '} [{step.number}] ", style="bold red" if failed else "dim")
    line.append(who, style="bold")
    if step.kind.value.lower() != who:
        line.append(f" {step.kind.value.lower()}", style="dim")
    if step.call is not None:
        call = step.call
        name = shown(call.tool or "a call that the trace doesn't show", 60)
        line.append(f" {name}({shown(call.arguments, _ARGUMENTS)})", style="cyan")
        line.append(f" → {_outcome(call, shown(call.result or '', _RESULT))}")
    if step.text:
        line.append(f": {shown(step.text, _SAID)}")
    if step.asks:
        line.append(f" (calls {shown(', '.join(step.asks), _ARGUMENTS)})", style="dim")
    return line


def _outcome(call: StepCall, result: str) -> str:
    if call.result is None:
        return "no result recorded"
    return f'"{result}" (no call asked for it)' if call.is_orphan else f'"{result}"'
