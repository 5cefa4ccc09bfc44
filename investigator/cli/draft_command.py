"""`controls draft`: a library from the text of a policy, by a model, for a person to review."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from investigator.cli.bundles import bundled
from investigator.cli.exits import Exit
from investigator.cli.limit_options import (
    LimitOptions,
    MaxCost,
    MaxTokens,
    MaxWallTime,
    changed_budget,
)
from investigator.cli.options import Json
from investigator.cli.planner_options import ModelOptions
from investigator.cli.screen import print_json, say
from investigator.errors import UsageError
from investigator.ground.wording import counted

if TYPE_CHECKING:
    from investigator.controls.drafting.agent_tools import AgentTool
    from investigator.controls.drafting.drafting import PolicyDraft
    from investigator.ground.canonical_json import JsonValue
    from investigator.ground.redaction import Redactor

NewFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write it there instead of to stdout; a file that is there is not replaced.",
        show_default=False,
    ),
]


TracesOfAgent: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--traces",
        metavar="SOURCE",
        help="Traces of the agent (a file, folder or glob; may be given more than once), for the "
        "names and arguments of its tools.",
        show_default=False,
    ),
]


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} already exists; name another file (-o)") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class DraftLimits:
    """What a draft may use."""

    max_tokens: MaxTokens = None
    max_cost_usd: MaxCost = None
    max_wall_time: MaxWallTime = None


@bundled
def draft_policy(
    policy: Annotated[Path, typer.Argument(metavar="POLICY", show_default=False)],
    model: ModelOptions,
    limits: DraftLimits,
    traces: TracesOfAgent = None,
    output: NewFile = None,
    as_json: Json = False,
) -> None:
    """
    Draft a library from the text of a policy (Markdown or plain text), with a model.

    Each control has the sentence that it comes from, word for word, under
    `source`; what is not covered is listed at the end of the file. It is a draft:
    a person reviews it. Code checks that each control is one and quotes its
    sentence; whether it says what the policy means, only the reviewer can. With
    `--traces` the model is told which tools the agent has, so that more becomes
    a check of code and less a question to a model.

    [bold]Examples[/]
      investigator controls draft POLICY.md --model gpt-4o-mini -o policy.yaml
      investigator controls draft POLICY.md --traces runs/ -o policy.yaml
      investigator controls draft POLICY.md --max-cost-usd 0.50 --json
    """
    from investigator.cli.planning import planner_chosen
    from investigator.ground.redaction import Redactor
    from investigator.runs.config import load_config
    from investigator.runs.control_drafts import DRAFT_BUDGET, draft_as_yaml, draft_from

    if output is not None and output.exists():
        raise UsageError(f"{output} already exists; name another file (-o)")
    config = load_config(model.config)
    if not model.model and not config.model.get("model"):
        raise UsageError(
            "`controls draft` needs a model: name one with --model, or under "
            "[model] in investigator.toml"
        )
    choice = planner_chosen(model.decides, config)
    assert choice.model is not None
    budget = changed_budget(
        DRAFT_BUDGET,
        LimitOptions(
            max_tokens=limits.max_tokens,
            max_cost_usd=limits.max_cost_usd,
            max_wall_time=limits.max_wall_time,
        ),
    )
    redactor = Redactor(config.redaction.redact)
    tools = _tools(traces, redactor) if traces else ()
    made = draft_from(policy, choice, budget, redactor, tools)
    text = draft_as_yaml(made, choice.model.model)
    if output is not None:
        write_new(output, text)
    if as_json:
        print_json(_drafted(made, None if output else text))
    elif output is None:
        typer.echo(text, nl=False)
    _tell_draft(made, output)
    raise typer.Exit(Exit.SUCCEEDED if made.is_whole else Exit.PARTIAL)


def _tools(traces: list[str], redactor: Redactor) -> tuple[AgentTool, ...]:
    from investigator.cli.source_reading import open_with_progress
    from investigator.runs.control_drafts import tools_in

    opened = open_with_progress(traces)
    try:
        return tools_in(opened, redactor)
    finally:
        opened.api.close()


def _drafted(made: PolicyDraft, text: str | None) -> dict[str, JsonValue]:
    left: list[JsonValue] = [
        {"line": one.sentence.line, "sentence": one.sentence.text, "why": one.why}
        for one in made.not_covered
    ]
    return {
        "document": made.document,
        "sentences": len(made.sentences),
        "controls": [control.control_id for control in made.controls],
        "not_covered": left,
        "requests": made.used.iterations,
        "tokens": made.used.tokens,
        "failure": made.failure,
        **({} if text is None else {"library": text}),
    }


def _tell_draft(made: PolicyDraft, output: Path | None) -> None:
    where = f" written to {output}" if output else ""
    say(
        f"{counted(len(made.controls), 'control')} from "
        f"{counted(len(made.sentences), 'sentence')}{where}; "
        f"{counted(len(made.not_covered), 'sentence')} not covered, listed at its end "
        f"({counted(made.used.iterations, 'request')}, {counted(made.used.tokens, 'token')}). "
        "It is a draft: review it."
    )
    if made.failure is not None:
        say(f"not all of it was read: {made.failure}", style="yellow")
